"""The pools of all shards become one file, against a loop over candidates."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory
from safetensors.torch import load_file, save_file

from pykeen_negater.candidates.generators import SlotCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.guard.risks import Risks
from pykeen_negater.mining.merging import PoolMerger
from pykeen_negater.mining.shard_pools import ShardPools, assemble_shard
from pykeen_negater.mining.shards import Shards
from pykeen_negater.pools.codec import encode_risk
from pykeen_negater.pools.files import DTYPES
from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.pools.rejections import REJECTED
from pykeen_negater.rankers.base import Scores
from pykeen_negater.rankers.measurements import Measurements
from pykeen_negater.triples.graphs import Graph

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.mark.parametrize("size", [100, 700, 10_000])
def test_assembled_pools_match_a_loop(
    nations: TriplesFactory, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", size)
    monkeypatch.setattr("pykeen_negater.mining.merging.KEYS_AT_ONCE", 150)
    graph = Graph.from_factory(nations)
    generator = np.random.default_rng(0)
    index = NeighborIndex.build(generator.normal(size=(graph.num_entities, 3)))
    scheme = ("head", "relation", "tail")
    proposals = SlotCandidateGenerator(k=8, corruption_scheme=scheme).propose(graph, index)
    shards = Shards(graph)
    assert len(shards) == -(-len(graph) // size)
    expected: dict[tuple[int, int], list[tuple[float, int, int]]] = {}
    suspected: dict[int, float] = {}
    paths = []
    for shard in range(len(shards)):
        candidates = proposals.candidates(shards.rows(shard))
        # with many ties
        scores = generator.integers(0, 6, size=len(candidates)).astype(np.float32)
        scores = Scores(values=scores, accepted=generator.random(len(candidates)) < 0.5)
        keys = np.unique(generator.integers(5_000, size=400))
        risks = Risks(np.ones(len(candidates), dtype=np.float32), keys, generator.random(len(keys), dtype=np.float32))
        for key, risk in zip(keys.tolist(), risks.suspected_risks, strict=True):
            suspected[key] = max(float(risk), suspected.get(key, 0.0))
        for i in np.flatnonzero(scores.accepted):
            row = expected.setdefault((int(candidates.positives[i]), int(candidates.sides[i])), [])
            row.append((-float(scores.values[i]), int(i), int(candidates.replacements[i])))
        paths.append(tmp_path / f"{shard}.npz")
        assemble_shard(candidates, scores, scheme, 3, risks).save(paths[-1])
    merger = PoolMerger(graph, len(scheme), paths, tmp_path / "scratch")
    merger.write(tmp_path / "pools.safetensors")
    arrays = load_file(tmp_path / "pools.safetensors")
    # the same as safetensors would have written
    save_file(arrays, tmp_path / "again.safetensors")
    assert tmp_path.joinpath("pools.safetensors").read_bytes() == tmp_path.joinpath("again.safetensors").read_bytes()
    assert {name: array.dtype for name, array in arrays.items()} == DTYPES
    assert torch.equal(arrays["keys"], graph.index.keys)
    low, high = merger.score_range
    for positive in range(len(graph)):
        for s, side in enumerate((0, 1, 2)):
            start, end = arrays["offsets"][3 * positive + s : 3 * positive + s + 2].tolist()
            kept = sorted(expected.get((positive, side), []))[:3]
            assert arrays["replacements"][start:end].tolist() == [replacement for _, _, replacement in kept]
            for hardness, (score, _, _) in zip(arrays["hardness"][start:end].tolist(), kept, strict=True):
                assert low + hardness / 255 * (high - low) == pytest.approx(-score, abs=(high - low) / 500)
    assert arrays["suspected"].tolist() == sorted(suspected)
    assert torch.equal(
        arrays["suspected_risk"],
        encode_risk(np.array([suspected[key] for key in sorted(suspected)])),
    )


def shard(rows: list[int], sizes: list[int], scores: list[float], suspected: dict[int, int]) -> ShardPools:
    """Make the pools of a shard of a graph of one relation, in which what stands in is the number of the negative."""
    return ShardPools(
        rows=np.array(rows, dtype=np.int64),
        sizes=np.array(sizes, dtype=np.int32),
        replacements=np.arange(len(scores), dtype=np.int32),
        scores=np.array(scores, dtype=np.float32),
        risk=np.zeros(len(scores), dtype=np.uint8),
        suspected=np.array(sorted(suspected), dtype=np.int64),
        suspected_risk=np.array([suspected[key] for key in sorted(suspected)], dtype=np.uint8),
        outcomes=np.ones((1, len(OUTCOMES)), dtype=np.int64),
        rejected=np.empty(0, dtype=REJECTED),
        measured=Measurements(),
    )


def merge(shards: list[ShardPools], folder: Path) -> tuple[PoolMerger, dict[str, torch.Tensor]]:
    """Merge the pools of a graph of three triples."""
    graph = Graph.from_triples(np.array([[0, 0, 1], [1, 0, 2], [2, 0, 0]]), 3, 1)
    paths = [folder / str(i) for i in range(len(shards))]
    for path, pools in zip(paths, shards, strict=True):
        pools.save(path)
    merger = PoolMerger(graph, 2, paths, folder / "scratch")
    assert merger.write(folder / "pools.safetensors") == len(load_file(folder / "pools.safetensors")["suspected"])
    return merger, load_file(folder / "pools.safetensors")


def test_pools_come_from_whichever_shard_has_them(tmp_path: Path):
    shards = [shard([5, 0], [1, 2], [3.0, 2.0, 1.0], {}), shard([2], [1], [5.0], {})]
    shards[0] = replace(shards[0], rows=np.array([0, 5]), sizes=np.array([2, 1], dtype=np.int32))
    merger, arrays = merge(shards, tmp_path)
    assert arrays["offsets"].tolist() == [0, 2, 2, 3, 3, 3, 4]
    assert arrays["replacements"].tolist() == [0, 1, 0, 2]
    # from the easiest to the hardest of all shards
    assert merger.score_range == (1.0, 5.0)
    assert arrays["hardness"].tolist() == [128, 64, 255, 0]
    assert merger.num_negatives == 4
    assert merger.coverage == 1.0
    assert merger.outcomes.tolist() == [[2] * len(OUTCOMES)]


@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_a_suspected_positive_of_several_shards_is_there_once_with_its_greatest_risk(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pykeen_negater.mining.merging.KEYS_AT_ONCE", at_once)
    suspected = [{7: 10, 3: 200, 1: 1}, {7: 90, 2: 5}, {}, {7: 20, 3: 100}]
    _, arrays = merge([shard([], [], [], it) for it in suspected], tmp_path)
    assert arrays["suspected"].tolist() == [1, 2, 3, 7]
    assert arrays["suspected_risk"].tolist() == [1, 5, 200, 90]


def test_no_negatives_have_no_scores(tmp_path: Path):
    merger, arrays = merge([shard([], [], [], {})], tmp_path)
    assert merger.score_range == (0.0, 0.0)
    assert (merger.num_negatives, merger.coverage) == (0, 0.0)
    assert arrays["offsets"].tolist() == [0] * 7


def test_negatives_of_one_score_are_all_hardest(tmp_path: Path):
    _, arrays = merge([shard([0], [2], [1.5, 1.5], {})], tmp_path)
    assert arrays["hardness"].tolist() == [255, 255]
