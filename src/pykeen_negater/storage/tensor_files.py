"""Writes safetensors files piece by piece, for content that does not fit into memory."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .disk_space import reserve

__all__ = [
    "TensorFile",
]

#: The format's names of types, in the order of their tensors in a file
_NAMES = {"int64": "I64", "float32": "F32", "int32": "I32", "uint8": "U8"}


class TensorFile:
    """A file of one-dimensional arrays, byte by byte as safetensors would write it."""

    def __init__(self, path: Path, sizes: Mapping[str, tuple[np.dtype, int]]) -> None:
        """Create the file, all zeros.

        :param path: its path
        :param sizes: the type (int64, float32, int32 or uint8) and number of elements of each array by name
        :raises OSError: if there is no room for it
        """
        self.path = path
        self._sizes = sizes
        self._starts: dict[str, int] = {}
        types = list(_NAMES)
        end, header = 0, {}
        for name in sorted(sizes, key=lambda name: (types.index(sizes[name][0].name), name)):
            dtype, size = sizes[name]
            start, end = end, end + dtype.itemsize * size
            header[name] = {"dtype": _NAMES[dtype.name], "shape": [size], "data_offsets": [start, end]}
            self._starts[name] = start
        encoded = json.dumps(header, separators=(",", ":")).encode()
        encoded += b" " * (-len(encoded) % 8)
        with path.open("wb") as file:
            file.write(len(encoded).to_bytes(8, "little"))
            file.write(encoded)
            # notice a full disk here, and not when a page of the mapped file is written
            reserve(file.fileno(), file.tell(), end)
        self._first = 8 + len(encoded)

    def array(self, name: str) -> np.ndarray:
        """Map an array into memory; what is written to it goes to the file.

        :param name: its name
        :return: shape: (size,); while it is used, its pages count as memory of this process
        """
        dtype, size = self._sizes[name]
        if not size:
            return np.zeros(0, dtype=dtype)
        return np.memmap(self.path, dtype, "r+", self._first + self._starts[name], (size,))
