"""Reading files exactly as they are."""

import pytest

from pykeen_negater.tables import read_rows, read_triples

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
        read_triples(write("a\tr\tb\na\tr\tc\0\n"))


def test_windows_line_ends(write):
    assert list(read_rows(write("a\tb \r\nc\td\r\n"), [2])) == [(1, ["a", "b "]), (2, ["c", "d"])]


def test_only_line_feeds_end_lines(write):
    odd = "a\x0b\x0c\x1c\x85\u2028b"
    assert list(read_rows(write(f"{odd}\tc\n"), [2])) == [(1, [odd, "c"])]


def test_triples_are_exact(write):
    triples = {(phrase, f"r {phrase}", other) for phrase, other in zip(PHRASES, PHRASES[::-1], strict=True)}
    factory = read_triples(write("\n".join("\t".join(triple) for triple in sorted(triples))))
    assert _labels(factory) == triples
    assert set(factory.entity_to_id) == set(PHRASES)


def test_phrases_that_differ_in_spaces_are_different(write):
    assert set(read_triples(write("dog\tr\tdog \n dog\tr\tdog\n")).entity_to_id) == {"dog", "dog ", " dog"}


def test_relations_named_like_pykeens_inverse_ones_survive(write):
    triples = {("a", "part_of", "b"), ("b", "part_of_inverse", "a")}
    assert _labels(read_triples(write("\n".join("\t".join(triple) for triple in triples)))) == triples


def test_byte_order_mark_is_no_part_of_a_label(write):
    assert set(read_triples(write("\ufeffa\tr\tb\na\tr\tc\n")).entity_to_id) == {"a", "b", "c"}


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


@pytest.mark.parametrize(
    ("line", "name"), [("\tr\tb", "head"), ("a\t \tb", "relation"), ("a\tr\t", "tail"), ("a\tr\t\u3000", "tail")]
)
def test_empty_label(write, line, name):
    with pytest.raises(ValueError, match=rf"file\.tsv, line 2: found an empty {name}, expected a label"):
        read_triples(write(f"a\tr\tb\n{line}\n"))


def test_triples_of_two_columns(write):
    with pytest.raises(ValueError, match=r"line 1: found 2 tab-separated column\(s\), expected 3"):
        read_triples(write("a\tb\n"))


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
