"""Features of answers against a loop over queries."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from pykeen_negater.guard import features as module
from pykeen_negater.guard.features import Answers, Evidence
from pykeen_negater.scorers.base import Witness
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.triples.entity_types import load_types
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL
from pykeen_negater.triples.queries import Queries

from ..cases import random_graph, random_vectors

NUM_ENTITIES = 20


def make_witnesses(graph: Graph, vectors: np.ndarray, seed: int = 0) -> dict[str, Witness]:
    """Make a probe and a factorisation with random parameters, so that there are no ties."""
    witnesses: dict[str, Witness] = {"probe": Probe(graph, vectors, dim=32), "factors": Factorization(graph, dim=6)}
    generator = torch.Generator().manual_seed(seed)
    for witness in witnesses.values():
        with torch.no_grad():
            for parameter in witness.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 2)
        witness.eval()
    return witnesses


def make_types(num_entities: int = NUM_ENTITIES, num_types: int = 5) -> csr_array:
    return csr_array((np.random.default_rng(7).random((num_entities, num_types)) < 0.3).astype(np.float32))


def make_evidence(graph: Graph, types: csr_array | None = None) -> Evidence:
    vectors = random_vectors(1, graph.num_entities)
    return Evidence(graph, vectors, make_witnesses(graph, vectors), types)


def draw_unknown(queries: Queries, size: int, seed: int = 0) -> Answers:
    """Draw answers that are not known, in any order and with duplicates."""
    generator = np.random.default_rng(seed)
    drawn = Answers(
        generator.integers(len(queries), size=size), generator.integers(queries.graph.num_entities, size=size)
    )
    kept = [
        entity not in queries.answers[queries.offsets[query] : queries.offsets[query + 1]]
        for query, entity in zip(drawn.queries, drawn.entities, strict=True)
    ]
    return Answers(drawn.queries[kept], drawn.entities[kept])


class Oracle:
    """Computes what is known about one answer at a time."""

    def __init__(self, evidence: Evidence, queries: Queries, top: int) -> None:
        self.evidence, self.queries, self.top = evidence, queries, top
        self.triples = [tuple(triple) for triple in evidence.graph.triples.tolist()]

    def known(self, query: int) -> list[int]:
        return self.queries.answers[self.queries.offsets[query] : self.queries.offsets[query + 1]].tolist()

    def slot(self, relation: int, side: int) -> set[int]:
        return {triple[side] for triple in self.triples if triple[RELATION] == relation}

    def degree(self, entity: int) -> float:
        return math.log1p(sum((triple[HEAD] == entity) + (triple[TAIL] == entity) for triple in self.triples))

    def scores(self, name: str, query: int) -> dict[int, float]:
        """Score all answers to a query that are not known."""
        side, relation = int(self.queries.sides[query]), int(self.queries.relations[query])
        others = [entity for entity in range(self.evidence.graph.num_entities) if entity not in self.known(query)]
        triples = np.array([[0, relation, 0]] * len(others))
        triples[:, 2 - side], triples[:, side] = self.queries.entities[query], others
        scores = self.evidence.witnesses[name].score_triples(triples, side).astype(np.float64).tolist()
        return dict(zip(others, scores, strict=True))

    def brought_up(self) -> set[tuple[int, int]]:
        """Find the best answers to each query of each witness."""
        best = set()
        for query in range(len(self.queries)):
            for name in self.evidence.witnesses:
                scores = self.scores(name, query)
                best |= {(query, entity) for entity in sorted(scores, key=lambda e: -scores[e])[: self.top]}
        return best

    def features(self, query: int, entity: int) -> list[float]:
        side, relation = int(self.queries.sides[query]), int(self.queries.relations[query])
        result = []
        for name in self.evidence.witnesses:
            scores = self.scores(name, query)
            rank = sum(score > scores[entity] for score in scores.values())
            total = math.log(sum(math.exp(score) for score in scores.values()))
            result += [scores[entity], scores[entity] - total, math.log1p(min(rank, self.top))]
        vectors = random_vectors(1, self.evidence.graph.num_entities).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        counts = [
            math.log1p(len({t[side] for t in self.triples if t[RELATION] == relation and t[2 - side] == given}))
            for given in self.slot(relation, 2 - side)
        ]
        result += [
            max(float(vectors[entity] @ vectors[other]) for other in self.known(query)),
            float(entity in self.slot(relation, side)),
            math.log1p(len(self.known(query))),
            float(np.mean(counts)) if counts else 0.0,
            math.log1p(len(self.slot(relation, side))),
            self.degree(entity),
            self.degree(int(self.queries.entities[query])),
        ]
        if self.evidence.types is not None:
            types, slot = self.evidence.types.toarray(), sorted(self.slot(relation, side))
            shares = [types[slot, j].mean() if slot and types[entity, j] else 0.0 for j in range(types.shape[1])]
            result.append(float(max(shares)))
        return result


def _pairs(answers: Answers) -> list[tuple[int, int]]:
    return list(zip(answers.queries.tolist(), answers.entities.tolist(), strict=True))


def _check(evidence: Evidence, queries: Queries, bring_up: bool, top: int) -> np.ndarray:
    requested = draw_unknown(queries, 60)
    answers, features = evidence.gather(queries, requested, bring_up)
    oracle = Oracle(evidence, queries, top)
    expected = set(_pairs(requested)) | (oracle.brought_up() if bring_up else set())
    assert _pairs(answers) == sorted(expected)
    assert features.shape == (len(answers), len(evidence.names))
    assert features.dtype == np.float32
    slow = [oracle.features(query, entity) for query, entity in _pairs(answers)]
    np.testing.assert_allclose(features, slow, rtol=1e-3, atol=1e-3)
    return features


@pytest.mark.parametrize("with_types", [False, True])
@pytest.mark.parametrize("bring_up", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_features_agree_with_a_loop(monkeypatch, seed, bring_up, with_types):
    monkeypatch.setattr(module, "TOP", 3)
    graph = random_graph(seed, NUM_ENTITIES)
    evidence = make_evidence(graph, make_types() if with_types else None)
    features = _check(evidence, Queries.from_graph(graph), bring_up, 3)
    # no feature is the same for all
    assert (np.ptp(features, axis=0) > 0).all()


def test_chunks_do_not_matter(monkeypatch):
    graph = random_graph(3, NUM_ENTITIES)
    queries = Queries.from_graph(graph)
    evidence, requested = make_evidence(graph, make_types()), draw_unknown(Queries.from_graph(graph), 80)
    whole = evidence.gather(queries, requested, bring_up=True)
    monkeypatch.setattr(module, "MAX_SCORES", 3 * NUM_ENTITIES)
    pieces = evidence.gather(queries, requested, bring_up=True)
    assert _pairs(pieces[0]) == _pairs(whole[0])
    np.testing.assert_allclose(pieces[1], whole[1], rtol=1e-4, atol=1e-5)


def test_queries_of_a_larger_graph(monkeypatch):
    """As when risks are assessed: answers are known that the evidence has never seen."""
    monkeypatch.setattr(module, "TOP", 3)
    graph = random_graph(4, NUM_ENTITIES)
    visible = Graph.from_triples(graph.triples[::2], graph.num_entities, graph.num_relations)
    _check(make_evidence(visible, make_types()), Queries.from_graph(graph), True, 3)


def test_relation_without_visible_triples(monkeypatch):
    """All triples of a relation may be hidden, so that its slots are empty."""
    monkeypatch.setattr(module, "TOP", 3)
    graph = random_graph(5, NUM_ENTITIES)
    for relation in range(3):
        triples = graph.triples[graph.triples[:, RELATION] != relation]
        visible = Graph.from_triples(triples, graph.num_entities, graph.num_relations)
        _check(make_evidence(visible, make_types()), Queries.from_graph(graph), False, 3)


def test_with_fewer_entities_than_a_witness_brings_up():
    """Known answers are never brought up, however few others there are."""
    graph = random_graph(0, 6, num_triples=60)
    queries = Queries.from_graph(graph)
    evidence = make_evidence(graph)
    answers, features = evidence.gather(queries, draw_unknown(queries, 5), bring_up=True)
    known = {(i, e) for i in range(len(queries)) for e in queries.answers[queries.offsets[i] : queries.offsets[i + 1]]}
    assert set(_pairs(answers)) == {(i, e) for i in range(len(queries)) for e in range(6)} - known
    assert np.isfinite(features).all()
    assert evidence.brought_up(features).all()


def test_nothing_requested():
    graph = random_graph()
    nothing = Answers(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    for types in (None, make_types()):
        evidence = make_evidence(graph, types)
        answers, features = evidence.gather(Queries.from_graph(graph), nothing, bring_up=False)
        assert len(answers) == 0
        assert features.shape == (0, len(evidence.names))
        assert not len(evidence.brought_up(features))


def test_no_type_is_left():
    """Where no two entities share a type, types say nothing, but break nothing either."""
    labels = tuple(f"e{i}" for i in range(NUM_ENTITIES))
    drawn = random_graph(0, NUM_ENTITIES)
    graph = Graph.from_triples(drawn.triples, NUM_ENTITIES, drawn.num_relations, labels)
    types = load_types(graph, {label: label for label in labels})
    evidence = make_evidence(graph, types)
    queries = Queries.from_graph(graph)
    _, features = evidence.gather(queries, draw_unknown(queries, 20), bring_up=False)
    assert features.shape == (len(features), len(evidence.names))
    assert len(features)
    assert np.isfinite(features).all()


@pytest.mark.parametrize("size", [40, 200])
def test_brought_up_are_those_among_the_best_of_a_witness(size):
    graph = random_graph(0, size, num_triples=30)
    queries, evidence = Queries.from_graph(graph), make_evidence(graph)
    everything = np.arange(len(queries) * size)
    known = Answers(np.repeat(np.arange(len(queries)), queries.num_answers), queries.answers).keys(size)
    unknown = Answers.from_keys(np.setdiff1d(everything, known), size)
    answers, features = evidence.gather(queries, unknown, bring_up=False)
    found = {pair for pair, f in zip(_pairs(answers), evidence.brought_up(features), strict=True) if f}
    assert found == Oracle(evidence, queries, min(module.TOP, size)).brought_up()
    assert (len(found) == len(answers)) == (size == 40)


def test_names_say_which_columns_are_ranks():
    graph = random_graph()
    names = make_evidence(graph).names
    assert [name for name in names if name.startswith("log-rank")] == [
        "log-rank of the probe",
        "log-rank of the factors",
    ]
    assert len(set(names)) == len(names) == 13
    assert len(make_evidence(graph, make_types()).names) == 14


def test_keys_of_answers_round_trip():
    answers = Answers(np.array([0, 3, 3, 11]), np.array([19, 0, 19, 7]))
    assert answers.keys(20).tolist() == [19, 60, 79, 227]
    assert _pairs(Answers.from_keys(answers.keys(20), 20)) == _pairs(answers)


def test_similarity_of_known_directions():
    """The most similar of the known answers counts, whatever the lengths of vectors."""
    graph = Graph.from_triples(np.array([[0, 0, 1], [0, 0, 2]]), 5, 1)
    vectors = np.array([[0, 0], [2, 0], [0, 5], [3, 3], [-1, 0]], dtype=np.float32)
    evidence = Evidence(graph, vectors, {})
    queries = Queries.from_graph(graph, ("tail",))
    answers, features = evidence.gather(queries, Answers(np.zeros(2, dtype=np.int64), np.array([3, 4])), True)
    assert _pairs(answers) == [(0, 3), (0, 4)]
    column = evidence.names.index("similarity to a known answer")
    np.testing.assert_allclose(features[:, column], [math.sqrt(0.5), 0.0], atol=1e-6)
    assert not evidence.brought_up(features).any()


def test_sides_are_told_apart():
    """What was seen as a head was not seen as a tail."""
    graph = Graph.from_triples(np.array([[0, 0, 1], [2, 0, 3]]), 5, 1)
    evidence = Evidence(graph, random_vectors(1, 5), {})
    queries = Queries.from_graph(graph)
    column = evidence.names.index("in the slot")
    in_slot = {}
    for side, (wrong, right) in {HEAD: (3, 2), TAIL: (2, 3)}.items():
        row = int(queries.find(np.array([side]), np.array([[0, 0, 1]]))[0])
        features = evidence.gather(queries, Answers(np.array([row, row]), np.sort([wrong, right])), False)[1]
        in_slot[side] = dict(zip(sorted([wrong, right]), features[:, column].tolist(), strict=True))
    assert in_slot == {HEAD: {2: 1.0, 3: 0.0}, TAIL: {2: 0.0, 3: 1.0}}
