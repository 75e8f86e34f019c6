"""Durations for people."""

import pytest

from pykeen_negater.utils.durations import duration, duration_range


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (0.26, "0.3 s"), (9, "9.0 s"), (45, "45 s"), (90, "1.5 min"), (2_172, "36 min"), (9_000, "2.5 h")],
)
def test_duration(seconds: float, text: str):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0, 0.4, "a second"),
        (3, 3.2, "3 s"),
        (21, 48, "21 to 48 s"),
        (70, 150, "1.2 to 2.5 min"),
        (1_800, 4_000, "30 to 67 min"),
        (4_000, 9_000, "1.1 to 2.5 h"),
    ],
)
def test_range(low: float, high: float, text: str):
    assert duration_range(low, high) == text
