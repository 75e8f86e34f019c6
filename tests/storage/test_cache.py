"""What is cached appears whole, once, or not at all."""

import errno
import logging
import multiprocessing
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import filelock
import numpy as np
import pystow
import pytest

from pykeen_negater.storage.cache import Cache, array_digest, atomic_file, atomic_folder, fingerprint, timed
from pykeen_negater.storage.checksums import write_checksums


def _content(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _without_locks(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix != ".lock")


def test_fingerprint_is_independent_of_order_only():
    content = {"a": 1, "b": [1, 2], "c": {"x": None, "y": "ü"}}
    digest = fingerprint(content)
    assert len(digest) == 32
    assert fingerprint({"c": {"y": "ü", "x": None}, "b": (1, 2), "a": 1}) == digest
    others = [content | {"a": 2}, content | {"a": "1"}, content | {"b": [2, 1]}, content | {"d": 0}]
    assert len({digest, *map(fingerprint, others)}) == 5


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_fingerprint_refuses_what_json_lacks(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        fingerprint({"a": value})


def test_array_digest_is_that_of_the_values():
    array = np.arange(12).reshape(3, 4)
    assert array_digest(array) == array_digest(np.asfortranarray(array)) == array_digest(array.T.copy().T)
    assert array_digest(array) == array_digest(np.arange(24).reshape(3, 8)[:, :4] % 4 + np.arange(0, 12, 4)[:, None])
    assert array_digest(array) != array_digest(array + 1)


def test_timed_adds_up():
    durations = {"b": 5.0}
    with timed("a", durations):
        pass
    first = durations["a"]
    with timed("a", durations):
        pass
    assert durations["a"] >= first >= 0
    assert durations["b"] == 5.0


def test_atomic_folder_appears_whole(tmp_path):
    path = tmp_path / "x" / "y" / "folder"
    with atomic_folder(path) as folder:
        (folder / "a").write_text("1")
        folder.joinpath("sub").mkdir()
        (folder / "sub" / "b").write_text("2")
        assert not path.exists()
        assert folder.parent.parent == path.parent
    assert _content(path) == {"a": "1", "sub/b": "2"}
    assert [other.name for other in path.parent.iterdir()] == ["folder"]


def test_atomic_folder_replaces_whole(tmp_path):
    for name in "ab":
        with atomic_folder(tmp_path / "folder") as folder:
            (folder / name).write_text(name)
    assert _content(tmp_path) == {"folder/b": "b"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
def test_files_of_an_atomic_folder_are_as_open_as_others(tmp_path, mask, mode):
    former = os.umask(mask)
    try:
        with atomic_folder(tmp_path / "folder") as folder:
            folder.joinpath("inner").mkdir()
            for file in (folder / "a", folder / "inner" / "b"):
                file.touch(mode=0o600)
    finally:
        os.umask(former)
    for name in ("a", "inner/b"):
        assert stat.S_IMODE(tmp_path.joinpath("folder", name).stat().st_mode) == mode


def test_failing_atomic_folder_leaves_the_old_one(tmp_path):
    with atomic_folder(tmp_path / "folder") as folder:
        (folder / "a").write_text("a")

    def fail():
        with atomic_folder(tmp_path / "folder") as folder:
            (folder / "a").write_text("b")
            (folder / "c").write_text("c")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert _content(tmp_path) == {"folder/a": "a"}


def test_failing_atomic_folder_leaves_nothing(tmp_path):
    def fail():
        with atomic_folder(tmp_path / "folder") as folder:
            (folder / "a").write_text("b")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["folder", "new"])
def test_folder_in_use_is_as_it_was(tmp_path, monkeypatch, failing: str):
    """Windows moves nothing that is open: neither what is replaced, nor what replaces it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("old")
    original = os.replace

    def replace(source, target):
        if Path(source).name == failing:
            raise PermissionError(errno.EACCES, "Access is denied", str(source))
        original(source, target)

    def write():
        with atomic_folder(tmp_path / "folder") as folder:
            (folder / "a").write_text("new")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(PermissionError, match=r"folder protected, or open .*Access is denied.* Close .* as it was"):
        write()
    assert _content(tmp_path) == {"folder/a": "old"}
    monkeypatch.undo()
    write()
    assert _content(tmp_path) == {"folder/a": "new"}


def test_file_in_use_is_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "negatives.tsv"
    path.write_text("old")

    def replace(source, target):
        raise PermissionError(errno.EACCES, "Access is denied", str(source))

    def write():
        with atomic_file(path) as unfinished:
            unfinished.write_text("new")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(PermissionError, match=r"negatives\.tsv protected, or open .* Close .* as it was"):
        write()
    assert _content(tmp_path) == {"negatives.tsv": "old"}


def test_cache_builds_once(tmp_path):
    cache = Cache(tmp_path)
    calls = []

    def build(folder: Path) -> None:
        calls.append(folder)
        (folder / "a").write_text("1")

    first, built = cache.get_or_build("pools", "k", build)
    assert built
    assert cache.get_or_build("pools", "k", build) == (first, False)
    assert first == cache.path("pools", "k") == tmp_path / "pools" / "k"
    assert len(calls) == 1
    assert _content(first) == {"a": "1"}


def test_cache_keeps_kinds_and_keys_apart(tmp_path):
    cache = Cache(str(tmp_path))
    for kind, key in [("a", "1"), ("a", "2"), ("b", "1")]:
        path, built = cache.get_or_build(kind, key, lambda folder, n=kind + key: (folder / n).touch())
        assert built
        assert [file.name for file in path.iterdir()] == [kind + key]


def test_failed_build_leaves_nothing_and_may_be_repeated(tmp_path):
    cache = Cache(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("broken")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            cache.get_or_build("pools", "k", fail)
        assert not cache.path("pools", "k").exists()
        assert _without_locks(tmp_path) == ["pools"]
    assert cache.get_or_build("pools", "k", lambda folder: (folder / "whole").touch())[1]
    assert _without_locks(tmp_path) == ["pools", "pools/k", "pools/k.sha256", "pools/k/whole"]


def _fill_for_ever(root, filling):  # pragma: no cover
    """Begin to fill an entry, and wait to be killed."""

    def build(folder: Path) -> None:
        (folder / "half").write_text("1")
        filling.set()
        time.sleep(600)

    Cache(root).get_or_build("pools", "k", build)


def test_leftovers_of_a_killed_build_are_removed(tmp_path):
    context = multiprocessing.get_context("fork")
    filling = context.Event()
    process = context.Process(target=_fill_for_ever, args=(tmp_path, filling))
    process.start()
    assert filling.wait(timeout=60)
    process.kill()
    process.join(timeout=60)
    (leftover,) = (path for path in tmp_path.joinpath("pools").iterdir() if path.is_dir())
    assert leftover.joinpath("new", "half").is_file()
    # another entry may be being filled
    other = tmp_path / "pools" / ".other-abcdefgh"
    other.mkdir()
    path, built = Cache(tmp_path).get_or_build("pools", "k", lambda folder: (folder / "whole").touch())
    assert built
    assert not leftover.exists()
    assert sorted(folder for folder in tmp_path.joinpath("pools").iterdir() if folder.is_dir()) == [other, path]


def test_discarded_entry_is_built_again(tmp_path):
    cache = Cache(tmp_path)
    cache.get_or_build("pools", "k", lambda folder: (folder / "old").touch())
    cache.discard("pools", "k")
    cache.discard("pools", "never there")
    assert not cache.path("pools", "k").exists()
    path, built = cache.get_or_build("pools", "k", lambda folder: (folder / "new").touch())
    assert built
    assert list(_content(path)) == ["new"]


def test_default_root_is_in_pykeens_data_folder():
    assert Cache().root == pystow.join("pykeen", "negater", version("pykeen-negater"))


def test_threads_that_ask_for_one_key_build_once(tmp_path):
    builds = []
    start = threading.Barrier(8)

    def build(folder: Path) -> None:
        builds.append(folder)
        (folder / "a").write_text("1")

    def ask(_: int) -> tuple[dict[str, str], bool]:
        start.wait(timeout=60)
        path, built = Cache(tmp_path).get_or_build("pools", "k", build)
        return _content(path), built

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(ask, range(8)))
    assert len(builds) == 1
    assert sum(built for _, built in results) == 1
    assert all(content == {"a": "1"} for content, _ in results)


def _ask_in_process(root, me, other, results):  # pragma: no cover
    """Build only after the other process is about to ask for the same key, too."""

    def build(folder: Path) -> None:
        assert other.wait(timeout=60)
        (folder / "a").write_text("1")
        with Path(root, "log").open("a") as log:
            log.write("built\n")

    me.set()
    path, built = Cache(root).get_or_build("pools", "k", build)
    results.put((built, _content(path)))


def test_processes_that_ask_for_one_key_build_once(tmp_path):
    context = multiprocessing.get_context("fork")
    events, results = [context.Event(), context.Event()], context.Queue()
    processes = [
        context.Process(target=_ask_in_process, args=(tmp_path, *pair, results)) for pair in (events, events[::-1])
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sorted(built for built, _ in found) == [False, True]
    assert all(content == {"a": "1"} for _, content in found)
    assert (tmp_path / "log").read_text() == "built\n"


@pytest.mark.parametrize("damage", [b"", b"1 and more", b"2", None])
@pytest.mark.parametrize("name", ["a", "sub/b"])
def test_damaged_entry_is_built_again(tmp_path, caplog, name: str, damage: bytes | None):
    def build(folder: Path) -> None:
        (folder / "a").write_text("1")
        folder.joinpath("sub").mkdir()
        (folder / "sub" / "b").write_text("1")

    cache = Cache(tmp_path)
    path, _ = cache.get_or_build("scores", "k", build)
    if damage is None:
        path.joinpath(name).unlink()
    else:
        path.joinpath(name).write_bytes(damage)
    assert cache.get_or_build("scores", "k", build) == (path, True)
    assert _content(path) == {"a": "1", "sub/b": "1"}
    (record,) = caplog.records
    assert f"{path} is damaged: " in record.message
    assert name in record.message
    assert "made again" in record.message
    assert cache.get_or_build("scores", "k", build) == (path, False)


@pytest.mark.parametrize("content", [None, b""])
def test_entry_without_checksums_is_built_again(tmp_path, caplog, content: bytes | None):
    cache = Cache(tmp_path)
    path, _ = cache.get_or_build("scores", "k", lambda folder: (folder / "a").write_text("1"))
    checksums = tmp_path / "scores" / "k.sha256"
    checksums.unlink()
    if content is not None:
        checksums.write_bytes(content)
    path.joinpath("a").write_text("2")
    assert cache.get_or_build("scores", "k", lambda folder: (folder / "a").write_text("1")) == (path, True)
    assert _content(path) == {"a": "1"}
    (record,) = caplog.records
    assert "k.sha256 is" in record.message
    assert cache.get_or_build("scores", "k", pytest.fail) == (path, False)


@pytest.mark.parametrize("without_locks", [False, True])
def test_waiting_for_another_run_is_said(tmp_path, caplog, monkeypatch, without_locks: bool):
    monkeypatch.setattr("pykeen_negater.storage.cache._SILENCE", 0.01)

    def refuse(*args: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    if without_locks:
        monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)
        name, lock = "k.softlock", filelock.SoftFileLock(tmp_path / "pools" / "k.softlock")
        advice = "remove the file"
    else:
        name, lock = "k.lock", filelock.FileLock(tmp_path / "pools" / "k.lock")
        advice = "goes on when that one has finished"
    tmp_path.joinpath("pools").mkdir()
    lock.acquire()

    class Logged(logging.Handler):
        """Lets the other run end as soon as something is said about it."""

        def emit(self, record: logging.LogRecord) -> None:
            if "Waiting" in record.getMessage():
                lock.release()

    handler = Logged()
    logging.getLogger("pykeen_negater.storage.cache").addHandler(handler)
    try:
        assert Cache(tmp_path).get_or_build("pools", "k", lambda folder: (folder / "a").touch())[1]
    finally:
        logging.getLogger("pykeen_negater.storage.cache").removeHandler(handler)
    (record,) = [record for record in caplog.records if "Waiting" in record.message]
    assert str(tmp_path / "pools" / name) in record.message
    assert advice in record.message


@pytest.fixture
def pieces(tmp_path: Path) -> Path:
    """Make what an entry is made from, beside that of others."""
    folder = tmp_path / "pieces" / "k-1"
    for path in (folder, tmp_path / "pieces" / "other-1"):
        path.mkdir(parents=True)
        path.joinpath("0").touch()
    return folder


def test_leftovers_are_removed_when_the_entry_is_there(tmp_path, pieces: Path, monkeypatch):
    cache = Cache(tmp_path)
    path = cache.path("pools", "k")

    def build(folder: Path) -> None:
        folder.joinpath("a").write_bytes(pieces.joinpath("0").read_bytes())

    def die(*args: Path) -> None:
        raise KeyboardInterrupt

    for function in ("storage.cache.write_checksums", "storage.atomic_writing.os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(f"pykeen_negater.{function}", die)
            with pytest.raises(KeyboardInterrupt):
                cache.get_or_build("pools", "k", build, "pieces/k-*")
        assert pieces.joinpath("0").is_file()
    assert cache.get_or_build("pools", "k", build, "pieces/k-*") == (path, True)
    assert not pieces.exists()
    assert pieces.with_name("other-1").is_dir()


def test_leftovers_that_could_not_be_removed_are_removed_later(tmp_path, pieces: Path, monkeypatch):
    cache = Cache(tmp_path)
    rmdir = os.rmdir

    def refuse(path: str, **kwargs: int | None) -> None:
        if Path(path).name == pieces.name:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        rmdir(path, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        path, is_new = cache.get_or_build("pools", "k", lambda folder: (folder / "a").touch(), "pieces/k-*")
    assert is_new
    assert pieces.is_dir()
    unfinished = path.with_name(".k-abcdefgh")
    unfinished.mkdir()
    assert cache.get_or_build("pools", "k", pytest.fail, "pieces/k-*") == (path, False)
    assert not pieces.exists()
    assert not unfinished.exists()


def test_leftovers_in_a_cache_that_cannot_be_written_to_are_no_error(tmp_path, pieces: Path, monkeypatch):
    cache = Cache(tmp_path)
    path, _ = cache.get_or_build("pools", "k", lambda folder: (folder / "a").touch())

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert cache.get_or_build("pools", "k", pytest.fail, "pieces/k-*") == (path, False)
    assert pieces.is_dir()


def test_what_is_borrowed_is_not_kept(tmp_path, pieces: Path):
    cache = Cache(tmp_path)

    def build(folder: Path) -> None:
        folder.joinpath("a").write_text("1")

    with pytest.raises(RuntimeError), cache.borrow_or_build("models", "k", build, _content, "pieces/k-*"):
        raise RuntimeError
    assert pieces.is_dir()
    with cache.borrow_or_build("models", "k", build, _content, "pieces/k-*") as folder:
        assert _content(folder) == {"a": "1"}
        with pytest.raises(filelock.Timeout):
            filelock.FileLock(tmp_path / "models" / "k.lock").acquire(timeout=0.01)
    assert not pieces.exists()
    assert not [path for path in tmp_path.joinpath("models").iterdir() if path.is_dir()]
    path, _ = cache.get_or_build("models", "k", build)
    with cache.borrow_or_build("models", "k", pytest.fail, _content) as folder:
        assert folder == path
    assert path.is_dir()


def _read(folder: Path) -> str:
    """Read an entry that only one version can read."""
    content = folder.joinpath("a").read_text()
    if content != "new":
        raise KeyError(content)
    return content


def test_entry_that_cannot_be_read_is_built_again_once(tmp_path, caplog):
    cache = Cache(tmp_path)
    path, _ = cache.get_or_build("models", "k", lambda folder: folder.joinpath("a").write_text("old"))
    assert cache.find_damage("models", "k") is None
    builds = []

    def build(folder: Path) -> None:
        builds.append(folder)
        folder.joinpath("a").write_text("new")

    assert cache.read_or_build("models", "k", build, _read) == ("new", True)
    assert [record.message for record in caplog.records] == [
        f"{path} cannot be read (KeyError: 'old'). It is made again."
    ]
    assert cache.read_or_build("models", "k", pytest.fail, _read) == ("new", False)
    assert len(builds) == 1
    # what was built now and cannot be read is no damage
    builds.clear()
    with pytest.raises(KeyError):
        cache.read_or_build("models", "other", lambda folder: folder.joinpath("a").write_text("old"), _read)
    assert cache.path("models", "other").is_dir()


def test_entry_that_another_run_has_built_again_stays(tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    cache.get_or_build("models", "k", lambda folder: folder.joinpath("a").write_text("old"))
    lock = Cache.lock

    @contextmanager
    def repair(*args: str) -> Iterator[None]:
        with lock(*args):
            cache.path("models", "k").joinpath("a").write_text("new")
            write_checksums(cache.path("models", "k"), cache.path("models", "k.sha256"))
            yield

    monkeypatch.setattr(Cache, "lock", repair)
    assert cache.read_or_build("models", "k", pytest.fail, _read) == ("new", False)


def test_borrowed_entry_that_cannot_be_read_is_made_again(tmp_path, caplog):
    cache = Cache(tmp_path)
    cache.get_or_build("models", "k", lambda folder: folder.joinpath("a").write_text("old"))

    def build(folder: Path) -> None:
        folder.joinpath("a").write_text("new")

    with cache.borrow_or_build("models", "k", build, _read) as folder:
        assert _content(folder) == {"a": "new"}
    assert "cannot be read (KeyError: 'old'). It is made again." in caplog.text
    assert not cache.path("models", "k").exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        MemoryError(),
        Exception("Too many open files (os error 24)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory: 12"),
    ],
)
def test_entry_stays_where_it_is_the_process_that_lacks_something(tmp_path, error: Exception):
    cache = Cache(tmp_path)
    path, _ = cache.get_or_build("models", "k", lambda folder: folder.joinpath("a").write_text("old"))

    def read(folder: Path) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        cache.read_or_build("models", "k", pytest.fail, read)
    assert raised.value is error
    assert _content(path) == {"a": "old"}


def test_files_that_cannot_be_opened_are_not_damaged(tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    path, _ = cache.get_or_build("models", "k", lambda folder: folder.joinpath("a").write_text("old"))

    def refuse(path: Path) -> str:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))

    monkeypatch.setattr("pykeen_negater.storage.checksums.file_digest", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        cache.get_or_build("models", "k", pytest.fail)
    assert _content(path) == {"a": "old"}


#: What may stand in the place of something in the cache
OBSTACLES = {
    "folder": lambda path: path.joinpath("inner").mkdir(parents=True),
    "file": lambda path: path.write_text("something"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("place", ["models", "models/k", "models/k.sha256", "models/k.lock", "models/k/a"])
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_whatever_is_in_the_way_in_the_cache_is_replaced(tmp_path, place: str, obstacle: str):
    def build(folder: Path) -> None:
        folder.joinpath("a").write_text("new")

    cache = Cache(tmp_path / "cache")
    cache.read_or_build("models", "k", build, _read)
    path = cache.root / place
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    OBSTACLES[obstacle](path)
    if path.suffix == ".lock":  # which is needed only where something else is amiss
        cache.path("models", "k").joinpath("a").unlink()
    assert cache.read_or_build("models", "k", build, _read) == ("new", True)
    assert cache.read_or_build("models", "k", pytest.fail, _read) == ("new", False)
    assert cache.find_damage("models", "k") is None
    assert not path.is_symlink()


@pytest.mark.parametrize("obstacle", ["file", "dangling link", "link to itself"])
@pytest.mark.parametrize("place", ["", "outer"])
def test_a_cache_that_is_no_folder_is_told(tmp_path, place: str, obstacle: str):
    path = tmp_path / "place"
    OBSTACLES[obstacle](path)
    with pytest.raises(
        NotADirectoryError,
        match=rf"^found {path}.*, which is no folder, expected a folder to keep .* PYSTOW_HOME to one",
    ):
        Cache(path / place).get_or_build("models", "k", pytest.fail)
    assert [other.name for other in tmp_path.iterdir()] == ["place"]
