"""``negater verify``."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pykeen_negater.cli.main import main
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.pools.verification import verify_cache
from pykeen_negater.storage.cache import Cache
from pykeen_negater.storage.checksummed_folders import checksummed_folder


@pytest.fixture
def folder(false_pools: NegativePools, tmp_path: Path) -> Path:
    """Write the pools."""
    return false_pools.save(tmp_path / "a.pools")


def verify(*arguments: str | Path, code: int) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, ["verify", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_the_command_checks_several_folders(folder: Path, false_pools: NegativePools, tmp_path: Path):
    other = false_pools.save(tmp_path / "b.pools")
    assert verify(folder, other, code=0).output.count("triples, undamaged") == 2
    arrays = other / "pools.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1])
    output = verify(folder, other, tmp_path / "c.pools", code=1).output.splitlines()
    assert output[0].startswith(f"{folder}: ")
    assert "b.pools/pools.safetensors is damaged: its checksum" in output[1]
    assert f"found no pools at {tmp_path / 'c.pools'}" in output[2]
    assert [line.split() for line in output[3:6]] == [["checked", "3"], ["not", "checked", "0"], ["damaged", "2"]]
    assert [line.split()[1] for line in output[6:]] == [str(other), str(tmp_path / "c.pools")]


def test_the_command_checks_the_cache(false_pools: NegativePools, empty_cache: Path, folder: Path):
    cache = Cache()

    def save(path: Path) -> None:
        """Fill an entry with pools."""
        path.rmdir()
        false_pools.save(path)

    good, _ = cache.get_or_build("pools", "good", save)
    cache.get_or_build("pools", "bad", save)[0].joinpath("metadata.json").unlink()
    scores, _ = cache.get_or_build("scores", "k", lambda path: np.save(path / "scores.npy", np.zeros(3)))
    scores.joinpath("scores.npy").write_bytes(b"")
    vectors, _ = cache.get_or_build("vectors", "k", lambda path: np.save(path / "vectors.npy", np.zeros(3)))
    vectors.with_name("k.sha256").unlink()
    found = {path: damage for path, is_checked, damage in verify_cache(cache) if is_checked}
    assert found[good] is None
    assert "found no pools" in found[cache.path("pools", "bad")]
    assert "scores.npy" in found[scores]
    assert found[vectors] == "k.sha256 is missing"
    assert len(found) == 4
    output = verify(code=1).output
    assert str(folder) not in output
    assert f"{good}: undamaged" in output
    assert f"{scores} is damaged: the checksum of scores.npy" in output
    assert "Damaged parts of the cache are made again by the next run that needs them." in output
    assert str(folder) in verify(folder, "--cache", code=1).output
    for kind, key in (("pools", "bad"), ("scores", "k"), ("vectors", "k")):
        cache.discard(kind, key)
    verify(code=0)


def test_the_command_checks_what_waits_in_the_cache(empty_cache: Path):
    pieces = [
        empty_cache / name
        for name in ("shards/k-1/0", "shards/k-1/all/head", "scores/k-parts/0", "checkpoints/k/checkpoint-5")
    ]
    for path in pieces:
        with checksummed_folder(path) as folder:
            folder.joinpath("a").write_text("1")
    unfinished = [empty_cache / name for name in ("checkpoints/k/checkpoint-10", "unknown/k")]
    for path in (*unfinished, empty_cache / "shards" / "k-1" / ".scratch", empty_cache / "vectors" / ".k-abcdefgh"):
        path.mkdir(parents=True)
        path.joinpath("a").touch()
    output = verify(code=0).output
    assert [f"{path}: undamaged" in output for path in pieces] == [True] * 4
    assert [f"{path}: not checked" in output for path in unfinished] == [True] * 2
    empty_cache.joinpath("shards", "k-2", "visible").mkdir(parents=True)
    assert verify(code=0).output == output
    assert len(output.splitlines()) == 6 + 3
    for path in pieces:
        path.joinpath("a").write_text("2")
    output = verify(code=1).output
    assert [f"{path} is damaged: the checksum of a" in output for path in pieces] == [True] * 4
