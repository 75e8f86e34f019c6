"""Features of answers against a loop over queries."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from pykeen_negater.guard import features as module
from pykeen_negater.guard.features import Answers, FeatureExtractor
from pykeen_negater.scorers.base import DotProductScorer
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.triples.entity_types import load_types
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL
from pykeen_negater.triples.queries import Queries

from ..cases import random_graph, random_vectors

NUM_ENTITIES = 20


def make_scorers(graph: Graph, vectors: np.ndarray, seed: int = 0) -> dict[str, DotProductScorer]:
    """Make a probe and a factorization with random parameters, so that there are no ties."""
    scorers: dict[str, DotProductScorer] = {
        "probe": Probe(graph, vectors, dim=32),
        "factors": Factorization(graph, dim=6),
    }
    generator = torch.Generator().manual_seed(seed)
    for scorer in scorers.values():
        with torch.no_grad():
            for parameter in scorer.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 2)
        scorer.eval()
    return scorers


def make_types(num_entities: int = NUM_ENTITIES, num_types: int = 5) -> csr_array:
    return csr_array((np.random.default_rng(7).random((num_entities, num_types)) < 0.3).astype(np.float32))


def make_extractor(graph: Graph, types: csr_array | None = None) -> FeatureExtractor:
    vectors = random_vectors(1, graph.num_entities)
    return FeatureExtractor(graph, vectors, make_scorers(graph, vectors), types)


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

    def __init__(self, extractor: FeatureExtractor, queries: Queries, top: int) -> None:
        self.extractor, self.queries, self.top = extractor, queries, top
        self.triples = [tuple(triple) for triple in extractor.graph.triples.tolist()]

    def known(self, query: int) -> list[int]:
        return self.queries.answers[self.queries.offsets[query] : self.queries.offsets[query + 1]].tolist()

    def slot(self, relation: int, side: int) -> set[int]:
        return {triple[side] for triple in self.triples if triple[RELATION] == relation}

    def degree(self, entity: int) -> float:
        return math.log1p(sum((triple[HEAD] == entity) + (triple[TAIL] == entity) for triple in self.triples))

    def scores(self, name: str, query: int) -> dict[int, float]:
        """Score all answers to a query that are not known."""
        side, relation = int(self.queries.sides[query]), int(self.queries.relations[query])
        others = [entity for entity in range(self.extractor.graph.num_entities) if entity not in self.known(query)]
        triples = np.array([[0, relation, 0]] * len(others))
        triples[:, 2 - side], triples[:, side] = self.queries.entities[query], others
        scores = self.extractor.scorers[name].score_triples(triples, side).astype(np.float64).tolist()
        return dict(zip(others, scores, strict=True))

    def in_top_k(self) -> set[tuple[int, int]]:
        """Find the best answers to each query of each scorer."""
        best = set()
        for query in range(len(self.queries)):
            for name in self.extractor.scorers:
                scores = self.scores(name, query)
                best |= {(query, entity) for entity in sorted(scores, key=lambda e: -scores[e])[: self.top]}
        return best

    def features(self, query: int, entity: int) -> list[float]:
        side, relation = int(self.queries.sides[query]), int(self.queries.relations[query])
        result = []
        for name in self.extractor.scorers:
            scores = self.scores(name, query)
            rank = sum(score > scores[entity] for score in scores.values())
            total = math.log(sum(math.exp(score) for score in scores.values()))
            result += [scores[entity], scores[entity] - total, math.log1p(min(rank, self.top))]
        vectors = random_vectors(1, self.extractor.graph.num_entities).astype(np.float64)
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
        if self.extractor.types is not None:
            types, slot = self.extractor.types.toarray(), sorted(self.slot(relation, side))
            shares = [types[slot, j].mean() if slot and types[entity, j] else 0.0 for j in range(types.shape[1])]
            result.append(float(max(shares)))
        return result


def _pairs(answers: Answers) -> list[tuple[int, int]]:
    return list(zip(answers.queries.tolist(), answers.entities.tolist(), strict=True))


def _check(extractor: FeatureExtractor, queries: Queries, include_top_k: bool, top: int) -> np.ndarray:
    requested = draw_unknown(queries, 60)
    answers, features = extractor.extract(queries, requested, include_top_k)
    oracle = Oracle(extractor, queries, top)
    expected = set(_pairs(requested)) | (oracle.in_top_k() if include_top_k else set())
    assert _pairs(answers) == sorted(expected)
    assert features.shape == (len(answers), len(extractor.names))
    assert features.dtype == np.float32
    slow = [oracle.features(query, entity) for query, entity in _pairs(answers)]
    np.testing.assert_allclose(features, slow, rtol=1e-3, atol=1e-3)
    return features


@pytest.mark.parametrize("with_types", [False, True])
@pytest.mark.parametrize("include_top_k", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_features_agree_with_a_loop(monkeypatch, seed, include_top_k, with_types):
    monkeypatch.setattr(module, "TOP_K", 3)
    graph = random_graph(seed, NUM_ENTITIES)
    extractor = make_extractor(graph, make_types() if with_types else None)
    features = _check(extractor, Queries.from_graph(graph), include_top_k, 3)
    # no feature is the same for all
    assert (np.ptp(features, axis=0) > 0).all()


def test_chunks_do_not_matter(monkeypatch):
    graph = random_graph(3, NUM_ENTITIES)
    queries = Queries.from_graph(graph)
    extractor, requested = make_extractor(graph, make_types()), draw_unknown(Queries.from_graph(graph), 80)
    whole = extractor.extract(queries, requested, include_top_k=True)
    monkeypatch.setattr(module, "MAX_SCORES", 3 * NUM_ENTITIES)
    pieces = extractor.extract(queries, requested, include_top_k=True)
    assert _pairs(pieces[0]) == _pairs(whole[0])
    np.testing.assert_allclose(pieces[1], whole[1], rtol=1e-4, atol=1e-5)


def test_queries_of_a_larger_graph(monkeypatch):
    """As when risks are assessed: answers are known that the extractor has never seen."""
    monkeypatch.setattr(module, "TOP_K", 3)
    graph = random_graph(4, NUM_ENTITIES)
    visible = Graph.from_triples(graph.triples[::2], graph.num_entities, graph.num_relations)
    _check(make_extractor(visible, make_types()), Queries.from_graph(graph), True, 3)


def test_relation_without_visible_triples(monkeypatch):
    """All triples of a relation may be hidden, so that its slots are empty."""
    monkeypatch.setattr(module, "TOP_K", 3)
    graph = random_graph(5, NUM_ENTITIES)
    for relation in range(3):
        triples = graph.triples[graph.triples[:, RELATION] != relation]
        visible = Graph.from_triples(triples, graph.num_entities, graph.num_relations)
        _check(make_extractor(visible, make_types()), Queries.from_graph(graph), False, 3)


def test_with_fewer_entities_than_a_witness_brings_up():
    """Known answers are never brought up, however few others there are."""
    graph = random_graph(0, 6, num_triples=60)
    queries = Queries.from_graph(graph)
    extractor = make_extractor(graph)
    answers, features = extractor.extract(queries, draw_unknown(queries, 5), include_top_k=True)
    known = {(i, e) for i in range(len(queries)) for e in queries.answers[queries.offsets[i] : queries.offsets[i + 1]]}
    assert set(_pairs(answers)) == {(i, e) for i in range(len(queries)) for e in range(6)} - known
    assert np.isfinite(features).all()
    assert extractor.in_top_k(features).all()


def test_nothing_requested():
    graph = random_graph()
    nothing = Answers(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    for types in (None, make_types()):
        extractor = make_extractor(graph, types)
        answers, features = extractor.extract(Queries.from_graph(graph), nothing, include_top_k=False)
        assert len(answers) == 0
        assert features.shape == (0, len(extractor.names))
        assert not len(extractor.in_top_k(features))


def test_no_type_is_left():
    """Where no two entities share a type, types say nothing, but break nothing either."""
    labels = tuple(f"e{i}" for i in range(NUM_ENTITIES))
    drawn = random_graph(0, NUM_ENTITIES)
    graph = Graph.from_triples(drawn.triples, NUM_ENTITIES, drawn.num_relations, labels)
    types = load_types(graph, {label: label for label in labels})
    extractor = make_extractor(graph, types)
    queries = Queries.from_graph(graph)
    _, features = extractor.extract(queries, draw_unknown(queries, 20), include_top_k=False)
    assert features.shape == (len(features), len(extractor.names))
    assert len(features)
    assert np.isfinite(features).all()


@pytest.mark.parametrize("size", [40, 200])
def test_brought_up_are_those_among_the_best_of_a_scorer(size):
    graph = random_graph(0, size, num_triples=30)
    queries, extractor = Queries.from_graph(graph), make_extractor(graph)
    everything = np.arange(len(queries) * size)
    known = Answers(np.repeat(np.arange(len(queries)), queries.num_answers), queries.answers).keys(size)
    unknown = Answers.from_keys(np.setdiff1d(everything, known), size)
    answers, features = extractor.extract(queries, unknown, include_top_k=False)
    found = {pair for pair, f in zip(_pairs(answers), extractor.in_top_k(features), strict=True) if f}
    assert found == Oracle(extractor, queries, min(module.TOP_K, size)).in_top_k()
    assert (len(found) == len(answers)) == (size == 40)


def test_names_say_which_columns_are_ranks():
    graph = random_graph()
    names = make_extractor(graph).names
    assert [name for name in names if name.startswith("log-rank")] == [
        "log-rank of the probe",
        "log-rank of the factors",
    ]
    assert len(set(names)) == len(names) == 13
    assert len(make_extractor(graph, make_types()).names) == 14


def test_keys_of_answers_round_trip():
    answers = Answers(np.array([0, 3, 3, 11]), np.array([19, 0, 19, 7]))
    assert answers.keys(20).tolist() == [19, 60, 79, 227]
    assert _pairs(Answers.from_keys(answers.keys(20), 20)) == _pairs(answers)


def test_similarity_of_known_directions():
    """The most similar of the known answers counts, whatever the lengths of vectors."""
    graph = Graph.from_triples(np.array([[0, 0, 1], [0, 0, 2]]), 5, 1)
    vectors = np.array([[0, 0], [2, 0], [0, 5], [3, 3], [-1, 0]], dtype=np.float32)
    extractor = FeatureExtractor(graph, vectors, {})
    queries = Queries.from_graph(graph, ("tail",))
    answers, features = extractor.extract(queries, Answers(np.zeros(2, dtype=np.int64), np.array([3, 4])), True)
    assert _pairs(answers) == [(0, 3), (0, 4)]
    column = extractor.names.index("similarity to a known answer")
    np.testing.assert_allclose(features[:, column], [math.sqrt(0.5), 0.0], atol=1e-6)
    assert not extractor.in_top_k(features).any()


def test_sides_are_told_apart():
    """What was seen as a head was not seen as a tail."""
    graph = Graph.from_triples(np.array([[0, 0, 1], [2, 0, 3]]), 5, 1)
    extractor = FeatureExtractor(graph, random_vectors(1, 5), {})
    queries = Queries.from_graph(graph)
    column = extractor.names.index("in the slot")
    in_slot = {}
    for side, (wrong, right) in {HEAD: (3, 2), TAIL: (2, 3)}.items():
        row = int(queries.find(np.array([side]), np.array([[0, 0, 1]]))[0])
        features = extractor.extract(queries, Answers(np.array([row, row]), np.sort([wrong, right])), False)[1]
        in_slot[side] = dict(zip(sorted([wrong, right]), features[:, column].tolist(), strict=True))
    assert in_slot == {HEAD: {2: 1.0, 3: 0.0}, TAIL: {2: 0.0, 3: 1.0}}
