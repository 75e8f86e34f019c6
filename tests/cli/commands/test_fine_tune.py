"""``negater fine-tune``."""

import json
from pathlib import Path

import pandas as pd
import pytest

from pykeen_negater import NegativePools
from pykeen_negater.storage.cache import file_digest

from .cases import run

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_fine_tune_then_mine_with_the_model(training: Path, tiny_bert: str, tmp_path: Path):
    model = tmp_path / "small.model"
    options = ["--training", training, "--max-length", "24"]
    dry = run("fine-tune", *options, "--language-model", tiny_bert, "--output", model, "--dry-run", "--json")
    assert json.loads(dry.stdout)["language_model_to_fine_tune"] == tiny_bert
    assert not model.exists()
    output = run("fine-tune", *options, "--language-model", tiny_bert, "--epochs", "1", "--output", model).output
    assert "validation accuracy" in output
    output = run("mine", "--training", training, "--encoder", "structural", "--model", model).output
    assert "step score" in output
    assert "step fine-tune" not in output


def test_negatives_of_fine_tuning(training: Path, tiny_bert: str, tmp_path: Path):
    path = tmp_path / "negatives.tsv"
    path.write_text("head\trelation\ttail\noak\tIsA\tanimal\n", encoding="utf-8")
    options = [
        "--training", training, "--language-model", tiny_bert, "--epochs", "1", "--max-length", "24",
        "--negatives", "precomputed", "--negatives-kwargs", json.dumps({"path": str(path)}),
        "--corruptions", "head=2, relation=1,tail=0",
    ]  # fmt: skip
    dry = run("fine-tune", *options, "--output", tmp_path / "model", "--dry-run", "--json")
    assert json.loads(dry.stdout)["examples"] == 44
    assert "Written to" in run("fine-tune", *options, "--output", tmp_path / "model").output
    mining = ["--encoder", "structural", "--ranker", "thresholds"]

    def mine() -> Path:
        """Mine, and tell where the pools are."""
        return Path(run("mine", *options, *mining).output.split("Written to ")[1].strip())

    first = mine()
    identity = NegativePools.load(first).metadata["settings"]["ranker"][1]["fine_tuning"]
    assert identity["negatives"] == "precomputed"
    assert identity["negatives_kwargs"] == {"path": file_digest(path)}
    assert identity["corruptions"] == {"head": 2, "relation": 1}
    assert mine() == first
    path.write_text("oak\tIsA\tstable\n", encoding="utf-8")
    assert mine() != first


@pytest.mark.parametrize("command", ["fine-tune", "mine"])
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--negatives-kwargs", "{"], 2, "which is not valid JSON"),
        (["--negatives-kwargs", "[1]"], 2, "expected a JSON object"),
        (["--corruptions", "head"], 2, "found 'head', expected head=1,relation=0,tail=1 or the like"),
        (["--corruptions", "head=1,head=2"], 2, "found 'head=2'"),
        (["--corruptions", "head=-1"], 2, "found 'head=-1'"),
        (["--corruptions", "middle=1"], 2, "found 'middle=1'"),
        (["--corruptions", "head=0"], 1, "expected at least one corruption in all"),
        (["--negatives", "magic"], 1, "found --negatives magic, expected one of antonyms, negation"),
        (
            ["--negatives", "pykeen", "--negatives-kwargs", '{"sampler": "negater"}'],
            1,
            "found sampler='negater', whose",
        ),
        (["--negatives", "antonyms"], 1, "mapping_file, tag_file, token_file cannot be left out"),
        (["--negatives", "precomputed", "--negatives-kwargs", '{"path": "no.tsv"}'], 1, "found no file no.tsv"),
    ],
)
def test_bad_negatives_of_fine_tuning(
    command: str, options: list[str], code: int, message: str, training: Path, tiny_bert: str, tmp_path: Path
):
    common = ["--training", training, "--language-model", tiny_bert, "--output", tmp_path / "x"]
    if command == "mine":
        common += ["--encoder", "structural", "--ranker", "thresholds"]
    output = " ".join(run(command, *common, *options, code=code).output.split())
    assert message in output
    assert not tmp_path.joinpath("x").exists()


def test_labelled_validation_triples(training: Path, tiny_bert: str, tmp_path: Path):
    negatives = tmp_path / "negatives.tsv"
    negatives.write_text("dog\tIsA\tplant\noak\tIsA\tanimal\nunicorn\tIsA\tplant\n", encoding="utf-8")
    result = run(
        "fine-tune", "--training", training, "--validation", training, "--validation-negatives", negatives,
        "--language-model", tiny_bert, "--epochs", "1", "--output", tmp_path / "model", "--json",
    )  # fmt: skip
    # the unicorn is new, which the language model does not mind
    assert json.loads(result.stdout)["validation"]["num_triples"] == 14


def test_fine_tune_validate_and_test(training: Path, tiny_bert: str, tmp_path: Path):
    negatives = tmp_path / "negatives.tsv"
    negatives.write_text("dog\tIsA\tplant\noak\tIsA\tunicorn\n", encoding="utf-8")
    files = ["--training", training, "--validation", training, "--validation-negatives", negatives]
    files += ["--testing", training, "--testing-negatives", negatives, "--output", tmp_path / "model"]
    run("fine-tune", *files, "--language-model", tiny_bert, "--epochs", "1", "--keep-epochs")
    assert tmp_path.joinpath("model", "epoch-1", "thresholds.json").is_file()
    result = run("fine-tune", *files, "--action", "valid", "--action", "test", "--global-threshold", "--json")
    found = json.loads(result.stdout)
    assert (found["validation"]["num_triples"], found["test"]["num_triples"]) == (13, 13)
    frame = pd.read_csv(tmp_path / "model" / "predictions.tsv", sep="\t")
    assert frame.columns.tolist() == ["head", "relation", "tail", "threshold", "score", "y_true", "y_pred"]
    assert len(frame) == 13
    assert frame["threshold"].nunique() == 1
    assert frame["tail"].tolist()[-1] == "unicorn"
    dry = run("fine-tune", *files, "--action", "valid", "--action", "test", "--dry-run", "--json")
    assert json.loads(dry.stdout) == {"validation_triples_to_classify": 13, "testing_triples_to_classify": 13}
    message = "found no --testing-negatives for the action 'test', expected files of true and false triples"
    assert message in run("fine-tune", *files[:8], "--output", tmp_path / "model", "--action", "test", code=1).output
