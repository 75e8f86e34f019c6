"""Histograms of the scores and risks of each relation, by the 256 levels that they are stored in."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ..pools.codec import NUM_LEVELS, decode_hardness, decode_risk, score_range
from ..pools.negative_pools import NegativePools
from ..triples.indexing import RELATION, keys_to_triples

__all__ = [
    "Levels",
    "median",
]


@dataclass(frozen=True, eq=False)
class Levels:
    """Negatives and suspected positives of each relation, counted by level."""

    #: The score of each level; shape: (256,)
    scores: np.ndarray

    #: The risk of each level; shape: (256,)
    risks: np.ndarray

    #: The negatives by the level of their score; shape: (num_relations, 256)
    negatives_by_score: np.ndarray

    #: The negatives by the level of their risk; shape: (num_relations, 256)
    negatives_by_risk: np.ndarray

    #: The corruptions that are likely true, by the level of their risk; shape: (num_relations, 256)
    suspected_by_risk: np.ndarray

    @classmethod
    def count(cls, pools: NegativePools, relations: np.ndarray) -> "Levels":
        """Count negatives and suspected positives by level.

        :param pools: the pools
        :param relations: shape: (num_negatives,), the relation of each negative
        :return: the counts
        """
        suspected = keys_to_triples(pools.suspected.numpy(), pools.num_entities, pools.num_relations)[:, RELATION]

        def counted(rows: np.ndarray, levels: torch.Tensor) -> np.ndarray:
            """Count levels by relation."""
            flat = np.bincount(rows * NUM_LEVELS + levels.numpy(), minlength=pools.num_relations * NUM_LEVELS)
            return flat.reshape(pools.num_relations, NUM_LEVELS)

        return cls(
            scores=decode_hardness(np.arange(NUM_LEVELS), *score_range(pools.metadata)),
            risks=decode_risk(torch.arange(NUM_LEVELS, dtype=torch.uint8)).numpy(),
            negatives_by_score=counted(relations, pools.hardness),
            negatives_by_risk=counted(relations, pools.risk),
            suspected_by_risk=counted(suspected, pools.suspected_risk),
        )

    @cached_property
    def num_negatives(self) -> np.ndarray:
        """The number of negatives of each relation; shape: (num_relations,)."""
        return self.negatives_by_score.sum(axis=1)

    @cached_property
    def num_suspected(self) -> np.ndarray:
        """The number of corruptions of each relation that are likely true; shape: (num_relations,)."""
        return self.suspected_by_risk.sum(axis=1)


def median(values: np.ndarray, counts: np.ndarray) -> float | None:
    """Find the median of values that occur several times.

    :param values: shape: (n,), ascending
    :param counts: shape: (n,), how often each occurs
    :return: the lower median; None if nothing occurs

    >>> median(np.array([1.0, 2.0, 5.0]), np.array([1, 0, 9]))
    5.0
    """
    total = int(counts.sum())
    return float(values[np.searchsorted(counts.cumsum(), (total + 1) // 2)]) if total else None
