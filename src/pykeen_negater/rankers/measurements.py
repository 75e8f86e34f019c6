"""What was measured while something was done: how long it took, and what was counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Measurements",
    "halved_batches",
]


@dataclass(frozen=True)
class Measurements:
    """What a step of mining has measured, to be returned, and added to what others have."""

    #: The seconds by step
    durations: Mapping[str, float] = field(default_factory=dict)

    #: What was counted; the numbers of all steps and shards are added
    counts: Mapping[str, int] = field(default_factory=dict)

    #: What else is worth keeping; JSON-native. Of the same name, the latest stays.
    statistics: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: "Measurements") -> "Measurements":
        return Measurements(
            {**self.durations, **{name: self.durations.get(name, 0.0) + x for name, x in other.durations.items()}},
            {**self.counts, **{name: self.counts.get(name, 0) + x for name, x in other.counts.items()}},
            {**self.statistics, **other.statistics},
        )


def halved_batches(name: str, count: int) -> Measurements:
    """Say how many batches were halved for want of memory, if some were.

    :param name: what to call it
    :param count: >= 0
    :return: what was measured: nothing if none was halved
    """
    return Measurements(counts={name: count} if count else {})
