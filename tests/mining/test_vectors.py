"""Vectors of entities, and the index of their neighbours, from the encoder or the cache."""

from pathlib import Path

import numpy as np
import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater.embeddings.encoders import StructuralEncoder
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.mining.vectors import EntityVectors
from pykeen_negater.rankers.measurements import Measurements
from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def graph(nations: TriplesFactory) -> Graph:
    """Make the graph of Nations."""
    return Graph.from_factory(nations)


@pytest.fixture
def vectors(graph: Graph, empty_cache: Path) -> EntityVectors:
    """Make vectors that nobody has computed before."""
    return Miner(graph, MiningSettings(encoder="structural", ranker="similarity", candidates="slot")).vectors


def test_entities_are_encoded_once(graph: Graph, vectors: EntityVectors, monkeypatch: pytest.MonkeyPatch):
    first, measured = vectors.encode(graph)
    assert first.shape[0] == graph.num_entities
    assert np.isfinite(first).all()
    assert measured.counts == {}
    assert set(measured.durations) == {"encode"}
    monkeypatch.setattr(StructuralEncoder, "encode", lambda *args: pytest.fail("encoded again"))
    again, measured = vectors.encode(graph)
    assert measured == Measurements()
    assert np.array_equal(first, again)


def test_neighbours_are_those_of_the_vectors(graph: Graph, vectors: EntityVectors):
    index, measured = vectors.neighbor_index()
    assert {"encode", "index"} <= set(measured.durations)
    encoded, _ = vectors.encode(graph)
    unit = encoded / np.linalg.norm(encoded, axis=1, keepdims=True)
    nearest = np.argsort(-(unit @ unit.T - 3 * np.eye(len(unit))), axis=1)[:, 0]
    others = index.vectors / np.linalg.norm(index.vectors, axis=1, keepdims=True)
    assert np.array_equal(np.argsort(-(others @ others.T - 3 * np.eye(len(others))), axis=1)[:, 0], nearest)
