"""Shows the progress of the Trainer of transformers, with nothing on standard output."""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback, TrainerControl, TrainerState
from transformers import TrainingArguments as Arguments
from transformers.trainer_utils import IntervalStrategy

from .progress import Advance, step

__all__ = [
    "training_bar",
]


class _Bar(TrainerCallback):
    """Shows how many steps of training, and of the evaluations in between, are done."""

    def __init__(self, name: str, stack: ExitStack, steps_per_evaluation: int) -> None:
        """Wait for the training to begin."""
        self.name, self.stack, self.steps_per_evaluation = name, stack, steps_per_evaluation
        self.advance: Advance = lambda count: None

    # docstr-coverage: inherited
    def on_train_begin(self, args: Arguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if not state.is_world_process_zero:
            return
        per_epoch = self.steps_per_evaluation if args.eval_strategy == IntervalStrategy.EPOCH else 0
        total = state.max_steps + per_epoch * math.ceil(state.num_train_epochs)
        self.advance = self.stack.enter_context(step(self.name, total, "step"))
        # steps that an earlier run has done
        self.advance(state.global_step + per_epoch * math.floor(state.epoch or 0))

    # docstr-coverage: inherited
    def on_step_end(self, args: Arguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.advance(1)

    # docstr-coverage: inherited
    def on_prediction_step(self, args: Arguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.advance(1)


@contextmanager
def training_bar(trainer: Trainer, name: str) -> Iterator[None]:
    """Let a trainer show a progress bar on standard error while a block runs, and print nothing.

    Losses and metrics, which the Trainer would print, are in its history.

    :param trainer: the trainer; changed in place
    :param name: the label of the bar
    """
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    evaluated = trainer.eval_dataset
    size = 0 if evaluated is None else math.ceil(len(evaluated) / trainer.args.eval_batch_size)  # type: ignore[arg-type]
    with ExitStack() as stack:
        trainer.add_callback(_Bar(name, stack, size))
        yield
