"""Negatives from a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater.corruption import listed as listed_negatives
from pykeen_negater.corruption.listed import read_negatives, read_scores
from pykeen_negater.texts.loading import Texts, load_texts
from pykeen_negater.triples.graphs import Graph

from .conftest import write_negatives


@pytest.mark.parametrize("header", [None, ("head", "relation", "tail", "score"), ("Head", "Relation", "Tail", "x")])
@pytest.mark.parametrize("score", ["0.5", "nan"])
def test_forms(tmp_path: Path, header: tuple[str, ...] | None, score: str):
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 3, 2, ("A", "B", "C"), ("R", "S"))
    rows = [("B", "R", "A", score), ("see", "s", "none", score), ("B", "R", "A", "0.1"), ("A", "R", "B", score)]
    source = write_negatives(tmp_path, rows if header is None else [header, *rows])
    texts = Texts(("none", "bee", "see"), ("r", "s"))
    # labels or texts; what is known or double is gone
    assert read_negatives(source.path, graph, texts).tolist() == [[1, 0, 0], [2, 1, 0]]


def test_labels_come_before_texts(tmp_path: Path):
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 3, 1, ("A", "B", "C"), ("R",))
    source = write_negatives(tmp_path, [("A", "R", "twin")])
    assert read_negatives(source.path, graph, Texts(("twin", "A", "twin"), ("R",))).tolist() == [[0, 0, 0]]


def test_quotes_of_pandas(tmp_path: Path):
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 3, 1, ("a", 'the "x"', '"b"'), ("r",))
    texts = Texts(graph.entity_labels, graph.relation_labels)
    frame = pd.DataFrame({"head": ["a"], "relation": ["r"], "tail": ['"b"'], "score": [0.5]})
    frame.loc[1] = ['the "x"', "r", "a", 0.25]
    frame.to_csv(tmp_path / "negatives.tsv", sep="\t", index=False)
    assert read_negatives(tmp_path / "negatives.tsv", graph, texts).tolist() == [[0, 0, 2], [1, 0, 0]]
    # without a header, quotes are what they are
    source = write_negatives(tmp_path, [("a", "r", '"b"')])
    assert read_negatives(source.path, graph, texts).tolist() == [[0, 0, 2]]


def _scores(content: str, graph: Graph, tmp_path: Path) -> dict[str, float]:
    """Read the score of each negative by its tail."""
    path = tmp_path / "scored.tsv"
    path.write_text(content, encoding="utf-8")
    texts = load_texts(graph)
    assert graph.entity_labels is not None
    assert texts is not None
    negatives = read_negatives(path, graph, texts)
    scores = read_scores(path, graph, texts, negatives)
    return {graph.entity_labels[tail]: score for (_, _, tail), score in zip(negatives, scores, strict=True)}


def test_rows_with_and_without_a_score(small_graph: Graph, tmp_path: Path):
    rows = ["cat\tIsA\tplant", "cat\tIsA\thay\t-3", "cat\tIsA\tbone\t-5", "cat\tIsA\tbone", "cat\tIsA\thay\t-4"]
    for lines in (rows, rows[::-1], ["head\trelation\ttail", *rows], ["head\trelation\ttail\tscore", *rows]):
        assert _scores("\n".join(lines), small_graph, tmp_path) == {"plant": -3, "hay": -3, "bone": -5}
    assert _scores("cat\tIsA\tplant\ncat\tIsA\thay\n", small_graph, tmp_path) == {"plant": 1, "hay": 1}


def test_names_may_be_quoted_as_those_of_triples():
    triples = np.array([["a", "r", 'say "hi"'], ['"b"', "r", "c"]], dtype=object)
    graph = Graph.from_factory(TriplesFactory.from_labeled_triples(triples))
    texts = Texts(graph.entity_labels, graph.relation_labels)
    names = listed_negatives._names(graph, texts)
    assert listed_negatives._unquoted(['"a"', '"r"', '"say ""hi"""', "1"], names) == ["a", "r", 'say "hi"']
    # a name as it stands there comes first
    assert listed_negatives._unquoted(['"b"', "r", 'say "hi"'], names) == ['"b"', "r", 'say "hi"']
    assert listed_negatives._unquoted(['"', "r", '"x'], names) == ['"', "r", '"x']


def test_ids_without_labels_have_no_names(tmp_path: Path):
    graph = Graph.from_triples(torch.tensor([[0, 0, 1], [2, 0, 1]]), 3, 1, ("a", "b", None), ("r",))
    path = tmp_path / "own.tsv"
    for name in ("2", "entity 2 (no label)"):
        path.write_text(f"b\tr\t{name}\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"1 unknown phrase\(s\)"):
            read_negatives(path, graph, Texts(graph.entity_names, graph.relation_names))
