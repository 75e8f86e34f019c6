"""Files are compared with what they were."""

import json
import logging
import shutil
import subprocess
from pathlib import Path

import pytest

from pykeen_negater.runtime.checkpoints import complete_checkpoints, drop_incomplete, seal_checkpoint
from pykeen_negater.storage.checksummed_folders import CHECKSUMS
from pykeen_negater.storage.checksums import file_digest, find_damage, write_checksums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fill a folder."""
    folder = tmp_path / "folder"
    folder.joinpath("sub").mkdir(parents=True)
    for name in ("a", "sub/b", "two words"):
        folder.joinpath(name).write_text(name)
    return folder


@pytest.fixture(params=["beside", "inside"])
def checksums(request: pytest.FixtureRequest, folder: Path) -> Path:
    """Write the checksums beside the folder or into it."""
    path = (folder if request.param == "inside" else folder.parent) / "sums.sha256"
    write_checksums(folder, path)
    return path


def test_file_digest_is_sha256(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_no_damage(folder: Path, checksums: Path):
    assert find_damage(folder, checksums) is None
    folder.joinpath(".DS_Store").write_text("what a system leaves is no damage")
    assert find_damage(folder, checksums) is None
    folder.joinpath("sub", "new").write_text("what has no checksum is")
    assert find_damage(folder, checksums) == "sums.sha256 lacks sub/new"


def test_checksums_that_lack_a_line(folder: Path, checksums: Path):
    lines = checksums.read_text().splitlines(keepends=True)
    checksums.write_text("".join(lines[:-1]))
    assert find_damage(folder, checksums) == "sums.sha256 lacks two words"
    checksums.unlink()
    assert find_damage(folder, checksums) == "sums.sha256 is missing"


def test_checksums_are_written_whole_or_not_at_all(folder: Path, checksums: Path, monkeypatch: pytest.MonkeyPatch):
    before = checksums.read_bytes()
    folder.joinpath("a").write_text("other")

    def write_half(path: Path, content: str, **kwargs: str) -> None:
        """Run out of room."""
        path.write_bytes(content[: len(content) // 2].encode())
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(OSError, match="no space left"):
        write_checksums(folder, checksums)
    assert checksums.read_bytes() == before


@pytest.mark.parametrize("name", ["a", "sub/b", "two words"])
def test_damage_is_named(folder: Path, checksums: Path, name: str):
    folder.joinpath(name).write_text("other")
    assert find_damage(folder, checksums) == f"the checksum of {name} is not the one in sums.sha256"
    folder.joinpath(name).unlink()
    assert find_damage(folder, checksums) == f"{name} is missing"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"0123  a\n", b"no checksums\n", b"\0\n"])
def test_damaged_checksums(folder: Path, checksums: Path, content: bytes):
    checksums.write_bytes(content)
    assert find_damage(folder, checksums) is not None


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_sha256sum_reads_them(folder: Path, checksums: Path):
    subprocess.run(["sha256sum", "--check", "--status", str(checksums)], cwd=folder, check=True)


def test_only_whole_checkpoints_are_gone_on_from(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    for step in (5, 10, 15, 20):
        path = tmp_path / f"checkpoint-{step}"
        path.mkdir()
        path.joinpath("optimizer.pt").write_bytes(b"123")
        if step < 20:
            seal_checkpoint(path)
    tmp_path.joinpath("checkpoint-15", "optimizer.pt").write_bytes(b"12")
    with caplog.at_level(logging.WARNING):
        assert complete_checkpoints(tmp_path) == [tmp_path / "checkpoint-5", tmp_path / "checkpoint-10"]
    (record,) = caplog.records
    assert "checkpoint-15 is damaged: the checksum of optimizer.pt" in record.message
    assert tmp_path.joinpath("checkpoint-5", CHECKSUMS).is_file()


def _checkpoint(folder: Path, epoch: int, best: int | None = None) -> Path:
    path = folder / f"checkpoint-{5 * epoch}"
    path.mkdir(parents=True)
    best_path = None if best is None else str(folder / f"checkpoint-{5 * best}")
    state = {"epoch": float(epoch), "best_model_checkpoint": best_path}
    path.joinpath("trainer_state.json").write_text(json.dumps(state))
    seal_checkpoint(path)
    return path


@pytest.mark.parametrize(
    ("best", "every_epoch", "left"), [(None, False, 3), (1, False, 3), (2, False, 1), (1, True, 1)]
)
def test_training_goes_on_from_what_has_all_that_it_needs(
    tmp_path: Path, best: int | None, every_epoch: bool, left: int
):
    checkpoints = {epoch: _checkpoint(tmp_path, epoch, best if epoch > 1 else None) for epoch in (1, 2, 3)}
    checkpoints[2].joinpath("trainer_state.json").write_text("{}")
    assert drop_incomplete(tmp_path, every_epoch) == checkpoints[left]
    assert set(tmp_path.iterdir()) == {checkpoints[1], checkpoints[left]}
