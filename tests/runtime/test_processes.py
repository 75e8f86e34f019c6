"""Processes that share work through a folder."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from torch.distributed import HashStore

from pykeen_negater.runtime.processes import Processes

from ..disks import needs_read_only, read_only


def _check(folders: list[Path]) -> list[str | None]:
    """Let each process check its folder, and get the errors."""
    store = HashStore()

    def check(rank: int) -> str | None:
        try:
            Processes(rank, len(folders), store).check_shared(folders[rank])
        except ValueError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(len(folders)) as pool:
        return list(pool.map(check, range(len(folders))))


def test_one_folder(tmp_path: Path):
    assert _check([tmp_path / "data"] * 3) == [None] * 3
    assert list(tmp_path.joinpath("data").iterdir()) == []


@pytest.mark.parametrize("apart", [1, 2])
def test_several_folders(tmp_path: Path, apart: int):
    folders = [tmp_path / "data"] * (4 - apart) + [tmp_path / f"other {i}" for i in range(apart)]
    errors = _check(folders)
    for folder, error in zip(folders, errors, strict=True):
        assert error is not None
        assert error.startswith(f"found {apart} of 4 processes that do not see the same data folder (here {folder})")
        assert "PYSTOW_HOME" in error
    assert [path.name for path in tmp_path.rglob("*")] == ["data"]


@needs_read_only
def test_folder_that_is_only_read(tmp_path: Path):
    with read_only(tmp_path):
        assert _check([tmp_path] * 2) == [None] * 2


def test_single_process(tmp_path: Path):
    Processes().check_shared(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
