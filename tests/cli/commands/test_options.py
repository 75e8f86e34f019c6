"""Options that commands share."""

import json
from pathlib import Path

import click
import pytest

from pykeen_negater.cli.commands.options import TEXTS, parse_object

from .cases import FAST, run

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_wrong_usage(training: Path):
    assert "either --dataset or --training" in run("mine", code=2).output
    assert (
        "either --dataset or --training" in run("mine", "--dataset", "nations", "--training", training, code=2).output
    )
    assert "magic" in run("mine", "--dataset", "nations", "--candidates", "magic", code=2).output


def test_bad_arguments(training: Path, tmp_path: Path, pools: Path):
    text = tmp_path / "text.tsv"
    text.write_text("dog\tDog\tan animal\textra\n")
    assert (
        "found 4 tab-separated column(s), expected 2 or 3"
        in run("mine", "--training", training, "--entity-text", text, code=1).output
    )
    assert (
        "found --neighbors 0, expected at least 1"
        in run("mine", "--training", training, *FAST, "-k", "0", code=1).output
    )
    assert "found no pools" in run("export", tmp_path / "nowhere", "--output", tmp_path / "y", code=1).output
    assert "holds no pools" in run("mine", "--training", training, *FAST, "--output", tmp_path, code=1).output
    assert "holds no fine-tuned model" in run("fine-tune", "--training", training, "--output", pools, code=1).output
    unknown = run("mine", "--training", training, "--encoder", "structural", "--ranker", "magic", code=1).output
    assert "magic" in unknown
    assert "thresholds" in unknown
    path = pools / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 0}))
    assert "format version 0, expected 3" in run("export", pools, "--output", tmp_path / "y", code=1).output


def test_common_mistakes(training: Path, tmp_path: Path, pools: Path):
    for arguments, message in (
        (["mine", "--dataset", "nosuch"], "found the dataset 'nosuch', expected one of "),
        (["mine", "--training", training, "--encoder", "precomputed"], "path cannot be left out"),
        (["mine", "--training", training, *FAST, "--epochs", "3"], "found --ranker-kwargs with fine_tuning"),
        (["mine", "--training", training, *FAST, "--validation", pools / "metadata.json"], "column(s), expected at"),
        (["fine-tune", "--training", training, "--language-model", tmp_path / "x", "--output", tmp_path / "y"], "x"),
        (["export", pools, "--output", tmp_path / "nodir" / "x.tsv"], "found no folder"),
    ):
        output = run(*arguments, code=1).output
        assert message in output, output


def _context() -> tuple[click.Context, click.Parameter]:
    return click.Context(click.Command("command")), click.Option(["--kwargs"])


def test_parameters_as_json():
    assert parse_object(*_context(), None) is None
    assert parse_object(*_context(), '{"a": {"b": [1]}}') == {"a": {"b": [1]}}
    for value, message in (("{", "not valid JSON"), ("[1]", "expected a JSON object"), ("5", "expected a JSON object")):
        with pytest.raises(click.BadParameter, match=message):
            parse_object(*_context(), value)


def test_texts_are_a_file_or_wikidata(tmp_path: Path):
    path = tmp_path / "text.tsv"
    path.write_text("dog\tDog\n")
    assert TEXTS.convert(str(path), None, None) == path
    assert TEXTS.convert("wikidata", None, None) == Path("wikidata")
    for wrong in (tmp_path, tmp_path / "nowhere.tsv"):
        with pytest.raises(click.BadParameter):
            TEXTS.convert(str(wrong), None, None)
