"""Folders with their checksums inside."""

from pathlib import Path

import pytest

from pykeen_negater.storage.checksummed_folders import CHECKSUMS, checksummed_folder, find_checksummed


@pytest.mark.parametrize("damage", ["content", "checksums", "no checksums"])
def test_damaged_sealed_folders_are_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str):
    path = tmp_path / "piece"
    assert not find_checksummed(path)
    with checksummed_folder(path) as folder:
        folder.joinpath("a").write_text("1")
        assert not path.exists()
    assert find_checksummed(path)
    assert not caplog.records
    if damage == "no checksums":
        path.joinpath(CHECKSUMS).unlink()
    else:
        path.joinpath("a" if damage == "content" else CHECKSUMS).write_text("")
    assert not find_checksummed(path)
    assert not path.exists()
    (record,) = caplog.records
    assert f"{path} is damaged: " in record.message
    assert "made again" in record.message


def test_a_folder_that_could_not_be_filled_leaves_the_old_one(tmp_path: Path):
    path = tmp_path / "piece"
    with checksummed_folder(path) as folder:
        folder.joinpath("a").write_text("1")

    def fill_half() -> None:
        with checksummed_folder(path) as folder:
            folder.joinpath("a").write_text("2")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fill_half()
    assert find_checksummed(path)
    assert path.joinpath("a").read_text() == "1"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "piece"
    for name in ("a", "b"):
        with checksummed_folder(path) as folder:
            folder.joinpath(name).write_text(name)
    assert {file.name for file in path.iterdir()} == {"b", CHECKSUMS}
    assert find_checksummed(path)


def test_a_file_is_no_sealed_folder(tmp_path: Path):
    path = tmp_path / "piece"
    path.write_text("mine")
    assert not find_checksummed(path)
    assert path.read_text() == "mine"
