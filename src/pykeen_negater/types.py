"""The types of entities, where somebody knows them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from .graphs import Graph, label_to_id
from .said_once import warn_once
from .tables import read_rows

__all__ = [
    "TypeSource",
    "load_types",
]

logger = logging.getLogger(__name__)

#: A mapping of labels to a type or several, or the path of a file with one type per line
TypeSource: TypeAlias = Mapping[str, str | Sequence[str]] | str | Path

#: Types that fewer entities have say little
MIN_ENTITIES = 2


def load_types(graph: Graph, source: TypeSource | None) -> csr_array | None:
    """Find the types of a graph's entities.

    :param graph: the graph
    :param source: a mapping of labels to types, or a tab-separated file of label and type, in which a label may have
        several lines
    :return: shape: (num_entities, num_types), ones where an entity has a type; None if no source is given, or no two
        entities share a type
    :raises FileNotFoundError: if the source is a path without a file
    :raises ValueError: if it is malformed, holds none of the graph's labels, or the graph has no labels
    """
    if source is None:
        return None
    if graph.entity_labels is None:
        raise ValueError("found entity_types for a graph without labels, expected a TriplesFactory.")
    frame = pd.DataFrame(_pairs(source), columns=["label", "type"])
    entities = frame["label"].map(label_to_id(graph.entity_labels))
    known = entities.notna().to_numpy()
    if not known.any():
        raise ValueError(
            f"entity_types holds none of the graph's labels: found e.g. {frame['label'].head(3).tolist()}, expected "
            f"e.g. {list(graph.entity_names or ())[:3]}."
        )
    codes, names = pd.factorize(frame["type"][known])
    ones = np.ones(len(codes), dtype=np.float32)
    shape = (graph.num_entities, len(names))
    types = csr_array((ones, (entities[known].to_numpy(dtype=np.int64), codes)), shape=shape)
    types.sum_duplicates()
    types.data[:] = 1
    types = types[:, types.sum(axis=0) >= MIN_ENTITIES]
    if not types.shape[1]:
        warn_once(logger, graph.fingerprint, "No two entities share a type, so that entity_types is of no use.")
        return None
    return types


def _pairs(source: TypeSource) -> Iterable[Sequence[str]]:
    if isinstance(source, Mapping):
        return [(k, name) for k, names in source.items() for name in ([names] if isinstance(names, str) else names)]
    return [fields for _, fields in read_rows(source, columns=[2])]
