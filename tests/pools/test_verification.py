"""Pools and cached results are compared with what was written and promised."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from pykeen_negater.cli.main import main
from pykeen_negater.pools import checks as pool_checks
from pykeen_negater.pools.files import DTYPES, PoolsError, Vocabulary, write_pools
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.pools.verification import verify_cache, verify_pools
from pykeen_negater.storage.cache import Cache
from pykeen_negater.storage.checksummed_folders import sealed_folder
from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def pools(small_graph: Graph) -> NegativePools:
    """Make pools of all that is false, hardest first."""
    known = {tuple(triple) for triple in small_graph.triples.tolist()}
    sizes, replacements, hardness = [0], [], []
    for head, relation, tail in small_graph.triples.tolist():
        for corruptions in (
            [(other, relation, tail) for other in range(small_graph.num_entities)],
            [(head, other, tail) for other in range(small_graph.num_relations)],
        ):
            false = [triple for triple in corruptions if triple not in known][: 1 + head % 3]
            sizes.append(len(false))
            replacements += [triple[0] if triple[1] == relation else triple[1] for triple in false]
            hardness += list(range(200, 200 - len(false), -1))
    return NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.tensor(sizes).cumsum(dim=0),
        replacements=torch.tensor(replacements, dtype=torch.int32),
        hardness=torch.tensor(hardness, dtype=torch.uint8),
        num_entities=small_graph.num_entities,
        num_relations=small_graph.num_relations,
        sides=(0, 1),
        vocabulary=small_graph.vocabulary,
        suspects=torch.tensor([3, 5]),
        suspect_risk=torch.tensor([80, 90], dtype=torch.uint8),
    )


@pytest.fixture
def vocabulary(small_graph: Graph) -> Vocabulary:
    """Give the small graph's labels."""
    return Vocabulary(small_graph.entity_labels, small_graph.relation_labels)


@pytest.fixture
def folder(pools: NegativePools, vocabulary: Vocabulary, tmp_path: Path) -> Path:
    """Write the pools."""
    return pools.save(tmp_path / "a.pools", vocabulary)


def verify(*arguments: str | Path, code: int) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, ["verify", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(params=[1, 3, 2**16])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at pieces of several sizes."""
    monkeypatch.setattr(pool_checks, "_AT_ONCE", request.param)


@pytest.mark.usefixtures("at_once")
def test_good_pools_pass(folder: Path, pools: NegativePools):
    assert len(verify_pools(folder)) == len(pools)
    assert verify_pools(str(folder)).num_triples == pools.num_triples


def _first_that_grows(arrays: dict[str, torch.Tensor]) -> int:
    """Find a pool with two negatives."""
    return int(arrays["offsets"].diff().gt(1).nonzero()[0])


def _swap_hardness(arrays: dict[str, torch.Tensor]) -> None:
    start = int(arrays["offsets"][_first_that_grows(arrays)])
    arrays["hardness"][[start, start + 1]] = arrays["hardness"][[start + 1, start]]


def _add_positive(arrays: dict[str, torch.Tensor]) -> None:
    # the last triple's head for its own head
    row = len(arrays["offsets"]) - 3
    entities, relations = 13, 3
    start = int(arrays["offsets"][row])
    arrays["replacements"][start] = int(arrays["keys"][-1]) // (entities * relations)


def _set(name: str, position: int, value: int) -> Callable[[dict[str, torch.Tensor]], None]:
    """Make a function that changes one number."""

    def change(arrays: dict[str, torch.Tensor]) -> None:
        """Change it."""
        arrays[name][position] = value

    return change


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("keys", 0, 10**6), r"found keys with \d+ after 1000000, expected them to ascend"),
        (_set("keys", 0, -1), "found keys from -1 to"),
        (_set("keys", -1, 10**6), r"found keys from \d+ to 1000000, expected them from 0 to \d+"),
        (_set("suspects", 1, 3), "found suspects with 3 after 3, expected them to ascend"),
        (_set("offsets", 5, 10**6), "found offsets with .* after 1000000, expected them to ascend"),
        (_set("replacements", 0, 99), "found the replacement 99, expected one from 0 to"),
        (_set("replacements", -1, 3), "found the replacement 3, expected one from 0 to 2"),
        (_set("replacements", 4, -1), "found the replacement -1"),
        (_swap_hardness, "a harder negative after an easier one"),
        (_add_positive, "found the training triple .* among the negatives"),
    ],
)
def test_wrong_contents_are_named(
    pools: NegativePools,
    vocabulary: Vocabulary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small: bool,
    change: Callable[[dict[str, torch.Tensor]], None],
    message: str,
):
    if not small:
        monkeypatch.setattr("pykeen_negater.pools.files.CHECK_BELOW", 0)
    arrays = {name: getattr(pools, name).clone() for name in DTYPES}
    change(arrays)
    metadata = {
        "num_entities": pools.num_entities,
        "num_relations": pools.num_relations,
        "sides": list(pools.sides),
        "vocabulary": pools.vocabulary,
    }
    write_pools(tmp_path / "a.pools", arrays, metadata, vocabulary, {})
    with pytest.raises(PoolsError, match=message) as error:
        verify_pools(tmp_path / "a.pools")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["pools.safetensors", "vocabulary.json", "metadata.json"])
@pytest.mark.parametrize("small", [True, False])
def test_a_flipped_bit_is_noticed_in_any_file(folder: Path, name: str, small: bool, monkeypatch: pytest.MonkeyPatch):
    if not small:
        monkeypatch.setattr("pykeen_negater.pools.files.CHECK_BELOW", 0)
    content = folder.joinpath(name).read_bytes()
    for position in np.random.default_rng(0).integers(len(content), size=20):
        damaged = bytearray(content)
        damaged[position] ^= 1
        folder.joinpath(name).write_bytes(bytes(damaged))
        with pytest.raises(PoolsError):
            verify_pools(folder)
    folder.joinpath(name).write_bytes(content)
    verify_pools(folder)


def test_large_pools_are_not_read_when_they_are_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.pools.files.CHECK_BELOW", 0)
    monkeypatch.setattr("pykeen_negater.pools.files.file_digest", lambda path: pytest.fail("read as a whole"))
    monkeypatch.setattr("pykeen_negater.pools.negative_pools.check_ids", lambda *args: pytest.fail("read as a whole"))
    NegativePools.load(folder)


def test_labels_of_another_vocabulary_are_noticed(
    pools: NegativePools, vocabulary: Vocabulary, small_graph: Graph, tmp_path: Path
):
    others = Vocabulary(small_graph.entity_labels[::-1], small_graph.relation_labels)
    with pytest.raises(PoolsError, match=f"but the pools are for {small_graph.vocabulary}"):
        verify_pools(pools.save(tmp_path / "a.pools", others))
    # whoever saves pools without labels may do so
    verify_pools(pools.save(tmp_path / "b.pools"))


def test_pools_from_before_all_files_had_checksums(folder: Path, pools: NegativePools):
    path = folder / "metadata.json"
    metadata = json.loads(path.read_text())
    del metadata["vocabulary_checksum"], metadata["metadata_checksum"]
    path.write_text(json.dumps(metadata))
    assert len(verify_pools(folder)) == len(NegativePools.load(folder)) == len(pools)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entity_labels", ["a"]),
        ("entity_labels", 3),
        ("relation_labels", [1, 2, 3]),
        ("entity_texts", "abcdefghijklm"),
    ],
)
def test_vocabularies_that_do_not_fit_are_refused(folder: Path, name: str, value: object):
    metadata = json.loads(folder.joinpath("metadata.json").read_text())
    del metadata["vocabulary_checksum"], metadata["metadata_checksum"]
    folder.joinpath("metadata.json").write_text(json.dumps(metadata))
    vocabulary = json.loads(folder.joinpath("vocabulary.json").read_text())
    folder.joinpath("vocabulary.json").write_text(json.dumps({**vocabulary, name: value}))
    with pytest.raises(PoolsError, match=f"its {name} are not"):
        NegativePools.load(folder).load_vocabulary()


def test_the_command_checks_several_folders(folder: Path, pools: NegativePools, tmp_path: Path):
    other = pools.save(tmp_path / "b.pools")
    assert verify(folder, other, code=0).output.count("as they should be") == 2
    arrays = other / "pools.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1])
    output = verify(folder, other, tmp_path / "c.pools", code=1).output.splitlines()
    assert output[0].startswith(f"{folder}: ")
    assert "b.pools/pools.safetensors is damaged: its checksum" in output[1]
    assert f"found no pools at {tmp_path / 'c.pools'}" in output[2]
    assert [line.split() for line in output[3:6]] == [["checked", "3"], ["not", "checked", "0"], ["damaged", "2"]]
    assert [line.split()[1] for line in output[6:]] == [str(other), str(tmp_path / "c.pools")]


def test_the_command_checks_the_cache(pools: NegativePools, empty_cache: Path, folder: Path):
    cache = Cache()

    def save(path: Path) -> None:
        """Fill an entry with pools."""
        path.rmdir()
        pools.save(path)

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
    assert f"{good}: as it should be" in output
    assert f"{scores} is damaged: the checksum of scores.npy" in output
    assert "What is damaged in the cache is made again by the next run that needs it." in output
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
        with sealed_folder(path) as folder:
            folder.joinpath("a").write_text("1")
    unfinished = [empty_cache / name for name in ("checkpoints/k/checkpoint-10", "unknown/k")]
    for path in (*unfinished, empty_cache / "shards" / "k-1" / ".scratch", empty_cache / "vectors" / ".k-abcdefgh"):
        path.mkdir(parents=True)
        path.joinpath("a").touch()
    output = verify(code=0).output
    assert [f"{path}: as it should be" in output for path in pieces] == [True] * 4
    assert [f"{path}: not checked" in output for path in unfinished] == [True] * 2
    empty_cache.joinpath("shards", "k-2", "visible").mkdir(parents=True)
    assert verify(code=0).output == output
    assert len(output.splitlines()) == 6 + 3
    for path in pieces:
        path.joinpath("a").write_text("2")
    output = verify(code=1).output
    assert [f"{path} is damaged: the checksum of a" in output for path in pieces] == [True] * 4
