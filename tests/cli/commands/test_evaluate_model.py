"""``negater evaluate --model``."""

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from pykeen.datasets import EagerDataset, Nations
from pykeen.evaluation import RankBasedEvaluator
from pykeen.pipeline import pipeline

from pykeen_negater import NegativePools
from pykeen_negater.cli.commands.option_groups import DatasetFiles
from pykeen_negater.evaluation.calibration import Calibration
from pykeen_negater.evaluation.plausible import draw_candidates, evaluate_plausible
from pykeen_negater.evaluation.strata import evaluate_strata
from pykeen_negater.triples.graphs import Graph

from .cases import run

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model for a moment, and save the result."""
    folder = tmp_path_factory.mktemp("result")
    pipeline(
        dataset="nations",
        model="DistMult",
        model_kwargs={"embedding_dim": 8},
        training_kwargs={"num_epochs": 2, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=0,
    ).save_to_directory(folder)
    return folder


def evaluate_model(result: Path, *arguments: str | Path, code: int = 0) -> str:
    return run("evaluate", "--dataset", "nations", "--model", result, *arguments, code=code).stdout


def tables_of(result: Path, *arguments: str | Path) -> dict[str, pd.DataFrame]:
    output = evaluate_model(result, "--allow-pickle", "--json", *arguments)
    return {name: pd.DataFrame(rows) for name, rows in json.loads(output).items()}


def test_strata_and_plausible_candidates(result: Path, tmp_path: Path):
    dataset, model = Nations(), torch.load(result / "trained_model.pkl", weights_only=False)
    known = torch.cat([factory.mapped_triples for factory in dataset.factory_dict.values()])
    training, testing = dataset.training.mapped_triples, dataset.testing.mapped_triples
    graph = Graph.from_factory(dataset.training)
    tables = tables_of(
        result, "--strata", "--plausible", "--candidates", "3", "--seed", "5", "--output", tmp_path / "figures.tsv"
    )
    assert list(tables) == ["strata", "plausible", "calibration", "reliability"]
    strata = evaluate_strata(model, training, testing, known, use_tqdm=False)
    pd.testing.assert_frame_equal(tables["strata"], strata, check_dtype=False)
    expected = RankBasedEvaluator().evaluate(model, testing, additional_filter_triples=[known], use_tqdm=False)
    assert tables["strata"]["mrr"][0] == pytest.approx(expected.get_metric("mrr"))
    candidates = draw_candidates(graph, testing, known, None, 3, 5)
    ranking = evaluate_plausible(model, candidates, known, use_tqdm=False)
    pd.testing.assert_frame_equal(tables["plausible"], ranking, check_dtype=False)
    false = draw_candidates(graph, dataset.validation.mapped_triples, known, None, 1, 5)
    report = Calibration.fit(model, *false.pairs()).evaluate(*candidates.pairs())
    assert tables["calibration"]["brier"][0] == pytest.approx(report.brier)
    assert tables["calibration"]["expected_calibration_error"][0] == pytest.approx(report.expected_calibration_error)
    pd.testing.assert_frame_equal(tables["reliability"], report.curve, check_dtype=False)
    written = pd.read_csv(tmp_path / "figures.tsv", sep="\t")
    assert written["table"].value_counts().to_dict() == {name: len(table) for name, table in tables.items()}
    for name, table in tables.items():
        part = written[written["table"] == name].reset_index(drop=True)[list(table)]
        pd.testing.assert_frame_equal(part, table, check_dtype=False, rtol=1e-4)


def test_tables_for_people(result: Path):
    output = evaluate_model(result, "--allow-pickle", "--strata")
    assert output.startswith("Strata:")
    for word in ("mrr_without_self", "within 3", "beyond 3", "middle"):
        assert word in output


def test_candidates_are_saved_and_taken_again(result: Path, tmp_path: Path):
    path = tmp_path / "hard.parquet"
    first = tables_of(result, "--plausible", "--candidates", "2", "--save-candidates", path)
    again = tables_of(result, "--plausible", "--load-candidates", path)
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, again[name])


def test_suspected_positives_are_no_candidates(result: Path, nations_pools: NegativePools, tmp_path: Path):
    """Pools that suspect everything but one answer to each query leave no other candidate."""
    free = draw_candidates(Graph.from_factory(Nations().training), Nations().testing.mapped_triples)
    keys = torch.arange(14 * 55 * 14)
    suspected = keys[(keys % 14 != 3) & (keys // (14 * 55) != 3)]
    risks = torch.zeros(len(suspected), dtype=torch.uint8)
    pools = dataclasses.replace(nations_pools, suspected=suspected, suspected_risk=risks)
    pools.save(tmp_path / "nations.pools")
    table = tables_of(result, "--plausible", "--pools", tmp_path / "nations.pools")["plausible"]
    assert 0 < table["candidates"][2] < free.counts.mean()
    # the heads of triples with the tail 3, and the tails of those with the head 3, are free
    assert table["queries"][2] < table["queries"][0]


def test_models_of_something_else(result: Path, training: Path, tmp_path: Path):
    options = ["--training", training, "--validation", training, "--testing", training, "--strata"]

    def fail(*arguments: str | Path, code: int = 1) -> str:
        return " ".join(run("evaluate", *arguments, code=code).output.split())

    output = fail(*options, "--model", tmp_path, "--allow-pickle")
    assert "found no trained_model.pkl in" in output
    assert "expected the folder of a result of PyKEEN's pipeline. Its method save_to_directory writes one." in output
    assert "Pass --allow-pickle if you trust whoever made it." in fail(*options, "--model", result)
    assert "ids that stand for another entity than in the graph" in fail(*options, "--model", result, "--allow-pickle")
    # without labels, the numbers tell
    tmp_path.joinpath("trained_model.pkl").write_bytes(result.joinpath("trained_model.pkl").read_bytes())
    output = fail(*options, "--model", tmp_path, "--allow-pickle")
    assert "found a model of 14 entities and 55 relations, expected one of the graph's 13 entities" in output
    assert "Pass the graph that it was trained on." in output


def test_no_validation_triples(result: Path, monkeypatch: pytest.MonkeyPatch):
    dataset = EagerDataset(Nations().training, Nations().testing)
    monkeypatch.setattr(DatasetFiles, "load", lambda _: dataset)
    output = run("evaluate", "--dataset", "nations", "--model", result, "--allow-pickle", "--plausible", code=1).output
    assert "found no validation triples, expected some to calibrate scores with. Choose a dataset" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strata"], "found --strata without --model, expected a trained model. Pass its folder."),
        (["--model", "x"], "found --model alone, expected what to evaluate. Pass --strata, --plausible or both."),
        (["--model", "x", "--strata", "--epochs", "3"], "found --epochs with --model, expected options of samplers"),
        (["--model", "x", "--strata", "--candidates", "3"], "found --candidates without --plausible, expected it."),
        (
            ["--model", "x", "--plausible", "--load-candidates", __file__, "--candidates", "3"],
            "found --candidates with --load-candidates, expected it alone. Leave the others out.",
        ),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], message: str):
    output = run("evaluate", "--dataset", "nations", *arguments, code=2).output
    assert message in " ".join(output.split())
