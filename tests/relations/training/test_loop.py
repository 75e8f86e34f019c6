"""Relation encoders are trained, stopped and gone on with, and written in RelBERT's layout."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.relations.training.data import RelationPairs
from pykeen_negater.relations.training.loop import (
    _Collator,
    _make_steps,
    _RelationModel,
    _Trainer,
    train_relation_encoder,
)
from pykeen_negater.relations.training.settings import RelationTrainingSettings
from pykeen_negater.storage.cache import Cache

from ..cases import TEMPLATE

#: What the original writes about a training run, apart from how it reads its data
ORIGINAL_KEYS = {
    "template",
    "model",
    "max_length",
    "epoch",
    "batch",
    "random_seed",
    "lr",
    "lr_warmup",
    "aggregation_mode",
    "data",
    "exclude_relation",
    "loss_function",
    "classification_loss",
    "loss_function_config",
    "augment_negative_by_positive",
}

SETTINGS = RelationTrainingSettings(
    epochs=3, learning_rate=1e-3, warmup=2, num_positive=3, num_negative=5, batch_size=4, validation_share=0.4
)


@pytest.fixture
def encoder(tiny_bert: str) -> RelationEncoder:
    """Make an encoder that is not trained."""
    return RelationEncoder(tiny_bert, template=TEMPLATE, max_length=16)


def _stop_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt training when that many epochs have been saved."""
    save, saved = _Trainer._save_checkpoint, []

    def save_and_stop(*args: object, **kwargs: object) -> None:
        """Save an epoch, and perhaps be interrupted."""
        save(*args, **kwargs)
        saved.append(1)
        if len(saved) == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(_Trainer, "_save_checkpoint", save_and_stop)


@pytest.mark.parametrize(("epochs", "classification_loss"), [(1, False), (2, True)])
def test_a_stopped_run_goes_on(
    epochs: int,
    classification_loss: bool,
    encoder: RelationEncoder,
    relation_pairs: RelationPairs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    settings = replace(SETTINGS, classification_loss=classification_loss)
    cache = Cache(tmp_path / "cache")
    whole = train_relation_encoder(encoder, relation_pairs, tmp_path / "whole", settings, cache=cache)
    with monkeypatch.context() as patch:
        _stop_after(epochs, patch)
        with pytest.raises(KeyboardInterrupt):
            train_relation_encoder(encoder, relation_pairs, tmp_path / "stopped", settings, cache=cache)
    assert not tmp_path.joinpath("stopped").exists()
    (checkpoints,) = (path for path in (tmp_path / "cache" / "checkpoints").iterdir() if path.is_dir())
    # as if the next checkpoint had only been begun
    checkpoints.joinpath("checkpoint-999").mkdir()
    caplog.clear()
    result = train_relation_encoder(encoder, relation_pairs, tmp_path / "stopped", settings, cache=cache)
    assert "Training the relation encoder goes on after step" in caplog.text
    assert result == whole
    assert not checkpoints.exists()
    weights = [tmp_path.joinpath(name, "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert weights[0] == weights[1]


def test_epochs_in_a_folder_of_the_caller_stay_until_it_removes_them(
    encoder: RelationEncoder, relation_pairs: RelationPairs, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    checkpoints = tmp_path / "checkpoints" / "k"
    results = [
        train_relation_encoder(encoder, relation_pairs, tmp_path / name, SETTINGS, checkpoints=checkpoints)
        for name in "ab"
    ]
    assert "Training the relation encoder goes on after step" in caplog.text
    assert results[0] == results[1]
    assert list(checkpoints.glob("checkpoint-*"))


@pytest.mark.parametrize("relations_per_step", [None, 4])
@pytest.mark.parametrize(
    "kwargs", [{"loss": "nce"}, {"loss": "iloob", "classification_loss": True}, {"loss": "triplet"}]
)
def test_the_loss_falls(
    encoder: RelationEncoder,
    relation_pairs: RelationPairs,
    tmp_path: Path,
    kwargs: dict,
    relations_per_step: int | None,
):
    settings = replace(SETTINGS, epochs=20, validation_share=0.0, relations_per_step=relations_per_step, **kwargs)
    result = train_relation_encoder(
        encoder, relation_pairs, tmp_path / "trained", settings, cache=Cache(tmp_path / "cache")
    )
    assert (len(result.training_losses), result.validation_losses, result.kept_epoch) == (20, [], 20)
    assert np.mean(result.training_losses[-3:]) < 0.8 * np.mean(result.training_losses[:3])


@pytest.mark.parametrize("warmup", [0, 1, 3, 99])
def test_learning_rates(
    warmup: int,
    encoder: RelationEncoder,
    relation_pairs: RelationPairs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """As in a plain loop, where step k has the share min(1, k / warmup) of the learning rate."""
    monkeypatch.setattr(encoder.language_model.config, "attention_probs_dropout_prob", 0.0)
    encoder.language_model.save_pretrained(tmp_path / "initial")
    encoder.tokenizer.save_pretrained(tmp_path / "initial")
    initial = [RelationEncoder(tmp_path / "initial", template=TEMPLATE, max_length=16) for _ in range(2)]
    # one step per epoch
    settings = replace(SETTINGS, epochs=5, warmup=warmup, validation_share=0.0, relations_per_step=99)
    train_relation_encoder(initial[0], relation_pairs, tmp_path / "trained", settings, cache=Cache(tmp_path / "cache"))
    trained = RelationEncoder(tmp_path / "trained", max_length=16).language_model.state_dict()
    steps = _make_steps(relation_pairs, settings)
    model, collate = _RelationModel(initial[1], settings).train(), _Collator(initial[1], steps, settings.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    for number in range(1, settings.epochs + 1):
        steps.set_epoch(number - 1)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * (min(1, number / warmup) if warmup else 1)
        optimizer.zero_grad()
        model(**collate([steps[0]]))["loss"].backward()
        optimizer.step()
    for name, weights in model.language_model.state_dict().items():
        # the gradient of the keys' biases is 0, apart from rounding, which Adam makes as large as any other
        if not name.endswith("key.bias"):
            torch.testing.assert_close(trained[name], weights, rtol=1e-4, atol=1e-6, msg=name)


def test_layout(encoder: RelationEncoder, relation_pairs: RelationPairs, tmp_path: Path):
    before = encoder.get_embedding(["a", "1"])
    settings = replace(SETTINGS, exclude_relation=("2/b",))
    train_relation_encoder(encoder, relation_pairs, tmp_path / "trained", settings, cache=Cache(tmp_path / "cache"))
    assert np.array_equal(encoder.get_embedding(["a", "1"]), before)
    config = json.loads(tmp_path.joinpath("trained", "finetuning_config.json").read_text())
    assert config.keys() >= ORIGINAL_KEYS
    assert config["loss_function_config"] == {"temperature": 0.05, "num_negative": 5, "num_positive": 3}
    assert (config["exclude_relation"], config["template"]) == (["2/b"], TEMPLATE)
    model = json.loads(tmp_path.joinpath("trained", "config.json").read_text())
    assert model["relbert_config"] == {"aggregation_mode": "average_no_mask", "template": TEMPLATE}
    trained = RelationEncoder(tmp_path / "trained", max_length=16)
    assert (trained.is_trained, trained.template) == (True, TEMPLATE)
    assert not np.allclose(trained.get_embedding(["a", "1"]), before)
    assert not list(tmp_path.glob(".*"))
    # it can be trained further, and replaced
    train_relation_encoder(
        trained, relation_pairs, tmp_path / "trained", replace(SETTINGS, epochs=1), cache=Cache(tmp_path / "cache")
    )


def _loss(encoder: RelationEncoder, relation_pairs: RelationPairs, settings: RelationTrainingSettings) -> float:
    steps = _make_steps(relation_pairs, settings)
    model, collate = _RelationModel(encoder, settings).eval(), _Collator(encoder, steps, settings.batch_size)
    with torch.inference_mode():
        return float(np.mean([float(model(**collate([step]))["loss"]) for step in steps]))


def test_the_best_epoch_is_kept(encoder: RelationEncoder, relation_pairs: RelationPairs, tmp_path: Path):
    settings = replace(SETTINGS, epochs=6, learning_rate=1e-2)
    _, held_out = relation_pairs.hold_out(settings.validation_share)
    result = train_relation_encoder(
        encoder, relation_pairs, tmp_path / "trained", settings, cache=Cache(tmp_path / "cache")
    )
    assert len(result.validation_losses) == 6
    assert result.validation_losses[result.kept_epoch - 1] == min(result.validation_losses)
    trained = RelationEncoder(tmp_path / "trained", max_length=16)
    loss = _loss(trained, replace(held_out, parents={}), replace(settings, relations_per_step=64))
    assert loss == pytest.approx(min(result.validation_losses), rel=1e-4)


def test_loss_of_a_step(encoder: RelationEncoder, relation_pairs: RelationPairs):
    """As in the original: each relation type's and parent's positives against all its negatives."""
    settings = replace(SETTINGS, num_positive=99, num_negative=999)
    vectors: dict[str, Any] = {
        name: torch.from_numpy(encoder.get_embedding(pairs)) for name, pairs in relation_pairs.positives.items()
    }
    own: dict[str, Any] = {
        name: torch.from_numpy(encoder.get_embedding(pairs)) for name, pairs in relation_pairs.negatives.items()
    }
    groups = [
        (vectors[name], torch.cat([own[name], *(others for other, others in vectors.items() if other != name)]))
        for name in relation_pairs.positives
    ]
    parents = [torch.cat([vectors[name] for name in names]) for names in relation_pairs.parents.values()]
    groups += [(parents[0], parents[1]), (parents[1], parents[0])]
    losses = []
    for positives, negatives in groups:
        positive_logits = torch.exp(torch.cosine_similarity(positives[:, None], positives[None], dim=2) / 0.05)
        negative_logits = torch.exp(torch.cosine_similarity(positives[:, None], negatives[None], dim=2) / 0.05)
        noise = negative_logits.sum(dim=1, keepdim=True)
        losses.append(float(-torch.log(positive_logits / (noise + positive_logits + 1e-5)).sum()))
    assert _loss(encoder, relation_pairs, settings) == pytest.approx(np.mean(losses), rel=1e-4)


def test_parent_relations(encoder: RelationEncoder, relation_pairs: RelationPairs, tmp_path: Path):
    settings = replace(SETTINGS, epochs=1)
    cases = {"with": (relation_pairs, settings), "without": (relation_pairs, replace(settings, parent_relations=False))}
    cases["flat"] = (replace(relation_pairs, parents={}), settings)
    losses = {
        name: train_relation_encoder(
            encoder, pairs, tmp_path / name, chosen, cache=Cache(tmp_path / "cache")
        ).training_losses
        for name, (pairs, chosen) in cases.items()
    }
    assert losses["without"] == losses["flat"] != losses["with"]


def test_bfloat16(encoder: RelationEncoder, relation_pairs: RelationPairs, tmp_path: Path):
    settings = replace(SETTINGS, epochs=1, bf16=True)
    result = train_relation_encoder(
        encoder, relation_pairs, tmp_path / "trained", settings, cache=Cache(tmp_path / "cache")
    )
    exact = train_relation_encoder(
        encoder, relation_pairs, tmp_path / "exact", replace(settings, bf16=False), cache=Cache(tmp_path / "cache")
    )
    assert result.training_losses != exact.training_losses
    assert result.training_losses == pytest.approx(exact.training_losses, rel=0.1)


def test_what_cannot_be_replaced(encoder: RelationEncoder, relation_pairs: RelationPairs, tmp_path: Path):
    with pytest.raises(FileExistsError, match="holds no trained encoder"):
        train_relation_encoder(encoder, relation_pairs, tmp_path, SETTINGS, cache=Cache(tmp_path / "cache"))


def test_divergence(encoder: RelationEncoder, relation_pairs: RelationPairs, tmp_path: Path):
    settings = replace(SETTINGS, learning_rate=1e38, validation_share=0.0)
    with pytest.raises(ValueError, match="training diverged, expected a lower one"):
        train_relation_encoder(encoder, relation_pairs, tmp_path / "trained", settings, cache=Cache(tmp_path / "cache"))
    assert not tmp_path.joinpath("trained").exists()
    assert not [path for path in (tmp_path / "cache" / "checkpoints").iterdir() if path.is_dir()]
