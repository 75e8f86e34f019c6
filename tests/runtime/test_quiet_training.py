"""Small models are trained by the Trainer as by a plain loop, and without a word."""

from pathlib import Path

import pytest
import torch
from torch.utils.data import TensorDataset

from pykeen_negater.runtime.quiet_training import train_quietly

from .cases import Line, collate


def train(epochs: int = 3) -> tuple[Line, float]:
    """Train with steepest descent on four examples at once, which is all of them."""
    model = Line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    done = train_quietly(
        model,
        "Training a line",
        {"num_train_epochs": epochs, "per_device_train_batch_size": 4, "use_cpu": True, "save_strategy": "no"},
        train_dataset=TensorDataset(torch.arange(4.0)),
        data_collator=collate,
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)),
    )
    return model, done


def test_it_is_a_plain_loop():
    model, epochs = train()
    slope = torch.zeros((), requires_grad=True)
    x = torch.arange(4.0)
    for _ in range(3):
        (gradient,) = torch.autograd.grad(((slope * x - 3 * x) ** 2).mean(), slope)
        # larger than one, which is where gradients would be clipped
        assert gradient.abs() > 1
        slope = (slope - 0.05 * gradient).detach().requires_grad_()
    assert epochs == 3
    assert model.slope.item() == pytest.approx(slope.item(), rel=1e-5)


def test_the_model_is_ready_to_be_used():
    model, _ = train(epochs=1)
    assert not model.training
    assert not model.dropout.training
    assert model.slope.device.type == "cpu"


def test_nothing_is_said_and_nothing_is_left(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    train(epochs=1)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
