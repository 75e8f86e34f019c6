"""No file that is read runs code, and nothing that was damaged in the cache is served."""

import ast
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

import pykeen_negater
from pykeen_negater.cli.configuration import read_configuration
from pykeen_negater.embeddings.encoders import PrecomputedEncoder
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.fine_tuning.classifier import TripleClassifier
from pykeen_negater.mining.miner import mine
from pykeen_negater.storage.cache import Cache
from pykeen_negater.storage.checksums import write_checksums
from pykeen_negater.triples.graphs import Graph

SOURCES = sorted(Path(pykeen_negater.__file__).parent.rglob("*.py"))

#: Calls that can run what is in a file, and the keyword that forbids it; None if nothing does
RISKY = {
    "np.load": ("allow_pickle", False),
    "torch.load": ("weights_only", True),
    "yaml.load": ("Loader", None),
    "SentenceTransformer": ("trust_remote_code", False),
    **{f"Auto{kind}.from_pretrained": ("trust_remote_code", False) for kind in ("Model", "Tokenizer", "Config")},
    **dict.fromkeys(
        [
            "pickle.load", "pickle.loads", "joblib.load", "pd.read_pickle", "yaml.full_load", "yaml.unsafe_load",
            "eval", "exec", "os.system", "__import__",
        ]
    ),
}  # fmt: skip


def _calls(path: Path) -> list[tuple[str, ast.Call]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_call_runs_what_is_in_a_file(path: Path):
    for name, call in _calls(path):
        if name not in RISKY:
            continue
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        # what a user has asked for in so many words, see kge_ranker
        if path.name == "kge_models.py" and keywords.get("weights_only") == "False":
            continue
        assert RISKY[name] is not None, f"{path.name}: {name}"
        keyword, value = RISKY[name]
        expected = "_Loader" if keyword == "Loader" else str(value)
        assert keywords.get(keyword) == expected, f"{path.name}: {ast.unparse(call)}"


class _Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        """Choose the file."""
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def bomb(tmp_path: Path):
    """Make something that must not be unpickled, and see that it was not."""
    trace = tmp_path / "unpickled"
    yield _Bomb(trace)
    assert not trace.exists()


def test_the_bomb_works(tmp_path: Path):
    pickle.loads(pickle.dumps(_Bomb(tmp_path / "unpickled")))
    assert tmp_path.joinpath("unpickled").exists()


@pytest.fixture
def pickled(bomb: _Bomb, tmp_path: Path) -> Path:
    """Write an array that has to be unpickled."""
    path = tmp_path / "vectors.npy"
    np.save(path, np.array([bomb], dtype=object), allow_pickle=True)
    return path


def test_pickled_vectors_are_refused(pickled: Path, small_graph: Graph):
    with pytest.raises(ValueError, match="allow_pickle=False"):
        PrecomputedEncoder(path=pickled).encode(small_graph, None)


def test_a_pickled_index_is_refused(pickled: Path, tmp_path: Path):
    NeighborIndex.build(np.eye(3, dtype=np.float32), "cosine", "Flat").save(tmp_path / "index")
    tmp_path.joinpath("index", "vectors.npy").write_bytes(pickled.read_bytes())
    with pytest.raises(ValueError, match="no readable neighbour index"):
        NeighborIndex.load(tmp_path / "index")


def test_pickled_weights_are_refused(bomb: _Bomb, tmp_path: Path, small_factory: TriplesFactory):
    torch.save({"weights": bomb}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match="found no state dict"):
        mine(
            triples_factory=small_factory,
            encoder="structural",
            ranker="kge",
            ranker_kwargs={"model": "TransE", "state_dict": str(tmp_path / "state.pt")},
        )


def test_yaml_makes_no_objects(tmp_path: Path):
    path = tmp_path / "config.yaml"
    path.write_text(f"seed: !!python/object/apply:pathlib.Path.touch [{tmp_path / 'touched'}]\n")
    with pytest.raises(ValueError, match="malformed YAML"):
        read_configuration(path)
    assert not tmp_path.joinpath("touched").exists()


def test_code_beside_a_model_is_not_run(tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import json
    import shutil

    folder = shutil.copytree(tiny_bert, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine", "AutoModel": "mine.Mine"}}
    folder.joinpath("config.json").write_text(json.dumps(config))
    folder.joinpath("mine.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w').close()\n")
    # whatever is typed
    monkeypatch.setattr("builtins.input", lambda *args: "y")
    with pytest.raises(ValueError, match="trust_remote_code"):
        TripleClassifier.from_language_model(str(folder))
    assert not tmp_path.joinpath("run").exists()


def _mine(factory: TriplesFactory, kind: str, language_model: str) -> dict[str, bytes]:
    """Mine pools in a way that leaves entries of a kind in the cache."""
    fine_tuning = {"epochs": 1, "max_length": 24, "validation_share": 0.3}
    proxy = {"language_model": language_model, "fine_tuning": fine_tuning, "num_exact": 20, "epochs": 2}
    settings: dict[str, Any] = {"ranker": "probe"}
    if kind in ("models", "scores", "proxies"):
        settings = {"ranker": "proxy-gradients", "ranker_kwargs": proxy, "guard": None}
    elif kind == "indexes":
        settings = {"ranker": "similarity", "candidates": "anywhere", "index_factory": "HNSW8", "guard": None}
    path = mine(triples_factory=factory, encoder="structural", **settings).path
    assert path is not None
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name != "durations.json"}


@pytest.mark.parametrize("kind", ["vectors", "scorers", "indexes", "models", "scores", "proxies", "pools"])
def test_pickles_in_the_cache_are_replaced(
    kind: str,
    tiny_bert: str,
    small_factory: TriplesFactory,
    empty_cache: Path,
    pickled: Path,
    caplog: pytest.LogCaptureFixture,
):
    pools = _mine(small_factory, kind, tiny_bert)
    entries = [path for path in empty_cache.joinpath(kind).iterdir() if path.is_dir()]
    assert entries
    for entry in entries:
        (path,) = (path for path in entry.iterdir() if path.suffix in (".npy", ".safetensors", ".faiss"))
        path.write_bytes(pickled.read_bytes())
        write_checksums(entry, entry.with_name(f"{entry.name}.sha256"))
    if kind != "pools":
        for path in empty_cache.joinpath("pools").iterdir():
            Cache(empty_cache).discard("pools", path.name)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert _mine(small_factory, kind, tiny_bert) == pools
    lines = [record.message for record in caplog.records if "again" in record.message]
    assert len(lines) == len(entries)
    assert all(f"{entry} cannot be read (" in " ".join(lines) for entry in entries)
