"""Tests for encoders of pairs, and the baseline among them."""

from unittest.mock import Mock

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from pykeen_negater.relations.pair_vectors import embed
from pykeen_negater.relations.tasks.word_difference import BATCH_SIZE, WordDifferenceEncoder

from ..pair_encoders import KnownVectors

PAIRS = [["dog", "animal"], ["a", "b"], ["hot dog", "Ωmega"], ["animal", "a"]]


def naive_word_vector(name: str, word: str) -> np.ndarray:
    """Encode one word, token by token."""
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name).eval()
    own = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(word))
    input_ids = torch.tensor([[tokenizer.cls_token_id, *own, tokenizer.sep_token_id]])
    with torch.no_grad():
        hidden = model(input_ids=input_ids).last_hidden_state[0]
    return np.mean([hidden[1 + position].numpy() for position in range(len(own))], axis=0)


@pytest.fixture(scope="module")
def encoder(tiny_bert: str) -> WordDifferenceEncoder:
    """Load the baseline."""
    return WordDifferenceEncoder(tiny_bert)


def test_word_difference(encoder: WordDifferenceEncoder, tiny_bert: str):
    vectors = encoder.get_embedding(PAIRS)
    assert vectors.dtype == np.float32
    expected = [naive_word_vector(tiny_bert, tail) - naive_word_vector(tiny_bert, head) for head, tail in PAIRS]
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_allclose(encoder.get_embedding(PAIRS[0]), vectors[0], atol=1e-5)


def test_word_difference_over_several_batches(encoder: WordDifferenceEncoder):
    pairs = [[f"w{i}" * (1 + i % 5), "x"] for i in range(BATCH_SIZE + 10)]
    rows = [0, 3, len(pairs) - 1]
    alone = [encoder.get_embedding(pairs[row]) for row in rows]
    np.testing.assert_allclose(encoder.get_embedding(pairs)[rows], alone, atol=1e-5)


def test_a_word_without_a_token_is_a_zero_vector(encoder: WordDifferenceEncoder, tiny_bert: str):
    np.testing.assert_allclose(encoder.get_embedding(["\u200b", "dog"]), naive_word_vector(tiny_bert, "dog"), atol=1e-5)


def test_identify_word_difference(encoder: WordDifferenceEncoder, tiny_bert: str):
    assert encoder.identify() == WordDifferenceEncoder(tiny_bert).identify()
    assert encoder.identify() != WordDifferenceEncoder(tiny_bert, max_length=5).identify()


@pytest.mark.parametrize("pair", [["dog"], ["dog", "is", "animal"], "ab", ["dog", ""]])
def test_bad_pairs(encoder: WordDifferenceEncoder, pair: list[str]):
    with pytest.raises(ValueError, match="expected two words, a head and a tail"):
        encoder.get_embedding([["a", "b"], pair])


def test_each_pair_is_encoded_once():
    encoder = KnownVectors({("a", "b"): [1, 2], ("b", "a"): [3, 4]})
    vectors = embed(encoder, [("a", "b"), ("b", "a"), ("a", "b")])
    assert vectors.tolist() == [[1, 2], [3, 4], [1, 2]]
    assert encoder.asked == [("a", "b"), ("b", "a")]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0], [2.0], [3.0]], r"shape \(3, 1\), expected \(2, dim\)"),
        ([1.0, 2.0], r"shape \(2,\), expected \(2, dim\)"),
        ([[1.0], [np.nan]], "expected finite vectors"),
    ],
)
def test_bad_encoders(vectors: list, message: str):
    encoder = Mock(get_embedding=lambda pairs: np.array(vectors))
    with pytest.raises(ValueError, match=message):
        embed(encoder, [("a", "b"), ("b", "a"), ("a", "b")])
