"""Pools on disk: what is replaced, what is damaged, and what a byte stands for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pykeen_negater.pools.files import PoolsError
from pykeen_negater.pools.negative_pools import NegativePools


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


def test_exact_scores_are_another_array(pools: NegativePools, tmp_path: Path):
    scores = torch.from_numpy(np.random.default_rng(0).normal(size=len(pools)).astype(np.float32))
    plain, exact = pools.save(tmp_path / "a.pools"), replace(pools, scores=scores).save(tmp_path / "b.pools")
    assert NegativePools.load(plain).scores is None
    loaded = NegativePools.load(exact)
    assert loaded.scores is not None
    assert torch.equal(loaded.scores, scores)
    # what there is without them does not change
    arrays = load_file(exact / "pools.safetensors")
    assert torch.equal(arrays.pop("scores"), scores)
    save_file(arrays, tmp_path / "c")
    assert tmp_path.joinpath("c").read_bytes() == plain.joinpath("pools.safetensors").read_bytes()
    assert "exact scores" in exact.joinpath("README.md").read_text()
    assert "exact scores" not in plain.joinpath("README.md").read_text()


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
        ('{"format_version": 999}', "format version 999, expected 3"),
        ('{"format_version": 3, "num_entities": 3}', "lacks num_relations, sides, vocabulary, checksum"),
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
        ("scores", lambda tensor: tensor[:-1]),
        ("scores", lambda tensor: tensor.double()),
    ],
)
def test_arrays_that_do_not_fit(pools: NegativePools, tmp_path: Path, name: str, change):
    from pykeen_negater.storage.cache import file_digest

    path = replace(pools, scores=torch.zeros(len(pools))).save(tmp_path / "a.pools")
    arrays = load_file(path / "pools.safetensors")
    arrays[name] = change(arrays[name]).contiguous()
    save_file({key: tensor.clone() for key, tensor in arrays.items()}, path / "pools.safetensors")
    metadata = json.loads(path.joinpath("metadata.json").read_text())
    metadata["checksum"] = file_digest(path / "pools.safetensors")
    path.joinpath("metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(PoolsError, match=r"a\.pools"):
        NegativePools.load(path)
