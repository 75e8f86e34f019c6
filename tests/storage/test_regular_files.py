"""What would never end or never come is refused before it is opened."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pykeen_negater.cli.configuration import read_configuration
from pykeen_negater.embeddings.encoders import PrecomputedEncoder
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.pools.files import PoolsError, Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.pools.verification import verify_pools
from pykeen_negater.rankers.kge_sources import NamedModel, SavedModel
from pykeen_negater.relations.tasks.json_lines import read_json_lines
from pykeen_negater.relations.training.data import read_relation_pairs
from pykeen_negater.storage.regular_files import check_regular, check_writable
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.tables import read_triples


def test_files_and_links_to_files_are_regular(tmp_path: Path):
    tmp_path.joinpath("file").write_text("")
    tmp_path.joinpath("link").symlink_to("file")
    check_regular(tmp_path / "file")
    check_regular(tmp_path / "link")


def test_everything_else_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    os.mkfifo("pipe")
    Path("zero").symlink_to("/dev/zero")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name, kind in (("pipe", "pipe"), ("zero", "device"), ("folder", "folder"), ("socket", "socket")):
            with pytest.raises(ValueError, match=rf"^found the {kind} {name}, expected texts\."):
                check_regular(Path(name), "texts")
            with pytest.raises(OSError, match=rf"^found the {kind} {name}, expected a file to write to"):
                check_writable(Path(name))


@pytest.mark.parametrize("name", ["nowhere", "file/nowhere", "dangling"])
def test_what_is_not_there_is_missing(tmp_path: Path, name: str):
    tmp_path.joinpath("file").write_text("")
    tmp_path.joinpath("dangling").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match=f"found no file .*{name}, expected a file"):
        check_regular(tmp_path / name)


READERS: dict[str, Callable[[Path], object]] = {
    "config.yaml": read_configuration,
    "vectors.npy": lambda path: PrecomputedEncoder(path=path).identify(),
    "lines.jsonl": lambda path: read_json_lines(path, dict),
    "pairs.tsv": read_relation_pairs,
    "train.tsv": read_triples,
    "state.pt": lambda path: SavedModel(NamedModel("TransE", None, False), path),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_readers_do_not_wait(tmp_path: Path, name: str, kind: str):
    path = tmp_path / name
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    with pytest.raises((OSError, ValueError), match=rf"found .*{name}, expected"):
        READERS[name](path)


@pytest.mark.parametrize("name", ["metadata.json", "vocabulary.json", "pools.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pools_do_not_wait(tmp_path: Path, small_graph: Graph, name: str, kind: str):
    pools = NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.zeros(2 * len(small_graph) + 1, dtype=torch.int64),
        replacements=torch.zeros(0, dtype=torch.int32),
        hardness=torch.zeros(0, dtype=torch.uint8),
        num_entities=small_graph.num_entities,
        num_relations=small_graph.num_relations,
        sides=(0, 2),
        vocabulary=small_graph.vocabulary,
    )
    path = pools.save(tmp_path / "a.pools", Vocabulary(small_graph.entity_labels, small_graph.relation_labels))
    path.joinpath(name).unlink()
    os.mkfifo(path / name) if kind == "pipe" else path.joinpath(name).symlink_to("/dev/zero")
    with pytest.raises(PoolsError, match=rf"{name} cannot be read: found the {kind}"):
        verify_pools(path)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_devices_are_no_pools(path: str):
    with pytest.raises(PoolsError, match=f"found no pools at {path}"):
        NegativePools.load(path)


def test_an_index_does_not_wait(tmp_path: Path):
    index = NeighborIndex.build(np.eye(4, dtype=np.float32))
    index.save(tmp_path / "index")
    shutil.copytree(tmp_path / "index", tmp_path / "other")
    tmp_path.joinpath("other", "vectors.npy").unlink()
    os.mkfifo(tmp_path / "other" / "vectors.npy")
    with pytest.raises(ValueError, match=r"other holds no readable neighbour index \(vectors\.npy is missing\)"):
        NeighborIndex.load(tmp_path / "other")
