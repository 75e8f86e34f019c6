"""Folders of pools that went wrong at random."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np

#: The contents of a folder by the names of the files
Files = dict[str, bytes]

METADATA, VOCABULARY, ARRAYS = "metadata.json", "vocabulary.json", "pools.safetensors"

#: What JSON may hold where something else is expected
ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3, 7, 2**31, 2**63, 10**400, 0.0, 1.5, -2.5, 1e308, float("inf"), float("nan"), "",
    "../../etc/passwd", "/etc/passwd", "\x1b[31m", [], [0], [2], [0, 2], [2, 0], [0, 0], [0.0, 2.0], [0, 1, 2, 3],
    "0", ["0"], [[0]], {}, {"0": 0}, [None, None], [0.0, 1.0], ["a", "b"],
]  # fmt: skip


def _flip_bits(files: Files, generator: np.random.Generator) -> None:
    name = _choose(files, generator)
    content = bytearray(files[name])
    for position in generator.integers(len(content), size=generator.integers(1, 4)) if content else ():
        content[position] ^= 1 << int(generator.integers(8))
    files[name] = bytes(content)


def _truncate(files: Files, generator: np.random.Generator) -> None:
    name = _choose(files, generator)
    files[name] = files[name][: generator.integers(len(files[name]) + 1)]


def _insert(files: Files, generator: np.random.Generator) -> None:
    name = _choose(files, generator)
    position = int(generator.integers(len(files[name]) + 1))
    files[name] = files[name][:position] + generator.bytes(int(generator.integers(1, 17))) + files[name][position:]


def _overwrite(files: Files, generator: np.random.Generator) -> None:
    name = _choose(files, generator)
    length = int(generator.choice([1, 2, 4, 8]))
    position = int(generator.integers(len(files[name]) + 1)) // length * length
    value = bytes([int(generator.choice([0, 1, 127, 128, 255]))]) * length
    files[name] = files[name][:position] + value + files[name][position + length :]


def _swap(files: Files, generator: np.random.Generator) -> None:
    one, other = generator.permutation(sorted(files))[:2]
    files[one], files[other] = files[other], files[one]


def _remove(files: Files, generator: np.random.Generator) -> None:
    del files[_choose(files, generator)]


def _replace_value(files: Files, generator: np.random.Generator) -> None:
    name = str(generator.choice([name for name in files if name.endswith(".json")]))
    try:
        content = json.loads(files[name])
    except ValueError:
        return
    if isinstance(content, dict) and content:
        content[str(generator.choice(list(content)))] = ODD_VALUES[generator.integers(len(ODD_VALUES))]
        files[name] = json.dumps(content).encode()


def _replace_header_value(files: Files, generator: np.random.Generator) -> None:
    content = files.get(ARRAYS, b"")
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        entry = header[str(generator.choice(list(header)))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    if isinstance(entry, dict) and entry:
        entry[str(generator.choice(list(entry)))] = ODD_VALUES[generator.integers(len(ODD_VALUES))]
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        files[ARRAYS] = len(text).to_bytes(8, "little") + text + content[8 + size :]


def _choose(files: Files, generator: np.random.Generator) -> str:
    return str(generator.choice(sorted(files)))


MUTATIONS: list[Callable[[Files, np.random.Generator], None]] = [
    _flip_bits, _truncate, _insert, _overwrite, _swap, _remove, _replace_value, _replace_header_value,
]  # fmt: skip


def reseal(files: Files) -> None:
    """Bring the checksums in line with the files, as far as there are metadata.

    :param files: changed in place
    """
    try:
        metadata = json.loads(files[METADATA])
        metadata.pop("metadata_checksum", None)
        for name, checksum in ((ARRAYS, "checksum"), (VOCABULARY, "vocabulary_checksum")):
            if name in files:
                metadata[checksum] = hashlib.sha256(files[name]).hexdigest()
        metadata["metadata_checksum"] = hashlib.sha256(json.dumps(metadata).encode()).hexdigest()
        files[METADATA] = json.dumps(metadata).encode()
    except (KeyError, ValueError, TypeError, AttributeError):
        pass


def mutate(files: Files, generator: np.random.Generator) -> Files:
    """Damage a folder; in half of the cases, the checksums fit what it became.

    :param files: the folder
    :param generator: the source of randomness
    :return: the damaged folder
    """
    files = dict(files)
    for _ in range(generator.integers(1, 3)):
        if len(files) > 1:
            MUTATIONS[generator.integers(len(MUTATIONS))](files, generator)
    if generator.random() < 0.5:
        reseal(files)
    return files
