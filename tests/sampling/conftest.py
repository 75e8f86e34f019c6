"""What samplers are made for."""

import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def _symmetric_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow loops of symmetric relations, which nearly all relations of Nations are."""
    monkeypatch.setattr("pykeen_negater.sampling.self_loops.MAX_REVERSIBLE", 1.0)


@pytest.fixture(scope="module")
def graph(nations: TriplesFactory) -> Graph:
    """Make the graph of Nations."""
    return Graph.from_factory(nations)
