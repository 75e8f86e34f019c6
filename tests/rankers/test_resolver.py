"""Rankers by name, and those that need no language model."""

import numpy as np
import pytest

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.resolver import FACTORIZATION_WEIGHT, ProbeRanker, SimilarityRanker, ranker_resolver

from . import test_fine_tuned, test_gradients, test_kge, test_relation_embedding
from .cases import RankerCase


class TestSimilarityRanker(RankerCase):
    """The nearest are the hardest."""

    cls = SimilarityRanker

    def test_order_is_that_of_the_distances(self, candidates: Candidates, context: RankingContext):
        ranking = SimilarityRanker().rank(candidates, context)
        hardest_first = np.argsort(-ranking.scores, kind="stable")
        assert np.array_equal(hardest_first, np.argsort(candidates.distances, kind="stable"))
        assert ranking.accepted.all()


class TestProbeRanker(RankerCase):
    """What the vectors say, and what the graph says, about a triple as an answer to both of its queries."""

    cls = ProbeRanker

    def test_scores_are_those_of_both_models(self, candidates: Candidates, context: RankingContext):
        ranking = ProbeRanker().rank(candidates, context)
        for i in range(len(candidates)):
            triple = context.graph.triples[candidates.positives[i]].copy()
            triple[candidates.sides[i]] = candidates.replacements[i]
            probe, factorization = (
                sum(model.score_triples(triple[None], side)[0] for side in (0, 2)) / 2
                for model in (context.probe, context.factorization)
            )
            assert ranking.scores[i] == pytest.approx(probe + FACTORIZATION_WEIGHT * factorization, abs=1e-4)
        assert np.std(ranking.scores) > 0
        assert ranking.accepted.all()


def test_every_ranker_has_a_case():
    modules = {case.__module__ for case in RankerCase.__subclasses__()}
    assert {it.__name__ for it in (test_fine_tuned, test_gradients, test_kge, test_relation_embedding)} < modules
    assert {case.cls for case in RankerCase.__subclasses__()} == set(ranker_resolver.lookup_dict.values())
