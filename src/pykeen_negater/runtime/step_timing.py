"""Measures how long a step of the Trainer of transformers takes, on a few steps."""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

__all__ = [
    "StepTimer",
]

#: The number of first steps, which warm up and are not measured
WARM_UP = 2


class StepTimer(TrainerCallback):
    """Measures steps, and ends the training when it has measured enough of them."""

    def __init__(self, enough: float) -> None:
        """Choose how long to measure.

        :param enough: > 0, the seconds after which training ends
        """
        self.enough = enough
        self._ends: list[float] = []

    # docstr-coverage: inherited
    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        self._ends.append(time.perf_counter())

    # docstr-coverage: inherited
    def on_step_end(  # noqa: D102
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._ends.append(time.perf_counter())
        if len(self._ends) > WARM_UP + 1 and self.seconds > self.enough:
            control.should_training_stop = True

    @property
    def seconds(self) -> float:
        """The seconds from the beginning of the first step to the end of the last one."""
        return self._ends[-1] - self._ends[0]

    @property
    def seconds_per_step(self) -> float:
        """The mean seconds of a step, including the time between steps."""
        first = min(WARM_UP, len(self._ends) - 2)
        return (self._ends[-1] - self._ends[first]) / (len(self._ends) - 1 - first)
