"""Reads JSON files that people have written."""

import json
from pathlib import Path
from typing import Any

__all__ = [
    "read_json_object",
]


def read_json_object(path: Path, what: str) -> dict[str, Any]:
    """Read a file with one JSON object.

    :param path: the file, in UTF-8, with or without a byte-order mark
    :param what: what the object maps to what, for errors, e.g. ``labels to texts``
    :return: the object
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if it is not valid JSON, or holds another value
    """
    if not path.is_file():
        raise FileNotFoundError(f"found no file {path}, expected a JSON object that maps {what}.")
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path}: found another JSON value, expected one object that maps {what}.")
    return data
