"""The graph that is mined: training triples over a vocabulary."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from ..utils.said_once import warn_once
from .indexing import HEAD, RELATION, TAIL, TripleIndex, keys_to_triples

__all__ = [
    "Graph",
    "Labels",
    "label_to_id",
    "labels_by_id",
    "names_of",
    "vocabulary_fingerprint",
]

logger = logging.getLogger(__name__)

#: The labels of entities or relations by id; None for an id that has none, such as one between those of a mapping with
#: gaps
Labels: TypeAlias = tuple[str | None, ...]


def vocabulary_fingerprint(
    num_entities: int,
    num_relations: int,
    entity_labels: Labels | None = None,
    relation_labels: Labels | None = None,
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
        if labels is None:
            digest.update(b"\0\0unlabelled")
        else:
            digest.update("\0".join(label or "" for label in labels).encode(errors="surrogatepass"))
            gaps = [i for i, label in enumerate(labels) if label is None]
            if gaps:
                digest.update(f"\0\0without a label: {gaps}".encode())
        digest.update(b"\0\0")
    return digest.hexdigest()


def label_to_id(labels: Labels) -> dict[str, int]:
    """Find ids by label.

    :param labels: the labels by id
    :return: the id of each label; an id without a label has no entry

    >>> label_to_id(("a", None, "1"))
    {'a': 0, '1': 2}
    """
    return {label: i for i, label in enumerate(labels) if label is not None}


def names_of(labels: Labels, kind: str) -> tuple[str, ...]:
    """Name each id, for people and language models to read; nothing is looked up by these names.

    :param labels: the labels by id
    :param kind: ``entity`` or ``relation``
    :return: the labels, and a substitute where there is none

    >>> names_of(("a", None), "entity")
    ('a', 'entity 1 (no label)')
    """
    return tuple(f"{kind} {i} (no label)" if label is None else label for i, label in enumerate(labels))


def labels_by_id(ids: Mapping[Any, int], size: int) -> Labels:
    """Arrange labels by id.

    :param ids: the ids by label. A label that is NaN counts as missing: PyKEEN's cached datasets have it in the place
        of labels such as ``NA`` and ``null``.
    :param size: the number of ids
    :return: the label of each id

    >>> labels_by_id({"b": 0, "a": 3, float("nan"): 2}, 4)
    ('b', None, None, 'a')
    """
    labels: list[str | None] = [None] * size
    for label, i in ids.items():
        # NaN does not equal itself
        labels[i] = None if label != label else str(label)
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

    #: The label of each entity, or None if there are no labels
    entity_labels: Labels | None = None

    #: The label of each relation, or None if there are no labels
    relation_labels: Labels | None = None

    @classmethod
    def from_triples(
        cls,
        triples: np.ndarray | torch.Tensor,
        num_entities: int,
        num_relations: int,
        entity_labels: Labels | None = None,
        relation_labels: Labels | None = None,
    ) -> "Graph":
        """Create a graph from triples in any order.

        :param triples: shape: (n, 3), dtype: int64, with n > 0
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        :param entity_labels: the label of each entity, None for one without
        :param relation_labels: the label of each relation, likewise
        :return: the graph
        :raises ValueError: if there is no triple, an id is out of range, or the vocabulary is too large for 64-bit keys
        """
        if not len(triples):
            raise ValueError("found an empty graph, but mining needs at least one training triple.")
        # not as_tensor, which would move existing tensors to the default device
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

        :param factory: the training triples, with or without labels
        :return: the graph
        :raises ValueError: if there is no triple, or the vocabulary is too large for 64-bit keys
        """
        num_relations = factory.real_num_relations
        entity_labels = relation_labels = None
        if isinstance(factory, TriplesFactory):
            entity_labels = labels_by_id(factory.entity_to_id, factory.num_entities)
            relation_labels = labels_by_id(factory.relation_to_id, num_relations)
        graph = cls.from_triples(
            factory.mapped_triples, factory.num_entities, num_relations, entity_labels, relation_labels
        )
        graph._warn_of_unlabelled()
        return graph

    def _warn_of_unlabelled(self) -> None:
        """Warn of entities and relations without a label, where others have one."""
        for kind, labels, columns in (
            ("entities", self.entity_labels, (HEAD, TAIL)),
            ("relations", self.relation_labels, (RELATION,)),
        ):
            gaps = np.array([i for i, label in enumerate(labels or ()) if label is None], dtype=np.int64)
            seen = np.intersect1d(gaps, self.triples[:, columns]) if len(gaps) else gaps
            if len(seen):
                warn_once(
                    logger,
                    self.fingerprint,
                    "%d %s of the triples have no label (e.g. the id %d), so that they cannot be named by "
                    "label. PyKEEN's cached datasets lose labels such as NA, nan and null.",
                    len(seen),
                    kind,
                    seen[0],
                )

    def __len__(self) -> int:
        return len(self.triples)

    @cached_property
    def index(self) -> TripleIndex:
        """The triples as a set; position i is row i of :attr:`triples`."""
        return TripleIndex.from_triples(self.triples, self.num_entities, self.num_relations)

    @cached_property
    def entity_names(self) -> tuple[str, ...] | None:
        """A name for each entity, see :func:`names_of`; None if there are no labels."""
        return None if self.entity_labels is None else names_of(self.entity_labels, "entity")

    @cached_property
    def relation_names(self) -> tuple[str, ...] | None:
        """A name for each relation, likewise."""
        return None if self.relation_labels is None else names_of(self.relation_labels, "relation")

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
        """Get the entities that occur in a slot of a relation.

        :param relation: the relation
        :param side: 0 for heads, 2 for tails
        :return: shape: (n,), sorted
        """
        offsets, entities = self.slots[side]
        return entities[offsets[relation] : offsets[relation + 1]]

    @cached_property
    def slots(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """The entities that occur in each slot, as compressed rows by side: 0 for heads, 2 for tails.

        A pair (offsets, entities) of shapes (num_relations + 1,) and (n,): ``entities[offsets[r] : offsets[r + 1]]``
        are the sorted entities of relation r.
        """
        slots = {}
        for side in (HEAD, TAIL):
            pairs = np.unique(self.triples[:, RELATION] * self.num_entities + self.triples[:, side])
            relations, entities = np.divmod(pairs, self.num_entities)
            slots[side] = (np.searchsorted(relations, np.arange(self.num_relations + 1)), entities)
        return slots
