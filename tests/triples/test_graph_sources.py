"""Which graph is meant."""

import pytest
from pykeen.datasets import Nations
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater.triples.graph_sources import find_graph
from pykeen_negater.triples.graphs import Graph


def test_a_name_a_dataset_and_its_triples_are_one_graph(nations: TriplesFactory):
    expected = Graph.from_factory(nations)
    for graph in (
        find_graph("nations"),
        find_graph("Nations"),
        find_graph(dataset=Nations()),
        find_graph(triples_factory=nations),
    ):
        assert graph.fingerprint == expected.fingerprint
        assert graph.vocabulary == expected.vocabulary


def test_labels_are_those_of_the_factory(small_factory: TriplesFactory):
    assert find_graph(triples_factory=small_factory).entity_labels == tuple(small_factory.entity_to_id)
    core = CoreTriplesFactory(small_factory.mapped_triples, 13, 3)
    assert find_graph(triples_factory=core).entity_labels is None


def test_exactly_one_is_given(nations: TriplesFactory):
    for arguments in ({}, {"dataset": "nations", "triples_factory": nations}):
        with pytest.raises(ValueError, match="expected either a dataset or a triples_factory, and not both"):
            find_graph(**arguments)


def test_no_such_dataset():
    with pytest.raises((ValueError, KeyError), match="nationz"):
        find_graph("nationz")
