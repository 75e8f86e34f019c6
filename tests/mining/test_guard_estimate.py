"""How long the guard takes is estimated from how many answers there are, which a loop counts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pykeen_negater.guard.features import TOP_K
from pykeen_negater.mining import guard_estimate
from pykeen_negater.mining.guard_estimate import estimate_guard
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.runtime.progress import Step
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.queries import Queries

from ..cases import random_graph, random_vectors


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Make a graph with many entities, most of which no triple of a relation knows."""
    return random_graph(0, num_entities=200, num_relations=3, num_triples=400)


@pytest.mark.parametrize("anywhere", [False, True])
@pytest.mark.parametrize("k", [1, 5, 10_000])
def test_answers_match_a_loop(graph: Graph, k: int, anywhere: bool):
    settings = MiningSettings(k=k, candidates="anywhere" if anywhere else "random")
    queries = Queries.from_graph(graph)
    found = guard_estimate._answers(queries, settings)
    assert len(found) == len(queries)
    for i in range(len(queries)):
        side, relation, known = int(queries.sides[i]), int(queries.relations[i]), int(queries.num_answers[i])
        slot = graph.num_entities if anywhere else len(graph.slot(relation, side))
        share = 1 - (1 - min(k / slot, 1)) ** known
        others = max(slot - known, 0)
        top = min(guard_estimate.TOGETHER * TOP_K, graph.num_entities - known)
        expected = others * share + top - share * min(top, others)
        assert found[i] == pytest.approx(min(expected, graph.num_entities - known))
        assert 0 <= found[i] <= graph.num_entities - known


def test_more_candidates_are_more_answers(graph: Graph):
    queries = Queries.from_graph(graph)
    counts = [guard_estimate._answers(queries, MiningSettings(k=k)).sum() for k in (1, 4, 32)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_every_step_takes_time_and_randomness_stays(graph: Graph):
    vectors = random_vectors(0, graph.num_entities)
    scorers = {"PROBE": Probe(graph, vectors), "FACTORIZATION": Factorization(graph)}
    for scorer in scorers.values():
        scorer.reset_parameters()
        scorer.eval()
    before = torch.get_rng_state()
    steps = estimate_guard(graph, graph, MiningSettings(), vectors, scorers)
    assert list(steps) == [Step.FEATURES, Step.GUARD, Step.MINE]
    assert all(np.isfinite(seconds) and seconds > 0 for seconds in steps.values())
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_part_takes_is_multiplied(graph: Graph, monkeypatch: pytest.MonkeyPatch):
    """With a clock and costs that the test sets, all that is left is how many queries and answers there are."""
    monkeypatch.setattr(guard_estimate, "_time_queries", lambda *_: (2.0, np.zeros((20, 3))))
    cost = guard_estimate.RiskModelCost.measure(np.zeros((20, 3), dtype=np.float32))
    monkeypatch.setattr(guard_estimate.RiskModelCost, "measure", lambda _: replace(cost, fit=0.0, predict=0.0))
    part = random_graph(0, num_entities=50, num_relations=3, num_triples=100)
    vectors = random_vectors(0, part.num_entities)
    scorers = {"PROBE": Probe(part, vectors), "FACTORIZATION": Factorization(part)}
    steps = estimate_guard(graph, part, MiningSettings(), vectors, scorers)
    num_queries = len(Queries.from_graph(graph))
    # each query scores four times as many entities
    assert steps[Step.MINE] == pytest.approx(num_queries * 2.0 * 4)
    assert steps[Step.FEATURES] == pytest.approx(min(num_queries, guard_estimate.MAX_QUERIES) * 2.0 * 4)
    assert steps[Step.GUARD] == 0
