"""Entities within some hops, against a breadth-first search."""

from collections import Counter

import numpy as np
import pytest

from pykeen_negater.corruption import neighborhoods
from pykeen_negater.corruption.neighborhoods import adjacency, draw_within_hops
from pykeen_negater.triples.indexing import HEAD

from ..cases import random_graph
from .conftest import within_hops


@pytest.mark.parametrize("k", [1, 2, 3, 50])
@pytest.mark.parametrize("max_pairs", [1, 100, 2**22])
def test_agrees_with_breadth_first_search(k: int, max_pairs: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighborhoods, "MAX_PAIRS", max_pairs)
    graph = random_graph(0, num_entities=30, num_triples=35)
    generator = np.random.default_rng(0)
    anchors, excluded = (np.repeat(generator.integers(30, size=60), 120) for _ in range(2))
    drawn = draw_within_hops(adjacency(graph), anchors, excluded, k, np.random.default_rng(1))
    for i in range(0, len(anchors), 120):
        found = set(drawn[i : i + 120].tolist())
        expected = within_hops(graph, anchors[i], k) - {excluded[i]}
        if expected:
            assert found <= expected
            assert len(expected) > 15 or found == expected
        else:
            assert found == {excluded[i]}


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch):
    graph = random_graph()
    anchors, excluded = np.random.default_rng(0).integers(20, size=(2, 200))
    drawn = []
    for max_pairs in (1, 2**22):
        monkeypatch.setattr(neighborhoods, "MAX_PAIRS", max_pairs)
        drawn.append(draw_within_hops(adjacency(graph), anchors, excluded, 2, np.random.default_rng(0)))
    np.testing.assert_array_equal(*drawn)


def test_every_neighbour_is_as_likely():
    graph = random_graph(0, num_entities=30, num_triples=35)
    anchor = int(graph.triples[0, HEAD])
    options = within_hops(graph, anchor, 2)
    excluded = max(options)
    size = 400 * (len(options) - 1)
    drawn = draw_within_hops(
        adjacency(graph), np.full(size, anchor), np.full(size, excluded), 2, np.random.default_rng(0)
    )
    counts = Counter(drawn.tolist())
    assert counts.keys() == options - {excluded}
    # five standard deviations of a count
    assert all(abs(count - 400) < 5 * 20 for count in counts.values())
