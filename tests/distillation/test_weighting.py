"""Weights of models, against a plain definition."""

import itertools

import numpy as np
import pytest
import torch

from pykeen_negater.distillation.judge import Judge
from pykeen_negater.distillation.weighting import AnswerScores, fit_weights
from pykeen_negater.scorers.base import DotProductScorer
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, TAIL


@pytest.fixture
def hidden(graph: Graph) -> np.ndarray:
    known = set(map(tuple, graph.triples.tolist()))
    return np.array([t for t in itertools.product(range(12), range(2), range(12)) if t not in known])[::5]


def scores_of(scorers: list[DotProductScorer]) -> list[AnswerScores]:
    return [Judge.of([scorer], [1.0], torch.device("cpu")).score for scorer in scorers]


def slow_loss(weights: list[float], scorers: list[DotProductScorer], graph: Graph, triples: np.ndarray) -> float:
    """Compute the cross-entropy of answers among all that the graph does not know, one by one."""
    known = set(map(tuple, graph.triples.tolist()))
    losses = []
    for side in (HEAD, TAIL):
        for triple in triples.tolist():
            scores = []
            for entity in range(graph.num_entities):
                other = list(triple)
                other[side] = entity
                if tuple(other) in known and entity != triple[side]:
                    continue
                parts = [float(it.score_triples(np.array([other]), side)[0]) for it in scorers]
                scores.append(sum(w * x for w, x in zip(weights, parts, strict=True)))
                if entity == triple[side]:
                    right = scores[-1]
            losses.append(np.log(np.exp(scores).sum()) - right)
    return float(np.mean(losses))


def test_weights_make_hidden_answers_as_likely_as_can_be(
    graph: Graph, hidden: np.ndarray, scorers: list[DotProductScorer]
):
    weights = fit_weights(scores_of(scorers), graph, hidden)
    least = slow_loss(weights, scorers, graph, hidden)
    for other in itertools.product([-0.1, 0.0, 0.1], repeat=2):
        moved = [max(0.0, w + step) for w, step in zip(weights, other, strict=True)]
        assert least <= slow_loss(moved, scorers, graph, hidden) + 1e-4


def test_a_scorer_that_knows_weighs_more(graph: Graph, hidden: np.ndarray):
    """One that was made for the hidden triples is trusted, and one that says the contrary is not."""

    class Oracle(Factorization):
        """Scores what is asked by the answers that it was told."""

        def __init__(self, sign: float) -> None:
            super().__init__(graph, dim=2)
            self.table = torch.zeros(2, graph.num_relations, graph.num_entities, graph.num_entities)
            for h, r, t in hidden.tolist():
                self.table[0, r, t, h] = self.table[1, r, h, t] = sign

        def encode_queries(self, entities, relations, side):
            return self.table[side // 2, relations, entities]

        def encode_answers(self, side):
            return torch.eye(graph.num_entities)

    right, wrong = fit_weights(scores_of([Oracle(1.0), Oracle(-1.0)]), graph, hidden)
    assert right > 1
    assert wrong == 0


def test_nothing_hidden_leaves_weights_alike(graph: Graph, scorers: list[DotProductScorer]):
    assert fit_weights(scores_of(scorers), graph, graph.triples[:0]) == [0.5, 0.5]
