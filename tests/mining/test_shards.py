"""Every triple is in one shard of each side."""

from itertools import pairwise

import numpy as np
import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater.mining.shards import Shards
from pykeen_negater.triples.graphs import Graph

from ..cases import random_graph


def test_every_triple_is_in_one_shard_of_each_side(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", 100)
    graph = Graph.from_factory(nations)
    shards = Shards(graph)
    for side in (0, 1, 2):
        rows = [shards.rows(i)[side] for i in range(len(shards))]
        assert max(map(len, rows)) == 100
        assert sorted(np.concatenate(rows).tolist()) == list(range(len(graph)))


@pytest.mark.parametrize("size", [1, 8_191, 8_192, 8_193, 32_888])
def test_shards_hold_the_triples_that_there_are(size: int):
    graph = random_graph(0, num_entities=300, num_relations=2, num_triples=size)
    shards = Shards(graph)
    counts = [shards.num_triples(i) for i in range(len(shards))]
    assert counts == [len(shards.rows(i)[0]) for i in range(len(shards))]
    assert sum(counts) == len(graph)


@pytest.mark.parametrize("size", [7, 50, 1_000])
def test_triples_of_a_query_follow_each_other(size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", size)
    graph = random_graph(0, num_triples=300)
    shards = Shards(graph)
    for side in (0, 2):
        order = np.concatenate([shards.rows(i)[side] for i in range(len(shards))])
        queries = [(relation, (tail, head)[side // 2]) for head, relation, tail in graph.triples[order].tolist()]
        # whoever comes again has not been left
        changes = [a != b for a, b in pairwise(queries)]
        assert 1 + sum(changes) == len(set(queries))
    assert len(shards) == -(-len(graph) // size)
