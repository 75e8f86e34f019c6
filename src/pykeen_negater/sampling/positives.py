"""The triples that a sampler draws negatives for, and their graph."""

from dataclasses import dataclass
from functools import cached_property

from pykeen.triples import CoreTriplesFactory
from pykeen.typing import MappedTriples

from ..pools.files import Vocabulary
from ..pools.negative_pools import NegativePools
from ..triples.graphs import Graph
from .mined import has_inverses
from .training_context import current_factory

__all__ = [
    "Positives",
]


@dataclass(frozen=True)
class Positives:
    """The triples that a sampler is made for. Their graph is found once, and only when it is needed."""

    #: The triples, inverse ones included; shape: (n, 3)
    mapped_triples: MappedTriples

    num_entities: int

    #: The number of relations, inverse ones included
    num_relations: int

    @cached_property
    def factory(self) -> CoreTriplesFactory | None:
        """The triples factory that they come from, if that is known, see :mod:`.training_context`."""
        factory = current_factory()
        if factory is None or (factory.num_entities, factory.num_relations) != (self.num_entities, self.num_relations):
            return None
        return factory

    @cached_property
    def graph(self) -> Graph:
        """The graph, without inverse triples, and with labels if these are known."""
        if self.factory is None:
            return Graph.from_triples(self.mapped_triples, self.num_entities, self.num_relations)
        return Graph.from_factory(self.factory)

    def have_inverses(self, pools: NegativePools | None) -> bool:
        """Tell whether their relations have PyKEEN's ids of relations and their inverses.

        :param pools: their pools, which know the number of real relations, if there are any
        :return: whether they do
        """
        if pools is not None:
            return self.num_relations == 2 * pools.num_relations
        if self.factory is not None:
            return self.num_relations == 2 * self.factory.real_num_relations
        return has_inverses(self.mapped_triples.cpu().numpy(), self.num_relations)

    def vocabulary(self, pools: NegativePools | None) -> Vocabulary:
        """Get the labels of the graph.

        :param pools: their pools, which may have labels that are not known otherwise
        :return: the labels, if they are known
        """
        if pools is not None and self.graph.entity_labels is None:
            return pools.load_vocabulary()
        return Vocabulary(self.graph.entity_labels, self.graph.relation_labels)
