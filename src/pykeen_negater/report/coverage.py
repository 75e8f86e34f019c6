"""Counts how many triples have negatives, and how many each has."""

from dataclasses import dataclass

import numpy as np

from ..pools.negative_pools import NegativePools
from ..triples.indexing import RELATION, SIDES, keys_to_triples

__all__ = [
    "Coverage",
]

#: A pool is short if it has fewer negatives than this share of its limit
SHORT = 0.25

_NAMES = {side: name for name, side in SIDES.items()}


@dataclass(frozen=True, eq=False)
class Coverage:
    """The numbers of negatives of training triples."""

    #: The number of negatives of each triple and side; shape: (num_triples, num_sides)
    sizes: np.ndarray

    #: The sides: ``head``, ``relation``, ``tail``
    sides: tuple[str, ...]

    #: The relation of each triple; shape: (num_triples,)
    relations: np.ndarray

    #: The most negatives of a triple and side
    pool_size: int

    @classmethod
    def measure(cls, pools: NegativePools) -> "Coverage":
        """Measure the sizes of pools.

        :param pools: the pools
        :return: the coverage
        """
        sizes = np.diff(pools.offsets.numpy()).reshape(pools.num_triples, len(pools.sides))
        triples = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations)
        most = pools.metadata.get("settings", {}).get("pool_size", int(sizes.max()))
        return cls(sizes, tuple(_NAMES[side] for side in pools.sides), triples[:, RELATION], most)

    @property
    def share(self) -> float:
        """The share of the triples with a negative, in [0, 1]."""
        return float((self.sizes.sum(axis=1) > 0).mean())

    @property
    def num_empty(self) -> int:
        """The number of triples without a negative."""
        return int((self.sizes.sum(axis=1) == 0).sum())

    @property
    def few(self) -> int:
        """The number of negatives below which a triple counts as having few."""
        return max(1, round(SHORT * self.pool_size * len(self.sides)))

    @property
    def num_short(self) -> int:
        """The number of triples with few negatives, or none."""
        return int((self.sizes.sum(axis=1) < self.few).sum())

    def triples_by_relation(self, num_relations: int) -> np.ndarray:
        """Count the triples of each relation.

        :param num_relations: the number of relations
        :return: shape: (num_relations,)
        """
        return np.bincount(self.relations, minlength=num_relations)

    def covered_by_relation(self, num_relations: int) -> np.ndarray:
        """Count the triples of each relation that have a negative.

        :param num_relations: the number of relations
        :return: shape: (num_relations,)
        """
        return np.bincount(self.relations[self.sizes.sum(axis=1) > 0], minlength=num_relations)
