"""Neighbours of everything that may be replaced, one row each; they may lie on disk, where only what is read costs."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .caching import atomic_file
from .disk_space import reserve

__all__ = [
    "NEIGHBOR",
    "fill_table",
]

#: An entry of a table: a neighbour, −1 where there is none, and how far away it is
NEIGHBOR = np.dtype([("neighbor", np.int32), ("distance", np.float32)])


def fill_table(
    size: int, width: int, blocks: Iterable[tuple[np.ndarray, np.ndarray]], path: Path | None = None
) -> np.ndarray:
    """Collect neighbours, or take those that were collected before.

    :param size: the number of rows
    :param width: the most neighbours of a row
    :param blocks: pairs (neighbors, distances), each of shape (m, k) with k <= width, of one row after the other
    :param path: the file to keep them in. If None, they are kept in memory.
    :return: shape: (size, width), dtype: :data:`NEIGHBOR`
    :raises OSError: if there is no room for the file
    """
    if path is None:
        table = np.empty((size, width), dtype=NEIGHBOR)
        _fill(table, blocks)
        return table
    if not path.is_file():
        with atomic_file(path) as unfinished:
            if size:
                mapped = np.lib.format.open_memmap(unfinished, "w+", NEIGHBOR, (size, width))
                # a full disk is noticed here, and not when a page of the mapped file is written
                with unfinished.open("r+b") as file:
                    reserve(file.fileno(), 0, mapped.offset + mapped.nbytes)
                _fill(mapped, blocks)
                mapped.flush()
                del mapped
            else:
                with unfinished.open("wb") as file:
                    np.save(file, np.empty((0, width), dtype=NEIGHBOR), allow_pickle=False)
    return np.load(path, mmap_mode="r" if size else None, allow_pickle=False)


def _fill(table: np.ndarray, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    start = 0
    for neighbors, distances in blocks:
        rows, width = neighbors.shape
        part = table[start : start + rows]
        part["neighbor"][:, :width], part["distance"][:, :width] = neighbors, distances
        part["neighbor"][:, width:], part["distance"][:, width:] = -1, np.inf
        start += rows
