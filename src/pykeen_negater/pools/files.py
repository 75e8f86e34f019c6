"""Pools on disk: a folder that is written whole or not at all, and checked when it is read.

``metadata.json``
    the format's version, the fingerprints of vocabulary and inputs, the settings, package versions and statistics, and
    the checksums of the other files and of itself
``vocabulary.json``
    the labels and texts of entities and relations, for people and exports; training does not read it
``pools.safetensors``
    the arrays, mapped into memory when loaded; among them the ranker's exact scores, if these were kept
``durations.json``
    the seconds that each step of mining took; the only file that differs between two equal runs, and the only one
    without a checksum apart from the page ``README.md`` a page about the pools for people, see
    :mod:`pykeen_negater.pools.card`; no program reads it

The names of the files are fixed: no path that a file names is ever opened. Older pools of the same format version lack
the checksums of vocabulary and metadata, and are read without them.
"""

import hashlib
import json
import reprlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..storage.cache import atomic_folder
from ..storage.checksums import file_digest
from ..storage.regular_files import check_regular
from ..triples.graphs import Labels
from .card import pool_card
from .metadata import DURATIONS, REQUIRED, check_metadata

__all__ = [
    "DTYPES",
    "FORMAT_VERSION",
    "OPTIONAL_DTYPES",
    "PoolsError",
    "Vocabulary",
    "check_checksums",
    "check_replaceable",
    "dtypes_of",
    "is_small",
    "read_durations",
    "read_pools",
    "read_vocabulary",
    "write_pools",
]

#: The version of the folder's format; others are refused
FORMAT_VERSION = 3

_METADATA, _VOCABULARY, _ARRAYS, _DURATIONS = "metadata.json", "vocabulary.json", "pools.safetensors", "durations.json"

_CARD = "README.md"

#: The arrays of a pool folder and their types
DTYPES = {
    "keys": torch.int64,
    "offsets": torch.int64,
    "replacements": torch.int32,
    "hardness": torch.uint8,
    "risk": torch.uint8,
    "suspected": torch.int64,
    "suspected_risk": torch.uint8,
}

#: The arrays that only some pools have
OPTIONAL_DTYPES = {"scores": torch.float32}

#: The checksums of vocabulary and metadata, which older pools lack
_VOCABULARY_CHECKSUM, _METADATA_CHECKSUM = "vocabulary_checksum", "metadata_checksum"

#: Pools up to this size, in bytes, are checked as a whole whenever they are loaded, which takes a fraction of a second
CHECK_BELOW = 2**27


def dtypes_of(names: Collection[str]) -> dict[str, torch.dtype]:
    """Find the types of the arrays of some pools.

    :param names: the names of their arrays
    :return: the types of :data:`DTYPES`, and of those of :data:`OPTIONAL_DTYPES` that the pools have
    """
    return DTYPES | {name: dtype for name, dtype in OPTIONAL_DTYPES.items() if name in names}


class PoolsError(ValueError):
    """Raised if a folder of pools cannot be used: it is missing, damaged, of another version or vocabulary."""


@dataclass(frozen=True)
class Vocabulary:
    """The meaning of the ids of pools."""

    #: The label of each entity; None if they have none
    entity_labels: Labels | None = None

    #: The label of each relation; None if they have none
    relation_labels: Labels | None = None

    #: The text of each entity in mining; None if texts were not used
    entity_texts: tuple[str, ...] | None = None

    #: The text of each relation in mining; None if texts were not used
    relation_texts: tuple[str, ...] | None = None


def write_pools(
    path: Path,
    arrays: Mapping[str, Tensor] | Callable[[Path], None],
    metadata: Mapping[str, Any],
    vocabulary: Vocabulary,
    durations: Mapping[str, float],
) -> None:
    """Write pools to a folder, whole or not at all.

    :param path: the folder. Pools that are already there are replaced.
    :param arrays: the arrays of :data:`DTYPES`, and some of :data:`OPTIONAL_DTYPES`, or a function that writes them to
        a file if they do not fit into memory
    :param metadata: the other content of the pools; JSON-native
    :param vocabulary: the meaning of the ids
    :param durations: the seconds that each step of mining took
    :raises FileExistsError: if something else is there
    :raises PoolsError: if the metadata are not those of pools
    """
    check_replaceable(path)
    # as they will be read, with lists for tuples
    fault = check_metadata(json.loads(json.dumps(metadata)))
    if fault is not None:
        raise PoolsError(f"{path} is not written: {fault}. Correct the metadata.")
    with atomic_folder(path) as folder:
        if callable(arrays):
            arrays(folder / _ARRAYS)
        else:
            dtypes = dtypes_of(arrays)
            save_file({name: arrays[name].to(dtype).contiguous() for name, dtype in dtypes.items()}, folder / _ARRAYS)
        _write_json(folder / _VOCABULARY, vars(vocabulary))
        _write_json(folder / _DURATIONS, durations)
        content = {
            "format_version": FORMAT_VERSION,
            **metadata,
            "checksum": file_digest(folder / _ARRAYS),
            _VOCABULARY_CHECKSUM: file_digest(folder / _VOCABULARY),
        }
        with safe_open(folder / _ARRAYS, framework="pt") as file:
            num_triples, num_negatives = (file.get_slice(name).get_shape()[0] for name in ("keys", "replacements"))
            has_scores = "scores" in file.keys()  # noqa: SIM118
        folder.joinpath(_CARD).write_text(pool_card(metadata, num_triples, num_negatives, has_scores), encoding="utf-8")
        _write_json(folder / _METADATA, {**content, _METADATA_CHECKSUM: _json_digest(content)})


def read_pools(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read pools; the arrays are mapped into memory, not read.

    Their header and sizes are checked, and small ones are compared with their checksum.

    :param path: a folder of pools
    :return: a pair (the arrays of :data:`DTYPES`, and those of :data:`OPTIONAL_DTYPES` that there are; the metadata)
    :raises PoolsError: if there are none, or they are damaged or of another version
    """
    metadata = _read_metadata(path)
    _check_regular(path / _ARRAYS)
    try:
        if is_small(path):
            _check_checksum(path / _ARRAYS, metadata["checksum"])
        with safe_open(path / _ARRAYS, framework="pt") as file:
            dtypes = dtypes_of(file.keys())
            arrays = {name: file.get_tensor(name) for name in dtypes}
    except (OSError, SafetensorError) as error:
        raise PoolsError(f"{path / _ARRAYS} cannot be read ({error}). Mine the pools again.") from error
    wrong = [name for name, dtype in dtypes.items() if arrays[name].dtype != dtype or arrays[name].ndim != 1]
    if wrong:
        raise PoolsError(f"{path / _ARRAYS} has arrays of a wrong type: {', '.join(wrong)}. Mine the pools again.")
    statistics = metadata.get("statistics", {})
    if statistics.get("num_triples", len(arrays["keys"])) != len(arrays["keys"]):
        raise PoolsError(
            f"{path / _METADATA} is damaged: found statistics.num_triples={statistics['num_triples']}, expected "
            f"{len(arrays['keys'])}, as there are in {_ARRAYS}. Mine the pools again."
        )
    about_files = ("format_version", "checksum", _VOCABULARY_CHECKSUM, _METADATA_CHECKSUM)
    return arrays, {name: value for name, value in metadata.items() if name not in about_files}


def is_small(path: Path) -> bool:
    """Tell whether pools are checked as a whole whenever they are loaded.

    :param path: a folder of pools
    :return: whether they are
    :raises OSError: if the file with the arrays cannot be found
    """
    return path.joinpath(_ARRAYS).stat().st_size < CHECK_BELOW


def check_checksums(path: Path) -> None:
    """Compare all files with their checksums, however large they are.

    :param path: a folder of pools
    :raises PoolsError: if a file is not as it was written
    """
    metadata = _read_metadata(path)
    try:
        _check_checksum(path / _ARRAYS, metadata["checksum"])
        if _VOCABULARY_CHECKSUM in metadata:
            _check_checksum(path / _VOCABULARY, metadata[_VOCABULARY_CHECKSUM])
    except OSError as error:
        raise PoolsError(f"{path} cannot be read ({error}). Mine the pools again.") from error


def read_vocabulary(path: Path) -> Vocabulary:
    """Read the meaning of the ids.

    :param path: a folder of pools
    :return: the vocabulary
    :raises PoolsError: if it cannot be read, or is damaged
    """
    metadata = _read_metadata(path)
    content = _read_json(path / _VOCABULARY)
    if _VOCABULARY_CHECKSUM in metadata:
        _check_checksum(path / _VOCABULARY, metadata[_VOCABULARY_CHECKSUM])
    sizes = {"entity": metadata["num_entities"], "relation": metadata["num_relations"]}
    for field in fields(Vocabulary):
        values, size = content.get(field.name), sizes[field.name.partition("_")[0]]
        types = (str, type(None)) if field.name.endswith("labels") else str
        is_list = isinstance(values, list) and len(values) == size and all(isinstance(value, types) for value in values)
        if values is not None and not is_list:
            raise PoolsError(
                f"{path / _VOCABULARY} is damaged: its {field.name} are not {size:,} texts. Mine the pools again."
            )
    known = {field.name: content.get(field.name) for field in fields(Vocabulary)}
    return Vocabulary(**{name: None if values is None else tuple(values) for name, values in known.items()})


def read_durations(path: Path) -> dict[str, float]:
    """Read how long mining took.

    :param path: a folder of pools
    :return: the seconds by step, none if the file is missing
    :raises PoolsError: if it cannot be read
    """
    durations = _read_json(path / _DURATIONS) if path.joinpath(_DURATIONS).is_file() else {}
    fault = DURATIONS.find_fault(durations)
    if fault is not None:
        raise PoolsError(f"{path / _DURATIONS} is damaged: {fault}. Remove the file.")
    return durations


def check_replaceable(path: Path) -> None:
    """Check that a path is free, or holds pools, which may be replaced.

    :param path: the folder that pools are to be written to
    :raises FileExistsError: if something else is there
    """
    if path.exists() and not _holds_pools(path):
        raise FileExistsError(f"found {path}, which holds no pools. Choose another path, or remove it.")


def _holds_pools(path: Path) -> bool:
    """Tell whether a folder holds pools, even damaged ones, which may be replaced."""
    names = {file.name for file in path.iterdir()} if path.is_dir() else set()
    if {_METADATA, _ARRAYS} <= names:
        return True
    # if one of the two files is missing, the folder must hold nothing else, so that no other folder is replaced
    is_ours = _ARRAYS in names or (_METADATA in names and b"format_version" in (path / _METADATA).read_bytes())
    return is_ours and names <= {_METADATA, _ARRAYS, _VOCABULARY, _DURATIONS, _CARD}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    # lone surrogates are escaped, as JSON does it
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _json_digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    _check_regular(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PoolsError(f"{path} cannot be read ({error}). Mine the pools again.") from error
    if not isinstance(content, dict):
        raise PoolsError(f"{path} is no JSON object. Mine the pools again.")
    return content


def _read_metadata(path: Path) -> dict[str, Any]:
    if not path.joinpath(_METADATA).exists():
        raise PoolsError(f"found no pools at {path}, expected a folder made by `negater mine` or pools.save(...).")
    metadata = _read_json(path / _METADATA)
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        found = reprlib.repr(version)
        raise PoolsError(f"{path} has the format version {found}, expected {FORMAT_VERSION}. Mine it again.")
    missing = [name for name in (*REQUIRED, "checksum") if name not in metadata]
    if missing:
        raise PoolsError(f"{path / _METADATA} lacks {', '.join(missing)}. Mine the pools again.")
    fault = check_metadata(metadata)
    if fault is not None:
        raise PoolsError(f"{path / _METADATA} is damaged: {fault}. Mine the pools again.")
    content = {name: value for name, value in metadata.items() if name != _METADATA_CHECKSUM}
    has_checksums = _VOCABULARY_CHECKSUM in metadata or _METADATA_CHECKSUM in metadata
    if has_checksums and metadata.get(_METADATA_CHECKSUM) != _json_digest(content):
        raise PoolsError(f"{path / _METADATA} is damaged: its checksum is another. Mine the pools again.")
    return metadata


def _check_regular(path: Path) -> None:
    try:
        check_regular(path, "a file of pools")
    except (OSError, ValueError) as error:
        raise PoolsError(f"{path} cannot be read: {error} Mine the pools again.") from error


def _check_checksum(path: Path, checksum: str) -> None:
    _check_regular(path)
    if file_digest(path) != checksum:
        raise PoolsError(f"{path} is damaged: its checksum is not the one in {_METADATA}. Mine the pools again.")
