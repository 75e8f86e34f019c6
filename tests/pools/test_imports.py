"""Tests for pools made of negatives of one's own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater import NegatERNegativeSampler, import_negatives, mine
from pykeen_negater.pools.exports import export, to_frame
from pykeen_negater.pools.imports import pools_of
from pykeen_negater.pools.verification import verify_pools
from pykeen_negater.triples.graphs import Graph
from tests.cases import random_graph
from tests.conftest import SMALL

OWN = (
    "cat\tIsA\tplant\t0.5\ndog\tAtLocation\tforest\t2\noak\tDesires\thay\t-1\ndog\tIsA\tanimal\t9\ncat\tIsA\tplant\t1\n"
)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Write five negatives, one of which is there twice, and one of which is a training triple."""
    path = tmp_path / "own.tsv"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_a_loop_over_triples(seed: int):
    graph, generator = random_graph(seed), np.random.default_rng(seed)
    shape = (graph.num_entities, graph.num_relations, graph.num_entities)
    drawn = np.unique(np.stack([generator.integers(size, size=200) for size in shape], axis=1), axis=0)
    negatives = drawn[~graph.index.contains(torch.from_numpy(drawn)).numpy()]
    scores = generator.permutation(len(negatives)).astype(float)
    pools = pools_of(graph, negatives, scores)
    for i, triple in enumerate(graph.triples.tolist()):
        for j, side in enumerate(pools.sides):
            fitting = [
                (-score, negative[side])
                for negative, score in zip(negatives.tolist(), scores, strict=True)
                if all(negative[column] == triple[column] for column in range(3) if column != side)
            ]
            row = i * len(pools.sides) + j
            start, end = pools.offsets[row : row + 2].tolist()
            assert pools.replacements[start:end].tolist() == [entity for _, entity in sorted(fitting)]


def test_own_negatives_of_small_graph(own: Path, small_factory: TriplesFactory, tmp_path: Path, caplog):
    pools = import_negatives(own, tmp_path / "own.pools", triples_factory=small_factory)
    assert "1 of 4 triples are known, and left out" in caplog.text
    verify_pools(tmp_path / "own.pools")
    frame = to_frame(pools)
    unique = frame[["head", "relation", "tail"]].drop_duplicates()
    assert set(unique.itertuples(index=False, name=None)) == {
        ("cat", "IsA", "plant"), ("dog", "AtLocation", "forest"), ("oak", "Desires", "hay"),
    }  # fmt: skip
    rows = frame[frame["head"] == "cat"]
    assert set(rows["positive_head"] + " " + rows["positive_tail"]) == {"cat animal", "oak plant"}
    assert rows["score"].to_numpy() == pytest.approx(1, abs=3 / 255)
    assert frame.loc[frame["head"] == "oak", "score"].to_numpy() == pytest.approx(-1)
    sampler = NegatERNegativeSampler(
        mapped_triples=small_factory.mapped_triples, pools=pools, hard_fraction=1.0, loop_fraction=0.0,
        num_negs_per_pos=8,
    )  # fmt: skip
    cat = small_factory.map_triples(np.array([["cat", "IsA", "animal"]]))
    plant = small_factory.map_triples(np.array([["cat", "IsA", "plant"]]))
    assert (sampler.corrupt_batch(cat) == plant).all()


def test_what_is_exported_is_imported(small_factory: TriplesFactory, tmp_path: Path, empty_cache: Path):
    mined = mine(triples_factory=small_factory, encoder="structural", ranker="similarity", guard=None, k=3)
    export(mined, tmp_path / "mined.tsv")
    pools = import_negatives(tmp_path / "mined.tsv", tmp_path / "again.pools", triples_factory=small_factory)
    names = ["head", "relation", "tail"]
    assert set(map(tuple, to_frame(pools)[names].values)) == set(map(tuple, to_frame(mined)[names].values))


def test_scores_are_kept_on_request(small_factory: TriplesFactory, tmp_path: Path, empty_cache: Path):
    mined = mine(
        triples_factory=small_factory, encoder="structural", ranker="similarity", guard=None, k=3, keep_scores=True
    )
    export(mined, tmp_path / "mined.tsv")
    again = import_negatives(
        tmp_path / "mined.tsv", tmp_path / "again.pools", triples_factory=small_factory, keep_scores=True
    )
    verify_pools(tmp_path / "again.pools")
    export(again, tmp_path / "again.tsv")
    # equal scores may come in another order
    lines = [sorted(tmp_path.joinpath(f"{name}.tsv").read_text().splitlines()) for name in ("again", "mined")]
    assert lines[0] == lines[1]
    rounded = import_negatives(tmp_path / "mined.tsv", tmp_path / "rounded.pools", triples_factory=small_factory)
    assert rounded.scores is None
    np.testing.assert_array_equal(rounded.hardness, again.hardness)


def test_scores_beyond_float32_are_not_kept(small_factory: TriplesFactory, tmp_path: Path):
    path = tmp_path / "own.tsv"
    path.write_text("cat\tIsA\tplant\t-1e39\ndog\tIsA\tplant\t1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"found the score -1e\+39, expected one that fits into float32"):
        import_negatives(path, tmp_path / "own.pools", triples_factory=small_factory, keep_scores=True)
    assert not tmp_path.joinpath("own.pools").exists()


def test_negater_reads_what_is_exported(tmp_path: Path, empty_cache: Path):
    names = {"kennel": "none", "cat": 'the "cat"', "bone": '"bone"'}
    triples = [[names.get(label, label) for label in triple] for triple in SMALL]
    factory = TriplesFactory.from_labeled_triples(np.array(triples))
    mined = mine(triples_factory=factory, encoder="structural", ranker="similarity", guard=None, k=3)
    path = tmp_path / "negatives.tsv"
    assert export(mined, path, "negater") == len(pd.read_csv(path, sep="\t"))
    # as NegatER reads it: without a value is the phrase "none"
    read = pd.read_csv(path, sep="\t")
    rows = read[["head", "relation", "tail"]].replace({np.nan: "none"})
    assert list(read) == ["head", "relation", "tail", "score"]
    assert read["score"].is_monotonic_decreasing
    expected = to_frame(mined)[["head", "relation", "tail"]].drop_duplicates()
    assert set(map(tuple, rows.to_numpy())) == set(map(tuple, expected.to_numpy()))
    assert len(rows) == len(expected)
    pools = import_negatives(path, tmp_path / "again.pools", triples_factory=factory)
    again = to_frame(pools)[["head", "relation", "tail"]]
    assert set(map(tuple, again.to_numpy())) == set(map(tuple, expected.to_numpy()))


def test_without_scores_all_are_equally_hard(small_factory: TriplesFactory, tmp_path: Path):
    path = tmp_path / "own.tsv"
    path.write_text("head\trelation\ttail\ncat\tIsA\tplant\ndog\tIsA\tplant\n", encoding="utf-8")
    pools = import_negatives(path, tmp_path / "own.pools", triples_factory=small_factory)
    assert set(pools.hardness.tolist()) == {255}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cat\tIsA\tplant\thard\n", "line 1: found the score 'hard', expected a finite number"),
        ("cat\tIsA\tplant\tnan\n", "line 1: found the score 'nan', expected a finite number"),
        ("cat\tIsA\tunicorn\n", "1 unknown phrase"),
        ("", "found no triple, expected negatives"),
        ("bone\tIsA\tbone\n", "none of which shares two parts with a training triple"),
    ],
)
def test_wrong_files_are_refused(content: str, message: str, small_factory: TriplesFactory, tmp_path: Path):
    path = tmp_path / "own.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        import_negatives(path, tmp_path / "own.pools", triples_factory=small_factory)
    assert not tmp_path.joinpath("own.pools").exists()


@pytest.mark.parametrize("score", ["1e19", "-1e300", "9223372036854775808"])
def test_large_scores_are_read_again(score: str, small_factory: TriplesFactory, tmp_path: Path):
    path = tmp_path / "own.tsv"
    path.write_text(f"cat\tIsA\tplant\t{score}\ndog\tIsA\tplant\t1\n", encoding="utf-8")
    pools = import_negatives(path, tmp_path / "own.pools", triples_factory=small_factory)
    assert sorted(pools.metadata["score_range"]) == sorted([float(score), 1.0])
    verify_pools(tmp_path / "own.pools")


@pytest.mark.parametrize("score", ["inf", "-inf", "nan", "1e308", "1e999"])
def test_scores_that_cannot_be_read_again_replace_nothing(
    score: str, own: Path, small_factory: TriplesFactory, tmp_path: Path
):
    good = import_negatives(own, tmp_path / "own.pools", triples_factory=small_factory)
    own.write_text(f"cat\tIsA\tplant\t{score}\ndog\tIsA\tplant\t1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"line 1: found the score '{score}', expected a finite number"):
        import_negatives(own, tmp_path / "own.pools", triples_factory=small_factory)
    assert not good.is_replaced()
    verify_pools(tmp_path / "own.pools")


def test_graph_without_labels_is_refused(own: Path, small_factory: TriplesFactory, tmp_path: Path):
    core = CoreTriplesFactory.create(small_factory.mapped_triples)
    with pytest.raises(ValueError, match="expected a TriplesFactory"):
        import_negatives(own, tmp_path / "own.pools", triples_factory=core)


def test_negatives_of_no_triple_are_counted(small_graph: Graph, caplog):
    labels = small_graph.entity_labels
    assert labels is not None
    bone, hay = labels.index("bone"), labels.index("hay")
    triple = small_graph.triples[0]
    replaced = next(i for i in range(len(labels)) if not small_graph.index.contains(
        torch.tensor([[triple[0], triple[1], i]])))  # fmt: skip
    negatives = np.array([[triple[0], triple[1], replaced], [bone, triple[1], hay]])
    pools_of(small_graph, negatives, np.ones(2))
    assert "1 of 2 negatives share two parts with no training triple" in caplog.text
