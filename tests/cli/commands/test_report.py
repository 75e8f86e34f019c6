"""``negater report``."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pykeen.datasets import Nations

from pykeen_negater import NegativePools
from pykeen_negater.cli.main import main
from pykeen_negater.evaluation import samplers as evaluation

from ...report.cases import check, judge

pytestmark = pytest.mark.usefixtures("empty_cache")


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, ["report", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_the_command_writes_a_page(nations_pools: NegativePools, tmp_path: Path):
    judged = judge(nations_pools, tmp_path / "judged.pools")
    path = tmp_path / "report.html"
    output = run(judged.path, "-o", path).output
    assert output.endswith(f"Written to {path}\n")
    check(path.read_text(encoding="utf-8"))
    both = run(judged.path, "-o", path, "--text").output
    assert "Written to" in both
    assert "What was mined" in both
    assert "What was mined" in run(judged.path).output


def test_the_command_compares_samplers(nations_pools: NegativePools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evaluation, "NUM_DRAWN", 4_000)
    path = tmp_path / "report.html"
    output = run(nations_pools.path, "--evaluate", "nations", "--epochs", "1", "-o", path).output
    page = check(path.read_text(encoding="utf-8"))
    headers = [text.strip() for text in page.text("th")]
    names = ("basic", "basic, filtered", "bernoulli", "pseudotyped", "negater")
    for name in (*names, "negater: mined", "negater: random", "negater: loops"):
        assert name in headers
        # one line for each, in words
        line = rf"^  {name} +(\S+ of what is drawn: )?\S+ false negatives, \S+ training triples, hardness \S+$"
        assert re.search(line, output, re.MULTILINE)
    assert "false_negatives" not in output
    assert "known_positives" not in output
    figures = json.loads(run(nations_pools.path, "--evaluate", "nations", "--epochs", "1", "--json").stdout)
    assert figures["samplers"]["negater: mined"]["false_negatives"] > 0
    assert figures["samplers"]["basic, filtered"]["known_positives"] == 0
    assert figures["verdict"] in output
    assert figures["covered_share"] == pytest.approx(nations_pools.metadata["statistics"]["coverage"])
    for name in ("training", "validation", "testing"):
        factory = Nations().factory_dict[name]
        rows = factory.triples if name == "training" else factory.label_triples(factory.mapped_triples)
        tmp_path.joinpath(f"{name}.tsv").write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    files = [part for name in ("training", "validation", "testing") for part in (f"--{name}", tmp_path / f"{name}.tsv")]
    assert "negater: mined" in run(nations_pools.path, *files, "--epochs", "1").output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["{folder}"], 1, "found no pools at {folder}, expected a folder made by `negater mine`"),
        (["{pools}", "-o", "{folder}/no/report.html"], 1, "found no folder {folder}/no, expected one to write"),
        (["{pools}", "-o", "{folder}"], 1, "found the folder {folder}, expected a file to write to"),
        (["{pools}", "--evaluate", "umls"], 1, "are for another vocabulary than the graph's: "),
        (["{pools}", "--evaluate", "atlantis"], 1, "found the dataset 'atlantis', expected"),
        (["{pools}", "--training", "{train}"], 2, "Pass --validation and --testing with --training"),
        (["{pools}", "--validation", "{train}"], 2, "Pass --training with --validation and --testing"),
    ],
)
def test_errors_are_one_sentence(
    nations_pools: NegativePools,
    tmp_path: Path,
    options: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(evaluation, "train_reference", lambda *args: pytest.fail("trained before it was checked"))
    train = tmp_path / "train.tsv"
    train.write_text("a\tb\tc\n")
    named = {"folder": tmp_path, "pools": nations_pools.path, "train": train}
    output = run(*(option.format(**named) for option in options), code=code).output
    assert message.format(**named) in output
    assert not list(tmp_path.rglob("*.html"))


def test_a_missing_extra_is_named(nations_pools: NegativePools, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.cli.commands.report.importlib.util.find_spec", lambda name: None)
    output = run(nations_pools.path, code=1).output
    assert "found no package jinja2, matplotlib, rich" in output
    assert "pip install 'pykeen-negater[report]'" in output
