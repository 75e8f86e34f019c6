"""Validation and test triples, which may hold entities that the training triples lack."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..storage.cache import array_digest
from .graphs import Graph, label_to_id
from .tables import read_labels, without_inverse_relations

__all__ = [
    "HeldOut",
    "digest_held_out",
    "read_held_out",
]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out triples of a graph; entities that the graph lacks have ids after the graph's."""

    #: The triples by name; shape: (n, 3)
    triples: Mapping[str, np.ndarray]

    #: The labels of the entities that the graph lacks
    other_entities: tuple[str, ...]


def digest_held_out(*held_out: np.ndarray | None) -> list[str | None]:
    """Identify held-out triples, which results depend on.

    :param held_out: true and false ones, in the order in which they are always named; shape of each: (n, 3). None where
        there are none
    :return: a checksum of each; JSON-native
    """
    return [None if triples is None else array_digest(triples) for triples in held_out]


def read_held_out(
    paths: Mapping[str, Path], graph: Graph, load_triples_kwargs: Mapping[str, Any] | None = None
) -> HeldOut:
    """Read triples from files.

    :param paths: files with the columns head, relation and tail, by name
    :param graph: the training triples, with labels
    :param load_triples_kwargs: how PyKEEN reads them, see :func:`~pykeen_negater.triples.tables.read_labels`
    :return: the triples
    :raises FileNotFoundError: if a file is missing
    :raises ValueError: if a file is malformed, or holds a relation that the training triples lack
    """
    if graph.entity_labels is None or graph.relation_labels is None:
        raise ValueError("found training triples without labels, expected some for triples from a file.")
    entity_to_id, relation_to_id = label_to_id(graph.entity_labels), label_to_id(graph.relation_labels)
    # ids without a label belong to the graph, too
    num_unlabelled = graph.num_entities - len(entity_to_id)
    triples = {}
    for name, path in paths.items():
        labels = without_inverse_relations(path, read_labels(path, load_triples_kwargs), relation_to_id)
        unknown = sorted({relation for _, relation, _ in labels if relation not in relation_to_id})
        if unknown:
            raise ValueError(
                f"{path}: found the relation(s) {', '.join(unknown[:3])}, expected those of the training triples: "
                f"{', '.join(list(relation_to_id)[:3])}, …"
            )
        triples[name] = np.array(
            [
                [
                    entity_to_id.setdefault(head, len(entity_to_id) + num_unlabelled),
                    relation_to_id[relation],
                    entity_to_id.setdefault(tail, len(entity_to_id) + num_unlabelled),
                ]
                for head, relation, tail in labels
            ]
        )
    return HeldOut(triples, tuple(label for label, i in entity_to_id.items() if i >= graph.num_entities))
