"""The ranker that takes the nearest for the hardest."""

import numpy as np

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.similarity import SimilarityRanker

from .cases import RankerCase


class TestSimilarityRanker(RankerCase):
    """The nearest are the hardest."""

    cls = SimilarityRanker

    def test_order_is_that_of_the_distances(self, candidates: Candidates, context: RankingContext):
        scores = SimilarityRanker().score(candidates, context)
        hardest_first = np.argsort(-scores.values, kind="stable")
        assert np.array_equal(hardest_first, np.argsort(candidates.distances, kind="stable"))
        assert scores.accepted.all()
