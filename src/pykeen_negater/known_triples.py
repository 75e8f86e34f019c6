"""True triples that somebody knows beyond those of the graph."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .indexing import RELATION, SIDES, TripleIndex
from .pool_files import Vocabulary
from .tables import read_labels

__all__ = [
    "TripleSource",
    "load_known_triples",
]

logger = logging.getLogger(__name__)

#: The path of a tab-separated file of labels (head, relation, tail), or a list of such triples, or of triples of ids
TripleSource: TypeAlias = str | Path | Sequence[Sequence[Any]]


def load_known_triples(
    source: TripleSource, num_entities: int, num_relations: int, vocabulary: Vocabulary
) -> TripleIndex:
    """Find the ids of true triples.

    :param source: the triples. Those with entities or relations that the graph lacks are no corruptions of its triples,
        and left out, with a line in the log.
    :param num_entities: the graph's number of entities
    :param num_relations: the graph's number of relations, inverse ones not counted
    :param vocabulary: the graph's labels
    :return: the triples
    :raises FileNotFoundError: if the source is a path without a file
    :raises ValueError: if it does not hold triples, or holds labels and the graph has none
    """
    triples = read_labels(source) if isinstance(source, str | Path) else list(source)
    if any(isinstance(triple, str) or len(triple) != 3 for triple in triples):
        raise ValueError(f"found known_triples with {triples[0]!r}, expected triples of head, relation and tail.")
    if all(isinstance(part, int) for triple in triples for part in triple):
        ids = np.array(triples, dtype=np.int64).reshape(-1, 3)
    elif vocabulary.entity_labels is None or vocabulary.relation_labels is None:
        raise ValueError("found known_triples with labels for a graph without, expected a TriplesFactory, or ids.")
    else:
        vocabularies = [
            {label: i for i, label in enumerate(labels)}
            for labels in (vocabulary.entity_labels, vocabulary.relation_labels)
        ]
        columns = [vocabularies[side == RELATION] for side in SIDES.values()]
        rows = [[names.get(part, -1) for names, part in zip(columns, triple, strict=True)] for triple in triples]
        ids = np.array(rows, dtype=np.int64).reshape(-1, 3)
    limits = np.array([num_entities, num_relations, num_entities])
    known: np.ndarray = np.all((ids >= 0) & (ids < limits), axis=1)
    if not known.all():
        logger.warning(
            "%d of %d known_triples hold an entity or a relation that the graph lacks, and are left out.",
            np.sum(~known),
            len(known),
        )
    return TripleIndex.from_triples(ids[known], num_entities, num_relations)
