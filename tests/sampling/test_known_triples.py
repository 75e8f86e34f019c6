"""True triples of the user's own, however they hold them."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.sampling.known_triples import load_known_triples

#: The id 1 of an entity and the id 0 of a relation have no labels
VOCABULARY = Vocabulary(("a", None, "b", "7", "none"), (None, "r"))

KNOWN = [[0, 1, 2], [3, 1, 4]]

LABELLED = [["a", "r", "b"], ["7", "r", "none"]]


def load(source: Any, vocabulary: Vocabulary = VOCABULARY) -> list[list[int]]:
    """Load known triples over five entities and two relations."""
    keys = load_known_triples(source, 5, 2, vocabulary).keys.tolist()
    return [[key // 10, key // 5 % 2, key % 5] for key in keys]


FACTORY = TriplesFactory(
    torch.tensor([[2, 0, 0], [1, 0, 3]]),
    entity_to_id={"b": 0, "7": 1, "a": 2, "none": 3},
    relation_to_id={"r": 0},
)

SOURCES: dict[str, Any] = {
    "labels": LABELLED,
    "tuples": tuple(map(tuple, LABELLED)),
    "set": set(map(tuple, LABELLED)),
    "generator": (row for row in LABELLED),
    "array of labels": np.array(LABELLED),
    "array of objects": np.array(LABELLED, dtype=object),
    "rows that are arrays": [np.array(row) for row in LABELLED],
    "frame": pd.DataFrame(LABELLED),
    "frame with other columns": pd.DataFrame(LABELLED, columns=["head", "relation", "tail"]).assign(score=0.5)[
        ["score", "tail", "relation", "head"]
    ],
    "ids": KNOWN,
    "ids of NumPy": [[np.int64(x) for x in row] for row in KNOWN],
    "array of ids": np.array(KNOWN, dtype=np.int32),
    "tensor": torch.tensor(KNOWN),
    "frame of ids": pd.DataFrame(KNOWN),
    "ids and labels": [KNOWN[0], LABELLED[1]],
    "factory with other ids": FACTORY,
    "its labelled triples": FACTORY.label_triples(FACTORY.mapped_triples),
    "factory without labels": CoreTriplesFactory(torch.tensor(KNOWN), num_entities=5, num_relations=2),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_known_triples_of_any_kind(source: Any):
    assert load(source) == KNOWN


def test_files_are_read_as_pykeen_reads_them(tmp_path: Path):
    path = tmp_path / "known.tsv"
    path.write_text('"a"\tr\tb\t0.5\n7\tr\tnone\t1\n', encoding="utf-8")
    assert load(path) == load(str(path)) == KNOWN


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (["abc"], "known_triples[0]='abc', expected triples of three labels (str) or of three ids (int)"),
        ([["a", "r"]], "known_triples[0]=['a', 'r'], expected triples"),
        ([["a", "r", "b"], ["a", math.nan, "b"]], "known_triples[1]=['a', nan, 'b'], expected triples"),
        ([["a", "r", None]], "known_triples[0]=['a', 'r', None]"),
        ([[0, 1, 2.0]], "known_triples[0]=[0, 1, 2.0]"),
        ([[0, True, 2]], "known_triples[0]=[0, True, 2]"),
        ([[7, "r", 30]], "known_triples[0]=[7, 'r', 30]"),
        (np.array([0.0, 1.0, 2.0]), "known_triples[0]=0.0"),
        (pd.DataFrame([["a", "r", pd.NA]]), "known_triples[0]=('a', 'r', <NA>)"),
        (pd.DataFrame([[7, "r", 30]]), "known_triples[0]=(7, 'r', 30)"),
        (pd.DataFrame([["a", "r", "b", "c"]]), "known_triples[0]=('a', 'r', 'b', 'c')"),
        (42, "known_triples=42, expected the path of a file, or a list of triples"),
        ({"a": ["r", "b"]}, "known_triples={'a': ['r', 'b']}, expected the path"),
        (b"known.tsv", "known_triples=b'known.tsv', expected the path"),
    ],
)
def test_what_is_no_triple_is_named(source: Any, found: str):
    with pytest.raises(ValueError, match="found known_triples") as error:
        load(source)
    assert found in str(error.value)


def test_ids_without_labels_are_not_found_by_their_number(caplog):
    assert load([["a", "r", "1"], *LABELLED]) == KNOWN
    assert "1 of 3 known_triples hold an entity or a relation that the graph lacks" in caplog.text
    assert "(e.g. ['a', 'r', '1'])" in caplog.text
    # by their ids they are
    assert load([[1, 0, 1]]) == [[1, 0, 1]]


def test_what_the_graph_lacks_is_said_once(caplog):
    for _ in range(3):
        assert load([[0, 1, 5], [-1, 0, 0], [2**70, 0, 0], [0, 1, 2]]) == [[0, 1, 2]]
    assert len(caplog.records) == 1
    assert "3 of 4 known_triples" in caplog.text
    # another graph
    assert load([[0, 1, 5], [-1, 0, 0], [2**70, 0, 0], [0, 1, 2]], Vocabulary()) == [[0, 1, 2]]
    assert len(caplog.records) == 2


def test_nothing_known_is_an_error():
    with pytest.raises(
        ValueError, match=r"found 1 known_triples, none of which has .* \['A', 'r', 'b'\], expected ent"
    ):
        load([["A", "r", "b"]])
    with pytest.raises(ValueError, match=r"expected ids below 5 of entities and below 2 of relations\."):
        load([[5, 1, 2]], Vocabulary())
    # somebody's list is empty
    assert load([]) == []


def test_labels_for_a_graph_without():
    with pytest.raises(ValueError, match="found known_triples with labels for a graph without"):
        load(LABELLED, Vocabulary())
