"""A ranker by the distance of vectors alone."""

from typing import Any

import numpy as np

from ..candidates.generators import Candidates
from .base import Ranker, Scores
from .context import RankingContext

__all__ = [
    "SimilarityRanker",
]


class SimilarityRanker(Ranker):
    """Ranks the nearest candidates as the hardest, and accepts all.

    It cannot tell plausible from true candidates: without a guard, unknown true triples end up in the pools.
    """

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {}

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:  # noqa: D102
        return Scores(values=-candidates.distances, accepted=np.ones(len(candidates), dtype=bool))
