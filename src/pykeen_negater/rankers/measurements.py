"""What was measured while something was done: how long it took, and what was counted."""

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Measurements",
]


@dataclass(frozen=True, eq=False)
class Measurements:
    """What the steps of mining measure."""

    #: The seconds by step
    durations: dict[str, float] = field(default_factory=dict)

    #: What was counted of a shard's candidates; the numbers of all shards are added
    counts: dict[str, int] = field(default_factory=dict)

    #: What is worth keeping about the run as a whole; JSON-native
    statistics: dict[str, Any] = field(default_factory=dict)

    def note_halved(self, name: str, count: int) -> None:
        """Keep in the statistics how many batches were halved for want of memory, if some were.

        :param name: what to call it
        :param count: >= 0, which is added to what was noted before
        """
        if count:
            self.statistics[name] = self.statistics.get(name, 0) + count

    def of_a_shard(self) -> "Measurements":
        """Start another clock and other counts, for the same run.

        :return: the same statistics, without durations and counts
        """
        return Measurements(statistics=self.statistics)
