"""The difference of two words' vectors, against a token-by-token loop."""

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from pykeen_negater.relations.tasks.word_difference import BATCH_SIZE, WordDifferenceEncoder

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
