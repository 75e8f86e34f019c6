"""Texts of a graph become phrases: one line, short, and harmless."""

import pytest

from pykeen_negater import NegativePools
from pykeen_negater.report.phrases import GLOSS_WIDTH, NAME_WIDTH, Names, Phrase

from .cases import HOSTILE


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("dog", Phrase("dog")),
        ("", Phrase("")),
        ("dog: animal: pet", Phrase("dog", "animal: pet")),
        ("10:30", Phrase("10:30")),
        ("New\n \tYork:  a  city", Phrase("New York", "a city")),
        ("red\x1b[31m", Phrase("red\\x1b[31m")),
        (f"{'a' * NAME_WIDTH}: {'b' * GLOSS_WIDTH}", Phrase("a" * NAME_WIDTH, "b" * GLOSS_WIDTH)),
        (f"{'a' * 61}: {'b' * 59} bb", Phrase("a" * 59 + "…", "b" * 59 + "…")),
    ],
)
def test_names_and_what_explains_them(text: str, phrase: Phrase):
    assert Phrase.parse(text) == phrase


def test_triples_are_written_with_the_names_of_the_pools(judged: NegativePools):
    names = Names(judged)
    triple = names.triple((3, 1, 0), side=2)
    assert triple.parts == (names.entity(3), names.relation(1), names.entity(0))
    assert triple.side == 2
    assert str(triple) == " ".join(Phrase.parse(f"{HOSTILE[i]} {i}").name for i in (3, 1, 0))
