"""The measurements of mining: durations, counts and statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Measurements",
    "halved_batches",
]


@dataclass(frozen=True)
class Measurements:
    """The measurements of a step of mining, which are returned, and added to those of other steps."""

    #: The seconds by step
    durations: Mapping[str, float] = field(default_factory=dict)

    #: Counts; those of all steps and shards are added
    counts: Mapping[str, int] = field(default_factory=dict)

    #: Other statistics; JSON-native. Of the same name, the latest is kept.
    statistics: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: "Measurements") -> "Measurements":
        return Measurements(
            {**self.durations, **{name: self.durations.get(name, 0.0) + x for name, x in other.durations.items()}},
            {**self.counts, **{name: self.counts.get(name, 0) + x for name, x in other.counts.items()}},
            {**self.statistics, **other.statistics},
        )


def halved_batches(name: str, count: int) -> Measurements:
    """Count the batches that were halved for lack of memory, if there are any.

    :param name: the name of the count
    :param count: >= 0
    :return: the measurements, which are empty if none was halved
    """
    return Measurements(counts={name: count} if count else {})
