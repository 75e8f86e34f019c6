"""A ranker that goes by the distance of vectors alone."""

from typing import Any

import numpy as np

from ..candidates.generators import Candidates
from .base import Ranker, Ranking
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
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:  # noqa: D102
        return Ranking(scores=-candidates.distances, accepted=np.ones(len(candidates), dtype=bool))
