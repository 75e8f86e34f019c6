"""Folders are replaced whole, whatever other runs do, and whenever one is killed."""

import errno
import logging
import multiprocessing
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pykeen_negater.storage.atomic_writing import atomic_file, atomic_folder, restore_folder
from pykeen_negater.storage.checksums import find_damage, write_checksums


def _content(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _write(path: Path, text: str) -> None:
    with atomic_folder(path) as folder:
        folder.joinpath("a").write_text(text)


def _die_between(path):  # pragma: no cover
    """Be killed when the old folder is gone, and the new one not yet there."""
    replace = os.replace

    def die(source, target):
        if Path(source).name == "new":
            os._exit(9)
        replace(source, target)

    os.replace = die
    _write(path, "new")


def _kill_between(path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_die_between, args=(path,))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 9


@pytest.mark.parametrize("name", ["my.pools", "odd [name]*"])
def test_what_a_killed_run_took_away_is_put_back(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str):
    path = tmp_path / name
    _write(path, "old")
    _kill_between(path)
    assert not path.exists()
    restore_folder(path)
    assert _content(tmp_path) == {f"{name}/a": "old"}
    assert f"{path} was put back: a run was killed" in caplog.text
    caplog.clear()
    restore_folder(path)
    assert _content(tmp_path) == {f"{name}/a": "old"}
    assert not caplog.records


def test_next_run_puts_back_before_it_writes(tmp_path: Path):
    path = tmp_path / "out"
    _write(path, "old")
    _kill_between(path)
    with pytest.raises(KeyboardInterrupt), atomic_folder(path):
        raise KeyboardInterrupt
    assert _content(tmp_path) == {"out/a": "old"}
    _kill_between(path)
    _write(path, "newer")
    assert _content(tmp_path) == {"out/a": "newer"}


def test_what_others_are_writing_is_left_alone(tmp_path: Path):
    others = [tmp_path / "out", tmp_path / "out-abcdefgh"]
    # looks like a temporary folder, and is none
    similar = tmp_path / ".out-abcdefgh"
    similar.joinpath("new").mkdir(parents=True)
    for other in others:
        with atomic_folder(other) as folder:
            folder.joinpath("a").write_text("unfinished")
            restore_folder(tmp_path / "out")
            _write(tmp_path / "out", "meanwhile")
            assert folder.joinpath("a").is_file()
    assert _content(tmp_path) == {"out/a": "meanwhile", "out-abcdefgh/a": "unfinished"}
    assert similar.joinpath("new").is_dir()


def test_runs_that_write_the_same_folder_do_not_fail(tmp_path: Path):
    path, start = tmp_path / "out", threading.Barrier(4)

    def write(name: int) -> None:
        start.wait(timeout=60)
        for turn in range(50):
            _write(path, f"{name} {turn}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert list(_content(tmp_path)) == ["out/a"]
    assert path.joinpath("a").read_text().endswith(" 49")
    assert list(tmp_path.iterdir()) == [path]


def _refuse_from(monkeypatch: pytest.MonkeyPatch, count: int, code: int) -> None:
    """Let all renames after some fail."""
    replace, calls = os.replace, []

    def refuse(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) > count:
            raise OSError(code, os.strerror(code), str(source), None, str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)


def test_folder_that_can_be_neither_replaced_nor_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    caplog.set_level(logging.WARNING)
    path = tmp_path / "out"
    _write(path, "old")
    with monkeypatch.context() as patch:
        _refuse_from(patch, 1, errno.EIO)
        with pytest.raises(OSError, match=r"out can be neither replaced nor put back .*is now .*old: move it back"):
            _write(path, "new")
    # it is kept, and the next one to come moves it back
    restore_folder(path)
    assert _content(tmp_path) == {"out/a": "old"}


def test_folder_that_others_keep_replacing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, replace = tmp_path / "out", os.replace

    def lose(source: Path, target: Path) -> None:
        """Let others be faster."""
        if source.name == "new":
            path.joinpath("theirs").mkdir(parents=True)
        replace(source, target)

    monkeypatch.setattr(os, "replace", lose)
    with pytest.raises(FileExistsError, match=r"other runs that keep replacing .*out, expected one at a time"):
        _write(path, "mine")
    assert sorted(other.relative_to(tmp_path).as_posix() for other in tmp_path.rglob("*")) == ["out", "out/theirs"]


def _write_file(path: Path, text: str) -> None:
    with atomic_file(path) as unfinished:
        unfinished.write_text(text)


def test_runs_that_write_the_same_file_do_not_fail(tmp_path: Path):
    path, start = tmp_path / "out.tsv", threading.Barrier(4)
    texts = {f"{name}" * 50_000 for name in range(4)}

    def write(text: str) -> None:
        start.wait(timeout=60)
        for _ in range(25):
            _write_file(path, text)
            assert path.read_text() in texts

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, texts))
    assert list(tmp_path.iterdir()) == [path]


def test_unfinished_files_have_names_that_nobody_can_guess(tmp_path: Path):
    path = tmp_path / "out.tsv"
    with atomic_file(path) as first, atomic_file(path) as second:
        assert first != second
        for unfinished in (first, second):
            assert stat.S_IMODE(unfinished.parent.stat().st_mode) == 0o700
            assert unfinished.stat().st_size == 0
    assert list(tmp_path.iterdir()) == [path]


def test_links_at_a_name_that_could_be_guessed_are_not_followed(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    tmp_path.joinpath(".out.tsv.part").symlink_to(victim)
    path = tmp_path / "out.tsv"
    path.symlink_to(victim)
    _write_file(path, "new")
    assert (victim.read_text(), path.read_text(), path.is_symlink()) == ("precious", "new", False)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_permissions_of_new_ones(tmp_path: Path, mask: int):
    before = os.umask(mask)
    try:
        _write_file(tmp_path / "out.tsv", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.tsv").stat().st_mode) == 0o666 & ~mask


def _die_while_writing(path):  # pragma: no cover
    with atomic_file(path) as unfinished:
        unfinished.write_text("half")
        os._exit(9)


def test_what_killed_runs_leave_of_files_is_removed_by_the_next(tmp_path: Path):
    path = tmp_path / "out.tsv"
    path.write_text("old")
    for _ in range(2):
        process = multiprocessing.get_context("fork").Process(target=_die_while_writing, args=(path,))
        process.start()
        process.join(timeout=60)
        assert process.exitcode == 9
        assert path.read_text() == "old"
    _write_file(path, "new")
    assert _content(tmp_path) == {"out.tsv": "new"}


def test_what_killed_runs_leave_is_no_damage(tmp_path: Path):
    tmp_path.joinpath("a").write_text("a")
    path = tmp_path / "checksums"
    write_checksums(tmp_path, path)
    process = multiprocessing.get_context("fork").Process(target=_die_while_writing, args=(path,))
    process.start()
    process.join(timeout=60)
    assert len(list(tmp_path.iterdir())) == 3
    assert find_damage(tmp_path, path) is None
    write_checksums(tmp_path, path)
    assert find_damage(tmp_path, path) is None
    assert path.read_text().split()[1:] == ["a"]


def test_what_others_have_planted_is_not_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "out"
    _write(path, "old")
    _kill_between(path)
    with monkeypatch.context() as patch:
        user = os.getuid()
        patch.setattr(os, "getuid", lambda: user + 1)
        restore_folder(path)
        assert not path.exists()
    restore_folder(path)
    assert _content(tmp_path) == {"out/a": "old"}


@pytest.mark.parametrize(("kind", "error"), [("folder", IsADirectoryError), ("pipe", FileExistsError)])
def test_nothing_but_files_is_replaced(tmp_path: Path, kind: str, error: type[OSError]):
    path = tmp_path / "out"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(error, match=rf"found the {kind} .*out, expected a file to write to"), atomic_file(path):
        pytest.fail("nothing is written")
    assert list(tmp_path.iterdir()) == [path]
