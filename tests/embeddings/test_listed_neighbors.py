"""Neighbours in NegatER's JSON, against candidates made the plain way."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.candidates.generators import IntersectCandidateGenerator, candidate_generator_resolver
from pykeen_negater.cli.main import main
from pykeen_negater.embeddings.listed_neighbors import longest_list, read_neighbors, write_neighbors
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from ..cases import random_vectors
from ..conftest import SMALL

#: With an unknown phrase, a phrase that lists itself, one that lists a neighbour twice, and one without a list
LISTS = {
    "dog": ["cat", "wolf", "dog", "horse"],
    "cat": ["dog", "dog", "horse", "oak"],
    "horse": ["cat"],
    "oak": ["oak", "cat"],
    "animal": ["plant", "dog"],
    "plant": ["animal"],
    "kennel": ["stable", "house", "forest", "kennel"],
    "house": ["kennel", "stable"],
    "stable": [],
    "milk": ["hay", "bone"],
    "bone": ["milk", "hay"],
    "wolf": ["dog"],
}


def write(path: Path, content: Any) -> Path:
    """Write JSON."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def corruptions(lists: dict[str, list[str]]) -> set[tuple[str, str, str]]:
    """Corrupt the small triples as NegatER does, one after the other."""
    found = set()
    for head, relation, tail in SMALL:
        for other in lists.get(head, []):
            seen = any(triple[:2] == (other, relation) for triple in SMALL)
            if seen and other not in (head, tail):
                found.add((other, relation, tail))
        for other in lists.get(tail, []):
            seen = any(triple[1:] == (relation, other) for triple in SMALL)
            if seen and other not in (head, tail):
                found.add((head, relation, other))
    return found - set(SMALL)


def labelled(graph: Graph, triples: np.ndarray) -> set[tuple[str, str, str]]:
    """Write triples with labels."""
    assert graph.entity_labels is not None and graph.relation_labels is not None  # noqa: PT018
    return {(graph.entity_labels[h], graph.relation_labels[r], graph.entity_labels[t]) for h, r, t in triples}


def test_candidates_are_those_of_negater(small_graph: Graph, small_texts: Texts, tmp_path: Path):
    listed = read_neighbors(write(tmp_path / "top_4.json", LISTS), small_graph, small_texts, 4)
    candidates = IntersectCandidateGenerator(k=4).generate(small_graph, listed)
    expected = corruptions(LISTS)
    assert len(expected) > 5
    assert labelled(small_graph, candidates.triples) == expected
    # the nearest first
    cat = small_graph.entity_labels.index("cat")
    desires = (candidates.graph.triples[candidates.positives] == [cat, 1, 9]).all(axis=1) & (candidates.sides == 0)
    assert [small_graph.entity_labels[i] for i in candidates.replacements[desires]] == ["dog", "horse"]
    assert candidates.distances[desires].tolist() == [1, 2]


@pytest.mark.parametrize("name", ["intersect", "slot", "anywhere"])
def test_what_was_written_is_read(small_graph: Graph, small_texts: Texts, tmp_path: Path, name: str):
    index = NeighborIndex.build(random_vectors(0, small_graph.num_entities), "l2")
    path = tmp_path / "top_5.json"
    write_neighbors(path, index, 5, small_graph.entity_labels)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == list(small_graph.entity_labels)
    for entity, label in enumerate(small_graph.entity_labels):
        distances = ((index.vectors - index.vectors[entity]) ** 2).sum(axis=1)
        distances[entity] = np.inf
        assert content[label] == [small_graph.entity_labels[i] for i in np.argsort(distances)[:5]]
    generator = candidate_generator_resolver.make(name, k=5)
    listed = generator.generate(small_graph, read_neighbors(path, small_graph, small_texts, 5))
    if name == "slot":  # which finds neighbours beyond the list when it searches
        assert labelled(small_graph, listed.triples) == corruptions(content)
    else:
        assert listed.triples.tolist() == generator.generate(small_graph, index).triples.tolist()
    assert longest_list(path) == 5


def test_everything_odd_is_said_once(small_graph: Graph, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = write(tmp_path / "top_4.json", LISTS)
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{{"dog": ["oak"], {text[1:]}', encoding="utf-8")
    with caplog.at_level(logging.WARNING, "pykeen_negater"):
        listed = read_neighbors(path, small_graph, None, 2)
    assert [record.message.removeprefix(f"{path}: ") for record in caplog.records] == [
        "1 of 13 phrases are not in the graph, and are left out.",
        "2 of 13 entities have no list, and no neighbours.",
        "1 phrases have several lists, the last of which counts.",
        "1 neighbours are not in the graph, and are left out.",
        "3 lists hold their own phrase, which is left out.",
        "1 neighbours are listed repeatedly, and count once.",
        "2 lists hold more than 2 neighbours, of which the nearest are taken.",
    ]
    labels = small_graph.entity_labels
    found = [[labels[i] for i in row if i >= 0] for row in listed.table[[labels.index("dog"), labels.index("cat")]]]
    assert found == [["cat", "horse"], ["dog", "horse"]]
    caplog.clear()
    full = {label: [other for other in labels if other != label] for label in labels}
    read_neighbors(write(path, full), small_graph, None, 20)
    message = f"{path}: no list holds 20 neighbours; the longest one holds 12."
    assert [record.message for record in caplog.records] == [message]


def test_texts_name_entities_too(tmp_path: Path):
    graph = Graph.from_triples(np.array([[0, 0, 1], [2, 0, 1]]), 3, 1, ("0", "1", "2"), ("r",))
    texts = Texts(("dog", "animal", "1"), ("is",))
    # the phrase, and not the id
    listed = read_neighbors(write(tmp_path / "x.json", {"dog": ["1"], "1": ["dog"]}), graph, texts, 1)
    assert listed.table.tolist() == [[2], [-1], [0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "x.json is not valid JSON"),
        ("[]", "x.json: found a JSON value of type list, expected one object that maps phrases to lists"),
        ('{"dog": "cat"}', "x.json: found no list of phrases for 'dog', expected one"),
        ('{"dog": [1]}', "x.json: found no list of phrases for 'dog', expected one"),
        ('{"dog": [{"cat": 1}]}', "x.json: found no list of phrases for 'dog', expected one"),
        ("{}", "x.json: found neighbours of nothing, expected labels or texts of the graph's entities, such as"),
        ('{"wolf": ["fox"]}', "x.json: found neighbours of 'wolf', expected labels or texts"),
    ],
)
def test_malformed_files(small_graph: Graph, tmp_path: Path, content: str, message: str):
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_neighbors(path, small_graph, None, 3)


def test_missing_file(small_graph: Graph, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"found no file .*x.json, expected neighbours: a JSON object"):
        read_neighbors(tmp_path / "x.json", small_graph, None, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": "random"}, "found neighbor_file with candidates='random', which takes no neighbours"),
        ({"corruption_scheme": ("relation",)}, "holds no neighbours of relations"),
        ({"index": "folder"}, "found both neighbor_file and index, expected one of them"),
    ],
)
def test_settings_that_do_not_fit(
    small_factory: TriplesFactory, empty_cache: Path, tmp_path: Path, settings: dict[str, Any], message: str
):
    path = write(tmp_path / "x.json", LISTS)
    with pytest.raises(ValueError, match=message):
        mine(triples_factory=small_factory, neighbor_file=path, **{"candidates": "intersect", **settings})


def test_command(empty_cache: Path, tmp_path: Path):
    training = tmp_path / "train.txt"
    training.write_text("".join("\t".join(triple) + "\n" for triple in SMALL), encoding="utf-8")
    common = ["mine", "--training", training, "--candidates", "intersect", "--ranker", "similarity", "--guard", "none"]

    def run(*arguments: Any) -> set[tuple[str, str, str]]:
        """Mine, and list the negatives."""
        output = tmp_path / "x.pools"
        result = CliRunner().invoke(main, list(map(str, [*common, *arguments, "--output", output])))
        assert result.exit_code == 0, result.output
        assert CliRunner().invoke(main, ["export", str(output), "-o", str(tmp_path / "x.tsv")]).exit_code == 0
        return {tuple(line.split("\t")[:3]) for line in (tmp_path / "x.tsv").read_text().splitlines()}

    path = tmp_path / "top_3.json"
    structural = ["--encoder", "structural", "--metric", "l2", "-k", "3"]
    searched = run(*structural, "--save-neighbors", path)
    lists = json.loads(path.read_text(encoding="utf-8"))
    assert {len(neighbors) for neighbors in lists.values()} == {3}
    assert searched == corruptions(lists)
    # no vectors are made: there is no such model
    assert run("--neighbor-file", path, "-k", "3", "--encoder-kwargs", '{"model": "no/model"}') == searched
    assert run("--neighbor-file", path, "-k", "1") == corruptions({name: found[:1] for name, found in lists.items()})
    settings = NegativePools.load(tmp_path / "x.pools").metadata["settings"]
    assert settings["encoder"] == ["unused", {}]
    # written again from what was read, pools from the cache or not
    other = tmp_path / "other.json"
    run("--neighbor-file", path, "-k", "3", "--save-neighbors", other)
    assert json.loads(other.read_text(encoding="utf-8")) == lists


def test_calibrated_guard_with_listed_neighbours(nations: TriplesFactory, empty_cache: Path, tmp_path: Path):
    index = NeighborIndex.build(random_vectors(0, nations.num_entities), "l2")
    labels = [nations.entity_id_to_label[i] for i in range(nations.num_entities)]
    write_neighbors(tmp_path / "x.json", index, 13, tuple(labels))
    settings = {"encoder": "structural", "candidates": "intersect", "k": 13}
    part = nations.clone_and_exchange_triples(nations.mapped_triples[::4])
    pools = mine(triples_factory=part, neighbor_file=str(tmp_path / "x.json"), **settings)
    assert pools.metadata["settings"]["encoder"][0] == "structural"
    assert "guard" in pools.metadata["statistics"]
    assert pools.metadata["statistics"]["candidates"] > 100
