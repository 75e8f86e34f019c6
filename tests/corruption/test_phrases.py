"""Phrases that stand for no entity, against the plainest way to make them."""

from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.corruption.phrases import Antonyms, PhraseCorruptor
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD

from .conftest import small_antonyms


def test_entities_that_read_like_a_known_triple_are_no_negatives():
    # 0 and 1 read the same; only 0 is known to be red
    texts = Texts(("apple", "apple", "plum", "red"), ("is",))
    graph = Graph.from_triples(np.array([[0, 0, 3], [2, 0, 1], [1, 0, 2]]), 4, 1)
    # without any phrases, the slot of heads is what is left: {0, 1, 2}
    corruptor = PhraseCorruptor(graph, texts, [[]] * 4)
    assert corruptor.extra_texts == ()
    drawn = corruptor.corrupt(np.array([[0, 0, 3]] * 50), HEAD, np.random.default_rng(0))
    assert set(drawn[:, HEAD].tolist()) == {2}


def test_files_with_a_byte_order_mark(tmp_path: Path):
    source = small_antonyms(tmp_path)
    for path in tmp_path.glob("*.json"):
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    antonyms = Antonyms(source.mapping_file, source.tag_file, source.token_file)
    assert antonyms.opposites("a warm day") == ["a cold day", "a cool day"]


@pytest.mark.parametrize(
    ("phrase", "opposites"),
    [
        ("a warm day", ["a cold day", "a cool day"]),
        ("warm-up", ["cold - up", "cool - up"]),
        ("day", ["night"]),
        ("no token", []),
        ("the same", ["the same"]),
        ("is empty", []),
        ("no tag", []),
        ("no tokens", []),
        ("unheard of", []),
    ],
)
def test_opposites(tmp_path: Path, phrase: str, opposites: list[str]):
    source = small_antonyms(tmp_path)
    assert Antonyms(source.mapping_file, source.tag_file, source.token_file).opposites(phrase) == opposites


def test_labels_come_before_texts(tmp_path: Path):
    graph = Graph.from_triples(np.array([[0, 0, 1], [2, 0, 3]]), 4, 1, ("label", "other", "x", "y"), ("r",))
    texts = Texts(("text", "text", "a warm day", "z"), ("r",))
    source = small_antonyms(tmp_path)
    found = Antonyms(source.mapping_file, source.tag_file, source.token_file).of(graph, texts)
    assert found == [["cold", "cool"], ["night"], ["a cold day", "a cool day"], []]
