"""Steps of a training are timed by a clock that the test winds."""

from collections.abc import Sequence

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from pykeen_negater.runtime import step_timing
from pykeen_negater.runtime.step_timing import StepTimer


def train(ends: Sequence[float], enough: float, monkeypatch: pytest.MonkeyPatch) -> tuple[StepTimer, int]:
    """Begin a training at second 100, whose steps end some seconds later, until the timer has seen enough.

    :return: the timer, and the number of steps
    """
    clock = iter([100.0, *(100.0 + end for end in ends)])
    monkeypatch.setattr(step_timing.time, "perf_counter", lambda: next(clock))
    timer, control, arguments = StepTimer(enough), TrainerControl(), TrainingArguments("unused", report_to=[])
    timer.on_train_begin(arguments, TrainerState(), control)
    for count in range(1, len(ends) + 1):
        timer.on_step_end(arguments, TrainerState(), control)
        if control.should_training_stop:
            return timer, count
    return timer, len(ends)


def test_the_first_steps_warm_up(monkeypatch: pytest.MonkeyPatch):
    timer, count = train([10, 15, 16, 18], 1e9, monkeypatch)
    assert count == 4
    assert timer.seconds == 18
    # the two that come after the two slow ones
    assert timer.seconds_per_step == 1.5


@pytest.mark.parametrize(("ends", "per_step"), [([4], 4.0), ([4, 6], 2.0), ([4, 6, 9], 3.0)])
def test_of_few_steps_the_last_one_is_measured(ends: list[float], per_step: float, monkeypatch: pytest.MonkeyPatch):
    timer, _ = train(ends, 1e9, monkeypatch)
    assert timer.seconds_per_step == per_step


@pytest.mark.parametrize(("enough", "count"), [(0.0, 3), (3.0, 4), (4.5, 5), (100.0, 6)])
def test_training_ends_when_enough_was_seen(enough: float, count: int, monkeypatch: pytest.MonkeyPatch):
    # never before a step that is measured
    assert train([1, 2, 3, 4, 5, 6], enough, monkeypatch)[1] == count
