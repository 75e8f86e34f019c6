"""Full disks give one clear error, whoever writes."""

import errno
import multiprocessing
import os
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file, save_model

from pykeen_negater.approximation import Approximation
from pykeen_negater.atomic_writing import atomic_file, atomic_folder
from pykeen_negater.caching import Cache
from pykeen_negater.disk_space import FullDiskError, reserve, tell_full_disk
from pykeen_negater.neighbor_tables import keep_table

from .disks import needs_mount, small_disk

#: More than the disk holds, in bytes
SIZE = 2**20


def _neighbor_index(folder: Path) -> None:
    index = faiss.IndexFlatL2(64)
    index.add(np.zeros((SIZE // 256, 64), dtype=np.float32))
    Approximation(index, 1.0).write(folder)


#: What writes to a folder, by name
WRITERS = {
    "numpy": lambda folder: np.save(folder / "a.npy", np.zeros(SIZE // 8)),
    "numpy raw": lambda folder: np.zeros(SIZE // 8).tofile(folder / "a"),
    "numpy zip": lambda folder: np.savez(folder / "a.npz", a=np.zeros(SIZE // 8)),
    "safetensors": lambda folder: save_file({"a": torch.zeros(SIZE // 4)}, folder / "a.safetensors"),
    "safetensors of a model": lambda folder: save_model(torch.nn.Linear(512, 512), str(folder / "a.safetensors")),
    "faiss": _neighbor_index,
    "torch": lambda folder: torch.save(torch.zeros(SIZE // 4), folder / "a.pt"),
    "text": lambda folder: folder.joinpath("a").write_text("a" * SIZE, encoding="utf-8"),
    "csv": lambda folder: pd.DataFrame({"a": np.arange(SIZE // 4)}).to_csv(folder / "a.csv"),
    "parquet": lambda folder: pd.DataFrame({"a": np.random.default_rng(0).random(SIZE // 4)}).to_parquet(folder / "a"),
}


@needs_mount
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
def test_every_writer_tells_a_full_disk(tmp_path: Path, writer):
    with small_disk(tmp_path / "disk", "256k") as disk:
        with pytest.raises(FullDiskError, match=r"found no space left \(.*\)\. Free some, or .* PYSTOW_HOME") as error:
            Cache(disk).get_or_build("vectors", "k", writer)
        assert error.value.errno == errno.ENOSPC
        with (
            pytest.raises(FullDiskError, match=r"found no space left \(.*\)\. Free some"),
            atomic_folder(disk / "out") as folder,
        ):
            writer(folder)
        del error  # whose traceback may hold a file open
        # nothing half-written is left, and what fits is written afterwards
        assert [path.name for path in disk.rglob("*") if not path.name.startswith(".")] == ["vectors", "k.lock"]
        Cache(disk).get_or_build("vectors", "k", lambda folder: folder.joinpath("a").touch())


def _fill_on(disk, results):  # pragma: no cover
    """Fill a table, in a process that a signal may kill."""
    rows = SIZE // 8
    blocks = [(np.zeros((rows, 1), dtype=np.int32), np.zeros((rows, 1), dtype=np.float32))]
    try:
        keep_table(disk / "table", rows, 1, blocks, lambda: None)
    except OSError as error:
        results.put(str(error))


@needs_mount
def test_table_on_a_full_disk_does_not_kill_the_process(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    with small_disk(tmp_path / "disk", "256k") as disk:
        process = context.Process(target=_fill_on, args=(disk, results))
        process.start()
        process.join(timeout=60)
        assert process.exitcode == 0
        assert "found no space left" in results.get(timeout=60)
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        OSError("128000 requested and 25584 written"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        SafetensorError("Error while serializing: I/O error: Disk quota exceeded (os error 122)"),
        RuntimeError("Error in void faiss::write_index(...): write error in a: 1 != 2 (No space left on device)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
        RuntimeError("[enforce fail at inline_container.cc:1] . PytorchStreamWriter failed writing file data/0"),
    ],
)
def test_what_writers_say(tmp_path: Path, error: Exception):
    with (
        pytest.raises(FullDiskError, match=r"found no space left \((a|.*b)\)") as told,
        tell_full_disk(tmp_path / "a"),
        atomic_file(tmp_path / "b"),
    ):
        raise error
    assert told.value.errno in (errno.ENOSPC, errno.EDQUOT)
    assert told.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, os.strerror(errno.EIO)),
        OSError("no number"),
        SafetensorError("Error while deserializing header: header too large"),
        RuntimeError("CUDA out of memory"),
        ValueError("128000 requested and 25584 written"),
    ],
)
def test_other_errors_stay_what_they_are(tmp_path: Path, error: Exception):
    with pytest.raises(type(error)) as raised, tell_full_disk(tmp_path):
        raise error
    assert raised.value is error


def test_reserved_room_is_zeros_after_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for has_call in (True, False):
        path = tmp_path / "a"
        with path.open("wb") as file:
            file.write(b"1234")
            file.flush()
            reserve(file.fileno(), 2, 6)
            reserve(file.fileno(), 0, 1)
            reserve(file.fileno(), 100, 0)
        assert path.read_bytes() == b"1234\0\0\0\0", has_call
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
