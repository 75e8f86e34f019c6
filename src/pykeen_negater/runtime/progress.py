"""Progress of a long run: a bar for each of its steps, and how much time is left over all.

Bars are those of tqdm on the standard error, as PyKEEN's are: widgets in notebooks, and nothing if ``TQDM_DISABLE`` is
set.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import TypeAlias

from tqdm.auto import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..utils.durations import duration

__all__ = [
    "Advance",
    "Progress",
    "Step",
    "step",
]

#: Says that so many more units of a step are done
Advance: TypeAlias = Callable[[float], None]

#: This share of the whole estimate counts as measured and right, so that the first small step does not decide it all
TRUST = 0.15

#: From this share of a step on, its own pace says when it ends
ENOUGH = 0.1


class Step(StrEnum):
    """The steps of mining, by what their bars say, in their order."""

    ENCODE = "Encoding entities"
    ENCODE_VISIBLE = "Encoding entities without what is hidden"
    CHOOSE = "Choosing candidates"
    PROBE = "Training the probe"
    FACTORIZATION = "Training the factorization"
    TRAIN_MODEL = "Training the model"
    FINE_TUNE = "Fine-tuning"
    TRAIN_RELATIONS = "Training the relation encoder"
    ENCODE_PAIRS = "Encoding true pairs"
    SCORE = "Scoring candidates"
    PROXY = "Training the proxy"
    FEATURES = "Extracting features for the guard"
    GUARD = "Fitting the guard"
    MINE = "Mining"
    RISKS = "Computing risks"


class Progress:
    """Tracks how far a run is, from the estimates of its steps and the time that they have taken."""

    def __init__(self, estimates: Mapping[Step, float] | None = None, show: bool = True) -> None:
        """Take the estimates.

        :param estimates: the estimated seconds of the steps by name, in their order; without them, what is left over
            all is not shown
        :param show: whether there are bars
        """
        self.show = show
        self._waiting: dict[str, float] = {str(name): seconds for name, seconds in (estimates or {}).items()}
        self._is_planned = bool(estimates)
        self._trust = max(TRUST * sum(self._waiting.values()), 1.0)
        #: The seconds that the steps that are done were estimated at, and those they took
        self._estimated = self._taken = 0.0
        self._open: _Bar | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the steps of a block be those of this run, and lines of the log stand above the bars."""
        token = _CURRENT.set(self)
        try:
            with _redirected_log():
                yield
        finally:
            _CURRENT.reset(token)

    @contextmanager
    def step(self, name: str, total: float, unit: str) -> Iterator["_Bar"]:
        """Show a step; within another step, its share of the piece at hand.

        :param name: what the bar says
        :param total: >= 0, the number of units of the step
        :param unit: what it is counted in, in the singular
        :yields: what is called with the number of units that were done
        """
        outer = self._open
        if outer is not None:
            self._open = _Bar(self, name, total, 0.0, None, outer)
            try:
                yield self._open
            finally:
                self._open = outer
            return
        estimate = self._begin(name)
        disable = not (self.show and total)
        with tqdm(total=round(total), desc=str(name), unit=f" {unit}", disable=disable) as shown:
            self._open = _Bar(self, name, total, estimate, shown, None)
            try:
                yield self._open
            finally:
                shown.set_postfix_str("", refresh=False)
                self._estimated += estimate
                self._taken += self._open.seconds
                self._open = None

    def _begin(self, name: str) -> float:
        """Remove a step from what is left, and those before it, which had nothing to do; get its estimate."""
        if name not in self._waiting:
            return 0.0
        while True:
            first = next(iter(self._waiting))
            estimate = self._waiting.pop(first)
            if first == name:
                return estimate

    def left(self, bar: "_Bar") -> float | None:
        """Estimate what is left over all.

        :param bar: the step that is open
        :return: seconds; None if there was no estimate of the whole
        """
        if not self._is_planned:
            return None
        share, seconds = bar.share, bar.seconds
        estimated = self._estimated + bar.estimate * share
        pace = (self._taken + seconds + self._trust) / (estimated + self._trust)
        own = seconds * (1 - share) / share if share >= ENOUGH else pace * bar.estimate * (1 - share)
        return own + pace * sum(self._waiting.values())


class _Bar:
    """A step that is open; called with a number of units, it is that much further."""

    def __init__(
        self, progress: Progress, name: str, total: float, estimate: float, shown: tqdm | None, outer: "_Bar | None"
    ) -> None:
        """Wait for the first step."""
        self.name, self.total, self.estimate = name, total, estimate
        self._progress, self._shown, self._outer = progress, shown, outer
        self._start = time.monotonic()
        self._done = self._piece_start = 0.0
        self._piece = 0.0

    @property
    def seconds(self) -> float:
        """The seconds since the step began."""
        return time.monotonic() - self._start

    @property
    def share(self) -> float:
        """The share of the step that is done."""
        return self._done / self.total if self.total else 1.0

    def __call__(self, count: float) -> None:
        """Advance.

        :param count: the number of units
        """
        self._reach(self._done + count)

    @contextmanager
    def piece(self, count: float) -> Iterator[None]:
        """Do a number of units, of which a step within this one does some.

        :param count: the number of units
        """
        self._piece_start, self._piece = self._done, count
        yield
        self._reach(self._piece_start + count)
        self._piece = 0.0

    def _reach(self, done: float) -> None:
        self._done = min(max(self._done, done), self.total)
        if self._outer is not None:
            self._outer._reach(self._outer._piece_start + self._outer._piece * self.share)
        elif self._shown is not None and not self._shown.disable:
            left = self._progress.left(self)
            if left is not None:
                self._shown.set_postfix_str(f"{duration(left)} left over all", refresh=False)
            # whole units, and the last one only when all is done
            self._shown.update(int(self._done + 1e-6) - self._shown.n)


#: The run whose steps are shown
_CURRENT: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def step(name: str, total: float, unit: str) -> Iterator[_Bar]:
    """Show a bar for a step of the run that goes on, if one does, and else for itself.

    :param name: what the bar says
    :param total: >= 0, the number of units of the step
    :param unit: what it is counted in, in the singular
    :yields: a function that is called with the number of units that were done; its method ``piece`` leaves these to
        steps within this one
    """
    progress = _CURRENT.get() or Progress()
    token = _CURRENT.set(progress)
    try:
        with progress.step(name, total, unit) as bar:
            yield bar
    finally:
        _CURRENT.reset(token)


@contextmanager
def _redirected_log() -> Iterator[None]:
    """Write lines of the log above bars, those alone that would be written anyway."""
    before = list(logging.root.handlers)
    with logging_redirect_tqdm():
        replaced = [handler for handler in before if handler not in logging.root.handlers]
        added = [handler for handler in logging.root.handlers if handler not in before]
        if before and not replaced:  # which write to no terminal
            logging.root.handlers = before
        for handler in added:
            handler.setLevel(min((handler.level for handler in replaced), default=logging.WARNING))
        yield
