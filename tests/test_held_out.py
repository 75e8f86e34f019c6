"""Triples with entities that the training triples lack."""

from pathlib import Path

import pytest

from pykeen_negater.graphs import Graph
from pykeen_negater.held_out import read_held_out


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


def test_labels_are_needed(small_graph: Graph):
    graph = Graph.from_triples(small_graph.triples, small_graph.num_entities, small_graph.num_relations)
    with pytest.raises(ValueError, match="found training triples without labels"):
        read_held_out({}, graph)
