"""How many there are of something."""

import pytest

from pykeen_negater.utils.counting import counted


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, "triple"), "0 triples"),
        ((1, "triple"), "1 triple"),
        ((2, "triple"), "2 triples"),
        ((1_234_567, "triple"), "1,234,567 triples"),
        ((0, "entity", "entities"), "0 entities"),
        ((1, "entity", "entities"), "1 entity"),
        ((1_000, "entity", "entities"), "1,000 entities"),
    ],
)
def test_one_is_no_plural(arguments: tuple, text: str):
    assert counted(*arguments) == text
