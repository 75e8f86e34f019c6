"""What the Trainer of transformers shows: how far training is, and nothing on the standard output."""

import sys
from typing import Any

from transformers import PrinterCallback, ProgressCallback, Trainer

__all__ = [
    "show_progress_only",
]


class _Progress(ProgressCallback):
    """A progress bar, without the losses and metrics that the Trainer prints; they are in its history."""

    # docstr-coverage: inherited
    def on_log(self, *args: Any, **kwargs: Any) -> None:
        pass

    # docstr-coverage: inherited
    def on_prediction_step(self, *args: Any, **kwargs: Any) -> None:
        if sys.stderr.isatty():  # the second bar moves the cursor
            super().on_prediction_step(*args, **kwargs)


def show_progress_only(trainer: Trainer) -> None:
    """Let a trainer show a progress bar on the standard error, unless it is told to have none, and print nothing.

    :param trainer: the trainer; changed in place
    """
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    if not trainer.args.disable_tqdm:
        trainer.add_callback(_Progress)
