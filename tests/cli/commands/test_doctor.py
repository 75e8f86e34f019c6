"""``negater doctor``."""

import json
from pathlib import Path

import pytest
from filelock import FileLock, SoftFileLock

from pykeen_negater.cli.commands import doctor
from pykeen_negater.storage.cache import Cache

from .cases import run

MINE = ["mine", "--dataset", "nations", "--encoder", "structural", "--ranker", "similarity", "--guard", "none"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test a cache of its own, as deep as the real one."""
    monkeypatch.setattr(
        "pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: tmp_path.joinpath("data", *parts)
    )


def test_doctor(monkeypatch: pytest.MonkeyPatch):
    run(*MINE)
    found = json.loads(run("doctor", "--json").stdout)
    assert found["pykeen_finds_the_sampler"] is True
    assert found["pykeen_finds_the_datasets"] is True
    assert found["cache"] == str(Cache().root.parent)
    kinds = found["cached_by_kind_mebibytes"]
    assert kinds[f"{Cache().root.name}/pools"] > 0
    size = sum(path.stat().st_size for path in Cache().root.rglob("*") if path.is_file())
    assert found["cached_mebibytes"] == pytest.approx(size / 2**20)
    assert found["cached_mebibytes"] >= sum(kinds.values())
    assert "default language model" in run("doctor").stdout
    monkeypatch.setattr(doctor, "_packages", lambda: {"pykeen_finds_the_sampler": False})
    run("doctor", code=1)


def test_doctor_of_an_empty_cache():
    found = json.loads(run("doctor", "--json").stdout)
    assert found["cached_mebibytes"] == 0
    assert json.loads(run("doctor", "--clean", "--yes", "--json").stdout)["removed_mebibytes"] == 0


def test_doctor_cleans_on_request():
    run(*MINE)
    root = Cache().root.parent
    refused = run("doctor", "--clean", answer="n\n")
    assert root.is_dir()
    assert f"Remove {root} and all that is in it" in refused.stderr
    assert "removed   " in refused.stdout
    cached = json.loads(run("doctor", "--json").stdout)
    cleaned = json.loads(run("doctor", "--clean", "--yes", "--json").stdout)
    assert not root.exists()
    assert root.parent.is_dir()
    assert cleaned["removed_by_kind_mebibytes"] == cached["cached_by_kind_mebibytes"]
    assert (cleaned["removed_mebibytes"], cleaned["cached_mebibytes"]) == (cached["cached_mebibytes"], 0)


@pytest.mark.parametrize("suffix", [".lock", ".softlock"])
def test_doctor_removes_nothing_that_a_run_is_at_work_on(suffix: str):
    run(*MINE)
    content = sorted(Cache().root.rglob("*"))
    lock = (FileLock if suffix == ".lock" else SoftFileLock)(Cache().path("pools", f"k{suffix}"))
    with lock:
        refused = run("doctor", "--clean", "--yes", code=1)
    assert f"found {lock.lock_file} in use by a run, expected none" in refused.stderr
    assert "nothing was removed" in refused.stderr
    assert set(content) <= {*Cache().root.rglob("*")}


def test_doctor_cleans_a_cache_that_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "target"
    target.joinpath("0.1.0", "pools", "k").mkdir(parents=True)
    tmp_path.joinpath("link").symlink_to(target)
    monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: tmp_path / "link" / "0.1.0")
    run("doctor", "--clean", "--yes")
    assert tmp_path.joinpath("link").is_dir()
    assert list(target.iterdir()) == []
    run(*MINE)


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_doctor_asks_nothing_that_nobody_sees(option: str):
    run(*MINE)
    result = run("doctor", "--clean", option, code=2, answer="y\n")
    assert "Pass --yes with --clean" in result.stderr
    assert Cache().root.is_dir()
    run("doctor", "--clean", "--yes", option)
    assert not Cache().root.exists()
