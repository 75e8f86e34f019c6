"""Queries and their answers against dictionaries."""

import itertools

import numpy as np
import pytest
import torch

from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL
from pykeen_negater.triples.queries import Queries

from ..cases import random_graph

#: A query: the side that is asked for, the relation, the entity that is given
Query = tuple[int, int, int]


def _oracle(graph: Graph, sides: tuple[int, ...] = (HEAD, TAIL)) -> dict[Query, set[int]]:
    """Collect the answers of every query in the plainest way."""
    answers: dict[Query, set[int]] = {}
    for triple in graph.triples.tolist():
        for side in sides:
            answers.setdefault((side, triple[RELATION], triple[2 - side]), set()).add(triple[side])
    return answers


def _plain(queries: Queries) -> list[tuple[Query, list[int]]]:
    """Turn queries into plain values."""
    keys = zip(queries.sides.tolist(), queries.relations.tolist(), queries.entities.tolist(), strict=True)
    bounds = queries.offsets.tolist()
    answers = [queries.answers[low:high].tolist() for low, high in itertools.pairwise(bounds)]
    return list(zip(keys, answers, strict=True))


def _expected(answers: dict[Query, set[int]]) -> list[tuple[Query, list[int]]]:
    return [(query, sorted(answers[query])) for query in sorted(answers)]


@pytest.mark.parametrize("seed", range(3))
def test_queries_and_answers_agree_with_a_dictionary(seed):
    graph = random_graph(seed, num_entities=9, num_triples=80)
    queries = Queries.from_graph(graph)
    assert _plain(queries) == _expected(_oracle(graph))
    assert len(queries) == len(_oracle(graph))
    assert queries.num_answers.tolist() == [len(answers) for _, answers in _plain(queries)]
    assert queries.num_answers.sum() == 2 * len(graph)


@pytest.mark.parametrize(
    ("scheme", "sides"),
    [
        (("head",), (HEAD,)),
        (("tail",), (TAIL,)),
        (("tail", "head"), (HEAD, TAIL)),
        (("head", "relation", "tail"), (HEAD, TAIL)),
    ],
)
def test_corruption_scheme_chooses_the_sides(scheme, sides):
    graph = random_graph()
    assert _plain(Queries.from_graph(graph, scheme)) == _expected(_oracle(graph, sides))


def test_relations_are_not_asked_for():
    graph = random_graph()
    queries = Queries.from_graph(graph, ("relation",))
    assert len(queries) == len(queries.num_answers) == len(queries.answers) == 0
    assert queries.find(np.full(len(graph), TAIL), graph.triples).tolist() == [-1] * len(graph)
    assert list(queries.chunks(5)) == []


@pytest.mark.parametrize("side", [HEAD, TAIL])
def test_find_agrees_with_a_dictionary(side):
    graph = random_graph(1, num_entities=8, num_triples=30)
    queries = Queries.from_graph(graph)
    positions = {query: i for i, (query, _) in enumerate(_plain(queries))}
    asked = np.random.default_rng(0).integers((8, 4, 8), size=(300, 3))
    expected = [positions.get((side, triple[RELATION], triple[2 - side]), -1) for triple in asked.tolist()]
    assert queries.find(np.full(300, side), asked).tolist() == expected
    assert 0 < expected.count(-1) < 300


def test_find_on_sides_that_differ():
    graph = random_graph(2)
    queries = Queries.from_graph(graph)
    sides = np.random.default_rng(0).choice([HEAD, TAIL], size=len(graph))
    found = queries.find(sides, graph.triples)
    expected = [
        (int(s), triple[RELATION], triple[2 - s]) for s, triple in zip(sides, graph.triples.tolist(), strict=True)
    ]
    assert [_plain(queries)[i][0] for i in found] == expected


@pytest.mark.parametrize("num_relations", [60, 100, 300])
def test_find_takes_sides_of_any_type(num_relations):
    """Sides of candidates are bytes, and twice the number of relations may not fit into one."""
    graph = random_graph(0, num_relations=num_relations, num_triples=200)
    queries = Queries.from_graph(graph)
    for side in (HEAD, TAIL):
        found = queries.find(np.full(len(graph), side, dtype=np.int8), graph.triples)
        assert found.tolist() == queries.find(np.full(len(graph), side), graph.triples).tolist()
        assert (found >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_select_keeps_some(seed):
    queries = Queries.from_graph(random_graph(seed))
    kept = np.flatnonzero(np.random.default_rng(seed).random(len(queries)) < 0.4)
    assert _plain(queries.select(kept)) == [_plain(queries)[i] for i in kept]
    assert len(queries.select(kept[:0])) == len(queries.select(kept[:0]).answers) == 0


def test_selected_queries_find_their_own_positions():
    queries = Queries.from_graph(random_graph())
    kept = queries.select(np.arange(1, len(queries), 2))
    sides = np.repeat(kept.sides, kept.num_answers)
    triples = np.empty((len(sides), 3), dtype=np.int64)
    given, rows = np.repeat(kept.entities, kept.num_answers), np.arange(len(sides))
    triples[:, RELATION] = np.repeat(kept.relations, kept.num_answers)
    triples[rows, sides], triples[rows, 2 - sides] = kept.answers, given
    assert queries.graph.index.contains(torch.from_numpy(triples)).all()
    assert kept.find(sides, triples).tolist() == np.repeat(np.arange(len(kept)), kept.num_answers).tolist()
    others = queries.select(np.arange(0, len(queries), 2))
    assert (others.find(sides, triples) == -1).all()


@pytest.mark.parametrize("size", [1, 4, 7, 1000])
def test_chunks_have_one_side_each_and_make_up_the_whole(size):
    queries = Queries.from_graph(random_graph())
    total = []
    for first, chunk in queries.chunks(size):
        assert first == len(total)
        assert 0 < len(chunk) <= size
        assert len(set(chunk.sides.tolist())) == 1
        total += _plain(chunk)
    assert total == _plain(queries)
