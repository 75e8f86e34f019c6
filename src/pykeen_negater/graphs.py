"""The graph that is mined: training triples over a vocabulary."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from .indexing import HEAD, RELATION, TAIL, TripleIndex, keys_to_triples

__all__ = [
    "Graph",
    "vocabulary_fingerprint",
]


def vocabulary_fingerprint(
    num_entities: int,
    num_relations: int,
    entity_labels: tuple[str, ...] | None = None,
    relation_labels: tuple[str, ...] | None = None,
) -> str:
    """Identify a mapping of labels to ids.

    :param num_entities: the number of entities
    :param num_relations: the number of (real) relations
    :param entity_labels: the entities' labels by id, if there are any
    :param relation_labels: the relations' labels by id, if there are any
    :return: 32 hexadecimal digits
    """
    digest = hashlib.blake2b(f"{num_entities} {num_relations}".encode(), digest_size=16)
    for labels in (entity_labels, relation_labels):
        # labels may hold halves of characters
        digest.update(b"\0\0unlabelled" if labels is None else "\0".join(labels).encode("utf-8", "surrogatepass"))
        digest.update(b"\0\0")
    return digest.hexdigest()


def _labels_by_id(label_to_id: Mapping[str, int], size: int) -> tuple[str, ...]:
    labels = [str(i) for i in range(size)]
    for label, i in label_to_id.items():
        labels[i] = str(label)
    return tuple(labels)


@dataclass(frozen=True, eq=False)
class Graph:
    """Training triples, without duplicates and sorted by key, and what their ids mean."""

    #: The triples, without inverse ones, sorted by key; shape: (num_triples, 3), dtype: int64
    triples: np.ndarray

    #: The number of entities
    num_entities: int

    #: The number of relations, inverse ones not counted
    num_relations: int

    #: The label of each entity, or None
    entity_labels: tuple[str, ...] | None = None

    #: The label of each relation, or None
    relation_labels: tuple[str, ...] | None = None

    @classmethod
    def from_triples(
        cls,
        triples: np.ndarray | torch.Tensor,
        num_entities: int,
        num_relations: int,
        entity_labels: tuple[str, ...] | None = None,
        relation_labels: tuple[str, ...] | None = None,
    ) -> "Graph":
        """Create a graph from triples in any order.

        :param triples: shape: (n, 3), dtype: int64, with n > 0
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        :param entity_labels: the label of each entity
        :param relation_labels: the label of each relation
        :return: the graph
        :raises ValueError: if there is no triple, an id is out of range, or the vocabulary is too large for 64-bit keys
        """
        if not len(triples):
            raise ValueError("found an empty graph, but mining needs at least one training triple.")
        # not as_tensor, which moves what is there to the default device
        triples = (torch.from_numpy(triples) if isinstance(triples, np.ndarray) else triples).long()
        limits = torch.tensor([num_entities, num_relations, num_entities], device=triples.device)
        if (triples < 0).any() or (triples >= limits).any():
            raise ValueError(
                f"found ids from {triples.amin(dim=0).tolist()} to {triples.amax(dim=0).tolist()}, expected heads, "
                f"relations and tails from 0 to below {limits.tolist()}."
            )
        index = TripleIndex.from_triples(triples, num_entities, num_relations)
        return cls(
            triples=keys_to_triples(index.keys.numpy(), num_entities, num_relations),
            num_entities=num_entities,
            num_relations=num_relations,
            entity_labels=entity_labels,
            relation_labels=relation_labels,
        )

    @classmethod
    def from_factory(cls, factory: CoreTriplesFactory) -> "Graph":
        """Create a graph from PyKEEN's triples, leaving out inverse ones.

        :param factory: the training triples; labels are taken where the factory has them
        :return: the graph
        :raises ValueError: if there is no triple, or the vocabulary is too large for 64-bit keys
        """
        num_relations = factory.real_num_relations
        entity_labels = relation_labels = None
        if isinstance(factory, TriplesFactory):
            entity_labels = _labels_by_id(factory.entity_to_id, factory.num_entities)
            relation_labels = _labels_by_id(factory.relation_to_id, num_relations)
        return cls.from_triples(
            factory.mapped_triples, factory.num_entities, num_relations, entity_labels, relation_labels
        )

    def __len__(self) -> int:
        return len(self.triples)

    @cached_property
    def index(self) -> TripleIndex:
        """The triples as a set; position i is row i of :attr:`triples`."""
        return TripleIndex.from_triples(self.triples, self.num_entities, self.num_relations)

    @cached_property
    def vocabulary(self) -> str:
        """The fingerprint of the vocabulary, 32 hexadecimal digits."""
        return vocabulary_fingerprint(self.num_entities, self.num_relations, self.entity_labels, self.relation_labels)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of triples and vocabulary, 32 hexadecimal digits."""
        digest = hashlib.blake2b(self.vocabulary.encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self.triples).tobytes())
        return digest.hexdigest()

    def slot(self, relation: int, side: int) -> np.ndarray:
        """Get the entities that were seen in a slot of a relation.

        :param relation: the relation
        :param side: 0 for heads, 2 for tails
        :return: shape: (n,), sorted
        """
        offsets, entities = self.slots[side]
        return entities[offsets[relation] : offsets[relation + 1]]

    @cached_property
    def slots(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """The entities seen in each slot, as compressed rows by side: 0 for heads, 2 for tails.

        A pair (offsets, entities) of shapes (num_relations + 1,) and (n,): ``entities[offsets[r] : offsets[r + 1]]``
        are the sorted entities of relation r.
        """
        slots = {}
        for side in (HEAD, TAIL):
            pairs = np.unique(self.triples[:, RELATION] * self.num_entities + self.triples[:, side])
            relations, entities = np.divmod(pairs, self.num_entities)
            slots[side] = (np.searchsorted(relations, np.arange(self.num_relations + 1)), entities)
        return slots
