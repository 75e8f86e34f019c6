"""``negater relations train``."""

import json
from pathlib import Path

import click.testing
import pytest

from pykeen_negater.cli.commands.train_relations import train
from pykeen_negater.cli.main import _Group
from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.relations.training.data import RelationPairs

from ...relations.cases import TEMPLATE


def _run(*arguments: str) -> click.testing.Result:
    group = _Group("relations", commands=[train])
    return click.testing.CliRunner().invoke(group, ["train", *arguments])


def test_command(tiny_bert: str, relation_pairs: RelationPairs, tmp_path: Path, empty_cache: Path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, relation_pairs.rows())), encoding="utf-8")
    output = str(tmp_path / "trained")
    options = ("--language-model", tiny_bert, "--template", TEMPLATE, "--max-length", "16", "--output", output)
    result = _run("--data", str(rows), *options, "--epochs", "2", "--exclude-relation", "1/a", "--num-negative", "3")
    assert result.exit_code == 0, result.output
    found = dict(line.strip().split("  ", maxsplit=1) for line in result.stdout.splitlines()[:-1])
    assert found["training losses"].count(",") == 1
    assert RelationEncoder(output, max_length=16).is_trained
    config = json.loads(Path(output, "finetuning_config.json").read_text())
    assert (config["epoch"], config["data"], config["exclude_relation"]) == (2, "rows.jsonl", ["1/a"])
    triples = tmp_path / "triples.tsv"
    triples.write_text("\n".join(f"{a}\tr{i % 2}\t{b}" for i, a in enumerate("abcd") for b in "123"), encoding="utf-8")
    result = _run("--training", str(triples), *options, "--epochs", "1", "--validation-share", "0", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["relation_types"], summary["positives"], len(summary["training_losses"])) == (2, 12, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Pass either --data, or --dataset or --training"),
        (["--dataset", "nations", "--data"], 2, "Pass either --data, or --dataset or --training"),
        (
            ["--exclude-relation", "9/z", "--data"],
            1,
            "found the excluded relation type(s) '9/z', expected some of 1, 1/a",
        ),
        (["--num-positive", "0", "--data"], 1, "found --num-positive 0"),
    ],
)
def test_wrong_usage(
    tiny_bert: str, relation_pairs: RelationPairs, tmp_path: Path, arguments: list, code: int, message: str
):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, relation_pairs.rows())), encoding="utf-8")
    arguments = [*arguments, str(rows)] if arguments else []
    result = _run(*arguments, "--output", str(tmp_path / "trained"), "--language-model", tiny_bert, "--template", "c")
    assert (result.exit_code, message in result.output) == (code, True), result.output
    assert not tmp_path.joinpath("trained").exists()
