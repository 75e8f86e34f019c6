"""Acceptance by thresholds: candidates that reach the threshold of their relation are taken for true and rejected."""

import numpy as np

from ..fine_tuning.thresholds import Thresholds, describe_levels
from .base import Scores
from .measurements import Measurements

__all__ = [
    "accept_below_thresholds",
    "check_recall",
]


def check_recall(recall: float | None) -> float | None:
    """Check the share of the true triples that reach the thresholds.

    :param recall: the share, or None for the thresholds that classify best
    :return: the same
    :raises ValueError: if it is not between 0 and 1
    """
    if recall is not None and not 0 < recall < 1:
        raise ValueError(f"found recall={recall}, expected a share between 0 and 1, or None.")
    return recall


def accept_below_thresholds(
    scores: np.ndarray, relations: np.ndarray, thresholds: Thresholds, recall: float | None
) -> Scores:
    """Accept the candidates below the threshold of their relation.

    :param scores: shape: (n,), finite, the scores of corrupted triples
    :param relations: shape: (n,), their relations
    :param thresholds: the thresholds, with the scores of true validation triples
    :param recall: in (0, 1), the share of the true validation triples that reach a threshold; None for the thresholds
        that classify best
    :return: the scores, which are accepted, and the counts, see
        :func:`~pykeen_negater.fine_tuning.thresholds.describe_levels`
    """
    levels = thresholds.by_relation if recall is None else thresholds.reached_by(recall)
    counted = describe_levels(scores, relations, levels)
    return Scores(scores, scores < levels[relations], Measurements(statistics=counted))
