"""Reads neighbours from a file in NegatER's format instead of searching them, and writes such files [safavi2021]_.

A JSON object maps every phrase to the list of its nearest phrases, the nearest first.
"""

import json
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..storage.cache import array_digest, atomic_file
from ..texts.loading import Texts
from ..texts.naming import entity_ids
from ..triples.graphs import Graph
from .encoders import Encoder
from .neighbors import NeighborIndex

__all__ = [
    "ListedNeighbors",
    "UnusedEncoder",
    "longest_list",
    "read_neighbors",
    "write_neighbors",
]

logger = logging.getLogger(__name__)

#: The number of entities whose neighbours are written at once
BLOCK_SIZE = 2**14


class ListedNeighbors(NeighborIndex):
    """Neighbours from given lists; the distance of a neighbour is its place in the list, from 1."""

    def __init__(self, table: np.ndarray) -> None:
        """Wrap the lists.

        :param table: shape: (num_entities, width), dtype: int32, the neighbours of each entity, the nearest first; −1
            where there is none, after all others
        """
        super().__init__(np.empty((len(table), 0), dtype=np.float32), "l2", "listed")
        self.table = table

    @property
    def digest(self) -> str:
        """Identify the lists."""
        return array_digest(self.table)

    # docstr-coverage: inherited
    def search(  # noqa: D102
        self, queries: np.ndarray, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        neighbors = self.table[queries].astype(np.int64)
        distances = np.broadcast_to(np.arange(1, neighbors.shape[1] + 1, dtype=np.float32), neighbors.shape)
        is_there = neighbors >= 0 if among is None else np.isin(neighbors, among)
        order = np.argsort(~is_there, axis=1, kind="stable")[:, :k]
        neighbors, distances, is_there = (
            np.take_along_axis(values, order, axis=1) for values in (neighbors, distances, is_there)
        )
        return np.where(is_there, neighbors, -1), np.where(is_there, distances, np.float32(np.inf))


class UnusedEncoder(Encoder):
    """Returns vectors without dimensions, where neighbours are listed and nothing else needs vectors."""

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {}

    # docstr-coverage: inherited
    def encode(self, graph: Graph, texts: Texts | None) -> np.ndarray:  # noqa: D102
        return np.empty((graph.num_entities, 0), dtype=np.float32)


def _read(path: Path) -> list[tuple[str, list[str]]]:
    """Read phrases and their neighbours, in the order of the file."""
    if not path.is_file():
        raise FileNotFoundError(f"found no file {path}, expected neighbours: a JSON object of lists of phrases.")
    try:
        # the pairs of the outermost object; an object within a list stays a list of pairs, and is refused
        pairs = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(pairs, tuple):
        raise ValueError(
            f"{path}: found a JSON value of type {type(pairs).__name__}, expected one object that maps phrases to "
            f"lists of phrases, the nearest first."
        )
    for phrase, neighbors in pairs:
        if not isinstance(neighbors, list) or not all(isinstance(neighbor, str) for neighbor in neighbors):
            raise ValueError(f"{path}: found no list of phrases for {phrase!r}, expected one.")
    return list(pairs)


def longest_list(path: Path) -> int:
    """Count the neighbours of the phrase that has most of them.

    :param path: a file that :func:`read_neighbors` reads
    :return: their number
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if the file does not have that form
    """
    stat = path.stat()
    return _longest_list(path, stat.st_size, stat.st_mtime_ns)


@lru_cache
def _longest_list(path: Path, size: int, modified: int) -> int:
    return max((len(neighbors) for _, neighbors in _read(path)), default=0)


def read_neighbors(path: Path, graph: Graph, texts: Texts | None, k: int) -> ListedNeighbors:
    """Read the nearest neighbours of entities.

    Phrases that the graph lacks are left out, as are an entity itself and repetitions in its list; the log says how
    many.

    :param path: a JSON object that maps phrases to lists of phrases, the nearest first: labels or texts of entities
    :param graph: the graph, with labels
    :param texts: its texts, if there are any
    :param k: >= 1, the number of neighbours of each entity
    :return: the neighbours; those that a list holds beyond the k nearest are left out
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if the file does not have that form, or names no entity of the graph
    """
    pairs = _read(path)
    ids = entity_ids(graph, texts)
    lists = {ids[phrase]: neighbors for phrase, neighbors in pairs if phrase in ids}
    if not lists:
        raise ValueError(
            f"{path}: found neighbours of {', '.join(repr(phrase) for phrase, _ in pairs[:3]) or 'nothing'}, expected "
            f"labels or texts of the graph's entities, such as {', '.join(map(repr, list(ids)[:3]))}."
        )
    repeated = len(pairs) - len(dict(pairs))
    num_unknown = num_self = num_twice = num_more = 0
    table = np.full((graph.num_entities, min(k, max(map(len, lists.values())))), -1, dtype=np.int32)
    for entity, names in lists.items():
        known = [ids[name] for name in names if name in ids]
        distinct = dict.fromkeys(known)
        num_unknown += len(names) - len(known)
        num_twice += len(known) - len(distinct)
        num_self += entity in distinct
        distinct.pop(entity, None)
        num_more += len(distinct) > k
        nearest = list(distinct)[:k]
        table[entity, : len(nearest)] = nearest
    unknown = len(dict(pairs)) - sum(phrase in ids for phrase in dict(pairs))
    said = {
        f"{unknown:,} of {len(pairs):,} phrases are not in the graph, and are left out": unknown,
        f"{graph.num_entities - len(lists):,} of {graph.num_entities:,} entities have no list, and no neighbours": (
            graph.num_entities - len(lists)
        ),
        f"{repeated:,} phrases have several lists, the last of which counts": repeated,
        f"{num_unknown:,} neighbours are not in the graph, and are left out": num_unknown,
        f"{num_self:,} lists hold their own phrase, which is left out": num_self,
        f"{num_twice:,} neighbours are listed repeatedly, and count once": num_twice,
        f"{num_more:,} lists hold more than {k} neighbours, of which the nearest are taken": num_more,
        f"no list holds {k} neighbours; the longest one holds {table.shape[1]}": table.shape[1] < k,
    }
    for sentence, occurs in said.items():
        if occurs:
            logger.warning("%s: %s.", path, sentence)
    return ListedNeighbors(table)


def write_neighbors(path: Path, index: NeighborIndex, k: int, names: tuple[str, ...]) -> None:
    """Write the nearest neighbours of all entities as NegatER reads them, whole or not at all.

    :param path: the file; one that is there is replaced
    :param index: the index of the entities
    :param k: >= 1, the number of neighbours of each
    :param names: the name of each entity in the file
    """
    with atomic_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.write("{")
        for start in range(0, len(index), BLOCK_SIZE):
            block = np.arange(start, min(start + BLOCK_SIZE, len(index)))
            found, _ = index.search(block, k)
            for entity, row in zip(block.tolist(), found.tolist(), strict=True):
                neighbors = [names[i] for i in row if i >= 0]
                file.write(f"{', ' if entity else ''}{json.dumps(names[entity])}: {json.dumps(neighbors)}")
        file.write("}\n")
