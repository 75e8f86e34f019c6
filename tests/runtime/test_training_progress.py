"""The bar of a training counts its steps and those of its evaluations, and nothing else is printed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset
from transformers import Trainer, TrainingArguments

from pykeen_negater.runtime import training_progress
from pykeen_negater.runtime.training_progress import training_bar

from .cases import Line, collate


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, list[float]]]:
    """Note the bars that are shown: what each says, its length, and how it moves."""
    noted: list[tuple[str, float, list[float]]] = []

    @contextmanager
    def step(name: str, total: float, unit: str) -> Iterator[object]:
        assert unit == "step"
        noted.append((name, total, []))
        yield noted[-1][2].append
        noted.append(("end", 0, []))

    monkeypatch.setattr(training_progress, "step", step)
    return noted


def make_trainer(folder: Path, evaluated: Dataset | None = None, **arguments: object) -> Trainer:
    """Make a trainer of ten examples, four at once."""
    return Trainer(
        model=Line(),
        args=TrainingArguments(
            str(folder),
            per_device_train_batch_size=4,
            per_device_eval_batch_size=4,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            **arguments,
        ),
        train_dataset=TensorDataset(torch.arange(10.0)),
        eval_dataset=evaluated,
        data_collator=collate,
    )


def test_every_step_moves_the_bar(bars: list, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    trainer = make_trainer(tmp_path, num_train_epochs=2, logging_steps=1)
    with training_bar(trainer, "Training a line"):
        trainer.train()
    (name, total, moves), end = bars
    # ten examples make three steps
    assert (name, total, sum(moves), end[0]) == ("Training a line", 6, 6, "end")
    captured = capsys.readouterr()
    assert captured.out == ""
    # what would have been printed is in the history
    assert len([entry for entry in trainer.state.log_history if "loss" in entry]) == 6


def test_evaluations_count(bars: list, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    trainer = make_trainer(tmp_path, TensorDataset(torch.arange(9.0)), num_train_epochs=2, eval_strategy="epoch")
    with training_bar(trainer, "Training a line"):
        trainer.train()
    assert bars[0][1] == sum(bars[0][2]) == 2 * 3 + 2 * 3
    assert capsys.readouterr().out == ""


def test_the_bar_ends_with_an_error(bars: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    trainer = make_trainer(tmp_path, num_train_epochs=2)
    monkeypatch.setattr(nn.Module, "__call__", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError), training_bar(trainer, "Training a line"):
        trainer.train()
    assert sum(bars[0][2]) == 0
