"""Tests for files of vectors in word2vec's text format."""

from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.relations.word2vec import join_pair, write_word2vec

from ..pair_encoders import RandomVectors
from .cases import read_word2vec


def test_read_back(tmp_path: Path):
    path, encoder = tmp_path / "vectors.txt", RandomVectors(dim=5)
    pairs = [("dog", "animal"), ("hot dog", "food"), ("Zoë", "\u00a0x"), ("café", "a_b"), ("dog", "animal")]
    assert write_word2vec(path, encoder, pairs) == 4
    assert path.read_bytes().startswith(b"4 5\ndog__animal ")
    found = read_word2vec(path)
    assert list(found) == ["dog__animal", "hot_dog__food", "Zoë___x", "café__a_b"]
    # a vector has as many digits as are needed for the same number in single precision
    for vector, pair in zip(found.values(), pairs[:4], strict=True):
        np.testing.assert_array_equal(vector, RandomVectors(dim=5).get_embedding([pair])[0])


def test_words_without_spaces_and_lone_surrogates():
    assert join_pair("hot dog\tstand", "caf\udce9") == "hot_dog_stand__caf\ufffd"


def test_pairs_that_are_joined_to_the_same_word(tmp_path: Path):
    assert join_pair("a b", "c") == join_pair("a_b", "c") == "a_b__c"
    assert write_word2vec(tmp_path / "vectors.txt", RandomVectors(), [("a b", "c"), ("a_b", "c")]) == 1
    (vector,) = read_word2vec(tmp_path / "vectors.txt").values()
    np.testing.assert_array_equal(vector, RandomVectors().get_embedding([("a b", "c")])[0])


def test_no_pairs(tmp_path: Path):
    with pytest.raises(ValueError, match="found no pairs, expected some"):
        write_word2vec(tmp_path / "vectors.txt", RandomVectors(), [])
    assert not list(tmp_path.iterdir())
