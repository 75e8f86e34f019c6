"""Files with one JSON object per line."""

import json
from pathlib import Path
from typing import Any

import pytest

from pykeen_negater.relations.tasks.json_lines import read_json_lines, require_field


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "lines.jsonl"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\n\n  \n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_each_line_is_parsed(tmp_path: Path, separator: bytes, mark: bytes):
    # a line separator of Unicode ends no line
    records = [{"a": 1}, {"a": "caf\u00e9\u2028"}, {}]
    lines = [json.dumps(record, ensure_ascii=False).encode() for record in records]
    path = _write(tmp_path, mark + separator.join(lines))
    assert read_json_lines(path, lambda record: record.get("a")) == [record.get("a") for record in records]
    assert read_json_lines(str(path), dict) == records


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"lines\.jsonl is empty, expected one JSON object per line"),
        (b"\n \n", "is empty"),
        (b"{}\n{\n", r"lines\.jsonl, line 2: found malformed JSON \(.*\), expected one JSON object per line"),
        (b"\n[]\n", r"line 2: found JSON of type list, expected an object"),
        (b"{}\n3\n", r"line 2: found JSON of type int"),
        (b'{}\n"\xff"\n', r"lines\.jsonl is not UTF-8 .*Convert it"),
    ],
)
def test_bad_lines(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(ValueError, match=message):
        read_json_lines(_write(tmp_path, content), dict)


def test_what_cannot_be_parsed_is_named_by_its_line(tmp_path: Path):
    def parse(record: dict[str, Any]) -> int:
        return require_field(record, "number", int)

    path = _write(tmp_path, b'{"number": 4}\n\n{"other": 1}\n')
    with pytest.raises(ValueError, match=r"lines\.jsonl, line 3: found no field 'number' among \['other'\]"):
        read_json_lines(path, parse)


def test_missing_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jsonl"):
        read_json_lines(tmp_path / "nowhere.jsonl", dict)


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises((ValueError, OSError), match=str(tmp_path)):
        read_json_lines(tmp_path, dict)


@pytest.mark.parametrize(("value", "kind"), [(3, int), ("x", str), ([1], list), ({}, dict), (0.5, float)])
def test_fields_of_the_right_type(value: object, kind: type):
    assert require_field({"a": value, "b": None}, "a", kind) == value


@pytest.mark.parametrize(("value", "kind"), [(True, int), (None, str), (1, str), ("1", int), ({}, list)])
def test_fields_of_a_wrong_type(value: object, kind: type):
    with pytest.raises(ValueError, match=f"found a={value!r}, expected something of type {kind.__name__}"):
        require_field({"a": value}, "a", kind)
