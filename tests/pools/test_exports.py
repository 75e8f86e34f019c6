"""Pools as tables, against loops over positives and their negatives."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater.pools.exports import export, readable_texts, sentences, some_sentences, to_frame, to_triplets
from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.triples.graphs import Graph

PARTS = ("head", "relation", "tail")


@pytest.fixture
def mined(pools: NegativePools, vocabulary: Vocabulary, tmp_path: Path) -> NegativePools:
    """Give random pools a vocabulary and a range of scores."""
    scored = replace(pools, metadata={**pools.metadata, "score_range": [-2.0, 3.0]})
    return NegativePools.load(scored.save(tmp_path / "mined.pools", vocabulary))


def plain_negatives(pools: NegativePools, graph: Graph) -> list[tuple[list[int], list[int], int, float]]:
    """List positive, negative, side and score, one after the other."""
    result = []
    for row in range(len(pools.offsets) - 1):
        positive, side = graph.triples[row // 2].tolist(), pools.sides[row % 2]
        for i in range(int(pools.offsets[row]), int(pools.offsets[row + 1])):
            negative = list(positive)
            negative[side] = int(pools.replacements[i])
            result.append((positive, negative, side, -2 + 5 * int(pools.hardness[i]) / 255))
    return result


def labels(graph: Graph, triple: list[int]) -> tuple[str, str, str]:
    assert graph.entity_labels is not None
    assert graph.relation_labels is not None
    return graph.entity_labels[triple[0]], graph.relation_labels[triple[1]], graph.entity_labels[triple[2]]


def test_a_row_per_negative(mined: NegativePools, small_graph: Graph):
    frame = to_frame(mined)
    assert list(frame) == [*PARTS, *(f"positive_{part}" for part in PARTS), "side", "score"]
    expected = [
        (*labels(small_graph, negative), *labels(small_graph, positive), PARTS[side], pytest.approx(score))
        for positive, negative, side, score in plain_negatives(mined, small_graph)
    ]
    assert list(frame.itertuples(index=False, name=None)) == expected


def test_ids_stand_for_missing_labels(pools: NegativePools, small_graph: Graph):
    frame = to_frame(pools)
    expected = [tuple(negative) for _, negative, _, _ in plain_negatives(pools, small_graph)]
    assert list(frame[list(PARTS)].itertuples(index=False, name=None)) == expected
    texts = readable_texts(pools)
    assert texts.entities == tuple(map(str, range(13)))
    assert texts.relations == ("0", "1", "2")


def test_the_anchor_is_what_is_left(mined: NegativePools, small_graph: Graph):
    texts = readable_texts(mined)
    expected = []
    for positive, negative, side, _ in plain_negatives(mined, small_graph):
        words, other = ([texts.entities[h], texts.relations[r], texts.entities[t]] for h, r, t in (positive, negative))
        anchor = [word for column, word in enumerate(words) if column != side]
        expected.append((" ".join(anchor), words[side], other[side]))
    assert list(to_triplets(mined).itertuples(index=False, name=None)) == expected


def test_texts_come_before_labels(mined: NegativePools, vocabulary: Vocabulary, tmp_path: Path):
    texts = tuple(f"text {i}" for i in range(13))
    again = NegativePools.load(mined.save(tmp_path / "b.pools", replace(vocabulary, entity_texts=texts)))
    assert readable_texts(again).entities == texts
    # labels are read as words
    assert readable_texts(again).relations == ("at location", "Desires", "is a")


@pytest.mark.parametrize("form", ["tsv", "negater", "triples"])
def test_each_triple_once_with_its_best_score(mined: NegativePools, small_graph: Graph, tmp_path: Path, form):
    best: dict[tuple[str, ...], float] = {}
    for _, negative, _, score in plain_negatives(mined, small_graph):
        best[labels(small_graph, negative)] = max(score, best.get(labels(small_graph, negative), score))
    path = tmp_path / "negatives.tsv"
    assert export(mined, path, form) == len(best)
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, delimiter="\t"))
    if form == "negater":
        assert lines.pop(0) == [*PARTS, "score"]
    assert len(lines) == len(best)
    assert {tuple(line[:3]) for line in lines} == set(best)
    if form == "triples":
        assert {len(line) for line in lines} == {3}
        factory = TriplesFactory.from_path(path)
        assert set(map(tuple, factory.label_triples(factory.mapped_triples).tolist())) == set(best)
        return
    assert [float(line[3]) for line in lines] == pytest.approx([best[tuple(line[:3])] for line in lines], abs=1e-5)
    scores = [(line[1] if form == "tsv" else "", -float(line[3])) for line in lines]
    assert scores == sorted(scores)


@pytest.fixture
def exact(mined: NegativePools, vocabulary: Vocabulary, tmp_path: Path) -> NegativePools:
    """Give the pools scores that need all digits of a float32."""
    noise = np.random.default_rng(0).uniform(-1e-3, 1e-3, size=len(mined))
    scores = torch.from_numpy((-2 + 5 * mined.hardness.numpy() / 255 + noise).astype(np.float32))
    return NegativePools.load(replace(mined, scores=scores).save(tmp_path / "exact.pools", vocabulary))


@pytest.mark.parametrize("form", ["tsv", "negater", "parquet"])
def test_exact_scores_are_read_as_they_were_kept(exact: NegativePools, tmp_path: Path, form):
    frame = to_frame(exact)
    assert exact.scores is not None
    assert frame["score"].dtype == np.float32
    assert frame["score"].tolist() == exact.scores.tolist()
    export(exact, tmp_path / "a", form)
    if form == "parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a"), frame, check_dtype=False)
        return
    read = pd.read_csv(tmp_path / "a", sep="\t", dtype=str, header=0 if form == "negater" else None)
    read.columns = [*PARTS, "score"]
    best = frame.groupby(list(PARTS))["score"].max()
    found = {tuple(row[:3]): np.float32(row[3]) for row in read.itertuples(index=False, name=None)}
    assert found == best.to_dict()
    assert len(set(found.values())) > 10


def test_tables_are_read_as_they_were_written(mined: NegativePools, tmp_path: Path):
    for form, frame in (("parquet", to_frame(mined)), ("triplets", to_triplets(mined))):
        assert export(mined, tmp_path / "a.parquet", form) == len(frame)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame, check_dtype=False)


@pytest.mark.parametrize(
    ("label", "refused"),
    [
        ("a\tb", {"tsv", "negater"}),
        ("a\nb", {"tsv", "negater"}),
        ("\ufeffa", {"tsv", "negater"}),
        ("a\0b", {"tsv", "negater", "triples"}),
        ("a\ud83d", {"tsv", "negater", "triples", "parquet"}),
        ('the "x"', set()),
        ("none", set()),
    ],
)
def test_labels_that_a_file_would_change_are_refused(
    pools: NegativePools, vocabulary: Vocabulary, tmp_path: Path, label: str, refused: set[str]
):
    assert vocabulary.entity_labels is not None
    odd = replace(vocabulary, entity_labels=(label, *vocabulary.entity_labels[1:]))
    loaded = NegativePools.load(pools.save(tmp_path / "odd.pools", odd))
    path = tmp_path / "a.out"
    for form in ("tsv", "negater", "triples", "parquet", "triplets"):
        path.unlink(missing_ok=True)
        if form in refused:
            with pytest.raises(ValueError, match=r"found the label .*, expected none"):
                export(loaded, path, form)
            assert not path.exists()
        else:
            assert export(loaded, path, form) > 0
    if not refused:
        export(loaded, path, "triples")
        factory = TriplesFactory.from_path(path)
        known = {part for part in [*to_frame(loaded)["head"], *to_frame(loaded)["tail"]] if part == label}
        assert known <= set(factory.entity_to_id)


def test_relations_that_pykeen_leaves_out_are_told(
    pools: NegativePools, vocabulary: Vocabulary, tmp_path: Path, caplog
):
    odd = replace(vocabulary, relation_labels=("AtLocation", "Desires_inverse", "IsA"))
    loaded = NegativePools.load(pools.save(tmp_path / "odd.pools", odd))
    export(loaded, tmp_path / "a.tsv", "tsv")
    assert "_inverse" not in caplog.text
    export(loaded, tmp_path / "a.tsv", "triples")
    assert "PyKEEN leaves out triples whose relation ends in _inverse, such as Desires_inverse" in caplog.text


def test_what_cannot_be_written(mined: NegativePools, tmp_path: Path):
    with pytest.raises(ValueError, match="found form='xml', expected one of tsv"):
        export(mined, tmp_path / "a.xml", "xml")
    with pytest.raises(OSError, match=str(tmp_path)):
        export(mined, tmp_path)
    with pytest.raises(OSError, match="nowhere"):
        export(mined, tmp_path / "nowhere" / "a.tsv")


def test_the_hardest_of_each_relation(mined: NegativePools, small_graph: Graph):
    texts = readable_texts(mined)
    found = sentences(mined, per_relation=3)
    assert list(found) == list(texts.relations)
    for relation, name in enumerate(texts.relations):
        best: dict[tuple[int, ...], float] = {}
        for _, negative, _, score in plain_negatives(mined, small_graph):
            if negative[1] == relation:
                best[tuple(negative)] = max(score, best.get(tuple(negative), score))
        lines = {texts.sentence(triple): score for triple, score in best.items()}
        assert len(found[name]) == min(3, len(best))
        assert [lines[line] for line in found[name]] == sorted(best.values(), reverse=True)[:3]


def test_some_are_of_as_many_relations_as_possible(mined: NegativePools, small_graph: Graph):
    texts = readable_texts(mined)
    pairs = {
        (texts.sentence(negative), texts.sentence(positive)): positive[1]
        for positive, negative, _, _ in plain_negatives(mined, small_graph)
    }
    lines = some_sentences(mined, 3)
    assert len({pairs[line] for line in lines}) == 3
    assert some_sentences(mined, 3) == lines
    assert len(some_sentences(mined, 1)) == 1
    assert len(some_sentences(mined, 50)) == 3


def test_pools_without_negatives(small_graph: Graph, vocabulary: Vocabulary, tmp_path: Path):
    nothing = NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.zeros(2 * len(small_graph) + 1, dtype=torch.int64),
        replacements=torch.zeros(0, dtype=torch.int32),
        hardness=torch.zeros(0, dtype=torch.uint8),
        num_entities=small_graph.num_entities,
        num_relations=small_graph.num_relations,
        sides=(0, 2),
        vocabulary=small_graph.vocabulary,
    )
    loaded = NegativePools.load(nothing.save(tmp_path / "a.pools", vocabulary))
    for form in ("tsv", "negater", "triples", "parquet", "triplets"):
        assert export(loaded, tmp_path / "a.out", form) == 0
    assert some_sentences(loaded) == []
    assert not any(sentences(loaded).values())
