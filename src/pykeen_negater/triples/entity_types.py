"""Types of entities, if they are given."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from ..utils.plain_values import brief, is_missing, mapping_or_path, plain_items, plain_text
from ..utils.said_once import warn_once
from .graphs import Graph, label_to_id
from .tables import read_rows

__all__ = [
    "TypeSource",
    "check_types",
    "load_types",
]

logger = logging.getLogger(__name__)

#: A mapping or a series of labels to a type or several, or the path of a file with one type per line
TypeSource: TypeAlias = Mapping[str, Any] | pd.Series | str | Path

#: The least number of entities that a type needs to be used
MIN_ENTITIES = 2


def check_types(name: str, source: Any) -> dict[str, list[str]] | str | None:
    """Convert a source of types to values that JSON can hold.

    :param name: the parameter that it was passed as, for errors
    :param source: a mapping or a series of pandas, of labels to a type or several; or a path. Numbers become strings,
        and missing values are left out. A series may have a label several times.
    :return: the types by label, or the path as a string; None if there is no source
    :raises ValueError: if it is something else, or holds anything but types
    """
    source = mapping_or_path(name, source, "a mapping of labels to types, or the path of a file of label TAB type")
    if source is None or isinstance(source, str):
        return source
    types: dict[str, list[str]] = {}
    for label, value in plain_items(name, source):
        types.setdefault(label, []).extend(_plain_types(name, label, value))
    return types


def _plain_types(name: str, label: str, value: Any) -> Iterator[str]:
    several = isinstance(value, Collection | np.ndarray | pd.Series) and not isinstance(value, str | bytes | Mapping)
    for one in value if several else [value]:
        text = plain_text(one)
        if text is not None:
            yield text
        elif not is_missing(one):
            raise ValueError(f"found {brief(one)} for {label!r} in {name}, expected a type, or a list of types.")


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
    source = check_types("entity_types", source)
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
        warn_once(logger, graph.fingerprint, "No two entities share a type, so that entity_types is not used.")
        return None
    return types


def _pairs(source: dict[str, list[str]] | str) -> list[Sequence[str]]:
    if isinstance(source, dict):
        return [(label, name) for label, names in source.items() for name in names]
    return [fields for _, fields in read_rows(source, columns=[2])]
