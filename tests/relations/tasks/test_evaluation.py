"""Tests for evaluations side by side, and their command."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pykeen_negater.cli.main import main
from pykeen_negater.relations import RelationEncoder
from pykeen_negater.relations.tasks.analogies import evaluate_analogies, read_analogies
from pykeen_negater.relations.tasks.evaluation import (
    evaluate_encoders,
    find_base_model,
    find_encoders,
    load_task,
    to_table,
)
from pykeen_negater.relations.tasks.relation_mapping import evaluate_relation_mapping, read_relation_mapping
from pykeen_negater.relations.tasks.word_difference import WordDifferenceEncoder

from ...pair_encoders import RandomVectors

pytestmark = pytest.mark.usefixtures("empty_cache")

#: The tiny BERT, whose tokens are letters, has no room for a longer one
TEMPLATE = "<subj> <mask> <obj>"


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, ["relations", "evaluate", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    """Write data of all three evaluations."""
    folder = tmp_path / "data"
    lexical = folder / "LEX"
    lexical.mkdir(parents=True)
    rows = "dog\tanimal\thyper\noak\tplant\thyper\ncat\tdog\tcoord\noak\telm\tcoord\n"
    for name in ("train", "val", "test"):
        lexical.joinpath(f"{name}.tsv").write_text(rows, encoding="utf-8")
    stem, choices = ["dog", "animal"], [["cat", "dog"], ["oak", "plant"], ["bone", "dog"]]
    question = {"stem": stem, "answer": 1, "choice": choices, "prefix": "hyper"}
    analogies = folder / "analogies.jsonl"
    analogies.write_text(2 * f"{json.dumps(question)}\n", encoding="utf-8")
    problem = {"source": ["sun", "planet", "gravity"], "target": ["nucleus", "electron", "charge"]}
    mapping = folder / "mapping.jsonl"
    mapping.write_text(json.dumps(problem) + "\n", encoding="utf-8")
    return {"analogies": analogies, "lexical relations": lexical, "relation mapping": mapping}


@pytest.fixture
def trained(tiny_bert: str, tmp_path: Path) -> Path:
    """Make a checkpoint that differs from the language model that it was trained from."""
    encoder = RelationEncoder(tiny_bert, template=TEMPLATE, aggregation="mask")
    for parameter in encoder.language_model.parameters():
        parameter.data += 0.1
    folder = tmp_path / "trained"
    encoder.save(folder)
    folder.joinpath("finetuning_config.json").write_text(json.dumps({"model": tiny_bert}), encoding="utf-8")
    return folder


def test_tasks_are_recognised(data: dict[str, Path]):
    tasks = [load_task(path, grid=[{"hidden_layer_sizes": 3}]) for path in data.values()]
    assert [task.name for task in tasks] == list(data)
    results = evaluate_encoders(tasks, {"first": RandomVectors(), "second": RandomVectors(dim=7)})
    assert [(result["task"], result["encoder"]) for result in results] == [
        (name, encoder) for name in data for encoder in ("first", "second")
    ]
    assert json.loads(json.dumps(results)) == results
    expected = evaluate_analogies(RandomVectors(dim=7), read_analogies(data["analogies"]))
    assert {key: results[1][key] for key in expected} == expected
    expected = evaluate_relation_mapping(RandomVectors(), read_relation_mapping(data["relation mapping"]))
    assert {key: results[4][key] for key in expected} == expected


def test_table():
    results = [
        {"task": "analogies", "data": "x/google/a.jsonl", "encoder": "one", "forward": 0.5, "bidirectional": 0.25},
        {"task": "analogies", "data": "x/google/a.jsonl", "encoder": "two", "forward": 0.0, "bidirectional": 1.0},
        {"task": "relation mapping", "data": "x/b/a.jsonl", "encoder": "one", "accuracy": 0.75, "problems": []},
    ]
    frame = to_table(results)
    assert frame.columns.tolist() == ["data", "figure", "one", "two"]
    np.testing.assert_array_equal(frame["one"], [0.5, 0.25, 0.75])
    np.testing.assert_array_equal(frame["two"], [0.0, 1.0, np.nan])
    assert frame["data"].tolist() == ["google/a.jsonl", "google/a.jsonl", "b/a.jsonl"]
    assert frame["figure"].tolist() == ["forward", "bidirectional", "accuracy"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"relation_type": "x", "positives": []}', "5"])
def test_unknown_data(tmp_path: Path, content: str):
    path = tmp_path / "data.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"data\.jsonl: found no data of an evaluation, expected JSON lines with"):
        load_task(path)


def test_missing_data(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="found no file or folder"):
        load_task(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"found no file .*train\.tsv"):
        load_task(tmp_path)


def test_encoders_of_an_untrained_model(tiny_bert: str):
    encoders = find_encoders(tiny_bert, TEMPLATE, "average")
    assert list(encoders) == ["untrained", "word difference"]
    assert (
        encoders["untrained"].identify()
        == RelationEncoder(tiny_bert, template=TEMPLATE, aggregation="average").identify()
    )
    assert encoders["word difference"].identify() == WordDifferenceEncoder(tiny_bert).identify()


def test_encoders_of_a_trained_model(tiny_bert: str, trained: Path):
    assert find_base_model(str(trained)) == tiny_bert
    encoders = find_encoders(str(trained))
    assert list(encoders) == ["trained", "untrained", "word difference"]
    assert encoders["trained"].identify() == RelationEncoder(trained).identify()
    untrained = RelationEncoder(tiny_bert, template=TEMPLATE, aggregation="mask")
    assert encoders["untrained"].identify() == untrained.identify()
    assert encoders["word difference"].identify() == WordDifferenceEncoder(tiny_bert).identify()


def test_encoders_of_a_model_from_nowhere(tiny_bert: str, trained: Path, caplog: pytest.LogCaptureFixture):
    trained.joinpath("finetuning_config.json").unlink()
    assert find_base_model(str(trained)) is None
    with caplog.at_level(logging.WARNING):
        encoders = find_encoders(str(trained))
    assert "does not say which language model it was trained from" in caplog.text
    assert list(encoders) == ["trained", "word difference"]
    assert encoders["word difference"].model == str(trained)
    assert list(find_encoders(str(trained), base=tiny_bert)) == ["trained", "untrained", "word difference"]


def test_command(data: dict[str, Path], trained: Path, tmp_path: Path):
    output = tmp_path / "report.json"
    options = [option for path in data.values() for option in ("--data", path)]
    grid = ["--learning-rates", "1e-3,1e-2", "--hidden-sizes", "3", "--seed", "1"]
    result = run(trained, *options, *grid, "--output", output)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["data", "figure", "trained", "untrained", "word", "difference"]
    figures = ["forward", "bidirectional", "micro_f1", "macro_f1", "accuracy"]
    assert [line[1] for line in lines[1:6]] == figures
    assert lines[6] == ["Written", "to", str(output)]
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["encoders"]["trained"]["name"] == str(trained)
    assert report["encoders"]["untrained"]["aggregation"] == "mask"
    assert "transformers" in report["versions"]
    assert [(result["task"], result["encoder"]) for result in report["results"]] == [
        (name, encoder) for name in data for encoder in ("trained", "untrained", "word difference")
    ]
    lexical = report["results"][3]
    assert lexical["classifier"].keys() == {"learning_rate_init", "hidden_layer_sizes", "iterations"}
    assert float(lines[3][2]) == pytest.approx(lexical["micro_f1"], abs=5e-4)
    expected = evaluate_analogies(RelationEncoder(trained), read_analogies(data["analogies"]))
    assert {key: report["results"][0][key] for key in expected} == expected


def test_configuration(data: dict[str, Path], trained: Path, tmp_path: Path):
    config = tmp_path / "evaluate.yaml"
    config.write_text(
        "model: trained\ndata: [data/analogies.jsonl, data/LEX]\nlearning_rates: [1e-3, 1e-2]\nhidden_sizes: 3\n"
        "output: report.json\n",
        encoding="utf-8",
    )
    run("--config", config)
    report = json.loads(tmp_path.joinpath("report.json").read_text(encoding="utf-8"))
    tasks = [result["data"] for result in report["results"] if result["encoder"] == "trained"]
    assert tasks == [str(data["analogies"]), str(data["lexical relations"])]


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
        (["--data", "{good}", "--learning-rates", "fast"], 2, "found 'fast', expected numbers of type float above 0"),
        (["--data", "{good}", "--hidden-sizes", "100,0"], 2, "found '100,0', expected numbers of type int above 0"),
        (["--data", "{good}", "--output", "{good}/x/report.json"], 1, "expected one to write report.json to"),
    ],
)
def test_bad_usage(options: list[str], code: int, message: str, data: dict[str, Path], tiny_bert: str, tmp_path: Path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"stem": ["a", "b"], "answer": 0}\n', encoding="utf-8")
    options = [option.format(bad=bad, good=data["analogies"]) for option in options]
    output = run(tiny_bert, *options, code=code).output
    assert message in " ".join(output.split())
    assert "Traceback" not in output
