"""Random corruptions against sets."""

import numpy as np
import pytest

from pykeen_negater.corruption.corruptions import corrupt_at_random
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

from ..cases import random_graph

SIDES = [HEAD, RELATION, TAIL]


def _set(triples: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, triples.tolist()))


def _is_subsequence_but_for(side: int, corrupted: np.ndarray, triples: np.ndarray) -> bool:
    """Tell whether each corruption is one of a triple, in order, that differs at the side and nowhere else."""
    others = [column for column in SIDES if column != side]
    positives = iter(triples.tolist())
    return all(
        any(
            [positive[i] for i in others] == [corruption[i] for i in others] and positive[side] != corruption[side]
            for positive in positives
        )
        for corruption in corrupted.tolist()
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_never_known_nor_the_positive_itself(side, share, seed):
    # dense, so that many first draws are known
    graph = random_graph(seed, num_entities=8, num_relations=4, num_triples=120)
    triples = np.random.default_rng(seed).permutation(graph.triples)
    before = triples.copy()
    corrupted = corrupt_at_random(graph, triples, side, share, np.random.default_rng(seed))
    assert 0 < len(corrupted) <= len(triples)
    assert corrupted.dtype == np.int64
    assert not _set(corrupted) & _set(graph.triples)
    assert _is_subsequence_but_for(side, corrupted, triples)
    assert corrupted.min() >= 0
    assert (corrupted.max(axis=0) < [8, 4, 8]).all()
    np.testing.assert_array_equal(triples, before)


@pytest.mark.parametrize("side", [HEAD, TAIL])
def test_stays_in_slot_where_the_slot_has_alternatives(side):
    graph = random_graph(0, num_entities=60, num_relations=5, num_triples=80)
    slots: dict[int, set[int]] = {}
    for triple in graph.triples.tolist():
        slots.setdefault(triple[RELATION], set()).add(triple[side])
    corrupted = corrupt_at_random(graph, graph.triples, side, 1.0, np.random.default_rng(0))
    # 15 entities to a slot and few known triples: five attempts suffice for everyone
    assert len(corrupted) == len(graph)
    assert all(row[side] in slots[row[RELATION]] for row in corrupted.tolist())
    # and every part of a slot is used
    many = corrupt_at_random(graph, graph.triples.repeat(30, axis=0), side, 1.0, np.random.default_rng(0))
    for relation, slot in slots.items():
        assert set(many[many[:, RELATION] == relation, side].tolist()) == slot


@pytest.mark.parametrize("side", [HEAD, TAIL])
def test_share_zero_goes_anywhere(side):
    graph = Graph.from_triples(np.array([[0, 0, 1], [2, 0, 3]]), 10, 1)
    corrupted = corrupt_at_random(graph, graph.triples.repeat(100, axis=0), side, 0.0, np.random.default_rng(0))
    assert set(corrupted[:, side].tolist()) == set(range(10))


def test_share_is_a_probability():
    triples = np.array([[i, 0, 500 + i] for i in range(10)])
    graph = Graph.from_triples(triples, 1000, 1)
    corrupted = corrupt_at_random(graph, triples.repeat(200, axis=0), HEAD, 0.3, np.random.default_rng(0))
    assert abs((corrupted[:, HEAD] < 10).mean() - 0.3) < 0.05


def test_slot_without_entities_falls_back_to_anywhere():
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 10, 2)
    positives = np.array([[3, 1, 4]] * 100)
    corrupted = corrupt_at_random(graph, positives, TAIL, 1.0, np.random.default_rng(0))
    assert set(corrupted[:, TAIL].tolist()) == set(range(10)) - {4}


def test_positives_outside_the_graph_are_never_returned():
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 3, 2)
    for side in SIDES:
        positives = np.array([[2, 1, 2]] * 50)
        corrupted = corrupt_at_random(graph, positives, side, 0.5, np.random.default_rng(0))
        assert len(corrupted)
        assert (2, 1, 2) not in _set(corrupted)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_complete_graph_has_no_corruptions(side, share):
    triples = np.stack(np.meshgrid(range(3), range(2), range(3)), axis=-1).reshape(-1, 3)
    graph = Graph.from_triples(triples, 3, 2)
    assert corrupt_at_random(graph, graph.triples, side, share, np.random.default_rng(0)).shape == (0, 3)


@pytest.mark.parametrize("side", SIDES)
def test_no_triples(side):
    empty = np.empty((0, 3), dtype=np.int64)
    assert corrupt_at_random(random_graph(), empty, side, 0.5, np.random.default_rng(0)).shape == (0, 3)


@pytest.mark.parametrize("side", SIDES)
def test_same_seed_gives_the_same(side):
    graph = random_graph()
    first, again, other = (
        corrupt_at_random(graph, graph.triples, side, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist()
