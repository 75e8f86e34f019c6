"""Triples that read the same, against comparing the readings of their names."""

import numpy as np
import pytest

from pykeen_negater.texts.labels import reading
from pykeen_negater.texts.loading import Texts
from pykeen_negater.texts.readings import Readings, find_readings
from pykeen_negater.triples.graphs import Graph

from ..cases import random_graph

#: Many of which read the same
ENTITIES = ("dog", "Dog", "DOG ", "cat", "caf\u00e9", "cafe\u0301", "New York", "new\u00a0york", "x", "y")
RELATIONS = ("likes", "at", "LIKES")
PHRASES = ("CAT", "not a dog", "Not a  dog")


@pytest.fixture(params=range(3))
def graph(request: pytest.FixtureRequest) -> Graph:
    return random_graph(request.param, len(ENTITIES), len(RELATIONS), 30)


def _read(triple: list[int]) -> tuple[str, str, str]:
    names = [*ENTITIES, *PHRASES]
    return reading(names[triple[0]]), reading(RELATIONS[triple[1]]), reading(names[triple[2]])


def _some_triples(seed: int = 0, size: int = 300) -> np.ndarray:
    sizes = [len(ENTITIES) + len(PHRASES), len(RELATIONS), len(ENTITIES) + len(PHRASES)]
    return np.random.default_rng(seed).integers(sizes, size=(size, 3))


def test_known_is_what_reads_like_a_known_triple(graph: Graph):
    readings = Readings(graph, Texts(ENTITIES, RELATIONS), PHRASES)
    known = {_read(triple) for triple in graph.triples.tolist()}
    asked = _some_triples()
    found = readings.are_known(asked)
    assert found.dtype == bool
    assert found.tolist() == [_read(triple) in known for triple in asked.tolist()]
    assert 0 < found.sum() < len(found)
    assert readings.are_known(graph.triples).all()


def test_alike_is_what_reads_the_same(graph: Graph):
    readings = Readings(graph, Texts(ENTITIES, RELATIONS), PHRASES)
    first, second = _some_triples(1), _some_triples(2)
    second[::2, 1:] = first[::2, 1:]
    expected = [_read(one) == _read(other) for one, other in zip(first.tolist(), second.tolist(), strict=True)]
    assert readings.are_alike(first, second).tolist() == expected
    assert 0 < sum(expected) < len(expected)
    names = [reading(name) for name in (*ENTITIES, *PHRASES)]
    pairs = list(zip(first[:, 0].tolist(), second[:, 0].tolist(), strict=True))
    assert readings.entities_are_alike(first[:, 0], second[:, 0]).tolist() == [names[a] == names[b] for a, b in pairs]


def test_nothing_asked(graph: Graph):
    readings = Readings(graph, Texts(ENTITIES, RELATIONS))
    nothing = np.zeros((0, 3), dtype=np.int64)
    assert readings.are_known(nothing).shape == readings.are_alike(nothing, nothing).shape == (0,)


def test_where_all_names_differ_there_is_nothing_to_know(graph: Graph):
    different = Texts(tuple(f"entity {i}" for i in range(graph.num_entities)), ("r", "s", "t"))
    assert find_readings(graph, None) is None
    assert find_readings(graph, different) is None
    assert not Readings(graph, different).some_are_alike
    for texts in (Texts(ENTITIES, ("r", "s", "t")), Texts(different.entities, RELATIONS)):
        readings = find_readings(graph, texts)
        assert readings is not None
        assert readings.some_are_alike
