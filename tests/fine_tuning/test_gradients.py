"""Batched gradient norms against one backward pass per example."""

import logging
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    MPNetConfig,
    PretrainedConfig,
    RobertaConfig,
)

from pykeen_negater.fine_tuning.classifier import TripleClassifier, TripleClassifierConfig
from pykeen_negater.fine_tuning.gradients import GradientNorms

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 60,
    "max_position_embeddings": 40,
}

#: Architectures whose parameters all have batched formulas
BATCHED = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES, pad_token_id=1),
    "distilbert": DistilBertConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=48, vocab_size=60),
    # all layers share their parameters
    "albert": AlbertConfig(**SIZES, embedding_size=16),
    "electra": ElectraConfig(**SIZES, embedding_size=16),
}

#: Others, with a parameter that has none
ONE_BY_ONE = {
    "mpnet": (MPNetConfig(**SIZES), "relative_attention_bias"),
    "deberta": (
        DebertaV2Config(**SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"]),
        "rel_embeddings.weight",
    ),
}


def make_model(config: PretrainedConfig, pooling: Any = "mean") -> TripleClassifier:
    """Make a classifier with weights large enough to matter."""
    torch.manual_seed(0)
    model = TripleClassifier(TripleClassifierConfig(encoder_config=config.to_dict(), pooling=pooling)).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def make_inputs(config: PretrainedConfig, size: int = 5) -> dict[str, Tensor]:
    """Make sequences of different lengths, with a token that occurs twice."""
    torch.manual_seed(1)
    ids = torch.randint(5, 60, (size, 10))
    mask = torch.ones_like(ids)
    for row in range(size):
        ids[row, 10 - row :], mask[row, 10 - row :] = config.pad_token_id or 0, 0
    ids[:, 1] = ids[:, 4]
    return {"input_ids": ids, "attention_mask": mask}


def naive(model: TripleClassifier, inputs: dict[str, Tensor], norm: str) -> Tensor:
    """Compute magnitudes the slow way: no padding, one backward pass for each example."""
    magnitudes = []
    for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"].bool(), strict=True):
        model.zero_grad()
        labels = torch.ones(1)
        model(
            input_ids=ids[mask].unsqueeze(0), attention_mask=mask[mask].long().unsqueeze(0), labels=labels
        ).loss.backward()
        norms = torch.stack([x.grad.norm() for x in model.parameters() if x.grad is not None])
        magnitudes.append(norms.sum() if norm == "sum" else norms.norm())
    model.zero_grad()
    return torch.stack(magnitudes)


@pytest.mark.parametrize("norm", ["sum", "whole"])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("name", BATCHED)
def test_batches_are_exact(name: str, pooling: str, norm: str, caplog: pytest.LogCaptureFixture):
    model, inputs = make_model(BATCHED[name], pooling), make_inputs(BATCHED[name])
    norms = GradientNorms(model, norm)
    torch.testing.assert_close(norms(inputs), naive(model, inputs, norm), rtol=1e-4, atol=0)
    assert norms._is_batched
    assert not caplog.records


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_what_has_no_formula_is_named_and_exact(name: str, caplog: pytest.LogCaptureFixture):
    config, parameter = ONE_BY_ONE[name]
    model, inputs = make_model(config), make_inputs(config)
    norms = GradientNorms(model)
    expected = naive(model, inputs, "sum")
    torch.testing.assert_close(norms(inputs), expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(norms(inputs), expected, rtol=1e-4, atol=0)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert parameter in record.getMessage()
    assert "one by one" in record.getMessage()


class Scaled(nn.Linear):
    """A layer that does something else than its class promises."""

    def forward(self, input: Tensor) -> Tensor:
        """Use the parameters twice."""
        return super().forward(2 * input) + super().forward(input)


@pytest.mark.parametrize("kind", ["subclass", "own parameter", "tied"])
def test_parameters_that_formulas_do_not_know(kind: str, caplog: pytest.LogCaptureFixture):
    model = make_model(BATCHED["bert"])
    layer = model.encoder.encoder.layer[1].output.dense
    if kind == "subclass":
        layer.__class__ = Scaled
    elif kind == "own parameter":
        scale = nn.Parameter(torch.tensor(1.5))
        model.register_parameter("scale", scale)
        layer.register_forward_hook(lambda module, args, output: output * scale)
    else:
        model.encoder.encoder.layer[0].output.dense.weight = layer.weight
    inputs = make_inputs(BATCHED["bert"])
    torch.testing.assert_close(GradientNorms(model)(inputs), naive(model, inputs, "sum"), rtol=1e-4, atol=0)
    assert ("scale" if kind == "own parameter" else "output.dense.weight") in caplog.text


def test_the_model_is_as_before():
    model, inputs = make_model(BATCHED["bert"]), make_inputs(BATCHED["bert"])
    model.train()
    model.head.bias.requires_grad_(False)
    with torch.inference_mode():
        before = model.eval()(**inputs).logits
    model.train()
    GradientNorms(model)(inputs)
    assert model.training
    assert [name for name, x in model.named_parameters() if not x.requires_grad] == ["head.bias"]
    assert all(x.grad is None for x in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    with torch.inference_mode():
        assert torch.equal(model.eval()(**inputs).logits, before)


def test_frozen_parameters_count():
    """What is not to be trained would have to change all the same."""
    model, inputs = make_model(BATCHED["bert"]), make_inputs(BATCHED["bert"])
    expected = naive(model, inputs, "sum")
    model.requires_grad_(False)
    torch.testing.assert_close(GradientNorms(model)(inputs), expected, rtol=1e-4, atol=0)


def test_a_single_example():
    for config in (BATCHED["bert"], ONE_BY_ONE["mpnet"][0]):
        model, inputs = make_model(config), make_inputs(config, size=1)
        torch.testing.assert_close(GradientNorms(model)(inputs), naive(model, inputs, "sum"), rtol=1e-4, atol=0)


@pytest.mark.parametrize("config", [BATCHED["bert"], ONE_BY_ONE["mpnet"][0]])
def test_bfloat16(config: PretrainedConfig):
    """It is less exact, and formulas are found right or wrong as in single precision."""
    model, inputs = make_model(config), make_inputs(config)
    exact, norms = GradientNorms(model), GradientNorms(model, precision="bf16")
    expected, found = exact(inputs), norms(inputs)
    assert norms._is_batched == exact._is_batched
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0)
