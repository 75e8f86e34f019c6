"""Triples as tokens against a token-by-token loop."""

import itertools

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.texts.language_models import require_language_model
from pykeen_negater.texts.loading import Texts

ENTITIES = ("dog", "", "a large brown dog", "none", "antidisestablishmentarianism", "one two three " * 4, "x y " * 40)
RELATIONS = ("at", "is located at", "", "very long relation " * 20)


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(require_language_model())


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts(ENTITIES, RELATIONS)


def _all_triples() -> np.ndarray:
    return np.array(list(itertools.product(range(len(ENTITIES)), range(len(RELATIONS)), range(len(ENTITIES)))))


def _loop(tokenizer, texts: Texts, triple: list[int], max_length: int) -> list[int]:
    def tokens(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"] or [tokenizer.unk_token_id]

    head, relation, tail = (
        tokens(texts.entities[triple[0]]),
        tokens(texts.relations[triple[1]]),
        tokens(texts.entities[triple[2]]),
    )
    # four special tokens, and one each of head and tail
    relation = relation[: max_length - 6]
    while len(head) + len(relation) + len(tail) + 4 > max_length:
        (head if len(head) > len(tail) else tail).pop()
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    return [cls, *head, sep, *relation, sep, *tail, sep]


@pytest.mark.parametrize("max_length", [8, 9, 12, 13, 32, 200])
def test_agrees_with_a_token_by_token_loop(tokenizer, texts, max_length):
    triple_tokenizer = TripleTokenizer(tokenizer, texts, max_length)
    triples = _all_triples()
    encoded = [triple_tokenizer.encode(triple) for triple in triples]
    assert encoded == [_loop(tokenizer, texts, triple, max_length) for triple in triples.tolist()]
    assert triple_tokenizer.lengths(triples).tolist() == list(map(len, encoded))
    assert max(map(len, encoded)) <= max_length


def test_short_triple_is_what_the_tokenizer_makes_of_it(tokenizer, texts):
    encoded = TripleTokenizer(tokenizer, texts).encode(np.array([0, 1, 2]))
    assert tokenizer.decode(encoded) == "[CLS] dog [SEP] is located at [SEP] a large brown dog [SEP]"


def test_empty_texts_are_unknown(tokenizer, texts):
    encoded = TripleTokenizer(tokenizer, texts).encode(np.array([1, 2, 1]))
    assert tokenizer.convert_ids_to_tokens(encoded) == ["[CLS]", *["[UNK]", "[SEP]"] * 3]


def test_padding(tokenizer, texts):
    triple_tokenizer = TripleTokenizer(tokenizer, texts)
    sequences = [triple_tokenizer.encode(np.array(triple)) for triple in ([0, 0, 0], [2, 1, 5], [0, 0, 2])]
    batch = triple_tokenizer.pad(sequences)
    length = max(map(len, sequences))
    assert set(batch) == {"input_ids", "attention_mask"}
    for row, sequence in enumerate(sequences):
        missing = length - len(sequence)
        assert batch["input_ids"][row].tolist() == sequence + [tokenizer.pad_token_id] * missing
        assert batch["attention_mask"][row].tolist() == [1] * len(sequence) + [0] * missing


@pytest.mark.parametrize("settings", [{}, {"padding_side": "left"}, {"model_input_names": ["input_ids"]}])
def test_padding_agrees_with_a_loop(texts, settings):
    tokenizer = AutoTokenizer.from_pretrained(require_language_model(), **settings)
    generator = np.random.default_rng(0)
    for size in (1, 2, 128):
        sequences = [generator.integers(5, 100, length).tolist() for length in generator.integers(1, 32, size)]
        input_ids = torch.full((size, max(map(len, sequences))), tokenizer.pad_token_id)
        attention_mask = torch.zeros_like(input_ids)
        for row, sequence in enumerate(sequences):
            input_ids[row, : len(sequence)] = torch.tensor(sequence)
            attention_mask[row, : len(sequence)] = 1
        batch = TripleTokenizer(tokenizer, texts).pad(sequences)
        assert list(batch) == ["input_ids", "attention_mask"]
        torch.testing.assert_close(batch["input_ids"], input_ids, rtol=0, atol=0)
        torch.testing.assert_close(batch["attention_mask"], attention_mask, rtol=0, atol=0)


@pytest.mark.parametrize("max_length", [7, 0, -1])
def test_max_length_too_small(tokenizer, texts, max_length):
    with pytest.raises(ValueError, match=f"found max_length={max_length}, expected at least 8 tokens"):
        TripleTokenizer(tokenizer, texts, max_length)


@pytest.mark.parametrize("missing", ["cls_token", "sep_token", "pad_token"])
def test_tokenizer_without_a_special_token(texts, missing):
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    words = Tokenizer(WordLevel({name: row for row, name in enumerate(special.values())}, unk_token="[UNK]"))
    TripleTokenizer(PreTrainedTokenizerFast(tokenizer_object=words, **special), texts)
    del special[missing]
    with pytest.raises(ValueError, match="has no start, separator or padding token, expected an encoder's tokenizer"):
        TripleTokenizer(PreTrainedTokenizerFast(tokenizer_object=words, **special), texts)
