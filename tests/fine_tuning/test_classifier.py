"""The classifier: its pooling, its scores and its folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from pykeen_negater.fine_tuning.classifier import (
    TripleClassifier,
    TripleClassifierConfig,
    infer_triples,
    load_classifier,
    score_triples,
)
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.triples.graphs import Graph


def test_vectors_are_what_the_logits_come_from(fine_tuned: Path, small_graph: Graph, tokenizer: TripleTokenizer):
    model = load_classifier(fine_tuned).eval()
    vectors = infer_triples(model, lambda inputs: model.embed(**inputs), tokenizer, small_graph.triples)
    assert vectors.shape == (len(small_graph), model.head.in_features)
    for triple, vector in zip(small_graph.triples, vectors, strict=True):
        logit = model(**tokenizer.pad([tokenizer.encode(triple)])).logits
        torch.testing.assert_close(model.head(torch.from_numpy(vector)), logit, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
def test_pooling_and_padding(tiny_bert: str, tokenizer: TripleTokenizer, small_graph: Graph, pooling: str):
    model = TripleClassifier.from_language_model(tiny_bert, pooling).eval()
    sequences = [tokenizer.encode(triple) for triple in small_graph.triples]
    assert len(set(map(len, sequences))) > 1
    with torch.inference_mode():
        together = model(**tokenizer.pad(sequences)).logits
        for sequence, logit in zip(sequences, together, strict=True):
            hidden = model.encoder(input_ids=torch.tensor([sequence])).last_hidden_state[0]
            pooled = {"cls": hidden[0], "mean": hidden.mean(dim=0), "max": hidden.amax(dim=0)}[pooling]
            assert float(model.head(pooled)) == pytest.approx(float(logit), abs=1e-5)


def test_unknown_pooling():
    with pytest.raises(ValueError, match="found pooling='sum', expected one of cls, mean, max"):
        TripleClassifierConfig(pooling="sum")


def test_scores_do_not_depend_on_the_order(tiny_bert: str, tokenizer: TripleTokenizer, small_graph: Graph):
    torch.manual_seed(0)
    model = TripleClassifier.from_language_model(tiny_bert)
    triples = np.repeat(small_graph.triples, 30, axis=0)
    order = np.random.default_rng(0).permutation(len(triples))
    scores = score_triples(model, tokenizer, triples)
    assert scores[order] == pytest.approx(score_triples(model, tokenizer, triples[order]), abs=1e-6)
    single = [score_triples(model, tokenizer, triple[None])[0] for triple in small_graph.triples]
    assert scores[::30] == pytest.approx(np.array(single), abs=1e-5)


def test_scores_in_bfloat16(tiny_bert: str, tokenizer: TripleTokenizer, small_graph: Graph):
    torch.manual_seed(0)
    model = TripleClassifier.from_language_model(tiny_bert)
    exact, scores = (score_triples(model, tokenizer, small_graph.triples, precision=x) for x in ("fp32", "bf16"))
    assert scores.dtype == np.float32
    assert not np.array_equal(scores, exact)
    assert scores == pytest.approx(exact, abs=0.05)


def test_folder_is_in_the_layout_of_hugging_face(fine_tuned: Path, small_graph: Graph):
    config = AutoConfig.from_pretrained(fine_tuned)
    assert isinstance(config, TripleClassifierConfig)
    assert config.max_triple_length == 24
    model = AutoModel.from_pretrained(fine_tuned)
    assert isinstance(model, TripleClassifier)
    loaded = load_classifier(fine_tuned)
    for name, parameter in model.state_dict().items():
        assert torch.equal(parameter, loaded.state_dict()[name].cpu()), name
    assert AutoTokenizer.from_pretrained(fine_tuned).cls_token == "[CLS]"
    assert len(Thresholds.load(fine_tuned, small_graph.num_relations).by_relation) == small_graph.num_relations
    assert list(fine_tuned.glob("*.bin")) == []
