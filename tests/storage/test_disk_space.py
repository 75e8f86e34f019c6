"""Full disks give one clear error, whoever writes."""

import errno
import multiprocessing
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file, save_model

from pykeen_negater.candidates.neighbor_tables import keep_table
from pykeen_negater.embeddings.approximation import Approximation
from pykeen_negater.storage.atomic_writing import atomic_file, atomic_folder
from pykeen_negater.storage.cache import Cache
from pykeen_negater.storage.disk_space import FullDiskError, reserve, tell_full_disk

from ..disks import needs_mount, small_disk

#: More than the disk holds, in bytes
SIZE = 2**23


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
    "safetensors of a model": lambda folder: save_model(torch.nn.Linear(2048, 1024), str(folder / "a.safetensors")),
    "faiss": _neighbor_index,
    "torch": lambda folder: torch.save(torch.zeros(SIZE // 4), folder / "a.pt"),
    "text": lambda folder: folder.joinpath("a").write_text("a" * SIZE, encoding="utf-8"),
    "csv": lambda folder: pd.DataFrame({"a": np.arange(SIZE // 4)}).to_csv(folder / "a.csv"),
    "parquet": lambda folder: pd.DataFrame({"a": np.random.default_rng(0).random(SIZE // 4)}).to_parquet(folder / "a"),
}


@needs_mount
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
def test_every_writer_tells_a_full_disk(tmp_path: Path, writer):
    with small_disk(tmp_path / "disk", "4m") as disk:
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


@needs_mount
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
def test_every_writer_tells_a_disk_that_was_full_before(tmp_path: Path, writer):
    """As checkpoints find it, whose writers hide it in their own ways."""

    def fill_first(folder: Path) -> None:
        with suppress(OSError), folder.joinpath("filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        writer(folder)

    with small_disk(tmp_path / "disk", "4m") as disk:
        with pytest.raises(FullDiskError, match=r"^found no space left \(.*\)\. Free some.* from there\.$"):
            Cache(disk).get_or_build("vectors", "k", fill_first)
        assert not [path for path in disk.rglob("*") if path.is_file() and path.suffix != ".lock"]


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
    with small_disk(tmp_path / "disk", "4m") as disk:
        process = context.Process(target=_fill_on, args=(disk, results))
        process.start()
        process.join(timeout=60)
        assert process.exitcode == 0
        assert "found no space left" in results.get(timeout=60)
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError("basic_ios::clear: iostream error"), Exception("what next?")])
def test_the_disk_is_asked_where_an_error_does_not_tell(tmp_path: Path, monkeypatch, error: Exception):
    """Whatever its words are."""
    with pytest.raises(type(error)) as raised, tell_full_disk(tmp_path):
        raise error
    assert raised.value is error

    def refuse(file: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "fsync", refuse)
    with (
        pytest.raises(FullDiskError, match=r"^found no space left \(.*b\)\. Free some") as told,
        atomic_file(tmp_path / "b"),
    ):
        raise error
    assert told.value.errno == errno.EDQUOT
    assert told.value.__cause__ is error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        Exception("in another language (os error 28)"),
    ],
)
def test_numbers_of_errors_tell_a_full_disk(tmp_path: Path, error: Exception):
    wrapped = ValueError("something else")
    wrapped.__cause__ = error
    for raised in (error, wrapped):
        with (
            pytest.raises(FullDiskError, match=r"found no space left \((a|.*b)\)") as told,
            tell_full_disk(tmp_path / "b"),
        ):
            raise raised
        assert told.value.errno in (errno.ENOSPC, errno.EDQUOT)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, os.strerror(errno.EIO)),
        ValueError("no space left on device"),
        MemoryError(),
    ],
)
def test_errors_that_tell_something_else_stay(tmp_path: Path, monkeypatch, error: Exception):
    monkeypatch.setattr("pykeen_negater.storage.disk_space._ask_disk", pytest.fail)
    with pytest.raises(type(error)) as raised, tell_full_disk(tmp_path):
        raise error
    assert raised.value is error


#: Limits the size of files, and writes a larger one in several ways
LIMITED = """
import resource, sys
from pathlib import Path
from tests.storage.test_disk_space import SIZE, WRITERS
from pykeen_negater.storage.atomic_writing import atomic_folder

resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 8, SIZE // 8))
for name in ("numpy", "numpy raw", "safetensors", "torch", "text"):
    try:
        with atomic_folder(Path(sys.argv[1], name)) as folder:
            WRITERS[name](folder)
    except OSError as error:
        print(name, error.errno, error, sep="|")
"""


def test_limited_size_of_files_is_told(tmp_path: Path):
    result = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], check=True, capture_output=True, text=True, timeout=120
    )
    lines = [line.split("|") for line in result.stdout.splitlines()]
    assert [line[:2] for line in lines] == [
        [name, str(errno.EFBIG)] for name in ("numpy", "numpy raw", "safetensors", "torch", "text")
    ]
    for line in lines:
        assert line[2].startswith("found a file that may not grow any more (")
        assert "Raise the limit of this process (ulimit -f)" in line[2]
    assert list(tmp_path.iterdir()) == []


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
