"""Numbers as people read them: at the edges of what is written in one way or another."""

import math

import pytest

from pykeen_negater.report.numbers import duration, fraction, multiple, number, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (-1234, "−1,234"), (1234.0, "1.23e+03"), (0.00001, "1e−05"), (-0.5, "−0.5")],
)
def test_numbers(value: float | None, text: str):
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (0.0, "0%"),
        (1.0, "100%"),
        # what is not all must not look like all, and what is not nothing not like nothing
        (math.nextafter(1, 0), "99.9%"),
        (1e-9, "1e-07%"),
        (0.01, "1.0%"),
        (0.00999, "1%"),
        (0.5, "50.0%"),
    ],
)
def test_shares(share: float | None, text: str):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("risk", "text"),
    [
        (None, "–"),
        (0.0, "≤0.0039×"),
        (2.0**-8, "≤0.0039×"),
        (0.004, "0.004×"),
        (1.0, "1.0×"),
        (9.94, "9.9×"),
        (10.0, "10×"),
        (12345.0, "12,345×"),
    ],
)
def test_risks(risk: float | None, text: str):
    assert multiple(risk) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.9, "59.9 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90061, "25 h 1 min"),
    ],
)
def test_durations(seconds: float, text: str):
    assert duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0.0, "0.000"), (-0.02, "−0.020"), (1.0, "1.000")])
def test_fractions(value: float | None, text: str):
    assert fraction(value) == text
