"""Ids that become names, against triples that were written with the names."""

from pathlib import Path

import numpy as np
from pykeen.triples import TriplesFactory

from pykeen_negater.texts.loading import Texts
from pykeen_negater.texts.naming import name_by_text
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.held_out import read_held_out

from ..conftest import SMALL


def test_like_triples_with_names(tmp_path: Path):
    entities = list(dict.fromkeys(label for head, _, tail in SMALL for label in (head, tail)))
    relations = list(dict.fromkeys(relation for _, relation, _ in SMALL))
    # two ids of one name, and entities that only validation triples hold, one of which reads like one of the graph
    texts = {str(i): name for i, name in enumerate([*entities, "dog", "cow", "oak"])}
    ids = {name: i for i, name in reversed(list(texts.items()))}
    rows = [(ids[h], str(relations.index(r)), ids[t]) for h, r, t in SMALL] + [("13", "0", ids["plant"])]
    held_out = [("14", "0", ids["plant"]), ("15", "1", "14"), ("13", "0", "15")]
    path = tmp_path / "valid.txt"
    path.write_text("".join("\t".join(row) + "\n" for row in held_out), encoding="utf-8")
    graph = Graph.from_factory(TriplesFactory.from_labeled_triples(np.array(rows)))
    others = read_held_out({"validation": path}, graph)
    by_id = Texts(
        tuple(texts[label] for label in (*graph.entity_labels, *others.other_entities)),
        tuple(relations[int(label)] for label in graph.relation_labels),
    )
    named, others, by_name = name_by_text(graph, others, by_id)
    expected = Graph.from_factory(TriplesFactory.from_labeled_triples(np.array([*SMALL, ("dog", "IsA", "plant")])))
    assert named.fingerprint == expected.fingerprint
    assert others.other_entities == ("cow",)
    assert by_name == Texts((*expected.entity_labels, "cow"), expected.relation_labels)
    labels = [
        (by_name.entities[h], by_name.relations[r], by_name.entities[t]) for h, r, t in others.triples["validation"]
    ]
    assert labels == [("cow", "IsA", "plant"), ("oak", "AtLocation", "cow"), ("dog", "IsA", "oak")]
