"""What mining is going to do is a bound, and is said before it is done."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.planning import expected_range, max_candidates
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.rankers.fine_tuned import ThresholdsRanker
from pykeen_negater.rankers.similarity import SimilarityRanker
from pykeen_negater.runtime.progress import Step
from pykeen_negater.scorers.base import DotProductScorer, Training
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.utils.durations import duration_range

from ..cases import random_graph
from .cases import FAST

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_plan_is_a_bound(nations: TriplesFactory):
    graph = Graph.from_factory(nations)
    for settings in (
        MiningSettings(**FAST),
        MiningSettings(**FAST, k=3, corruption_scheme=("h", "r")),
        MiningSettings(**FAST, keep_scores=True),
        MiningSettings(encoder="structural"),
    ):
        miner = Miner(graph, settings)
        plan = miner.plan()
        pools = miner.mine()
        size = pools.path.joinpath("pools.safetensors").stat().st_size
        assert pools.metadata["statistics"]["candidates"] <= plan.num_candidates
        assert size <= plan.num_bytes + 1000
        assert str(plan.num_triples)[:1] in str(plan)


def test_plan_is_made_from_a_part_of_a_large_graph(monkeypatch: pytest.MonkeyPatch):
    graph = random_graph(0, num_entities=3_000, num_relations=5, num_triples=6_000)
    timed: list[int] = []

    def estimate(scorer: DotProductScorer, triples: np.ndarray, training: Training) -> float:
        """Let a step take a second, and as much for each 1,000 entities of a factorization."""
        size = max(len(parameter) for parameter in scorer.parameters())
        timed.append(size)
        steps = training.epochs * -(-len(triples) // training.batch_size)
        return steps * ((len(triples) > 1) + (size / 1_000 if isinstance(scorer, Factorization) else 0))

    monkeypatch.setattr("pykeen_negater.mining.planning.estimate_training", estimate)
    settings = MiningSettings(encoder="structural", ranker="similarity")
    whole = Miner(graph, settings).plan()
    assert max(timed) == 3_000
    timed.clear()
    monkeypatch.setattr("pykeen_negater.mining.planning.MAX_TIMED_ENTITIES", 600)
    part = Miner(graph, settings).plan()
    assert max(timed) == 600
    for step in (Step.PROBE, Step.FACTORIZATION):
        assert part.steps[step] == pytest.approx(whole.steps[step], rel=1e-6)
    assert replace(part, steps={}) == replace(whole, steps={})


def test_plan_estimates_every_step(nations: TriplesFactory):
    graph = Graph.from_factory(nations)
    plan = Miner(graph, MiningSettings(encoder="structural")).plan()
    steps = [Step.ENCODE, Step.ENCODE_VISIBLE, Step.PROBE, Step.FACTORIZATION, Step.FEATURES, Step.GUARD, Step.MINE]
    assert list(plan.steps) == steps
    assert min(plan.steps.values()) > 0
    low, high = plan.seconds
    assert 0 < low < sum(plan.steps.values()) < high
    assert duration_range(low, high) in str(plan)
    # several processes share the last step
    shared = Miner(graph, MiningSettings(encoder="structural", guard=None, ranker="similarity")).plan(2)
    assert list(shared.steps) == [Step.ENCODE]


def test_planning_leaves_randomness_alone(nations: TriplesFactory):
    miner = Miner(Graph.from_factory(nations), MiningSettings(encoder="structural"))
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(2).tolist(), np.random.rand(2).tolist()
    torch.manual_seed(3)
    np.random.seed(3)
    miner.plan()
    assert (torch.rand(2).tolist(), np.random.rand(2).tolist()) == expected


def test_plan_says_what_a_budget_saves(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    graph = Graph.from_factory(nations)
    monkeypatch.setattr("pykeen_negater.mining.planning.MUCH_MEMORY", 100_000)
    plans = {
        count: Miner(graph, MiningSettings(encoder="structural", ranker="thresholds", max_candidates=count)).plan()
        for count in (500, None)
    }
    assert "memory" not in str(plans[500])
    assert "What is scored takes up to" in str(plans[None])
    assert plans[None].num_held_bytes == 100 * plans[None].num_scored


def test_a_range_is_around_the_estimate():
    low, high = expected_range(10.0)
    assert (low, high) == (7.0, 15.0)


@pytest.mark.parametrize("budget", [None, 7])
def test_only_expensive_rankers_have_a_budget(budget: int | None, tiny_bert: str):
    settings = MiningSettings(max_candidates=budget)
    assert max_candidates(settings, SimilarityRanker()) is None
    assert max_candidates(settings, ThresholdsRanker(language_model=tiny_bert)) == budget
