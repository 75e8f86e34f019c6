"""Tables of neighbours, one row for everything that may be replaced, in memory or mapped from disk."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..storage.checksummed_folders import checksummed_folder, find_checksummed
from ..storage.disk_space import reserve

__all__ = [
    "NEIGHBOR",
    "fill_table",
    "keep_table",
]

#: An entry of a table: a neighbour, or −1 where there is none, and its distance
NEIGHBOR = np.dtype([("neighbor", np.int32), ("distance", np.float32)])

_TABLE, _RECALL = "neighbors.npy", "recall.json"


def fill_table(size: int, width: int, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Collect neighbours in memory.

    :param size: the number of rows
    :param width: the most neighbours of a row
    :param blocks: pairs (neighbors, distances), each of shape (m, k) with k <= width, of one row after the other
    :return: shape: (size, width), dtype: :data:`NEIGHBOR`
    """
    table = np.empty((size, width), dtype=NEIGHBOR)
    _fill(table, blocks)
    return table


def keep_table(
    path: Path,
    size: int,
    width: int,
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    recall: Callable[[], float | None],
) -> tuple[np.ndarray, float | None]:
    """Collect neighbours on disk, or load those that were collected before, if they are undamaged.

    :param path: the folder to keep them in
    :param size: the number of rows
    :param width: the most neighbours of a row
    :param blocks: pairs (neighbors, distances), each of shape (m, k) with k <= width, of one row after the other
    :param recall: returns the recall of the search after all blocks, or None if it was exact
    :return: a pair (the table, mapped into memory, of shape (size, width) and dtype :data:`NEIGHBOR`; the recall)
    :raises OSError: if there is no room for the file
    """
    if not find_checksummed(path):
        with checksummed_folder(path) as folder:
            if size:
                mapped = np.lib.format.open_memmap(folder / _TABLE, "w+", NEIGHBOR, (size, width))
                # notice a full disk here, and not when a page of the mapped file is written
                with folder.joinpath(_TABLE).open("r+b") as file:
                    reserve(file.fileno(), 0, mapped.offset + mapped.nbytes)
                _fill(mapped, blocks)
                mapped.flush()
                del mapped
            else:
                with folder.joinpath(_TABLE).open("wb") as file:
                    np.save(file, np.empty((0, width), dtype=NEIGHBOR), allow_pickle=False)
            folder.joinpath(_RECALL).write_text(json.dumps(recall()), encoding="utf-8")
    table = np.load(path / _TABLE, mmap_mode="r" if size else None, allow_pickle=False)
    return table, json.loads(path.joinpath(_RECALL).read_text(encoding="utf-8"))


def _fill(table: np.ndarray, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    start = 0
    for neighbors, distances in blocks:
        rows, width = neighbors.shape
        part = table[start : start + rows]
        part["neighbor"][:, :width], part["distance"][:, :width] = neighbors, distances
        part["neighbor"][:, width:], part["distance"][:, width:] = -1, np.inf
        start += rows
