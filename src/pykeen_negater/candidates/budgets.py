"""A budget of corrupted triples, which chooses those that are scored where scoring all is too slow."""

import numpy as np

__all__ = [
    "Budget",
]

#: The fewest new triples for which the kept ones are merged with them
MIN_MERGED = 2**20

#: Spreads keys, see :meth:`Budget.add`; 2 ** 64 divided by the golden ratio
SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Budget:
    """Keeps a limited number of the corrupted triples that are added, the same as if all were added at once.

    All triples get their nearest candidate before any gets its second nearest. Ties are broken by a fixed hash of the
    corruption, so that none is favoured for its place in the graph.
    """

    def __init__(self, max_triples: int | None) -> None:
        """Start without triples.

        :param max_triples: > 0, the most triples to keep; None for all, at 16 bytes of memory each
        """
        self.max_triples = max_triples
        self._kept = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, keys: np.ndarray, ranks: np.ndarray) -> None:
        """Add triples.

        :param keys: shape: (n,), the keys of corrupted triples, which may have been added before
        :param ranks: shape: (n,), the best rank that each has as a candidate among these
        """
        self._pending.append((keys, ranks))
        # rarely enough that the time stays about linear
        if sum(len(part) for part, _ in self._pending) > max(len(self._kept[0]), MIN_MERGED):
            self._merge()

    @property
    def keys(self) -> np.ndarray:
        """The keys of the triples that are kept, sorted; shape: (m,), dtype: int64."""
        self._merge()
        return self._kept[0]

    def _merge(self) -> None:
        keys, ranks = (np.concatenate(column) for column in zip(self._kept, *self._pending, strict=True))
        self._pending = []
        order = np.lexsort((ranks, keys))
        first = order[np.flatnonzero(np.diff(keys[order], prepend=-1))]
        keys, ranks = keys[first], ranks[first]
        if self.max_triples is not None and len(keys) > self.max_triples:
            # what is dropped now could not be kept later: the others' ranks only improve
            scattered = (keys.astype(np.uint64) * SPREAD) >> np.uint64(32)
            affordable = np.sort(np.lexsort((scattered, ranks))[: self.max_triples])
            keys, ranks = keys[affordable], ranks[affordable]
        self._kept = keys, ranks
