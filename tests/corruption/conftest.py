"""What several of the tests of corruptions need."""

import json
from pathlib import Path

import numpy as np

from pykeen_negater.corruption.sources import AntonymsNegativeSource, NegativeSource, PrecomputedNegativeSource
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import RELATION

#: A triple as a tuple
Triple = tuple[int, ...]


#: Opposites, tokens and tags of some phrases, as in the files of NegatER
ANTONYMS = {"warm": ["cold", "cool"], "day": ["night"], "same": ["same"], "empty": []}
TOKENS = {
    "a warm day": ["a", "warm", "day"],
    "warm-up": ["warm", "-", "up"],
    "day": ["day"],
    "no token": ["no", "day"],
    "the same": ["the", "same"],
    "is empty": ["is", "empty"],
    "no tag": ["no", "warm"],
    "label": ["warm"],
    "text": ["day"],
}
TAGS = {
    "a warm day": 1, "warm-up": 0, "day": 0, "no token": -1, "the same": 1, "is empty": 1, "label": 0, "text": 0,
    "no tokens": 3,
}  # fmt: skip


def in_slots(graph: Graph, negatives: np.ndarray, side: int) -> np.ndarray:
    """Tell which replacements were seen in their slot."""
    slots = {(triple[RELATION], triple[side]) for triple in graph.triples.tolist()}
    return np.array([(row[RELATION], row[side]) in slots for row in negatives.tolist()])


def prepare(source: NegativeSource, graph: Graph, texts: Texts, epochs: int = 1):
    """Prepare a source with a generator of its own."""
    return source.prepare(graph, texts, epochs, np.random.default_rng(0))


def within_hops(graph: Graph, start: int, k: int) -> set[int]:
    """Search breadth-first."""
    seen, frontier = {start}, {start}
    for _ in range(k):
        frontier = {
            other
            for head, _, tail in graph.triples.tolist()
            for one, other in ((head, tail), (tail, head))
            if one in frontier
        } - seen
        seen |= frontier
    return seen - {start}


def write_antonyms(folder: Path, **files: object) -> AntonymsNegativeSource:
    """Write files of antonyms."""
    paths = {}
    for name, content in files.items():
        paths[name] = str(folder / f"{name}.json")
        Path(paths[name]).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return AntonymsNegativeSource(**paths)


def small_antonyms(folder: Path, **files: object) -> AntonymsNegativeSource:
    """Write the small files, some of them in another way."""
    contents = {"mapping_file": ANTONYMS, "tag_file": TAGS, "token_file": TOKENS}
    return write_antonyms(folder, **{**contents, **files})


def write_negatives(folder: Path, rows: list[tuple[str, ...]]) -> PrecomputedNegativeSource:
    """Write a file of negatives."""
    path = folder / "negatives.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return PrecomputedNegativeSource(path=str(path))
