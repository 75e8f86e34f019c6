"""A ranker that goes by the distance of vectors alone."""

from typing import Any

import numpy as np

from ..candidates.generators import Candidates
from .base import Ranker, Scores
from .context import RankingContext

__all__ = [
    "SimilarityRanker",
]


class SimilarityRanker(Ranker):
    """Takes the nearest for the hardest, and all for negatives.

    Without anything that tells plausible from true, unknown true triples end up in the pools.
    """

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {}

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:  # noqa: D102
        return Scores(values=-candidates.distances, accepted=np.ones(len(candidates), dtype=bool))
