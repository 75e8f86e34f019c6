"""Types of entities from mappings and files."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from pykeen_negater.triples.entity_types import load_types
from pykeen_negater.triples.graphs import Graph

LABELS = ("rex", "tom", "none", "kennel", "oak")


@pytest.fixture
def graph() -> Graph:
    return Graph.from_triples(np.array([[0, 0, 3], [1, 0, 3], [2, 0, 4]]), 5, 1, LABELS, ("near",))


def _members(graph: Graph, source) -> list[list[str]]:
    """List the labels of each type's entities, sorted."""
    types = load_types(graph, source)
    assert types is not None
    assert set(types.data.tolist()) <= {1.0}
    dense = types.toarray()
    assert dense.shape[0] == graph.num_entities
    return sorted([LABELS[i] for i in np.flatnonzero(column)] for column in dense.T)


def test_no_source_has_no_types(graph: Graph):
    assert load_types(graph, None) is None


def test_mapping_to_one_type_or_several(graph: Graph):
    source = {"rex": ["animal", "dog"], "tom": "animal", "none": ("animal", "thing"), "kennel": "thing", "oak": []}
    assert _members(graph, source) == [["none", "kennel"], ["rex", "tom", "none"]]


def test_a_string_is_one_type_and_not_its_letters(graph: Graph):
    assert _members(graph, {"rex": "aa", "tom": "aa", "oak": "ab"}) == [["rex", "tom"]]


def test_types_of_one_entity_are_left_out(graph: Graph):
    assert _members(graph, {"rex": ["a", "b"], "tom": ["b", "c"], "oak": "c"}) == [["rex", "tom"], ["tom", "oak"]]


def test_type_that_is_given_twice_counts_once(graph: Graph):
    """Otherwise, one entity would make a type of two."""
    assert _members(graph, {"rex": ["a", "a"], "tom": ["b", "b", "b"], "oak": "b"}) == [["tom", "oak"]]


def test_other_labels_are_ignored(graph: Graph):
    source = {"rex": "animal", "felix": ["animal", "cat"], "tom": "animal", "garfield": "cat"}
    assert _members(graph, source) == [["rex", "tom"]]


@pytest.mark.parametrize("as_text", [False, True])
def test_file_says_the_same_as_a_mapping(graph: Graph, tmp_path, as_text):
    path = tmp_path / "types.tsv"
    path.write_text(
        "rex\tanimal\ntom\tanimal\n\nrex\tpet\ncat\tpet\nnone\tpet\nnone\tnan\noak\tnan\n", encoding="utf-8"
    )
    expected = [["none", "oak"], ["rex", "none"], ["rex", "tom"]]
    assert _members(graph, str(path) if as_text else path) == expected
    assert (
        _members(graph, {"rex": ["animal", "pet"], "tom": "animal", "none": ["pet", "nan"], "oak": "nan"}) == expected
    )


def test_graph_without_labels(graph: Graph):
    unlabelled = dataclasses.replace(graph, entity_labels=None)
    with pytest.raises(ValueError, match="found entity_types for a graph without labels, expected a TriplesFactory"):
        load_types(unlabelled, {"rex": "dog"})


@pytest.mark.parametrize("source", [{"felix": "cat", "Rex": "dog"}, {}])
def test_no_label_of_the_graph(graph: Graph, source):
    with pytest.raises(ValueError, match=r"entity_types holds none of the graph's labels.*expected e\.g\. \['rex'"):
        load_types(graph, source)


def test_missing_file(graph: Graph, tmp_path):
    with pytest.raises(FileNotFoundError, match="found no file"):
        load_types(graph, tmp_path / "types.tsv")


def test_file_with_three_columns(graph: Graph, tmp_path):
    path = tmp_path / "types.tsv"
    path.write_text("rex\tanimal\ntom\tanimal\tcat\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 2: found 3 tab-separated column\(s\), expected 2"):
        load_types(graph, path)


@pytest.mark.parametrize(
    "source",
    [
        {"rex": ["animal", None], "tom": np.array(["animal"]), "none": float("nan"), "oak": 1999, "kennel": "1999"},
        {"rex": {"animal"}, "tom": ("animal", pd.NA), "oak": [1999.0], "kennel": pd.Series([1999])},
        pd.Series(["animal", "animal", None, 1999, "1999"], index=["rex", "tom", "none", "oak", "kennel"]),
        pd.Series(["animal", "x", "animal", 1999, 1999], index=["rex", "rex", "tom", "oak", "kennel"]),
        pd.Series([["animal"], ["animal"], 1999.0, 1999.0], index=["rex", "tom", "oak", "kennel"]),
    ],
)
def test_what_pandas_holds(graph: Graph, source):
    assert _members(graph, source) == [["kennel", "oak"], ["rex", "tom"]]


def test_labels_that_are_numbers():
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1, ("1", "2"), ("near",))
    types = load_types(graph, {1: "x", np.int64(2): "x"})
    assert types is not None
    assert types.toarray().tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("source", [42, ["rex"], {"rex"}, True, pd.DataFrame({"a": [1]})])
def test_source_of_a_wrong_type(graph: Graph, source):
    with pytest.raises(ValueError, match=r"^found entity_types=.*, expected a mapping of labels to types, or the path"):
        load_types(graph, source)


@pytest.mark.parametrize("value", [{"animal": 1}, [["animal"]], b"animal", True])
def test_value_of_a_wrong_type(graph: Graph, value):
    with pytest.raises(ValueError, match=r"^found .* for 'rex' in entity_types, expected a type, or a list"):
        load_types(graph, {"tom": "animal", "rex": value})
