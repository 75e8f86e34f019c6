"""A small graph, and untrained scorers of it."""

import pytest

from pykeen_negater.scorers.base import DotProductScorer
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.triples.graphs import Graph

from ..cases import random_graph, randomize


@pytest.fixture
def graph() -> Graph:
    return random_graph(0, 12, 2, 80)


@pytest.fixture
def scorers(graph: Graph) -> list[DotProductScorer]:
    return [randomize(Factorization(graph, dim=4), seed) for seed in (1, 2)]
