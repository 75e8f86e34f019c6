"""What a sampler is made for: the graph behind its triples, found once."""

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater.sampling.positives import Positives
from pykeen_negater.sampling.training_context import triples_factory_noted
from pykeen_negater.triples.graphs import Graph

from .test_sampler import make_pools, make_sampler, with_inverse


def positives_of(factory: TriplesFactory) -> Positives:
    return Positives(factory.mapped_triples, factory.num_entities, factory.num_relations)


def test_the_labels_of_the_factory(small_factory: TriplesFactory):
    unlabelled = positives_of(small_factory)
    assert unlabelled.factory is None
    assert unlabelled.graph.entity_labels is None
    with triples_factory_noted(small_factory):
        labelled = positives_of(small_factory)
        assert labelled.factory is small_factory
        assert labelled.graph.entity_labels == tuple(small_factory.entity_id_to_label.values())
        # of another graph
        assert Positives(small_factory.mapped_triples, small_factory.num_entities + 1, 1).factory is None
    np.testing.assert_array_equal(labelled.graph.triples, unlabelled.graph.triples)


def test_inverse_triples_are_known_from_pools_factory_or_triples(nations: TriplesFactory):
    pools = make_pools(Graph.from_factory(nations))
    both = with_inverse(nations.mapped_triples)
    plain = positives_of(nations)
    inverse = Positives(both, nations.num_entities, 2 * nations.num_relations)
    assert [plain.have_inverses(pools), inverse.have_inverses(pools)] == [False, True]
    assert [plain.have_inverses(None), inverse.have_inverses(None)] == [False, True]
    with_factory = TriplesFactory(
        nations.mapped_triples, nations.entity_to_id, nations.relation_to_id, create_inverse_triples=True
    )
    # a part, whose triples do not tell
    part = Positives(torch.tensor([[0, 1, 2]]), with_factory.num_entities, with_factory.num_relations)
    assert not part.have_inverses(None)
    with triples_factory_noted(with_factory):
        part = Positives(torch.tensor([[0, 1, 2]]), with_factory.num_entities, with_factory.num_relations)
        assert part.have_inverses(None)


def test_the_vocabulary_is_that_of_the_pools_where_the_graph_has_no_labels(nations: TriplesFactory):
    pools = make_pools(Graph.from_factory(nations))
    assert positives_of(nations).vocabulary(None).entity_labels is None
    assert positives_of(nations).vocabulary(pools).entity_labels == pools.load_vocabulary().entity_labels
    with triples_factory_noted(nations):
        labels = positives_of(nations).vocabulary(pools).relation_labels
    assert labels == tuple(nations.relation_id_to_label.values())


@pytest.mark.parametrize("with_pools", [False, True])
def test_the_graph_is_resolved_once(nations: TriplesFactory, with_pools: bool, monkeypatch: pytest.MonkeyPatch):
    pools = make_pools(Graph.from_factory(nations)) if with_pools else None
    original, made = Graph.from_factory.__func__, []

    def counted(cls: type[Graph], factory: TriplesFactory) -> Graph:
        made.append(factory)
        return original(cls, factory)

    monkeypatch.setattr(Graph, "from_factory", classmethod(counted))
    label = next(iter(nations.relation_to_id))
    with triples_factory_noted(nations):
        make_sampler(nations, pools, known_triples=[[0, 0, 1]], relation_overrides={label: {"max_risk": 2.0}},
                     mine="never")  # fmt: skip
    assert made == [nations]
