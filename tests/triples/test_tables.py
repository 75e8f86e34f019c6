"""Reading triples as PyKEEN does, and other tables exactly as they are."""

import bz2
import gzip
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.datasets import get_dataset
from pykeen.triples import TriplesFactory

from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.tables import read_rows, read_triples

PHRASES = ["none", "nan", "NA", "null", "None", "NULL", "dog ", " dog", '"quoted', "it's", "#1", "ünïcode", "1", "1.0"]


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "file.tsv"

    def _write(content: str | bytes):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def _labels(factory) -> set[tuple[str, str, str]]:
    entities, relations = factory.entity_id_to_label, factory.relation_id_to_label
    return {(entities[h], relations[r], entities[t]) for h, r, t in factory.mapped_triples.tolist()}


@pytest.mark.parametrize("columns", [[2], [3], [2, 3]])
def test_rows_are_exact(write, columns):
    width = columns[0]
    rows = [[phrase] * width for phrase in PHRASES]
    path = write("\n".join("\t".join(row) for row in rows))
    assert list(read_rows(path, columns)) == list(enumerate(rows, start=1))
    assert list(read_rows(str(path), columns)) == list(enumerate(rows, start=1))


def test_blank_lines_are_skipped_and_counted(write):
    assert list(read_rows(write("\na\tb\n   \n\r\nc\td\n\n"), [2])) == [(2, ["a", "b"]), (5, ["c", "d"])]


def test_null_characters_are_no_text(write):
    with pytest.raises(ValueError, match="line 2: found a null character, expected a text file"):
        list(read_rows(write("a\tb\na\tc\0\n"), [2]))


def test_windows_line_ends(write):
    assert list(read_rows(write("a\tb \r\nc\td\r\n"), [2])) == [(1, ["a", "b "]), (2, ["c", "d"])]


def test_only_line_feeds_end_lines(write):
    odd = "a\x0b\x0c\x1c\x85\u2028b"
    assert list(read_rows(write(f"{odd}\tc\n"), [2])) == [(1, [odd, "c"])]


#: Files that PyKEEN reads, and how
READ: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "phrases": ("a.tsv", "\n".join(f"{phrase}\tr {phrase}\t{phrase}x" for phrase in PHRASES if '"' not in phrase)
                .encode(), {}),
    "quotes": ("a.tsv", b'"a b"\tr\tb\n"say ""hi"""\tr\t5" disk\na\tr\t"with\ttab"\n', {}),
    "inverse relations": ("a.tsv", b"a\tr\tb\nb\tr_inverse\ta\nc\tr_inverse\td\n", {}),
    "comments": ("a.tsv", b"#a\tr\tb\nx\tr\tb#c\n# a comment\n", {}),
    "a fourth column": ("a.tsv", b"a\tr\tb\t.9\nb\tr\tc\n", {}),
    "duplicates": ("a.tsv", b"b\tr\tc\na\tr\tb\nb\tr\tc\n", {}),
    "spaces": ("a.tsv", b"dog\tr\tdog \n dog\tr\tdog\n", {}),
    "empty labels": ("a.tsv", b"a\tr\t\n\t\t\nc\tr\n", {}),
    "blank lines": ("a.tsv", b"\na\tr\tb\r\n\n   \nc\tr\td", {}),
    "carriage returns": ("a.tsv", b"a\tr\tb\rc\tr\td\n", {}),
    "a byte-order mark": ("a.tsv", "\ufeffa\tr\tb\n".encode(), {}),
    "null characters": ("a.tsv", b"a\tr\tb\0c\n", {}),
    "numbers": ("a.tsv", b"1\t2\t3\n01\t2\t1.0\n", {}),
    "gzip": ("a.tsv.gz", gzip.compress(b"a\tr\tb\n"), {}),
    "bzip2": ("a.tsv.bz2", bz2.compress(b"a\tr\tb\n"), {}),
    "a delimiter": ("a.csv", b'a,r,b\n"x,y",r,b\n', {"delimiter": ","}),
    "a pattern": ("a.txt", b"a   r  b\nb r c\n", {"delimiter": r"\s+"}),
    "an encoding": ("a.tsv", b"a\tr\t\xe9\n", {"encoding": "latin-1"}),
    "an order": ("a.tsv", b"a\tb\tr\nb\tc\ts\n", {"column_remapping": [0, 2, 1]}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "kwargs"), READ.values(), ids=READ)
def test_read_as_pykeens_pipeline_reads(name: str, content: bytes, kwargs: dict[str, Any], tmp_path: Path):
    training, testing = tmp_path / name, tmp_path / f"testing.{name}"
    training.write_bytes(content)
    testing.write_bytes(content)
    # what pipeline(training=..., testing=..., dataset_kwargs=...) does
    dataset = get_dataset(training=training, testing=testing, dataset_kwargs={"load_triples_kwargs": kwargs})
    assert isinstance(dataset.training, TriplesFactory)
    ours = read_triples(training, load_triples_kwargs=kwargs)
    assert ours == dataset.training
    assert ours.entity_to_id == dataset.training.entity_to_id
    assert ours.relation_to_id == dataset.training.relation_to_id
    assert ours.mapped_triples.tolist() == dataset.training.mapped_triples.tolist()
    likewise = read_triples(testing, ours, kwargs)
    assert likewise.mapped_triples.tolist() == dataset.testing.mapped_triples.tolist()
    assert Graph.from_factory(ours).fingerprint == Graph.from_factory(dataset.training).fingerprint


def test_triples_are_exact(write):
    phrases = [phrase for phrase in PHRASES if '"' not in phrase]
    triples = {(phrase, f"r {phrase}", other) for phrase, other in zip(phrases, phrases[::-1], strict=True)}
    factory = read_triples(write("\n".join("\t".join(triple) for triple in sorted(triples))))
    assert _labels(factory) == triples
    assert set(factory.entity_to_id) == set(phrases)


def test_what_pykeen_takes_for_inverse_triples_is_said(write, caplog):
    factory = read_triples(write("a\tr\tb\nb\tr_inverse\ta\n"))
    assert _labels(factory) == {("a", "r", "b")}
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert "file.tsv: 1 of 2 triples have a relation whose name ends in '_inverse'" in lines[0]
    with pytest.raises(ValueError, match=r"file\.tsv: found only relations whose names end in '_inverse'"):
        read_triples(write("b\tr_inverse\ta\n"))


def test_empty_labels_are_said(write, caplog):
    assert read_triples(write("a\tr\tb\na\tr\t\n")).entity_to_id == {"": 0, "a": 1, "b": 2}
    assert "1 of 2 triples lack a head, a relation or a tail (the first: ['a', 'r', ''])" in caplog.text


def test_ids_of_other_triples(write, caplog):
    like = TriplesFactory(torch.tensor([[2, 1, 5]]), entity_to_id={"a": 2, "b": 5}, relation_to_id={"r": 1})
    factory = read_triples(write("b\tr\ta\nx\tr\ta\n"), like)
    assert factory.mapped_triples.tolist() == [[5, 1, 2]]
    assert [record.getMessage().partition("file.tsv: ")[2] for record in caplog.records] == [
        "1 of 2 triples hold an entity or a relation that the training triples lack, and are left out."
    ]
    with pytest.raises(ValueError, match=r"file\.tsv: found no triple whose labels are those of the training triples"):
        read_triples(write("x\tr\ta\n"), like)


@pytest.mark.parametrize(
    ("name", "content", "kwargs", "message"),
    [
        ("a.tsv", b"a r b\n", {}, r"a\.tsv: found 1 column\(s\), expected at least three: head, relation and tail"),
        ("a.tsv", b"a\tb\n", {}, r"a\.tsv: found 2 column\(s\), expected at least three"),
        ("a.tsv", b"a\tr\tb\na\tr\tb\tc\n", {}, r"a\.tsv is no table .*: Expected 3 fields in line 2, saw 4\. Check"),
        ("a.tsv", b'a\tr\t"b\nc\tr\td\n', {}, r"a\.tsv is no table .*: EOF inside string .* quote at the beginning"),
        ("a.tsv", gzip.compress(b"a\tr\tb\n"), {}, r"a\.tsv is compressed by gzip\. Give it a name that ends in \.gz"),
        ("a.tsv.gz", b"a\tr\tb\n", {}, r"a\.tsv\.gz is no whole \.gz file: Not a gzipped file"),
        ("a.tsv.gz", gzip.compress(b"a\tr\tb\n" * 99)[:-9], {}, r"a\.tsv\.gz is no whole \.gz file"),
        ("a.tsv.bz2", b"a\tr\tb\n", {}, r"a\.tsv\.bz2 is no whole \.bz2 file"),
        ("a.tsv.zip", b"a\tr\tb\n", {}, r"a\.tsv\.zip is no whole \.zip file"),
        ("a.tsv", b"a\tr\t\xe9\n", {}, r"a\.tsv is not UTF-8 .*\. Convert it, e\.g\. with iconv, or name its encoding"),
        ("a.tsv", b"a\tr\tb\n", {"delimeter": ","}, r"'delimeter', expected .* Did you mean delimiter\?"),
        ("a.tsv", b"a\tr\tb\n", {"encoding": "utf-9"}, r"a\.tsv cannot be read with .*utf-9"),
        ("a.tsv", b"a\tr\tb\n", {"column_remapping": [0, 1, 9]}, r"a\.tsv is no table .*: .* out of bounds\. Check"),
        ("a.tsv", b"a\tr\tb\n", {"column_remapping": [0]}, r"a\.tsv cannot be read with .*length of three"),
        ("a.tsv", b"a\tr\tb\n", {"delimiter": 5}, r"a\.tsv cannot be read with"),
    ],
)
def test_what_pykeen_cannot_read_is_one_sentence(
    name: str, content: bytes, kwargs: dict[str, Any], message: str, tmp_path: Path
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_triples(path, load_triples_kwargs=kwargs)
    assert "\n" not in str(error.value)


def test_compressed_rows(tmp_path: Path):
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\n"))
    assert list(read_rows(path, [2])) == [(1, ["a", "b"])]
    path.write_bytes(b"a\tb\n")
    with pytest.raises(ValueError, match=r"a\.tsv\.gz is no whole \.gz file"):
        list(read_rows(path, [2]))


def test_lines_of_mixed_lengths(write):
    rows = [["a", "b"], ["a", "b", "c"], ["d", "e"]]
    path = write("\n".join("\t".join(row) for row in rows))
    assert list(read_rows(path, [2, 3], mixed=True)) == list(enumerate(rows, start=1))
    with pytest.raises(ValueError, match=r"line 2: found 3 tab-separated column\(s\), expected 2 or 4"):
        list(read_rows(path, [2, 4], mixed=True))


@pytest.mark.parametrize(
    ("line", "found", "columns", "expected"),
    [
        ("a\tb", 2, [3], "3"),
        ("a\tb\tc\td", 4, [3], "3"),
        ("a b c", 1, [2, 3], "2 or 3"),
        ("a\tb\tc\t", 4, [2, 3], "2 or 3"),
    ],
)
def test_wrong_number_of_columns(write, line, found, columns, expected):
    good = "\t".join("x" * columns[0])
    message = rf"file\.tsv, line 3: found {found} tab-separated column\(s\), expected {expected}\. Check the delimiter"
    with pytest.raises(ValueError, match=message):
        list(read_rows(write(f"\n\n{line}\n{good}\n"), columns))


def test_all_lines_need_the_same_number_of_columns(write):
    with pytest.raises(ValueError, match=r"line 2: found 3 tab-separated column\(s\), expected 2\."):
        list(read_rows(write("a\tb\na\tb\tc\n"), [2, 3]))


@pytest.mark.parametrize("content", [b"a\tr\t\xe9\n", b"a\tr\tb\nb\tr\t\xff\xfe\n", "a\tr\tb\n".encode("utf-16")])
def test_not_utf8(write, content):
    with pytest.raises(ValueError, match=r"file\.tsv is not UTF-8 \(.*\)\. Convert it"):
        read_triples(write(content))


@pytest.mark.parametrize("content", ["", "\n", "  \n\r\n"])
def test_no_triples(write, content):
    with pytest.raises(ValueError, match=r"file\.tsv is empty, expected one triple \(head, relation, tail\) per line"):
        read_triples(write(content))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"found no file .*nowhere\.tsv, expected a tab-separated text file"):
        read_triples(tmp_path / "nowhere.tsv")
    with pytest.raises(FileNotFoundError, match="found no file"):
        next(read_rows(tmp_path, [2]))
