"""Tests for what commands tell people and programs."""

import json
import logging
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pykeen_negater import NegativePools
from pykeen_negater.cli.main import main
from pykeen_negater.storage.cache import Cache

MINE = ["mine", "--dataset", "nations", "--encoder", "structural", "--ranker", "similarity", "--guard", "none"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test a cache of its own, as deep as the real one."""
    monkeypatch.setattr(
        "pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: tmp_path.joinpath("data", *parts)
    )


def run(*arguments: str | Path, code: int = 0, answer: str | None = None) -> Result:
    """Run a command."""
    result = CliRunner().invoke(main, list(map(str, arguments)), input=answer)
    assert result.exit_code == code, result.output
    return result


def test_a_table_for_people():
    output = run(*MINE).stdout
    table, last = output.partition("\n\n")[0].splitlines(), output.splitlines()[-1]
    pools = NegativePools.load(last.removeprefix("Written to "))
    found = dict(line.strip().split("  ", maxsplit=1) for line in table)
    assert found["negatives"].strip() == f"{len(pools):,}"
    assert found["covered share"].strip() == f"{pools.metadata['statistics']['coverage']:.1%}"
    # values stand below each other
    assert len({len(line) - len(line.split("  ")[-1].lstrip()) for line in table}) == 1


def test_json_for_programs(tmp_path: Path):
    mined = json.loads(run(*MINE, "--json").stdout)
    pools = NegativePools.load(mined["pools"])
    assert mined["negatives"] == len(pools)
    checked = json.loads(run("verify", mined["pools"], "--json").stdout)
    assert checked == {"checked": 1, "not_checked": 0, "damaged": 0, "damage": {}}
    path = tmp_path / "negatives.tsv"
    exported = json.loads(run("export", mined["pools"], "--output", path, "--json").stdout)
    assert exported == {"rows": len(path.read_text().splitlines()), "file": str(path)}
    # damage is told to programs on one stream, and to people on the other
    Path(mined["pools"], "metadata.json").write_text("{}")
    result = run("verify", mined["pools"], "--json", code=1)
    ((path, message),) = json.loads(result.stdout)["damage"].items()
    assert path == mined["pools"]
    assert message in result.stderr


def test_quiet(caplog: pytest.LogCaptureFixture):
    result = run(*MINE, "--quiet")
    assert result.output == ""
    assert not caplog.records
    assert len(list(Cache().root.glob("pools/*/metadata.json"))) == 1
    logging.getLogger("pykeen_negater").warning("heard again")
    assert [record.getMessage() for record in caplog.records] == ["heard again"]
    result = run("verify", "nowhere", "--quiet", code=1)
    assert result.stdout == ""
    assert "found no pools at nowhere" in result.stderr
    assert "found --encoder magic" in run(*MINE, "--quiet", "--encoder", "magic", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine", "--dataset", "naitons"], "expected one of 39 names. Did you mean nations?"),
        (["mine", "--dataset", "nations", "--ranker", "ful-gradient"], "thresholds. Did you mean full-gradients or"),
        (["mine", "--dataset", "nations", "--ranker", "zzz"], "expected one of full-gradients, kge, probe, proxy-grad"),
        (["mine", "--dataset", "nations", "--encoder", "sentence"], "Did you mean sentence-transformer?"),
        (["evaluate", "--dataset", "nations", "--samplers", "bsic"], "pseudotyped. Did you mean basic?"),
        (["evaluate", "--dataset", "nations", "--reference", "Trans E 2"], "Did you mean transe"),
    ],
)
def test_the_nearest_name_is_named(arguments: list[str], message: str):
    assert message in run(*arguments, code=1).stderr


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_what_only_reads_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str):
    monkeypatch.undo()
    monkeypatch.setenv("PYSTOW_HOME", str(tmp_path / "home"))
    run(command)
    assert list(tmp_path.iterdir()) == []
