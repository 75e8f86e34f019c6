"""Tests for pools on disk and in memory."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pykeen_negater.pools.files import PoolsError, Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def pools(small_graph: Graph) -> NegativePools:
    """Make pools of random sizes, some of them empty."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(0, 4, size=2 * len(small_graph))
    total = int(sizes.sum())
    return NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)])),
        replacements=torch.from_numpy(generator.integers(0, small_graph.num_entities, size=total, dtype=np.int32)),
        hardness=torch.from_numpy(generator.integers(0, 256, size=total, dtype=np.uint8)),
        num_entities=small_graph.num_entities,
        num_relations=small_graph.num_relations,
        sides=(0, 2),
        vocabulary=small_graph.vocabulary,
        metadata={"labelled": True, "score_range": [0.0, 1.0]},
    )


@pytest.fixture
def vocabulary(small_graph: Graph) -> Vocabulary:
    """Give the small graph's labels."""
    return Vocabulary(small_graph.entity_labels, small_graph.relation_labels)


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
    for name in ("keys", "offsets", "replacements", "hardness", "risk", "suspects", "suspect_risk"):
        assert torch.equal(getattr(loaded, name), getattr(pools, name)), name
    assert loaded.metadata == pools.metadata
    assert loaded.load_vocabulary() == vocabulary
    # and once more, with the vocabulary from the folder
    again = NegativePools.load(loaded.save(tmp_path / "b.pools"))
    assert again.load_vocabulary() == vocabulary
    for name in ("metadata.json", "pools.safetensors", "vocabulary.json"):
        assert tmp_path.joinpath("a.pools", name).read_bytes() == tmp_path.joinpath("b.pools", name).read_bytes()


def test_pools_are_replaced_and_nothing_else_is(pools: NegativePools, tmp_path: Path):
    pools.save(tmp_path / "a.pools")
    pools.save(tmp_path / "a.pools")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pools"]
    other = tmp_path / "thesis"
    other.mkdir()
    other.joinpath("chapter.txt").write_text("important")
    with pytest.raises(FileExistsError, match="holds no pools"):
        pools.save(other)
    assert other.joinpath("chapter.txt").read_text() == "important"


@pytest.mark.parametrize("name", ["metadata.json", "pools.safetensors"])
def test_damaged_pools_are_replaced(pools: NegativePools, tmp_path: Path, name: str):
    path = pools.save(tmp_path / "a.pools")
    path.joinpath(name).unlink()
    pools.save(path)
    assert len(NegativePools.load(path)) == len(pools)
    # but not together with what is somebody else's
    path.joinpath(name).unlink()
    path.joinpath("notes.txt").touch()
    with pytest.raises(FileExistsError, match="holds no pools"):
        pools.save(path)


def test_a_failed_save_leaves_nothing_behind(pools: NegativePools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pykeen_negater.pools.files.save_file", fail)
    with pytest.raises(OSError, match="no space left"):
        pools.save(tmp_path / "a.pools")
    assert list(tmp_path.iterdir()) == []


def test_pickling_stores_the_path_only(pools: NegativePools, tmp_path: Path):
    loaded = NegativePools.load(pools.save(tmp_path / "a.pools"))
    data = pickle.dumps(loaded)
    assert len(data) < 1000
    assert torch.equal(pickle.loads(data).replacements, pools.replacements)
    assert torch.equal(pickle.loads(pickle.dumps(pools)).replacements, pools.replacements)


def test_absent(tmp_path: Path):
    with pytest.raises(PoolsError, match=r"found no pools at .*negater mine"):
        NegativePools.load(tmp_path / "nowhere")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_truncated(pools: NegativePools, tmp_path: Path, keep: float):
    path = pools.save(tmp_path / "a.pools") / "pools.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(PoolsError, match=r"pools\.safetensors"):
        NegativePools.load(tmp_path / "a.pools")


def test_every_flipped_bit_is_noticed(pools: NegativePools, tmp_path: Path):
    path = pools.save(tmp_path / "a.pools") / "pools.safetensors"
    data = path.read_bytes()
    for position in np.random.default_rng(0).integers(0, len(data), size=20):
        damaged = bytearray(data)
        damaged[position] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(PoolsError, match="is damaged"):
            NegativePools.load(tmp_path / "a.pools")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "no JSON object"),
        ('{"format_version": 999}', "format version 999, expected 2"),
        ('{"format_version": 2, "num_entities": 3}', "lacks num_relations, sides, vocabulary, checksum"),
    ],
)
def test_bad_metadata(pools: NegativePools, tmp_path: Path, content: str, message: str):
    path = pools.save(tmp_path / "a.pools")
    path.joinpath("metadata.json").write_text(content)
    with pytest.raises(PoolsError, match=message):
        NegativePools.load(path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("offsets", lambda tensor: tensor[:-1]),
        ("offsets", lambda tensor: tensor + 1),
        ("hardness", lambda tensor: tensor[:-1]),
        ("replacements", lambda tensor: tensor.long()),
    ],
)
def test_arrays_that_do_not_fit(pools: NegativePools, tmp_path: Path, name: str, change):
    from pykeen_negater.storage.cache import file_digest

    path = pools.save(tmp_path / "a.pools")
    arrays = load_file(path / "pools.safetensors")
    arrays[name] = change(arrays[name]).contiguous()
    save_file({key: tensor.clone() for key, tensor in arrays.items()}, path / "pools.safetensors")
    metadata = json.loads(path.joinpath("metadata.json").read_text())
    metadata["checksum"] = file_digest(path / "pools.safetensors")
    path.joinpath("metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(PoolsError, match=r"a\.pools"):
        NegativePools.load(path)


def test_another_vocabulary_is_refused_with_both_fingerprints(pools: NegativePools, small_graph: Graph):
    pools.check_vocabulary(small_graph)
    other = replace(small_graph, entity_labels=small_graph.entity_labels[::-1])
    with pytest.raises(PoolsError, match=f"{small_graph.vocabulary}.*{other.vocabulary}"):
        pools.check_vocabulary(other)
    with pytest.raises(PoolsError, match="the graph has 99 and 3"):
        pools.check_size(99, 3)
    # where one side has no labels, the numbers are all there is to compare
    pools.check_vocabulary(replace(small_graph, entity_labels=None))
