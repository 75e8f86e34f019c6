"""Pairs by relation type: where they are from, how they are split, and what a step makes of them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater.relations.training.data import RelationPairs, read_relation_pairs
from pykeen_negater.texts.loading import Texts

from .conftest import ROWS, write_rows


def test_rows(data: RelationPairs, tmp_path: Path):
    assert data.rows() == ROWS
    assert data.parents == {"1": ("1/a", "1/b"), "2": ("2/a",)}
    assert data.name == "rows.jsonl"
    pd.DataFrame(ROWS).to_parquet(tmp_path / "rows.parquet")
    table = read_relation_pairs(tmp_path / "rows.parquet")
    assert (table.rows(), table.parents) == (ROWS, data.parents)


def test_no_hierarchy(tmp_path: Path):
    rows = [{"relation_type": "x", "positives": [["a", "b"]], "negatives": []}]
    assert read_relation_pairs(write_rows(tmp_path / "rows.jsonl", rows)).parents == {}


PAIRS = {"positives": [["a", "b"]], "negatives": []}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"relation_type": "x", "positives": [["a", "b"]]}, "line 2: found no field 'negatives'"),
        (PAIRS, "line 2: found no field 'relation_type'"),
        ({**PAIRS, "relation_type": "x", "positives": []}, "line 2: found an empty list of positives"),
        ({**PAIRS, "relation_type": "x", "positives": [["a", "b", "c"]]}, "line 2: found the pair"),
        ({**PAIRS, "relation_type": "x", "negatives": [["a"]]}, "line 2: found the pair"),
        ({**PAIRS, "relation_type": "x", "negatives": [3]}, r"line 2: found negatives=\[3\], expected a list of pairs"),
        (
            {**PAIRS, "relation_type": "x", "negatives": "ab"},
            "line 2: found negatives='ab', expected something of type list",
        ),
        ({**PAIRS, "relation_type": "1/a"}, "line 2: found the relation type '1/a' a second time"),
        (["x"], "line 2: found JSON of type list, expected an object"),
    ],
)
def test_bad_rows(tmp_path: Path, row: Any, message: str):
    path = write_rows(tmp_path / "rows.jsonl", [ROWS[0], row])
    with pytest.raises(ValueError, match=message) as error:
        read_relation_pairs(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.jsonl", "", "is empty"),
        ("rows.jsonl", "{", "line 1: found malformed JSON"),
        ("rows.csv", "", "found the suffix '.csv'"),
        ("rows.tsv", "training\t1a\tdog\tanimal\thigh", "line 1: found the rating 'high', expected a number"),
        ("rows.tsv", "1a\tdog\tanimal\t3", "line 1: found 4 tab-separated"),
        ("rows.tsv", "training\t1a\t\tanimal\t3", "line 1: found the pair"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: str, message: str):
    tmp_path.joinpath(name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_relation_pairs(tmp_path / name)


def test_bad_parquet(tmp_path: Path):
    pd.DataFrame([ROWS[0], {**ROWS[1], "positives": []}]).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=r"rows.parquet, row 2: found an empty list of positives"):
        read_relation_pairs(tmp_path / "rows.parquet")


def test_missing_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="found no file"):
        read_relation_pairs(tmp_path / "rows.jsonl")


def test_ratings(tmp_path: Path):
    ratings = {"10a": [5, -3, 40, 0, 7], "1b": [1, 2, 3]}
    lines = [f"test\t{code}\t{code}\tw{value}\t{value}" for code, values in ratings.items() for value in values]
    tmp_path.joinpath("ratings.tsv").write_text("\n".join(lines), encoding="utf-8")
    data = read_relation_pairs(tmp_path / "ratings.tsv", num_positives=2, num_negatives=2)
    assert data.positives == {"10/a": (("10a", "w40"), ("10a", "w7")), "1/b": (("1b", "w3"), ("1b", "w2"))}
    # a pair is not a positive and a negative
    assert data.negatives == {"10/a": (("10a", "w0"), ("10a", "w-3")), "1/b": (("1b", "w1"),)}
    assert data.parents == {"10": ("10/a",), "1": ("1/b",)}
    with pytest.raises(ValueError, match="found num_positives=0"):
        RelationPairs.from_ratings(tmp_path / "ratings.tsv", num_positives=0)


def test_semeval(data_folder: Path):
    data = read_relation_pairs(data_folder / "relational" / "semeval2012_task2" / "gold_ratings.tsv")
    assert len(data.positives) == 79
    assert len(data.parents) == 10
    assert {len(pairs) for pairs in (*data.positives.values(), *data.negatives.values())} == {10}


@pytest.mark.parametrize("inverse", [False, True])
def test_from_factory(small_factory: TriplesFactory, small_texts: Texts, inverse: bool):
    small_factory = TriplesFactory(
        small_factory.mapped_triples,
        entity_to_id=small_factory.entity_to_id,
        relation_to_id=small_factory.relation_to_id,
        create_inverse_triples=inverse,
    )
    data = RelationPairs.from_factory(small_factory, small_texts)
    assert {name: len(pairs) for name, pairs in data.positives.items()} == {"AtLocation": 4, "Desires": 3, "IsA": 4}
    assert ("dog", "kennel") in data.positives["AtLocation"]
    few = RelationPairs.from_factory(small_factory, small_texts, max_pairs=2)
    assert all(set(pairs) < set(data.positives[name]) for name, pairs in few.positives.items())
    with pytest.raises(ValueError, match="found max_pairs=1"):
        RelationPairs.from_factory(small_factory, small_texts, max_pairs=1)


def test_relations_with_a_slash_and_small_ones():
    triples = [("a", "/x/r", "b"), ("b", "/x/r", "c"), ("a", "/x/s", "c")]
    factory = TriplesFactory.from_labeled_triples(pd.DataFrame(triples).to_numpy(dtype=str))
    data = RelationPairs.from_factory(factory, Texts(entities=("a", "b", "c"), relations=("r", "s")))
    assert (list(data.positives), data.parents) == (["/x/r"], {})


def test_exclude(data: RelationPairs):
    assert list(data.exclude(["1/b"]).positives) == ["1/a", "2/a"]
    others = data.exclude(["1"])
    assert (list(others.positives), list(others.negatives), others.parents) == (["2/a"], ["2/a"], {"2": ("2/a",)})
    with pytest.raises(ValueError, match=r"found the excluded relation type\(s\) '3/a', expected some of 1, 1/a"):
        data.exclude(["3/a"])
    with pytest.raises(ValueError, match="found no relation type"):
        data.exclude(["1", "2"])


def test_hold_out(data: RelationPairs):
    kept, held = data.hold_out(0.5)
    assert held is not None
    # only one type has two pairs for either side
    assert list(held.positives) == ["2/a"]
    assert held.parents == {"2": ("2/a",)}
    assert sorted(kept.positives["2/a"] + held.positives["2/a"]) == sorted(data.positives["2/a"])
    assert not set(kept.positives["2/a"]) & set(held.positives["2/a"])
    assert kept.positives["1/a"] == data.positives["1/a"]
    assert data.hold_out(0.5, seed=0) == (kept, held)
    assert data.hold_out(0.0) == (data, None)
    with pytest.raises(ValueError, match=r"found the share 1\.0"):
        data.hold_out(1.0)
