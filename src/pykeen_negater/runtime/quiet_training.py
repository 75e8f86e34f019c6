"""Trains small models with the Trainer of transformers, with no output but a progress bar."""

import tempfile
from typing import Any

from torch import nn

__all__ = [
    "train_quietly",
]


def train_quietly(model: nn.Module, name: str, arguments: dict[str, Any], **kwargs: Any) -> float:
    """Train a model, without clipping gradients; afterwards, it is on the CPU and in evaluation mode.

    :param model: a model that returns a dictionary with its ``loss``; changed in place
    :param name: the label of the progress bar
    :param arguments: further parameters of :class:`transformers.TrainingArguments`
    :param kwargs: further parameters of :class:`transformers.Trainer`
    :return: the number of epochs
    """
    from transformers import Trainer, TrainingArguments

    from .training_progress import training_bar

    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=scratch,
                max_grad_norm=0.0,
                logging_strategy="no",
                report_to=[],
                remove_unused_columns=False,
                dataloader_pin_memory=False,
                disable_tqdm=True,
                **arguments,
            ),
            **kwargs,
        )
        with training_bar(trainer, name):
            trainer.train()
    model.cpu().eval()
    return float(trainer.state.epoch or 0)
