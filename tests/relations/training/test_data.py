"""Pairs by relation type: where they are from, how they are split, and what a step makes of them."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater.relations.training.data import RelationPairs, read_relation_pairs
from pykeen_negater.relations.training.settings import RelationTrainingSettings
from pykeen_negater.relations.training.steps import ContrastiveSteps, PairTable, TripletSteps
from pykeen_negater.texts.loading import Texts

ROWS = [
    {
        "relation_type": "1/a",
        "positives": [["dog", "animal"], ["oak", "plant"], ["rose", "plant"]],
        "negatives": [["animal", "dog"]],
    },
    {"relation_type": "1/b", "positives": [["dog", "pet"], ["hammer", "tool"]], "negatives": [["tool", "saw"]]},
    {
        "relation_type": "2/a",
        "positives": [["wheel", "car"], ["wing", "bird"], ["leaf", "oak"], ["dog", "pet"]],
        "negatives": [],
    },
]


def _write(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> RelationPairs:
    """Read the rows."""
    return read_relation_pairs(_write(tmp_path / "rows.jsonl", ROWS))


def test_rows(data: RelationPairs, tmp_path: Path):
    assert data.rows() == ROWS
    assert data.parents == {"1": ("1/a", "1/b"), "2": ("2/a",)}
    assert data.name == "rows.jsonl"
    pd.DataFrame(ROWS).to_parquet(tmp_path / "rows.parquet")
    table = read_relation_pairs(tmp_path / "rows.parquet")
    assert (table.rows(), table.parents) == (ROWS, data.parents)


def test_no_hierarchy(tmp_path: Path):
    rows = [{"relation_type": "x", "positives": [["a", "b"]], "negatives": []}]
    assert read_relation_pairs(_write(tmp_path / "rows.jsonl", rows)).parents == {}


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
    path = _write(tmp_path / "rows.jsonl", [ROWS[0], row])
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
    with pytest.raises(ValueError, match="found the relation type '3/a' to exclude, expected some of: 1, 1/a"):
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


@pytest.mark.parametrize("augment", [False, True])
def test_table(data: RelationPairs, augment: bool):
    table = PairTable(data, augment)
    assert len(table.pairs) == len(set(table.pairs)) == 10
    for row, name in enumerate(table.types):
        negatives = set(data.negatives[name])
        if augment:
            negatives |= set(chain.from_iterable(data.positives.values())) - set(data.positives[name])
        assert {table.pairs[i] for i in table.positives[row].nonzero()[0]} == set(data.positives[name])
        assert {table.pairs[i] for i in table.negatives[row].nonzero()[0]} == negatives
    positives, negatives = table.parents
    # a pair of both parents is no negative of either
    assert {table.pairs[i] for i in positives[0].nonzero()[0]} == {*data.positives["1/a"], *data.positives["1/b"]}
    assert {table.pairs[i] for i in negatives[0].nonzero()[0]} == set(data.positives["2/a"]) - {("dog", "pet")}
    assert table.parent_of_type.tolist() == [0, 0, 1]


@pytest.mark.parametrize("relations_per_step", [None, 2, 99])
def test_contrastive_steps(data: RelationPairs, relations_per_step: int | None):
    settings = RelationTrainingSettings(num_positive=2, num_negative=3, relations_per_step=relations_per_step)
    steps = ContrastiveSteps(data, settings)
    # three types and two parents
    assert len(steps) == {None: 5, 2: 3, 99: 1}[relations_per_step]
    drawn = []
    for epoch in (0, 1, 0):
        steps.set_epoch(epoch)
        assert sorted(chain.from_iterable(types.tolist() for types in steps.steps)) == list(range(5))
        for types, step in zip(steps.steps, steps, strict=True):
            positives, negatives = step.targets["positives"], step.targets["negatives"]
            assert len(set(step.pairs)) == len(step.pairs)
            assert positives.shape == negatives.shape == (len(types), len(step.pairs))
            assert (positives.sum(axis=1) == 2).all()
            assert negatives.any(axis=1).all()
            for row, is_positive, is_negative in zip(types, positives, negatives, strict=True):
                assert steps.positives[row, step.pairs[is_positive]].all()
                assert (steps.negatives[row, step.pairs] == is_negative).all()
            if relations_per_step is None:
                assert negatives.sum() <= 3
                assert (positives | negatives).all()
        drawn.append([(step.pairs.tolist(), step.targets["positives"].tolist()) for step in steps])
    assert drawn[0] == drawn[2] != drawn[1]


def test_own_negatives_are_drawn_first(data: RelationPairs):
    settings = RelationTrainingSettings(num_negative=1, relations_per_step=99)
    (step,) = ContrastiveSteps(data, settings)
    table = PairTable(data)
    drawn = {table.pairs[row] for row in step.pairs}
    assert {("animal", "dog"), ("tool", "saw")} <= drawn


@pytest.mark.parametrize("relations_per_step", [None, 2])
def test_triplet_steps(data: RelationPairs, relations_per_step: int | None):
    settings = RelationTrainingSettings(loss="triplet", num_positive=3, relations_per_step=relations_per_step)
    steps = TripletSteps(data, settings)
    table, (similar, dissimilar) = steps.table, steps.table.parents
    groups = 1 if relations_per_step is None else 2
    assert len(steps) == 3 * groups
    couples: dict[int, list[frozenset]] = {row: [] for row in range(3)}
    for number, step in enumerate(steps):
        types = steps.groups[number % groups]
        rows = step.pairs[step.targets["triplets"]]
        for row, (anchor, positive, negative, near, far) in zip(types, rows, strict=True):
            assert table.positives[row, [anchor, positive]].all()
            assert table.negatives[row, negative]
            parent = table.parent_of_type[row]
            assert similar[parent, near]
            assert dissimilar[parent, far]
            couples[row].append(frozenset((anchor, positive)))
        for i, row in enumerate(types):
            expected = [not table.positives[row, rows[j, :2]].any() for j in range(len(types))]
            assert step.targets["strangers"][i].tolist() == expected
    assert [len(set(couples[row])) for row in range(3)] == [3, 1, 3]


def test_no_negatives():
    data = RelationPairs({"x": (("a", "b"), ("c", "d"))})
    with pytest.raises(ValueError, match="found no negatives of the relation type 'x'"):
        ContrastiveSteps(data, RelationTrainingSettings())
    two = RelationPairs({"x": (("a", "b"),), "y": (("c", "d"),)})
    with pytest.raises(ValueError, match="found no negatives of the relation type 'x'"):
        ContrastiveSteps(two, RelationTrainingSettings(augment_negative_by_positive=False))
    with pytest.raises(ValueError, match="found a single positive of the relation type 'x'"):
        TripletSteps(two, RelationTrainingSettings(loss="triplet"))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"loss": "mse"}, "found loss='mse', expected one of nce, iloob, triplet"),
        ({"num_positive": 0}, "found num_positive=0, expected at least 1"),
        ({"loss": "triplet", "num_positive": 1}, "found num_positive=1, expected at least 2"),
        ({"relations_per_step": 0}, "found relations_per_step=0"),
        ({"temperature": 0.0}, r"found temperature=0\.0"),
        ({"warmup": -1}, "found warmup=-1"),
        ({"validation_share": 1.0}, r"found validation_share=1\.0"),
    ],
)
def test_bad_settings(kwargs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        RelationTrainingSettings(**kwargs)
