"""The judge, against plain definitions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater.distillation.judge import Judge, find_judge
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.scorers import cached
from pykeen_negater.scorers.base import DotProductScorer
from pykeen_negater.storage.cache import Cache
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

CPU = torch.device("cpu")


@pytest.mark.parametrize("side", [HEAD, TAIL])
def test_scores_are_weighted_sums(graph: Graph, scorers: list[DotProductScorer], side: int):
    judge = Judge.of(scorers, [0.7, 0.2], CPU)
    triples = torch.from_numpy(graph.triples[::9])
    scores = judge.score(triples[:, 2 - side], triples[:, RELATION], side)
    assert scores.shape == (len(triples), graph.num_entities)
    expected = sum(
        weight * scorer.score_triples(triples.numpy(), side) for weight, scorer in zip([0.7, 0.2], scorers, strict=True)
    )
    np.testing.assert_allclose(scores.gather(1, triples[:, side : side + 1]).squeeze(1), expected, rtol=1e-4, atol=1e-4)


def test_a_judge_is_trained_once(nations: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    graph, cache = Graph.from_factory(nations), Cache(tmp_path)
    vectors = Miner(graph, MiningSettings(encoder="structural"), cache=cache).vectors
    judge = find_judge(vectors, cache, 0, CPU)
    assert all(weight >= 0 for weight in judge.weights)
    with monkeypatch.context() as patch:
        patch.setattr(cached, "train_scorer", lambda *_: pytest.fail("trained again"))
        again = find_judge(vectors, cache, 0, CPU)
    assert again.weights == judge.weights
    entities, relations = torch.arange(5), torch.zeros(5, dtype=torch.long)
    assert torch.equal(again.score(entities, relations, TAIL), judge.score(entities, relations, TAIL))
    other = find_judge(vectors, cache, 1, CPU)
    assert other.weights != judge.weights


def test_a_judge_ranks_hidden_answers_better_than_chance(nations: TriplesFactory, tmp_path: Path):
    graph, cache = Graph.from_factory(nations), Cache(tmp_path)
    visible = Graph.from_triples(graph.triples[100:], graph.num_entities, graph.num_relations)
    vectors = Miner(visible, MiningSettings(encoder="structural"), cache=cache).vectors
    judge = find_judge(vectors, cache, 0, CPU)
    unseen = torch.from_numpy(graph.triples[:100])
    scores = judge.score(unseen[:, HEAD], unseen[:, RELATION], TAIL)
    ranks = (scores > scores.gather(1, unseen[:, TAIL:])).sum(dim=1)
    assert ranks.float().mean() < (graph.num_entities - 1) / 2 - 1
