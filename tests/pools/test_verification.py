"""Pools and cached results are compared with what was written and promised."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pykeen_negater.pools import checks as pool_checks
from pykeen_negater.pools.codec import decode_hardness
from pykeen_negater.pools.files import DTYPES, PoolsError, Vocabulary, write_pools
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.pools.verification import verify_pools
from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def pools(false_pools: NegativePools) -> NegativePools:
    """Take pools of all that is false."""
    return false_pools


@pytest.fixture
def folder(pools: NegativePools, vocabulary: Vocabulary, tmp_path: Path) -> Path:
    """Write the pools."""
    return pools.save(tmp_path / "a.pools", vocabulary)


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
        (_set("suspected", 1, 3), "found suspected with 3 after 3, expected them to ascend"),
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


@pytest.mark.parametrize("small", [True, False])
def test_exact_scores_are_checked(
    pools: NegativePools, vocabulary: Vocabulary, tmp_path: Path, small: bool, monkeypatch: pytest.MonkeyPatch
):
    if not small:
        monkeypatch.setattr("pykeen_negater.pools.files.CHECK_BELOW", 0)
    path = tmp_path / "a.pools"
    scores = torch.from_numpy(decode_hardness(pools.hardness.numpy(), 0.0, 1.0)).float()
    assert torch.equal(verify_pools(replace(pools, scores=scores).save(path, vocabulary)).scores, scores)
    for position, value, message in (
        (-1, float("nan"), "found the score nan, expected one from"),
        (-1, 2.0, "found the score 2.0, expected one from|a harder negative after an easier one"),
        (0, 1.0 - float(scores[0]), "found the score .* with the hardness|a harder negative after an easier one"),
    ):
        wrong = scores.clone()
        wrong[position] = value
        replace(pools, scores=wrong).save(path, vocabulary)
        with pytest.raises(PoolsError, match=message):
            verify_pools(path)
    replace(pools, scores=scores).save(path, vocabulary)
    content = path.joinpath("pools.safetensors").read_bytes()
    at = content.index(scores.numpy().tobytes())
    for position in at + np.random.default_rng(0).integers(4 * len(scores), size=20):
        damaged = bytearray(content)
        damaged[position] ^= 1
        path.joinpath("pools.safetensors").write_bytes(bytes(damaged))
        with pytest.raises(PoolsError, match="its checksum is not the one"):
            verify_pools(path)


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
