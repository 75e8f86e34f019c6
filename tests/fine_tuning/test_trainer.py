"""Tests for the classifier, its fine-tuning, and the ranker that uses it; weights don't matter here."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from pykeen_negater.corruption.corruptions import RandomCorruptor
from pykeen_negater.fine_tuning.classifier import (
    TripleClassifier,
    TripleClassifierConfig,
    infer_triples,
    load_classifier,
    score_triples,
)
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.fine_tuning.trainer import (
    FineTuningSettings,
    LabelledTriples,
    _Examples,
    fine_tune,
    split_training,
    validation_examples,
)
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: str, small_texts: Texts) -> TripleTokenizer:
    """Make the tokenizer of the small graph."""
    return TripleTokenizer(AutoTokenizer.from_pretrained(tiny_bert), small_texts, max_length=24)


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


def test_fine_tuning_learns_and_is_reproducible(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, fine_tuned: Path, tmp_path: Path
):
    settings = FineTuningSettings(epochs=2, batch_size=4, max_length=24, validation_share=0.3)
    torch.manual_seed(99)
    fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    first, second = load_classifier(fine_tuned).state_dict(), load_classifier(tmp_path).state_dict()
    before = TripleClassifier.from_language_model(tiny_bert).state_dict()
    for name, parameter in first.items():
        assert torch.equal(parameter, second[name]), name
    assert any(not torch.equal(first[name].cpu(), before[name]) for name in first if name.startswith("encoder.encoder"))


def test_a_separable_graph_is_learned(tiny_bert: str, tmp_path: Path):
    # (a letter, before, a digit) is true, and nothing else
    texts = Texts(entities=(*"abcdef", *"123456"), relations=("x",))
    letters, digits = np.meshgrid(np.arange(6), np.arange(6, 12))
    triples = np.stack([letters.ravel(), np.zeros(36, dtype=np.int64), digits.ravel()], axis=1)
    graph = Graph.from_triples(triples[np.arange(36) % 3 != 0], 12, 1)
    settings = FineTuningSettings(epochs=60, batch_size=16, learning_rate=3e-3, negatives="uniform", max_length=8)
    letters_only = graph.triples - [0, 0, 6]
    result = fine_tune(
        tiny_bert, graph, texts, settings, tmp_path, validation=graph.triples, validation_negatives=letters_only
    )
    assert result.metrics["accuracy"] > 0.95
    assert result.metrics["majority_accuracy"] == pytest.approx(0.5)
    assert (result.num_training_triples, result.num_validation_triples) == (24, 48)


def test_examples_are_new_in_every_epoch(small_graph: Graph, tokenizer: TripleTokenizer):
    settings = FineTuningSettings(corruptions={"h": 2, "relation": 1, "t": 1})
    examples = _Examples(RandomCorruptor(small_graph, 0.5), small_graph.triples, tokenizer, settings, num_others=0)
    positives = sorted(tokenizer.encode(triple) for triple in small_graph.triples)
    drawn = []
    for epoch in (0, 1, 0):
        examples.set_epoch(epoch)
        rows = list(examples)
        assert sorted(row["input_ids"] for row in rows if row["labels"] == 1) == positives
        negatives = [row["input_ids"] for row in rows if row["labels"] == 0]
        assert not any(negative in positives for negative in negatives)
        assert len(negatives) == pytest.approx(4 * len(positives), abs=4)
        drawn.append(negatives)
    assert drawn[0] == drawn[2]
    assert drawn[0] != drawn[1]


def test_trainer_announces_the_epochs(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    epochs = []
    original = _Examples.set_epoch
    monkeypatch.setattr(_Examples, "set_epoch", lambda self, epoch: (epochs.append(epoch), original(self, epoch)))
    settings = FineTuningSettings(epochs=3, batch_size=8, max_length=24, validation_share=0.3)
    fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    assert sorted(set(epochs)) == [0, 1, 2]


def test_split_and_budget(nations):
    graph = Graph.from_factory(nations)
    settings = FineTuningSettings(max_training_triples=100, validation_share=0.2)
    training, held_out = split_training(graph, settings, hold_out=True)
    assert (len(training), len(held_out)) == (80, 20)
    assert not set(map(tuple, training.tolist())) & set(map(tuple, held_out.tolist()))
    everything, nothing = split_training(graph, FineTuningSettings(max_training_triples=None), hold_out=False)
    assert np.array_equal(everything, graph.triples)
    assert len(nothing) == 0


def test_validation_examples_are_in_slot_corruptions(nations):
    graph = Graph.from_factory(nations)
    examples = validation_examples(graph, FineTuningSettings(), graph.triples[:200])
    assert examples.labels.sum() == 200
    known = set(map(tuple, graph.triples.tolist()))
    for head, relation, tail in examples.triples[~examples.labels]:
        assert (head, relation, tail) not in known
        assert head in graph.slot(relation, 0)
        assert tail in graph.slot(relation, 2)


def test_no_validation_example_reads_like_a_known_triple(nations):
    graph = Graph.from_factory(nations)
    # every entity is written in two ways, of which the graph knows one
    twins = Graph.from_triples(graph.triples, 2 * graph.num_entities, graph.num_relations)
    names = [f"entity {i}" for i in range(graph.num_entities)]
    texts = Texts((*names, *map(str.upper, names)), tuple(f"relation {i}" for i in range(graph.num_relations)))
    known = {(h % len(names), r, t % len(names)) for h, r, t in graph.triples.tolist()}
    positives = twins.triples[:50] + np.array([len(names), 0, 0])
    examples = validation_examples(twins, FineTuningSettings(), positives, texts=texts)
    negatives = examples.triples[~examples.labels]
    assert len(negatives) > 50
    assert not known & {(h % len(names), r, t % len(names)) for h, r, t in negatives.tolist()}


def test_phrases_of_a_source_come_after_held_out_entities(tiny_bert: str, small_graph: Graph, small_texts: Texts):
    settings = FineTuningSettings(negatives="negation", max_length=30)
    source = settings.make_source().prepare(small_graph, small_texts, 1, np.random.default_rng(0))
    entities = (*small_texts.entities, "zebra", "zebu", *source.extra_texts)
    texts = Texts(entities, small_texts.relations)
    tokenizer = TripleTokenizer(AutoTokenizer.from_pretrained(tiny_bert), texts, settings.max_length)
    examples = _Examples(source, small_graph.triples, tokenizer, settings, num_others=2).examples
    for head, _, tail in examples.triples[~examples.labels]:
        assert texts.entities[head].startswith("not ") != texts.entities[tail].startswith("not ")


def test_labelled_triples():
    combined = LabelledTriples.combine(np.zeros((2, 3), dtype=int), np.ones((1, 3), dtype=int))
    assert combined.labels.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"corruptions": {}}, "at least one corruption"),
        ({"corruptions": {"head": 0}}, "at least one corruption"),
        ({"corruptions": {"x": 1}}, "corruption_scheme"),
        ({"corruptions": {"head": 2, "tail": -1}}, "at least one corruption"),
        ({"warmup": 1.5}, r"found warmup=1\.5, expected a share"),
        ({"negatives": "magic"}, "found negatives='magic', expected one of antonyms, negation, precomputed, pykeen"),
        ({"negatives_kwargs": {"k": 2}}, "found negatives_kwargs with k for RandomNegativeSource, expected in_slot"),
        ({"epochs": 0}, "found epochs=0, expected at least 1"),
        ({"max_training_triples": 0}, "found max_training_triples=0"),
        ({"validation_share": 1.0}, "found validation_share=1.0"),
    ],
)
def test_bad_settings(kwargs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        FineTuningSettings(**kwargs)


def test_equal_corruptions_are_equal_settings():
    settings = FineTuningSettings(corruptions={"t": 1, "relation": 0, "head": 2})
    assert list(settings.corruptions.items()) == [("head", 2), ("tail", 1)]
    assert settings == FineTuningSettings(corruptions={"head": 2, "tail": 1})


def test_identity_holds_the_content_of_files(tmp_path: Path):
    path = tmp_path / "negatives.tsv"
    identities = []
    for content in ("a\tb\tc\n", "a\tb\td\n", "a\tb\tc\n"):
        path.write_text(content)
        settings = FineTuningSettings(negatives="precomputed", negatives_kwargs={"path": str(path)})
        identities.append(json.dumps(settings.identify()))
    assert identities[0] == identities[2] != identities[1]
    assert "negatives.tsv" not in identities[0]
    # a name and a default that are written differently are the same
    spelled_out = FineTuningSettings(negatives="RandomNegativeSource", negatives_kwargs={"in_slot_share": 0.5})
    assert spelled_out.identify() == FineTuningSettings().identify()


@pytest.mark.parametrize("negatives", ["negation", "sans", "pykeen"])
def test_fine_tuning_on_other_negatives(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, negatives: str
):
    settings = FineTuningSettings(
        epochs=1, max_length=24, negatives=negatives, corruptions={"head": 1, "relation": 1, "tail": 1}
    )
    result = fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    assert result.num_training_triples == 10
    assert load_classifier(tmp_path).config.max_triple_length == 24


def test_phrases_that_are_no_entities_are_read(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def train(make_trainer, *args, **kwargs):
        """Note the negatives instead of training on them."""
        trainer = make_trainer()
        rows = [row for row in trainer.train_dataset if row["labels"] == 0]
        seen.extend(trainer.processing_class.decode(row["input_ids"]) for row in rows)
        return trainer

    monkeypatch.setattr("pykeen_negater.fine_tuning.trainer.train_resumably", train)
    settings = FineTuningSettings(negatives="negation", corruptions={"head": 1}, max_length=24)
    fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    start = tokenizer.decode(tokenizer("not", add_special_tokens=False)["input_ids"])
    assert len(seen) == 10
    assert all(text.startswith(f"[CLS] {start} ") for text in seen)


def test_one_triple_is_too_few(tiny_bert: str, tmp_path: Path):
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1)
    with pytest.raises(ValueError, match="found one training triple, expected at least two"):
        fine_tune(tiny_bert, graph, Texts(("a", "b"), ("c",)), FineTuningSettings(), tmp_path)
