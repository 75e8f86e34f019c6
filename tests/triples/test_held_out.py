"""Triples with entities that the training triples lack."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.held_out import digest_held_out, read_held_out


def _write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_new_entities_come_after_those_of_the_graph(small_graph: Graph, tmp_path: Path):
    files = {
        "validation": _write(tmp_path / "valid.txt", "dog\tIsA\tgood_friend", "cat\tDesires\tmilk"),
        "testing": _write(tmp_path / "test.txt", "good_friend\tIsA\tQ7"),
    }
    held_out = read_held_out(files, small_graph)
    entity_labels = small_graph.entity_labels + held_out.other_entities
    labelled = {
        name: [
            (entity_labels[head], small_graph.relation_labels[relation], entity_labels[tail])
            for head, relation, tail in triples
        ]
        for name, triples in held_out.triples.items()
    }
    assert labelled == {
        "validation": [("dog", "IsA", "good_friend"), ("cat", "Desires", "milk")],
        "testing": [("good_friend", "IsA", "Q7")],
    }
    assert held_out.other_entities == ("good_friend", "Q7")


def test_no_files(small_graph: Graph):
    held_out = read_held_out({}, small_graph)
    assert held_out.triples == {}
    assert held_out.other_entities == ()


def test_new_relations_are_an_error(small_graph: Graph, tmp_path: Path):
    path = _write(tmp_path / "valid.txt", "dog\tlikes\tcat")
    with pytest.raises(ValueError, match=r"valid\.txt: found the relation\(s\) likes, expected those of the training"):
        read_held_out({"validation": path}, small_graph)


def test_files_are_read_as_pykeen_reads_them(small_graph: Graph, tmp_path: Path, caplog):
    path = _write(tmp_path / "valid.csv", 'dog,IsA,"a, b",1', "cat,IsA_inverse,dog,1")
    held_out = read_held_out({"validation": path}, small_graph, {"delimiter": ","})
    assert held_out.other_entities == ("a, b",)
    assert len(held_out.triples["validation"]) == 1
    assert "1 of 2 triples have a relation whose name ends in '_inverse'" in caplog.text
    # which it may, if the training triples have it
    graph = replace(small_graph, relation_labels=("IsA", "IsA_inverse", "x"))
    assert len(read_held_out({"validation": path}, graph, {"delimiter": ","}).triples["validation"]) == 2


def test_new_entities_come_after_ids_without_labels(tmp_path: Path):
    graph = Graph.from_triples(torch.tensor([[0, 1, 4]]), 6, 2, ("a", None, None, "c", "b", None), (None, "r"))
    files = {"testing": _write(tmp_path / "test.txt", "a\tr\tx", "1\tr\tc", "x\tr\tb")}
    held_out = read_held_out(files, graph)
    assert held_out.triples["testing"].tolist() == [[0, 1, 6], [7, 1, 3], [6, 1, 4]]
    assert held_out.other_entities == ("x", "1")
    path = _write(tmp_path / "valid.txt", "a\t0\tb")
    with pytest.raises(ValueError, match=r"found the relation\(s\) 0, expected those of the training triples: r, …"):
        read_held_out({"validation": path}, graph)


def test_labels_are_needed(small_graph: Graph):
    graph = Graph.from_triples(small_graph.triples, small_graph.num_entities, small_graph.num_relations)
    with pytest.raises(ValueError, match="found training triples without labels"):
        read_held_out({}, graph)


def test_digests_tell_true_from_false_triples_and_none():
    one, other = np.array([[0, 1, 2]]), np.array([[0, 1, 3]])
    digests = [digest_held_out(*triples) for triples in ((one, other), (other, one), (one, None), (None, None))]
    assert digests[0] == digests[1][::-1]
    assert digests[2] == [digests[0][0], None]
    assert digests[3] == [None, None]
    assert digests[0][0] != digests[0][1]
