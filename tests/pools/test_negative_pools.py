"""Tests for pools on disk and in memory."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pykeen_negater.pools.files import PoolsError, Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.triples.graphs import Graph


def test_rows_match_a_loop_and_unknown_triples_have_none(pools: NegativePools, small_graph: Graph):
    every = torch.cartesian_prod(
        torch.arange(small_graph.num_entities),
        torch.arange(small_graph.num_relations),
        torch.arange(small_graph.num_entities),
    )
    known = {tuple(triple): i for i, triple in enumerate(small_graph.triples.tolist())}
    starts, sizes = pools.rows(every.numpy())
    for triple, start, size in zip(every.tolist(), starts.tolist(), sizes.tolist(), strict=True):
        i = known.get(tuple(triple))
        if i is None:
            assert size == [0, 0]
        else:
            offsets = pools.offsets[2 * i : 2 * i + 3].tolist()
            assert start == offsets[:2]
            assert size == [offsets[1] - offsets[0], offsets[2] - offsets[1]]


def test_ids_out_of_range_are_unknown(pools: NegativePools, small_graph: Graph):
    head, relation, tail = small_graph.triples[3].tolist()
    entities = small_graph.num_entities
    # this one has the same key as the known triple
    alias = [head, relation - 1, tail + entities]
    _, sizes = pools.rows(np.array([alias, [head, relation, tail + entities], [-1, 0, 0]]))
    assert not sizes.any()


def test_coverage_is_the_share_of_triples_with_negatives(pools: NegativePools, small_graph: Graph):
    sizes = pools.offsets.diff().view(-1, 2).sum(dim=1)
    assert pools.coverage(torch.from_numpy(small_graph.triples)) == pytest.approx(float((sizes > 0).float().mean()))


def test_save_and_load(pools: NegativePools, vocabulary: Vocabulary, tmp_path: Path):
    loaded = NegativePools.load(pools.save(tmp_path / "a.pools", vocabulary))
    for name in (
        "keys",
        "offsets",
        "replacements",
        "hardness",
        "risk",
        "suspected",
        "suspected_risk",
    ):
        assert torch.equal(getattr(loaded, name), getattr(pools, name)), name
    assert loaded.metadata == pools.metadata
    assert loaded.load_vocabulary() == vocabulary
    # and once more, with the vocabulary from the folder
    again = NegativePools.load(loaded.save(tmp_path / "b.pools"))
    assert again.load_vocabulary() == vocabulary
    for name in ("metadata.json", "pools.safetensors", "vocabulary.json"):
        assert tmp_path.joinpath("a.pools", name).read_bytes() == tmp_path.joinpath("b.pools", name).read_bytes()


def test_pickling_stores_the_path_only(pools: NegativePools, tmp_path: Path):
    loaded = NegativePools.load(pools.save(tmp_path / "a.pools"))
    data = pickle.dumps(loaded)
    assert len(data) < 1000
    assert torch.equal(pickle.loads(data).replacements, pools.replacements)
    assert torch.equal(pickle.loads(pickle.dumps(pools)).replacements, pools.replacements)


def test_absent(tmp_path: Path):
    with pytest.raises(PoolsError, match=r"found no pools at .*negater mine"):
        NegativePools.load(tmp_path / "nowhere")


def test_another_vocabulary_is_refused_with_both_fingerprints(pools: NegativePools, small_graph: Graph):
    pools.check_vocabulary(small_graph)
    other = replace(small_graph, entity_labels=small_graph.entity_labels[::-1])
    with pytest.raises(PoolsError, match=f"{small_graph.vocabulary}.*{other.vocabulary}"):
        pools.check_vocabulary(other)
    with pytest.raises(PoolsError, match="the graph has 99 and 3"):
        pools.check_size(99, 3)
    # where one side has no labels, the numbers are all there is to compare
    pools.check_vocabulary(replace(small_graph, entity_labels=None))
