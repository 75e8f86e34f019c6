"""Graphs against sets of tuples."""

import itertools

import numpy as np
import pytest
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater.triples.graphs import Graph, label_to_id, vocabulary_fingerprint
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

from ..cases import random_graph

LABELED = [("b", "likes", "a"), ("a", "knows", "b"), ("a", "knows", "none"), ("a", "knows", "b"), ("c", "likes", "c")]


@pytest.fixture
def factory() -> TriplesFactory:
    return TriplesFactory.from_labeled_triples(np.array(LABELED))


def test_triples_are_unique_and_sorted():
    drawn = np.random.default_rng(0).integers((5, 2, 5), size=(40, 3))
    for triples in (drawn, torch.from_numpy(drawn), torch.from_numpy(drawn).int()):
        graph = Graph.from_triples(triples, 5, 2)
        assert graph.triples.dtype == np.int64
        assert graph.triples.tolist() == sorted(map(list, set(map(tuple, drawn.tolist()))))
        assert len(graph) == len(graph.triples) < 40


def test_index_finds_row_i_at_position_i():
    graph = random_graph()
    position, found = graph.index.lookup(torch.from_numpy(graph.triples))
    assert found.all()
    assert position.tolist() == list(range(len(graph)))


@pytest.mark.parametrize("seed", range(3))
def test_slots_agree_with_sets(seed):
    graph = random_graph(seed, num_relations=5)
    for relation, side in itertools.product(range(5), (HEAD, TAIL)):
        expected = {triple[side] for triple in graph.triples.tolist() if triple[RELATION] == relation}
        assert graph.slot(relation, side).tolist() == sorted(expected)
    # the last relation has no triples
    assert len(graph.slot(4, HEAD)) == len(graph.slot(4, TAIL)) == 0


def test_relation_without_triples_in_the_middle_or_first_has_empty_slots():
    graph = Graph.from_triples(np.array([[0, 1, 2], [2, 3, 1]]), 3, 4)
    assert [graph.slot(relation, HEAD).tolist() for relation in range(4)] == [[], [0], [], [2]]
    assert [graph.slot(relation, TAIL).tolist() for relation in range(4)] == [[], [2], [], [1]]


def test_factory_keeps_its_meaning(factory):
    graph = Graph.from_factory(factory)
    labels, relations = graph.entity_labels, graph.relation_labels
    assert labels is not None
    assert relations is not None
    assert {(labels[h], relations[r], labels[t]) for h, r, t in graph.triples.tolist()} == set(LABELED)
    assert (graph.num_entities, graph.num_relations) == (len(labels), len(relations)) == (4, 2)


def test_factory_with_inverse_triples_gives_the_same_graph(factory):
    inverse = TriplesFactory.from_labeled_triples(np.array(LABELED), create_inverse_triples=True)
    graph, other = Graph.from_factory(factory), Graph.from_factory(inverse)
    assert inverse.num_relations == 4
    assert other.num_relations == 2
    assert other.triples.tolist() == graph.triples.tolist()
    assert other.fingerprint == graph.fingerprint


def test_factory_without_labels():
    graph = Graph.from_factory(CoreTriplesFactory(torch.tensor([[0, 0, 1]]), num_entities=3, num_relations=1))
    assert graph.entity_labels is None
    assert graph.relation_labels is None
    assert graph.num_entities == 3


def test_fingerprint_does_not_depend_on_order_or_duplicates(factory):
    graph = Graph.from_factory(factory)
    shuffled = np.concatenate([graph.triples[::-1], graph.triples])
    again = Graph.from_triples(shuffled, 4, 2, graph.entity_labels, graph.relation_labels)
    assert again.fingerprint == graph.fingerprint
    assert again.vocabulary == graph.vocabulary


def test_fingerprint_depends_on_triples_but_the_vocabulary_does_not(factory):
    graph = Graph.from_factory(factory)
    fewer = Graph.from_triples(graph.triples[1:], 4, 2, graph.entity_labels, graph.relation_labels)
    assert fewer.vocabulary == graph.vocabulary
    assert fewer.fingerprint != graph.fingerprint


GAPS = {"entity_to_id": {"b": 0, "a": 2, "none": 5, "7": 7}, "relation_to_id": {"likes": 1, "knows": 3}}


def test_ids_without_a_label_have_none():
    factory = TriplesFactory.from_labeled_triples(np.array([("b", "likes", "a"), ("7", "knows", "none")]),
                                                  compact_id=False, **GAPS)  # fmt: skip
    graph = Graph.from_factory(factory)
    assert graph.entity_labels == ("b", None, "a", None, None, "none", None, "7")
    assert graph.relation_labels == (None, "likes", None, "knows")
    assert label_to_id(graph.entity_labels) == GAPS["entity_to_id"]
    assert label_to_id(graph.relation_labels) == GAPS["relation_to_id"]
    assert graph.triples.tolist() == [[0, 1, 2], [7, 3, 5]]
    assert graph.entity_names == (
        "b", "entity 1 (no label)", "a", "entity 3 (no label)", "entity 4 (no label)", "none", "entity 6 (no label)",
        "7",
    )  # fmt: skip
    assert Graph.from_factory(factory.new_with_restriction(relations=["knows"])).vocabulary == graph.vocabulary


def test_labels_that_pykeens_cache_loses_are_none(tmp_path, caplog):
    labels = ("NA", "b", "nan", "none", "null")
    factory = TriplesFactory.from_labeled_triples(np.array([(label, "NA", "b") for label in labels]))
    factory.to_path_binary(tmp_path)
    cached = TriplesFactory.from_path_binary(tmp_path)
    graph = Graph.from_factory(cached)
    assert graph.entity_labels == (None, "b", None, "none", None)
    assert graph.relation_labels == (None,)
    assert graph.triples.tolist() == Graph.from_factory(factory).triples.tolist()
    Graph.from_factory(cached)
    assert [record.getMessage().partition(", so")[0] for record in caplog.records if "graphs" in record.name] == [
        "3 entities of the triples have no label (e.g. the id 0)", "1 relations of the triples have no label (e.g. the "
        "id 0)",
    ]  # fmt: skip


def test_fingerprints_of_graphs_without_gaps_are_those_of_earlier_versions(factory):
    # as pools that people have hold them
    assert Graph.from_factory(factory).vocabulary == "ed503d5bc385528d8679dbb154a1c071"
    assert vocabulary_fingerprint(2, 1) == "eb1f7dd9817a4704924f2e13324ee7ac"
    # a lone surrogate, which earlier versions could not take
    assert vocabulary_fingerprint(1, 1, ("\ud800",)) != vocabulary_fingerprint(1, 1, ("?",))


def test_vocabulary_fingerprint_depends_on_everything():
    vocabularies = [
        (2, 1, (None, "b"), ("r",)),
        (2, 1, ("a", None), ("r",)),
        (2, 1, (None, None), ("r",)),
        (2, 1, ("0", "b"), ("r",)),
        (2, 1, ("", "b"), ("r",)),
        (2, 1, None, None),
        (1, 2, None, None),
        (2, 1, ("a", "b"), None),
        (2, 1, None, ("a", "b")),
        (2, 1, ("b", "a"), None),
        (2, 1, ("a", "b"), ("r",)),
        (2, 1, ("ab", ""), ("r",)),
        (2, 1, ("a", "br"), ("",)),
        (2, 1, ("a ", "b"), ("r",)),
    ]
    fingerprints = [vocabulary_fingerprint(*vocabulary) for vocabulary in vocabularies]
    assert len(set(fingerprints)) == len(vocabularies)
    assert all(len(fingerprint) == 32 and int(fingerprint, 16) for fingerprint in fingerprints)
    assert [vocabulary_fingerprint(*vocabulary) for vocabulary in vocabularies] == fingerprints


@pytest.mark.parametrize("triples", [np.empty((0, 3), dtype=np.int64), torch.empty(0, 3, dtype=torch.long)])
def test_empty_graph(triples):
    with pytest.raises(ValueError, match="found an empty graph, but mining needs at least one training triple"):
        Graph.from_triples(triples, 3, 2)


def test_vocabulary_too_large_for_keys():
    with pytest.raises(ValueError, match=r"4,294,967,296 entities and 1 relations make more .* 64 bits"):
        Graph.from_triples(np.array([[0, 0, 0]]), 2**32, 1)
