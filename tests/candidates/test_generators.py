"""Candidates against loops over plain triples."""

from collections import Counter

import numpy as np
import pytest

from pykeen_negater.candidates.generators import (
    AnywhereCandidateGenerator,
    IntersectCandidateGenerator,
    RandomCandidateGenerator,
    SlotCandidateGenerator,
    candidate_generator_resolver,
    relation_signatures,
)
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

from ..cases import CandidateGeneratorTestCase, concrete_cases, random_graph, random_vectors
from .conftest import plain_candidates


class TestSlotCandidateGenerator(CandidateGeneratorTestCase):
    """Slot."""

    cls = SlotCandidateGenerator

    def nearest(self, old, slot, everyone, ranked, k):
        return [(distance, new) for distance, new in ranked if new in slot][:k]


class TestRandomCandidateGenerator(CandidateGeneratorTestCase):
    """Random."""

    cls = RandomCandidateGenerator

    def check(self, graph, vectors, metric, k, scheme):
        index = NeighborIndex.build(vectors, metric)
        candidates = self.cls(k=k, corruption_scheme=scheme).generate(graph, index)
        found = self.as_corruptions(candidates)
        possible = {corruption[:3]: corruption[3] for corruption in self.oracle(graph, vectors, metric, 10_000, scheme)}
        entities = {(row, side, new): distance for row, side, new, distance in found if side != RELATION}
        np.testing.assert_allclose(list(entities.values()), [possible[key] for key in entities], atol=1e-4)
        assert len({corruption[:3] for corruption in found}) == len(found)
        assert max(Counter(corruption[:2] for corruption in found).values(), default=0) <= k
        if k >= graph.num_entities:
            assert set(entities) == {key for key in possible if key[1] != RELATION}
        return candidates

    def nearest(self, old, slot, everyone, ranked, k):
        return [(distance, new) for distance, new in ranked if new in slot][:k]

    def test_all_of_a_slot_are_drawn_alike(self):
        # the heads of one relation, each with a tail of its own
        size = 60
        triples = np.stack([np.arange(size), np.zeros(size, dtype=int), np.arange(size) + size], axis=1)
        graph = Graph.from_triples(triples, 2 * size, 1)
        index = NeighborIndex.build(random_vectors(0, 2 * size))
        drawn = np.concatenate(
            [self.cls(k=k, corruption_scheme=["head"]).generate(graph, index).replacements for k in range(5, 15)]
        )
        counts = np.bincount(drawn, minlength=2 * size)[:size]
        assert counts.sum() == len(drawn)
        assert counts.min() > 0.4 * counts.mean()
        assert counts.max() < 1.8 * counts.mean()

    def test_the_same_again(self):
        graph = random_graph()
        index = NeighborIndex.build(random_vectors(0, graph.num_entities))
        first, second = (self.as_corruptions(self.cls(k=3).generate(graph, index)) for _ in range(2))
        assert first == second


class TestIntersectCandidateGenerator(CandidateGeneratorTestCase):
    """Intersect."""

    cls = IntersectCandidateGenerator

    def nearest(self, old, slot, everyone, ranked, k):
        return [(distance, new) for distance, new in ranked[:k] if new in slot]


class TestAnywhereCandidateGenerator(CandidateGeneratorTestCase):
    """Anywhere."""

    cls = AnywhereCandidateGenerator

    def nearest(self, old, slot, everyone, ranked, k):
        return [(distance, new) for distance, new in ranked[:k] if new in everyone]


def test_every_candidate_generator_has_a_test_case():
    assert {case.cls for case in concrete_cases(CandidateGeneratorTestCase)} == set(candidate_generator_resolver)


def test_resolver_names():
    assert candidate_generator_resolver.lookup(None) is RandomCandidateGenerator
    assert set(candidate_generator_resolver.lookup_dict) == {"random", "slot", "intersect", "anywhere"}


def test_first_letters_name_sides():
    assert SlotCandidateGenerator(corruption_scheme=["t", "h"]).corruption_scheme == ("head", "tail")


def test_relation_signatures_are_means_of_distinct_entities():
    graph = Graph.from_triples(np.array([[0, 0, 1], [0, 0, 2], [3, 0, 2], [1, 2, 1]]), 4, 3)
    vectors = random_vectors(0, 4, dim=2)
    signatures = relation_signatures(graph, vectors)
    np.testing.assert_allclose(signatures[0], [*(vectors[0] + vectors[3]) / 2, *(vectors[1] + vectors[2]) / 2])
    np.testing.assert_array_equal(signatures[1], np.zeros(4))
    np.testing.assert_allclose(signatures[2], [*vectors[1], *vectors[1]])


def test_unique_triples_and_positions(candidates):
    triples = [triple for triple, _, _ in plain_candidates(candidates)]
    unique = [tuple(triple) for triple in candidates.unique_triples.tolist()]
    assert len(unique) < len(triples)
    assert unique == sorted(set(triples))
    assert [unique[position] for position in candidates.unique_positions] == triples


def test_ranks_count_within_triple_and_side(candidates):
    assert candidates.ranks.tolist() == [rank for _, _, rank in plain_candidates(candidates)]


def test_candidates_do_not_change_the_graph(candidates):
    before = candidates.graph.triples.copy()
    assert len(candidates.unique_triples)
    np.testing.assert_array_equal(candidates.graph.triples, before)


def test_select_keeps_the_order(candidates):
    mask = np.arange(len(candidates)) % 3 == 1
    selected = candidates.select(mask)
    plain = plain_candidates(candidates)
    expected = [plain[i][:2] for i in np.flatnonzero(mask)]
    assert [(triple, group) for triple, group, _ in plain_candidates(selected)] == expected
    np.testing.assert_array_equal(selected.distances, candidates.distances[mask])


def test_duplicate_vectors_are_ordered_by_id():
    graph = Graph.from_triples(np.array([[0, 0, 5], [1, 0, 6], [2, 0, 7], [3, 0, 8]]), 9, 1)
    vectors = random_vectors(0, 9)
    vectors[[0, 1, 2, 3]] = vectors[0]
    generator = SlotCandidateGenerator(k=3, corruption_scheme=["head"])
    candidates = generator.generate(graph, NeighborIndex.build(vectors, "l2"))
    assert candidates.replacements.reshape(4, 3).tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


@pytest.mark.parametrize("side", [HEAD, TAIL])
def test_slot_generator_restricts_before_the_search(side):
    # the two members of the slot are far apart, with everyone else in between
    vectors = np.linspace(0, 1, 10, dtype=np.float32)[:, None]
    triples = np.array([[0, 0, 4], [9, 0, 5]] if side == HEAD else [[4, 0, 0], [5, 0, 9]])
    graph, index = Graph.from_triples(triples, 10, 1), NeighborIndex.build(vectors, "l2")
    scheme = ["head" if side == HEAD else "tail"]
    slot = SlotCandidateGenerator(k=1, corruption_scheme=scheme).generate(graph, index)
    intersect = IntersectCandidateGenerator(k=1, corruption_scheme=scheme).generate(graph, index)
    assert slot.replacements.tolist() == [9, 0]
    assert len(intersect) == 0


def test_neighbours_on_disk_keep_the_recall(tmp_path, monkeypatch):
    monkeypatch.setattr("pykeen_negater.embeddings.approximation.EXACT_UP_TO", 100)
    graph = random_graph(0, num_entities=400, num_relations=2, num_triples=900)
    vectors = random_vectors(0, 400, 8)
    generator = SlotCandidateGenerator(k=5, corruption_scheme=["head", "relation", "tail"])
    in_memory = generator.propose(graph, NeighborIndex.of_vectors(vectors))
    first = generator.propose(graph, NeighborIndex.of_vectors(vectors), tmp_path)
    monkeypatch.setattr(NeighborIndex, "search", lambda *args: pytest.fail("searched again"))
    again = generator.propose(graph, NeighborIndex.of_vectors(vectors), tmp_path)
    assert 0.9 < in_memory.recall <= 1
    assert in_memory.recall == first.recall == again.recall
    for side, table in in_memory.tables.items():
        np.testing.assert_array_equal(table, again.tables[side])
