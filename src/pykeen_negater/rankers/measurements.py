"""The measurements of mining: durations, counts and statistics."""

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Measurements",
]


@dataclass(frozen=True, eq=False)
class Measurements:
    """The measurements of the steps of mining."""

    #: The seconds by step
    durations: dict[str, float] = field(default_factory=dict)

    #: Counts of a shard's candidates; those of all shards are added
    counts: dict[str, int] = field(default_factory=dict)

    #: Statistics of the run as a whole; JSON-native
    statistics: dict[str, Any] = field(default_factory=dict)

    def note_halved(self, name: str, count: int) -> None:
        """Add to the statistics the number of batches halved for lack of memory, if there are any.

        :param name: the name of the statistic
        :param count: >= 0, which is added to the number before
        """
        if count:
            self.statistics[name] = self.statistics.get(name, 0) + count

    def of_a_shard(self) -> "Measurements":
        """Make measurements for a shard of the same run.

        :return: the same statistics, without durations and counts
        """
        return Measurements(statistics=self.statistics)
