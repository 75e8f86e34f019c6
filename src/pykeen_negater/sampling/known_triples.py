"""Loads known triples: true triples that users list beyond those of the graph."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from ..pools.files import Vocabulary
from ..triples.graphs import label_to_id, labels_by_id, vocabulary_fingerprint
from ..triples.indexing import SIDES, TripleIndex
from ..triples.tables import read_labels
from ..utils.said_once import warn_once

__all__ = [
    "TripleSource",
    "load_known_triples",
]

logger = logging.getLogger(__name__)

#: The path of a file of labels (head, relation, tail) as PyKEEN reads it, or triples, each of three labels or of three
#: ids: a list, an array, a data frame, or PyKEEN's triples
TripleSource: TypeAlias = str | Path | Iterable[Sequence[Any]] | np.ndarray | pd.DataFrame | CoreTriplesFactory

_EXPECTED = "expected triples of three labels (str) or of three ids (int)"


def load_known_triples(
    source: TripleSource, num_entities: int, num_relations: int, vocabulary: Vocabulary
) -> TripleIndex:
    """Find the ids of true triples.

    :param source: the triples. Those with entities or relations that the graph lacks cannot be corruptions of its
        triples, and are left out, with a line in the log.
    :param num_entities: the graph's number of entities
    :param num_relations: the graph's number of relations, inverse ones not counted
    :param vocabulary: the graph's labels
    :return: the triples
    :raises FileNotFoundError: if the source is a path without a file
    :raises ValueError: if it does not hold triples, holds labels although the graph has none, or none of its triples
        has the graph's entities and relations
    """
    rows = _rows(source)
    has_labels = [_has_labels(i, row) for i, row in enumerate(rows)]
    labels = vocabulary.entity_labels, vocabulary.relation_labels
    if any(has_labels) and None in labels:
        raise ValueError("found known_triples with labels for a graph without, expected a TriplesFactory, or ids.")
    entities, relations = (label_to_id(names or ()) for names in labels)
    columns = ((entities, num_entities), (relations, num_relations), (entities, num_entities))
    found = (
        names.get(part, -1) if is_labelled else int(part) if 0 <= part < size else -1
        for is_labelled, row in zip(has_labels, rows, strict=True)
        for (names, size), part in zip(columns, row, strict=True)
    )
    ids = np.fromiter(found, dtype=np.int64).reshape(-1, len(SIDES))
    known: np.ndarray = np.all(ids >= 0, axis=1)
    if len(known) and not known.any():
        raise ValueError(
            f"found {len(known):,} known_triples, none of which has the graph's entities and relations: found e.g. "
            f"{list(rows[0])}, expected {_example(entities, relations, num_entities, num_relations)}."
        )
    if not known.all():
        warn_once(
            logger,
            vocabulary_fingerprint(num_entities, num_relations, *labels),
            "%d of %d known_triples hold an entity or a relation that the graph lacks, and are left out (e.g. %s).",
            np.sum(~known),
            len(known),
            list(rows[int(np.argmin(known))]),
        )
    return TripleIndex.from_triples(ids[known], num_entities, num_relations)


def _rows(source: TripleSource) -> list[Sequence[Any]]:
    """List the triples of a source, which may be any iterable."""
    if isinstance(source, str | Path):
        return read_labels(source).tolist()
    if isinstance(source, TriplesFactory):
        # by label, since its ids may differ from the graph's; ids without a label cannot be found
        entities = labels_by_id(source.entity_to_id, source.num_entities)
        relations = labels_by_id(source.relation_to_id, source.num_relations)
        rows = ((entities[h], relations[r], entities[t]) for h, r, t in source.mapped_triples.tolist())
        return [row for row in rows if None not in row]
    if isinstance(source, CoreTriplesFactory):
        source = source.mapped_triples
    if isinstance(source, pd.DataFrame):
        parts = [part for part in SIDES if part in source.columns]
        source = (source[parts] if len(parts) == len(SIDES) else source).itertuples(index=False, name=None)
    elif isinstance(source, torch.Tensor | np.ndarray):
        source = source.tolist()
    if isinstance(source, bytes | Mapping) or not isinstance(source, Iterable):
        raise ValueError(f"found known_triples={source!r}, expected the path of a file, or a list of triples.")
    return list(source)


def _has_labels(position: int, row: Any) -> bool:
    """Tell whether a triple consists of labels.

    :param position: its position in the source, for errors
    :param row: the triple
    :return: True for labels, False for ids
    :raises ValueError: if it is not a triple of either
    """
    if isinstance(row, list | tuple | np.ndarray | torch.Tensor | pd.Series) and len(row) == len(SIDES):
        if all(isinstance(part, str) for part in row):
            return True
        if all(isinstance(part, Integral) and not isinstance(part, bool) for part in row):
            return False
    raise ValueError(f"found known_triples[{position}]={row!r}, {_EXPECTED}.")


def _example(entities: Iterable[str], relations: Iterable[str], num_entities: int, num_relations: int) -> str:
    """Describe a triple of the graph, for errors."""
    some = [list(names)[:3] for names in (entities, relations)]
    if all(some):
        return f"entities such as {some[0]} and relations such as {some[1]}"
    return f"ids below {num_entities:,} of entities and below {num_relations:,} of relations"
