"""``negater relations evaluate``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pykeen_negater.cli.main import main
from pykeen_negater.relations import RelationEncoder
from pykeen_negater.relations.tasks.analogies import evaluate_analogies, read_analogies

pytestmark = pytest.mark.usefixtures("empty_cache")


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, ["relations", "evaluate", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_command(task_files: dict[str, Path], relation_checkpoint: Path, tmp_path: Path):
    output = tmp_path / "report.json"
    options = [option for path in task_files.values() for option in ("--data", path)]
    grid = ["--learning-rates", "1e-3,1e-2", "--hidden-sizes", "3", "--seed", "1"]
    result = run(relation_checkpoint, *options, *grid, "--output", output)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["data", "figure", "trained", "untrained", "word", "difference"]
    figures = ["forward", "bidirectional", "micro_f1", "macro_f1", "accuracy"]
    assert [line[1] for line in lines[1:6]] == figures
    assert lines[6] == ["Written", "to", str(output)]
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["encoders"]["trained"]["name"] == str(relation_checkpoint)
    assert report["encoders"]["untrained"]["aggregation"] == "mask"
    assert "transformers" in report["versions"]
    assert [(result["task"], result["encoder"]) for result in report["results"]] == [
        (name, encoder) for name in task_files for encoder in ("trained", "untrained", "word difference")
    ]
    lexical = report["results"][3]
    assert lexical["classifier"].keys() == {"learning_rate_init", "hidden_layer_sizes", "iterations"}
    assert float(lines[3][2]) == pytest.approx(lexical["micro_f1"], abs=5e-4)
    expected = evaluate_analogies(RelationEncoder(relation_checkpoint), read_analogies(task_files["analogies"]))
    assert {key: report["results"][0][key] for key in expected} == expected


def test_how_pairs_are_encoded_and_compared(task_files: dict[str, Path], relation_checkpoint: Path, tmp_path: Path):
    output = tmp_path / "report.json"
    path = task_files["analogies"]
    options = ["--max-length", "8", "--batch", "3", "--distance", "euclidean"]
    run(relation_checkpoint, "--data", path, *options, "--output", output)
    report = json.loads(output.read_text(encoding="utf-8"))
    for name in ("trained", "untrained"):
        assert (report["encoders"][name]["max_length"], report["encoders"][name]["batch_size"]) == (8, 3)
    encoder = RelationEncoder(relation_checkpoint, max_length=8, batch_size=3)
    expected = evaluate_analogies(encoder, read_analogies(path), distance="euclidean")
    assert {key: report["results"][0][key] for key in expected} == expected


def test_configuration(task_files: dict[str, Path], relation_checkpoint: Path, tmp_path: Path):
    config = tmp_path / "evaluate.yaml"
    config.write_text(
        "model: trained\ndata: [data/analogies.jsonl, data/LEX]\nlearning_rates: [1e-3, 1e-2]\nhidden_sizes: 3\n"
        "output: report.json\n",
        encoding="utf-8",
    )
    run("--config", config)
    report = json.loads(tmp_path.joinpath("report.json").read_text(encoding="utf-8"))
    tasks = [result["data"] for result in report["results"] if result["encoder"] == "trained"]
    assert tasks == [str(task_files["analogies"]), str(task_files["lexical relations"])]


def test_help_has_an_example():
    assert "Example: negater relations evaluate" in " ".join(run("--help").output.split())


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "Missing option '--data'"),
        (["--data", "nowhere.jsonl"], 2, "does not exist"),
        (["--data", "{bad}"], 1, "bad.jsonl, line 1: found no field 'choice' among ['answer', 'stem'], expected one"),
        (["--data", "{good}", "--template", "f"], 1, "found the template 'f', expected one of a, b, c, d, e"),
        (["--data", "{good}", "--template", "<subj> <mask>"], 1, "<obj> is missing"),
        (["--data", "{good}", "--aggregation", "cls"], 2, "'cls' is not one of"),
        (["--data", "{good}", "--distance", "manhattan"], 2, "'manhattan' is not one of"),
        (["--data", "{good}", "--batch", "0"], 2, "0 is not in the range x>=1"),
        (["--data", "{good}", "--max-length", "2"], 1, "found --max-length 2, expected at least"),
        (["--data", "{good}", "--learning-rates", "fast"], 2, "found 'fast', expected numbers of type float above 0"),
        (["--data", "{good}", "--hidden-sizes", "100,0"], 2, "found '100,0', expected numbers of type int above 0"),
        (["--data", "{good}", "--output", "{good}/x/report.json"], 1, "expected one to write report.json to"),
    ],
)
def test_bad_usage(
    options: list[str], code: int, message: str, task_files: dict[str, Path], tiny_bert: str, tmp_path: Path
):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"stem": ["a", "b"], "answer": 0}\n', encoding="utf-8")
    options = [option.format(bad=bad, good=task_files["analogies"]) for option in options]
    output = run(tiny_bert, *options, code=code).output
    assert message in " ".join(output.split())
    assert "Traceback" not in output
