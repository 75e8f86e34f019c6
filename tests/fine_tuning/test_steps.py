"""The steps of fine-tuning, against a plain loop."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pykeen_negater.corruption.corruptions import RandomCorruptor
from pykeen_negater.fine_tuning.classifier import TripleClassifier, load_classifier
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.trainer import fine_tune
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

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


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_wrong_norms(value: float):
    with pytest.raises(ValueError, match=r"found max_grad_norm=.*, expected a positive number, or None"):
        FineTuningSettings(max_grad_norm=value)
