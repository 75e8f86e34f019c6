"""The tables of a terminal say what the page says, and break no words."""

import re

import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.report.content import collect
from pykeen_negater.report.page import render

from .cases import COMPARISON, text_of

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_the_terminal_shows_the_same_and_no_markup(judged: NegativePools):
    content = collect(judged, "judged", COMPARISON)
    text = text_of(content)
    assert "[bold red]loud[/bold red]" in text
    assert "\x1b" not in text
    for part in (
        "What was mined",
        "What became of candidates",
        "The guard",
        "Samplers",
        "Relations",
        "Hardest",
        "Likely",
    ):
        assert part in text
    for part in ("mined", "guarded random", "loops"):
        assert f"negater: {part}" in text
    assert f"{content.num_negatives:,}" in text
    assert f"{content.num_negatives:,}" in render(content)


def test_the_terminal_breaks_no_words(nations: TriplesFactory):
    content = collect(mine(triples_factory=nations, encoder="structural"), "nations", COMPARISON)
    whole = set(re.findall(r"[\w_]+", text_of(content, 1_000)))
    for width in (60, 80, 100, 200):
        text = text_of(content, width)
        assert max(map(len, text.splitlines())) <= width
        # what a narrow terminal shows is less, and says so
        assert set(re.findall(r"[\w_]+", text)) <= whole | {"Left", "out", "for", "lack", "of", "width"}
        assert ("for lack of width" in text) == (width < 100)
