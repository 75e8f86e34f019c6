"""JSON files that people write."""

import json
from pathlib import Path

import pytest

from pykeen_negater.storage.json_files import read_json_object


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("content", [{}, {"caf\u00e9": ["a", None, 1.5]}, {"none": {"NaN": "nan"}}])
def test_an_object_is_read_as_it_is(tmp_path: Path, content: dict, encoding: str):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding=encoding)
    assert read_json_object(path, "labels to texts") == content


@pytest.mark.parametrize("content", [b"[]", b"null", b'"a"', b"3"])
def test_other_values(tmp_path: Path, content: bytes):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json: found another JSON value, expected one object that maps x to y"):
        read_json_object(path, "x to y")


@pytest.mark.parametrize("content", [b"", b"{", b"{'a': 1}", b'{"a": "\xff"}', b"[" * 100_000])
def test_what_is_no_json(tmp_path: Path, content: bytes):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json is not valid JSON: "):
        read_json_object(path, "x to y")


def test_what_is_no_file(tmp_path: Path):
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(FileNotFoundError, match=f"found no file {path}, expected a JSON object that maps x to y"):
            read_json_object(path, "x to y")
