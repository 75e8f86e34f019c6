"""Shards, processes and faults: whatever happens on the way, the pools are the same."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pykeen.triples import TriplesFactory
from torch import Tensor, nn

from pykeen_negater import mine
from pykeen_negater.candidates.budgets import Budget
from pykeen_negater.cli.main import main
from pykeen_negater.fine_tuning.classifier import TripleClassifier, map_triples
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.trainer import fine_tune
from pykeen_negater.mining.shard_miner import ShardMiner
from pykeen_negater.pools.codec import decode_risk
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts, load_texts
from pykeen_negater.triples.graphs import Graph

from ..disks import needs_read_only, read_only
from ..mining.cases import arrays

#: Mining in a moment
FAST = {"encoder": "structural", "ranker": "similarity", "guard": None}

#: A process that mines in small shards
MINE = """
import json, sys
import pykeen_negater.rankers.resumable_scoring, pykeen_negater.mining.shards
pykeen_negater.mining.shards.SHARD_SIZE = 200
pykeen_negater.rankers.resumable_scoring.PART_SIZE = 128
from pykeen_negater.cli.main import main
main(sys.argv[1:])
"""

#: A process that mines so, notes which shards it mines, and is killed at an event
WATCH = """
import os, pathlib, shutil, signal, sys, time
from pykeen_negater.storage import cache as caching
from pykeen_negater.mining.shard_miner import ShardMiner

event, mined = sys.argv.pop(1), pathlib.Path(sys.argv.pop(1))
mine_shard, rmtree, replace, lock = ShardMiner.mine, shutil.rmtree, os.replace, caching.Cache.lock
write_checksums = caching.write_checksums

def happens(what):
    if what == event:
        os.kill(os.getpid(), signal.SIGKILL)

def note(run, shard):
    with mined.open("a") as file:
        file.write(f"{shard} ")
    while event == "both wait" and len(list(mined.parent.glob("waits-*"))) < 2:
        time.sleep(0.01)
    return mine_shard(run, shard)

def note_lock(cache, kind, key):
    if kind == "pools":
        mined.with_name(f"waits-{os.getpid()}").touch()
    return lock(cache, kind, key)

def hash_pools(folder, path):
    if path.parent.name == "pools":
        happens("pools being hashed")
    write_checksums(folder, path)

def rename(source, target):
    path, what = pathlib.Path(target), None
    if path.parent.name == "pools" and path.suffix == "":
        what = "pools"
    elif path.parent.parent.name == "shards" and path.name == "2":
        what = "third shard"
    happens(f"{what} about to be renamed")
    replace(source, target)
    happens(f"{what} renamed")

def remove(path, *args, **kwargs):
    if pathlib.Path(path).parent.name == "shards":
        rmtree(pathlib.Path(path, "0"), ignore_errors=True)
        happens("shards being removed")
    rmtree(path, *args, **kwargs)

ShardMiner.mine, caching.Cache.lock, caching.write_checksums = note, note_lock, hash_pools
os.replace, shutil.rmtree = rename, remove
"""


def content(home: Path) -> dict[str, bytes]:
    """Read the files of the pools in a data folder, but for the durations."""
    (folder,) = (path.parent for path in home.rglob("pools.safetensors"))
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "durations.json"}


def in_home(home: Path) -> dict[str, str]:
    """Make the environment of a process with a data folder of its own."""
    return {**os.environ, "PYSTOW_HOME": str(home), "OMP_NUM_THREADS": "1"}


def command(*options: str) -> list[str]:
    """Make a command that mines Nations."""
    return [sys.executable, "-c", MINE, "mine", "--dataset", "nations", "--encoder", "structural", *options]


def watched(event: str, mined: Path) -> list[str]:
    """Make a command that mines Nations, and that is killed at an event; it notes the shards that it mines."""
    options = command("--ranker", "similarity", "--guard", "none")
    return [sys.executable, "-c", WATCH + MINE, event, str(mined), *options[3:]]


@pytest.fixture(scope="session")
def fine_tuned(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str, nations: TriplesFactory) -> str:
    """Fine-tune a tiny model on Nations."""
    folder = tmp_path_factory.mktemp("fine-tuned")
    graph = Graph.from_factory(nations)
    texts = load_texts(graph)
    assert texts is not None
    fine_tune(tiny_bert, graph, texts, FineTuningSettings(max_training_triples=60, epochs=1, max_length=24), folder)
    return str(folder)


@pytest.mark.parametrize("size", [90, 1_000])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"corruption_scheme": ("h", "r", "t"), "k": 5, "pool_size": 7},
        {"candidates": "slot"},
    ],
)
def test_pools_do_not_depend_on_shards(
    nations: TriplesFactory, size: int, kwargs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    contents = []
    for shard_size in (10_000, size):
        root = tmp_path / str(shard_size)
        monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", shard_size)
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, root=root, **_: root)
        pools = mine(triples_factory=nations, **FAST, **kwargs)
        contents.append([arrays(pools), pools.metadata])
        assert not list(root.joinpath("shards").iterdir())
    assert contents[0] == contents[1]


def test_guarded_pools_hardly_depend_on_shards(
    nations: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pools = []
    for shard_size in (10_000, 300):
        monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", shard_size)
        monkeypatch.setattr(
            "pykeen_negater.storage.cache.pystow.join", lambda *parts, size=shard_size, **_: tmp_path / str(size)
        )
        pools.append(mine(triples_factory=nations, encoder="structural"))
    # batches differ, and with them the last digits
    one, many = pools
    assert one.metadata["max_risk"] == many.metadata["max_risk"]
    assert abs(len(one) - len(many)) <= 0.001 * len(one)
    assert abs(len(one.suspected) - len(many.suspected)) <= 0.001 * len(one.suspected)
    if torch.equal(one.replacements, many.replacements):
        difference = decode_risk(one.risk).log2() - decode_risk(many.risk).log2()
        assert difference.abs().max() <= 0.13


def test_budget_does_not_depend_on_shards():
    generator = np.random.default_rng(0)
    keys, ranks = generator.integers(300, size=2_000), generator.integers(8, size=2_000)
    for size in (1, 50, 299, 300, 1_000, None):
        best: dict[int, int] = {}
        for key, rank in zip(keys.tolist(), ranks.tolist(), strict=True):
            best[key] = min(rank, best.get(key, rank))
        kept = [sorted(best)[:0]]
        for pieces in (1, 7, 100):
            budget = Budget(size)
            for part in np.array_split(np.arange(len(keys)), pieces):
                budget.add(keys[part], ranks[part])
                if pieces == 7:
                    assert len(budget.keys) <= (size or 300)
            kept.append(budget.keys.tolist())
        assert kept[1] == kept[2] == kept[3]
        assert len(kept[1]) == min(size or 300, len(best))
        dropped = set(best) - set(kept[1])
        if dropped:
            assert max(best[key] for key in kept[1]) <= min(best[key] for key in dropped)


@pytest.mark.parametrize("ranker", ["thresholds", "full-gradients", "proxy-gradients"])
def test_scores_do_not_depend_on_shards_or_parts(
    nations: TriplesFactory, fine_tuned: str, ranker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    contents = []
    kwargs: dict[str, Any] = {"model": fine_tuned, **({"num_exact": 150} if ranker == "proxy-gradients" else {})}
    for shard_size, part_size in ((10_000, 10_240), (500, 128)):
        monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", shard_size)
        monkeypatch.setattr("pykeen_negater.rankers.resumable_scoring.PART_SIZE", part_size)
        monkeypatch.setattr(
            "pykeen_negater.storage.cache.pystow.join", lambda *parts, n=shard_size, **_: tmp_path / str(n)
        )
        settings = {**FAST, "ranker": ranker, "max_candidates": 600, "ranker_kwargs": kwargs}
        pools = mine(triples_factory=nations, **settings)
        contents.append([arrays(pools), pools.metadata])
    assert contents[0] == contents[1]
    assert contents[0][1]["statistics"]["scored"] == 600


def test_parts_that_a_killed_run_has_left_are_removed(nations: TriplesFactory, fine_tuned: str, empty_cache: Path):
    settings = {**FAST, "ranker": "thresholds", "max_candidates": 300, "ranker_kwargs": {"model": fine_tuned}}
    pools = mine(triples_factory=nations, **settings)
    assert pools.path is not None
    (scores,) = (path for path in empty_cache.joinpath("scores").iterdir() if path.is_dir())
    parts = scores.with_name(f"{scores.name}-parts")
    parts.joinpath("0").mkdir(parents=True)
    Cache(empty_cache).discard("pools", pools.path.name)
    mine(triples_factory=nations, **settings)
    assert not parts.exists()


def test_full_disk(nations: TriplesFactory, empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", 500)
    savez = np.savez
    written: list[Path] = []

    def write_half(path: Path, **content: Any) -> None:
        if len(written) == 2:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        savez(path, **content)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", write_half)
        with pytest.raises(OSError, match=r"found no space left .* Free some") as error:
            mine(triples_factory=nations, **FAST)
        assert error.value.errno == errno.ENOSPC
    assert sorted(path.name for path in empty_cache.joinpath("shards").glob("*/*")) == ["0", "1", "all"]
    assert [path.suffix for path in empty_cache.joinpath("pools").iterdir()] == [".lock"]
    assert mine(triples_factory=nations, **FAST).coverage(nations.mapped_triples) > 0.9


@needs_read_only
def test_read_only_cache(nations: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYSTOW_HOME", str(tmp_path))
    expected = r"found the cache .* to which nothing can be written .* PYSTOW_HOME"
    with read_only(tmp_path), pytest.raises(PermissionError, match=expected):
        mine(triples_factory=nations, **FAST)
    assert list(tmp_path.iterdir()) == []
    path = mine(triples_factory=nations, **FAST).path
    with read_only(tmp_path):
        # what is there can be used
        assert mine(triples_factory=nations, **FAST).path == path
        with pytest.raises(PermissionError, match=expected):
            mine(triples_factory=nations, **FAST, k=3)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_system_without_locks(
    nations: TriplesFactory,
    empty_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: int,
):
    def refuse(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)
    assert mine(triples_factory=nations, **FAST).coverage(nations.mapped_triples) > 0.9
    assert sum("without locks" in record.getMessage() for record in caplog.records) == 1
    assert not list(empty_cache.rglob("*.softlock"))
    with Cache(empty_cache).lock("pools", "k"), pytest.raises(filelock.Timeout):
        filelock.SoftFileLock(empty_cache / "pools" / "k.softlock").acquire(timeout=0.01)


def test_interrupted_command(empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ShardMiner, "mine", interrupt)
    options = ["--dataset", "nations", "--encoder", "structural", "--ranker", "similarity", "--guard", "none"]
    result = CliRunner().invoke(main, ["mine", *options])
    assert result.exit_code == 130
    assert "Run the same command again to go on" in result.output
    assert "Traceback" not in result.output


def test_batches_are_halved_for_want_of_memory(
    nations: TriplesFactory,
    fine_tuned: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    forward, pools = TripleClassifier.forward, []
    sizes: list[int] = []

    def run_out_of_memory(self: TripleClassifier, input_ids: Tensor, **kwargs: Any) -> Any:
        sizes.append(len(input_ids))
        if len(input_ids) > 50:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(self, input_ids, **kwargs)

    settings = {**FAST, "ranker": "thresholds", "max_candidates": 300, "ranker_kwargs": {"model": fine_tuned}}
    for name in ("enough", "too little"):
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, name=name, **_: tmp_path / name)
        pools.append(mine(triples_factory=nations, **settings))
        monkeypatch.setattr(TripleClassifier, "forward", run_out_of_memory)
    enough, too_little = pools
    assert "batches_halved" not in enough.metadata["statistics"]
    assert too_little.metadata["statistics"]["batches_halved"] == 6
    assert max(sizes) == 128
    assert torch.equal(enough.replacements, too_little.replacements)
    assert sum("Memory does not suffice" in record.getMessage() for record in caplog.records) == 1


def test_other_errors_are_no_want_of_memory(small_texts: Texts, fine_tuned: str):
    from pykeen_negater.fine_tuning.classifier import load_with_tokenizer

    model, tokenizer = load_with_tokenizer(fine_tuned, small_texts)

    def fail(inputs: dict[str, Tensor]) -> Tensor:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        map_triples(fail, model, tokenizer, np.zeros((4, 3), dtype=np.int64), 2)
    assert isinstance(model, nn.Module)


@pytest.mark.integration
@pytest.mark.parametrize(
    "ranker", ["thresholds", "similarity", "similarity of neighbours", "probe", "relation-embedding"]
)
def test_two_processes_give_the_same_pools(fine_tuned: str, ranker: str, tmp_path: Path):
    options = {
        "thresholds": ["--model", fine_tuned, "--guard", "thresholds", "--max-candidates", "700"],
        "similarity": ["--ranker", "similarity", "--guard", "none"],
        # which an approximate index finds
        "similarity of neighbours": ["--ranker", "similarity", "--candidates", "anywhere", "--index-factory", "HNSW8"],
        "probe": [],
        "relation-embedding": ["--ranker", "relation-embedding", "--guard", "none", "--max-candidates", "700"],
    }[ranker]
    script = tmp_path / "mine.py"
    script.write_text(MINE, encoding="utf-8")
    launcher = {
        "similarity": ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"],
    }.get(ranker, ["torch.distributed.run", "--nproc_per_node", "2"])
    launcher = [sys.executable, "-m", *launcher, str(script)]
    for name, start in (("one", [sys.executable, str(script)]), ("two", launcher)):
        result = subprocess.run(
            [*start, *command(*options)[3:]],
            env=in_home(tmp_path / name),
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.count("Written to") == 1
    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.integration
def test_two_runs_at_once_mine_once(tmp_path: Path):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    mined = tmp_path / "mined"
    runs = [subprocess.Popen(watched("both wait", mined), env=in_home(tmp_path), **pipes) for _ in range(2)]
    outputs = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert sorted(mined.read_text().split()) == list("01234567")
    assert set(content(tmp_path)) == {"metadata.json", "pools.safetensors", "vocabulary.json", "README.md"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Mine without an interruption."""
    home = tmp_path_factory.mktemp("whole")
    subprocess.run(watched("nothing", home / "mined"), env=in_home(home), check=True, capture_output=True)
    return content(home)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("event", "again"),
    [
        ("third shard about to be renamed", ["2"]),
        ("third shard renamed", []),
        ("pools being hashed", []),
        ("pools about to be renamed", []),
        ("pools renamed", []),
        ("shards being removed", []),
    ],
)
def test_killed_runs_resume_to_the_same_bytes(event: str, again: list[str], whole: dict[str, bytes], tmp_path: Path):
    mined = tmp_path / "mined"
    killed = subprocess.run(watched(event, mined), env=in_home(tmp_path), check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run(watched("nothing", mined), env=in_home(tmp_path), check=True, capture_output=True)
    assert content(tmp_path) == whole
    assert sorted(mined.read_text().split()) == sorted([*"01234567", *again])
    assert not [path for path in tmp_path.rglob("shards/*") if path.is_dir()]
    assert not list(tmp_path.rglob("pools/.*"))
