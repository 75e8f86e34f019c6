"""Reads JSON lines: files with one JSON object per line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ...storage.regular_files import check_regular

__all__ = [
    "read_json_lines",
    "require_field",
]

T = TypeVar("T")


def read_json_lines(path: str | Path, parse: Callable[[dict[str, Any]], T]) -> list[T]:
    """Read a file of JSON lines; blank lines are skipped.

    :param path: the UTF-8 file
    :param parse: parses the object in a line. Its ValueErrors are raised again with the line number.
    :return: the parsed lines
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a line is not a JSON object or cannot be parsed, or there is none, or the file is not UTF-8,
        or no regular file
    """
    path = Path(path)
    check_regular(path, "JSON lines")
    parsed = []
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    parsed.append(parse(_load(line)))
                except UnicodeDecodeError:
                    raise
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 ({error}). Convert it, e.g. with iconv.") from error
    if not parsed:
        raise ValueError(f"{path} is empty, expected one JSON object per line.")
    return parsed


def _load(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"found malformed JSON ({error.msg}), expected one JSON object per line.") from error
    if not isinstance(record, dict):
        raise ValueError(f"found JSON of type {type(record).__name__}, expected an object.")
    return record


def require_field(record: dict[str, Any], name: str, kind: type[T]) -> T:
    """Get a field of an object.

    :param record: the object
    :param name: the field's name
    :param kind: the type that it must have
    :return: its value
    :raises ValueError: if there is no such field, or it has another type
    """
    if name not in record:
        raise ValueError(f"found no field {name!r} among {sorted(record)}, expected one.")
    value = record[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"found {name}={value!r}, expected something of type {kind.__name__}.")
    return value
