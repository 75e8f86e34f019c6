"""Tests for pairs of words as vectors."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from pykeen_negater.relations import RelationEncoder
from pykeen_negater.relations.tasks.word_difference import WordDifferenceEncoder
from pykeen_negater.relations.templates import TEMPLATES
from pykeen_negater.storage.cache import Cache

PAIRS = [["dog", "animal"], ["a", "b"], ["hot dog stand", "road"], ["oak", "forest"], ["a", "b"]]


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a RoBERTa with random weights and a vocabulary of bytes."""
    from tokenizers import pre_tokenizers
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    folder = tmp_path_factory.mktemp("tiny-roberta")
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = RobertaTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=256)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=258,
        type_vocab_size=1,
        initializer_range=0.2,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
    RobertaModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def long_bert(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> str:
    """Give the tiny BERT, whose tokens are letters, positions for whole sentences."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("long-bert")
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig.from_pretrained(tiny_bert)
    config.max_position_embeddings = 256
    BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(params=["bert", "roberta"])
def language_model(request: pytest.FixtureRequest, long_bert: str, tiny_roberta: str) -> str:
    """Choose a tiny language model."""
    return {"bert": long_bert, "roberta": tiny_roberta}[request.param]


def published_recipe(
    name: str, pair: list[str], template: str, aggregation: str, normalized: bool, length: int
) -> np.ndarray:
    """Encode one pair as it was published: padded to a length, and summed token by token."""
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name).eval()
    sentence = template.replace("<subj>", pair[0]).replace("<obj>", pair[1]).replace("<mask>", tokenizer.mask_token)
    inputs = tokenizer(sentence, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**inputs).last_hidden_state[0]
    left_out = {
        "average": {tokenizer.pad_token_id},
        "average_no_mask": {tokenizer.pad_token_id, tokenizer.mask_token_id},
        "mask": set(range(len(tokenizer))) - {tokenizer.mask_token_id},
    }[aggregation]
    kept = [
        state for state, token in zip(hidden, inputs["input_ids"][0].tolist(), strict=True) if token not in left_out
    ]
    total = torch.stack(kept).sum(dim=0)
    return (total / len(kept) if normalized else total).numpy()


@pytest.mark.parametrize(("template", "aggregation"), product(TEMPLATES, ["average", "average_no_mask", "mask"]))
def test_equals_the_published_recipe(language_model: str, template: str, aggregation: str) -> None:
    encoder = RelationEncoder(language_model, template=template, aggregation=aggregation, max_length=200)
    expected = [published_recipe(language_model, pair, TEMPLATES[template], aggregation, False, 200) for pair in PAIRS]
    np.testing.assert_allclose(encoder.get_embedding(PAIRS), expected, atol=1e-5, rtol=1e-6)
    np.testing.assert_allclose(encoder.get_embedding(PAIRS[0]), expected[0], atol=1e-5, rtol=1e-6)
    normalized = RelationEncoder(
        language_model, template=template, aggregation=aggregation, max_length=200, normalized=True
    )
    mean = published_recipe(language_model, PAIRS[2], TEMPLATES[template], aggregation, True, 200)
    np.testing.assert_allclose(normalized.get_embedding(PAIRS[2]), mean, atol=1e-5, rtol=1e-6)


def test_own_template(long_bert: str) -> None:
    template = "<obj> <mask> <subj>"
    vector = RelationEncoder(long_bert, template=template).get_embedding(["dog", "animal"])
    expected = published_recipe(long_bert, ["dog", "animal"], template, "average_no_mask", False, 64)
    np.testing.assert_allclose(vector, expected, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("pair", [["dog"], ["dog", "animal", "plant"], ["dog", ""], ["dog", None], "dog", [["a", "b"]]])
def test_bad_pair(long_bert: str, pair: object) -> None:
    encoder = RelationEncoder(long_bert, max_length=200)
    with pytest.raises(ValueError, match="expected two words"):
        encoder.get_embedding([["dog", "animal"], pair, ["a", "b"]])


def test_bad_parameters(long_bert: str) -> None:
    with pytest.raises(ValueError, match="aggregation='max', expected one of"):
        RelationEncoder(long_bert, aggregation="max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="found max_length=20, expected at least the"):
        RelationEncoder(long_bert, max_length=20)
    with pytest.raises(ValueError, match="found batch_size=0, expected at least 1"):
        RelationEncoder(long_bert, max_length=200, batch_size=0)


def test_no_pairs(long_bert: str) -> None:
    assert RelationEncoder(long_bert, max_length=200).get_embedding([]).shape == (0, 16)


def test_pairs_that_are_too_long_keep_both_words(long_bert: str) -> None:
    encoder = RelationEncoder(long_bert, template="<subj> <mask> <obj>", max_length=20)
    tokenizer = encoder.tokenizer
    (shortened,) = encoder.tokenize([("a" * 50, "bcd")])
    assert len(shortened) <= 20
    assert tokenizer.decode(shortened, skip_special_tokens=True).replace(" ", "").endswith("bcd")
    assert len(encoder.tokenize([("a" * 50, "b" * 60)])[0]) in {19, 20}
    # what is cut off leaves no trace
    first, second = encoder.get_embedding([["a" * 50, "bcd"], ["a" * 70, "bcd"]])
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_batches(long_bert: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, other = (RelationEncoder(long_bert, max_length=200, batch_size=size) for size in (64, 3))
    assert encoder.identify() == RelationEncoder(long_bert, max_length=200).identify()
    assert other.identify() == {**encoder.identify(), "batch_size": 3}
    expected, pad, sizes = encoder.get_embedding(PAIRS), other.pad, []

    def pad_and_note(sequences: list[list[int]]) -> dict[str, torch.Tensor]:
        """Pad a batch, and note its size."""
        sizes.append(len(sequences))
        return pad(sequences)

    monkeypatch.setattr(other, "pad", pad_and_note)
    np.testing.assert_allclose(other.get_embedding(PAIRS), expected, rtol=1e-4, atol=1e-4)
    assert sizes == [3, 1]  # one of the five pairs occurs twice


def test_words_are_words_even_if_they_look_like_special_tokens(language_model: str) -> None:
    encoder = RelationEncoder(language_model, aggregation="mask", max_length=200)
    plain, masked, slot = encoder.tokenize([("MASK", "x"), (encoder.tokenizer.mask_token.upper(), "x"), ("<obj>", "x")])
    assert masked.count(encoder.tokenizer.mask_token_id) == plain.count(encoder.tokenizer.mask_token_id) == 1
    assert slot != encoder.tokenize([("x", "x")])[0]


def test_saved_in_the_published_layout(long_bert: str, tmp_path: Path) -> None:
    encoder = RelationEncoder(long_bert, template="b", aggregation="mask", max_length=200)
    assert not encoder.is_trained
    encoder.save(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["relbert_config"] == {"aggregation_mode": "mask", "template": TEMPLATES["b"]}
    again = RelationEncoder(tmp_path / "model", max_length=200)
    assert again.is_trained
    np.testing.assert_array_equal(again.get_embedding(PAIRS), encoder.get_embedding(PAIRS))
    # what is asked for comes before what the model was trained with
    assert RelationEncoder(tmp_path / "model", template="c", max_length=200).template == TEMPLATES["c"]


def test_normalized_models_are_known_again(long_bert: str, tmp_path: Path) -> None:
    encoder = RelationEncoder(long_bert, normalized=True, max_length=200)
    encoder.save(tmp_path)
    again = RelationEncoder(tmp_path, max_length=200)
    np.testing.assert_array_equal(again.get_embedding(PAIRS), encoder.get_embedding(PAIRS))


def test_vectors_are_cached_by_content(long_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    first = RelationEncoder(long_bert, max_length=200, cache=cache).get_embedding(PAIRS)
    assert len(list(tmp_path.rglob("vectors.npy"))) == 1
    other = RelationEncoder(long_bert, template="a", max_length=200, cache=cache).get_embedding(PAIRS)
    assert not np.allclose(other, first)
    assert len(list(tmp_path.rglob("vectors.npy"))) == 2
    monkeypatch.setattr(RelationEncoder, "embed", None)  # nothing is computed again
    second = RelationEncoder(long_bert, max_length=200, cache=cache)
    np.testing.assert_array_equal(second.get_embedding(PAIRS), first)


def test_halves_of_characters_are_read_as_unknown_ones(long_bert: str):
    for encoder in (RelationEncoder(long_bert, max_length=200), WordDifferenceEncoder(long_bert)):
        broken, mended = (encoder.get_embedding([(f"d{half}g", "animal")]) for half in ("\udce9", "\ufffd"))
        np.testing.assert_array_equal(broken, mended)
