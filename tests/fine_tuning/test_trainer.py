"""Tests for the classifier, its fine-tuning, and the ranker that uses it; weights don't matter here."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer

from pykeen_negater.corruption.corruptions import RandomCorruptor
from pykeen_negater.fine_tuning.classifier import (
    TripleClassifier,
    load_classifier,
)
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.fine_tuning.trainer import (
    _Examples,
    fine_tune,
    split_training,
    validation_examples,
)
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph


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


#: For the comparison with a plain loop
EPOCHS, LEARNING_RATE, WARMUP = 40, 1e-2, 4


@pytest.fixture(scope="module")
def model_without_dropout(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a model that trains the same whenever it is trained, with gradients that a limit of 1 would clip."""
    from transformers import AutoTokenizer, BertModel

    folder = tmp_path_factory.mktemp("model")
    model = BertModel.from_pretrained(tiny_bert, attention_probs_dropout_prob=0.0)
    model.encoder.layer[-1].output.LayerNorm.weight.data *= 10
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    return str(folder)


def plain_loop(name: str, graph: Graph, texts: Texts, max_grad_norm: float | None) -> dict[str, Tensor]:
    """Train on all examples at once, as often as there are epochs."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name)
    torch.manual_seed(0)
    model = TripleClassifier.from_language_model(name, "mean", 32).train()
    exempt = ("bias", "LayerNorm.weight")
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in model.named_parameters() if not n.endswith(exempt)], "weight_decay": 0.01},
            {"params": [p for n, p in model.named_parameters() if n.endswith(exempt)], "weight_decay": 0.0},
        ]
    )
    corruptor = RandomCorruptor(graph, in_slot_share=0.5)
    size = None
    for step in range(EPOCHS):
        negatives = corruptor.draw(graph.triples, {"head": 1, "tail": 1}, step, np.random.default_rng([0, step]))
        triples = np.concatenate([graph.triples, negatives])
        # all epochs are as long as the first one
        size = size or len(triples)
        triples = triples[np.arange(size) % len(triples)]
        rows = [[texts.entities[h], texts.relations[r], texts.entities[t]] for h, r, t in triples]
        ids = [
            [tokenizer.cls_token_id]
            + [
                i
                for part in row
                for i in [*tokenizer(part, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]
            ]
            for row in rows
        ]
        width = max(map(len, ids))
        inputs = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
        labels = (torch.arange(size) % (len(graph) + len(negatives)) < len(graph)).float()
        logits = model(input_ids=inputs, attention_mask=mask).logits
        torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()
        if max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
        share = step / WARMUP if step < WARMUP else (EPOCHS - step) / (EPOCHS - WARMUP)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * share
        optimizer.step()
        optimizer.zero_grad()
    return model.state_dict()


def difference(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    """Measure how far apart parameters are, relative to them."""
    flat = [torch.cat([parameters[name].flatten() for name in sorted(first)]) for parameters in (first, second)]
    return float((flat[0] - flat[1]).norm() / flat[1].norm())


@pytest.mark.parametrize("max_grad_norm", [None, 0.1])
def test_parameters_are_those_of_a_plain_loop(
    model_without_dropout: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, max_grad_norm: float | None
):
    settings = FineTuningSettings(
        epochs=EPOCHS,
        batch_size=1_000,
        learning_rate=LEARNING_RATE,
        warmup=WARMUP,
        max_grad_norm=max_grad_norm,
    )
    fine_tune(
        model_without_dropout,
        small_graph,
        small_texts,
        settings,
        tmp_path,
        validation=small_graph.triples,
        keep_epochs=True,
    )
    found = load_classifier(tmp_path / f"epoch-{EPOCHS}").state_dict()
    expected = plain_loop(model_without_dropout, small_graph, small_texts, max_grad_norm)
    assert difference(found, expected) < 1e-3
    other = plain_loop(model_without_dropout, small_graph, small_texts, 1.0 if max_grad_norm is None else None)
    assert difference(found, other) > 1e-3
