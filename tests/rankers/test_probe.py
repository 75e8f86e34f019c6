"""The ranker that asks the probe and the factorization."""

import numpy as np
import pytest

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.probe import FACTORIZATION_WEIGHT, ProbeRanker

from .cases import RankerCase


class TestProbeRanker(RankerCase):
    """What the vectors say, and what the graph says, about a triple as an answer to both of its queries."""

    cls = ProbeRanker

    def test_scores_are_those_of_both_models(self, candidates: Candidates, context: RankingContext):
        scores = ProbeRanker().score(candidates, context)
        for i in range(len(candidates)):
            triple = context.graph.triples[candidates.positives[i]].copy()
            triple[candidates.sides[i]] = candidates.replacements[i]
            probe, factorization = (
                sum(model.score_triples(triple[None], side)[0] for side in (0, 2)) / 2
                for model in (context.probe, context.factorization)
            )
            assert scores.values[i] == pytest.approx(probe + FACTORIZATION_WEIGHT * factorization, abs=1e-4)
        assert np.std(scores.values) > 0
        assert scores.accepted.all()
