"""Fine-tuned models on disk: trained, stopped and gone on with, given thresholds, tested."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pykeen_negater.fine_tuning.trainer
from pykeen_negater.fine_tuning.cached_classifier import CachedClassifier
from pykeen_negater.fine_tuning.classifier import load_with_tokenizer, score_triples
from pykeen_negater.fine_tuning.job import FineTuningJob
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.fine_tuning.trainer import _ThresholdsInCheckpoints
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.language_models import identify_language_model
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from .conftest import SETTINGS


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Write true and false triples, of which some hold a new entity."""
    contents = {
        "validation": ("dog\tIsA\tanimal", "cow\tIsA\tanimal", "cat\tAtLocation\thouse"),
        "validation_negatives": ("dog\tIsA\tplant", "cow\tIsA\tplant", "oak\tAtLocation\tstable"),
        "testing": ("cow\tDesires\thay", "horse\tIsA\tanimal"),
        "testing_negatives": ("cow\tDesires\tbone", "horse\tIsA\tplant"),
    }
    for name, lines in contents.items():
        tmp_path.joinpath(name).write_text("\n".join(lines), encoding="utf-8")
    return {name: tmp_path / name for name in contents}


def _job(output: Path, graph: Graph, texts: Texts, files: dict[str, Path], cache: Path) -> FineTuningJob:
    return FineTuningJob(output, graph, texts, SETTINGS, files, cache=Cache(cache))


def _stop_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt training when that many epochs have been saved."""
    save, saved = _ThresholdsInCheckpoints.on_save, []

    def save_and_stop(*args: object, **kwargs: object) -> None:
        """Save an epoch, and perhaps be interrupted."""
        save(*args, **kwargs)
        saved.append(1)
        if len(saved) == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(_ThresholdsInCheckpoints, "on_save", save_and_stop)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_stopped_run_goes_on(
    epochs: int,
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    whole = _job(tmp_path / "whole", small_graph, small_texts, files, tmp_path / "cache")
    whole.train(tiny_bert)
    stopped = _job(tmp_path / "stopped", small_graph, small_texts, files, tmp_path / "cache")
    with monkeypatch.context() as patch:
        _stop_after(epochs, patch)
        with pytest.raises(KeyboardInterrupt):
            stopped.train(tiny_bert)
    assert not stopped.output.exists()
    (checkpoints,) = (path for path in (tmp_path / "cache" / "checkpoints").iterdir() if path.is_dir())
    # as if the next checkpoint had only been begun
    checkpoints.joinpath("checkpoint-999").mkdir()
    caplog.clear()
    stopped.train(tiny_bert)
    assert "Fine-tuning goes on after step" in caplog.text
    assert not checkpoints.exists()
    for name in ("model.safetensors", "thresholds.json", "metrics.json"):
        assert stopped.output.joinpath(name).read_bytes() == whole.output.joinpath(name).read_bytes()


def test_a_run_that_is_killed_before_a_checkpoint_is_sealed_loses_one_epoch(
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    # the first epoch is the best, and kept besides the last ones
    accuracies = iter([0.9, 0.8, 0.7, 0.6, 0.6])
    monkeypatch.setattr(Thresholds, "accuracy", lambda *args: next(accuracies))
    seal, sealed = pykeen_negater.fine_tuning.trainer.seal_checkpoint, []

    def seal_or_die(path: Path) -> None:
        if len(sealed) == 3:
            raise KeyboardInterrupt
        seal(path)
        sealed.append(path.name)

    settings, cache = replace(SETTINGS, epochs=4), Cache(tmp_path / "cache")
    job = FineTuningJob(tmp_path / "model", small_graph, small_texts, settings, files, cache=cache)
    with monkeypatch.context() as patch:
        patch.setattr("pykeen_negater.fine_tuning.trainer.seal_checkpoint", seal_or_die)
        with pytest.raises(KeyboardInterrupt):
            job.train(tiny_bert)
    job.train(tiny_bert)
    assert f"Fine-tuning goes on after step {sealed[-1].rpartition('-')[2]}." in caplog.text
    assert next(accuracies, None) is None
    assert not [path for path in tmp_path.joinpath("cache").glob("*/*") if path.is_dir()]


def test_each_epoch_is_kept(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, files: dict[str, Path], tmp_path: Path
):
    job = _job(tmp_path / "model", small_graph, small_texts, files, tmp_path / "cache")
    job.train(tiny_bert, keep_epochs=True)
    examples = job.held_out.triples["validation"], job.held_out.triples["validation_negatives"]
    triples, labels = np.concatenate(examples), np.repeat([True, False], 3)
    accuracies = []
    for epoch in (1, 2, 3):
        folder = tmp_path / "model" / f"epoch-{epoch}"
        scores = score_triples(*load_with_tokenizer(folder, job.texts), triples)
        thresholds = Thresholds.load(folder, small_graph.num_relations, small_graph.relation_labels)
        accuracies.append(thresholds.accuracy(scores, labels, triples[:, 1]))
        assert not list(folder.glob("optimizer*"))
    assert max(accuracies) == job.metrics()["validation"]["accuracy"]
    assert not folder.with_name("epoch-4").exists()


def test_the_same_model_is_not_trained_again(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, files: dict[str, Path], tmp_path: Path
):
    job = _job(tmp_path / "model", small_graph, small_texts, files, tmp_path / "cache")
    job.train(tiny_bert)
    identity = identify_language_model(str(job.output))
    job.test()
    # a model that was tested is the same model
    assert identify_language_model(str(job.output)) == identity
    before = job.output.joinpath("model.safetensors").stat().st_mtime_ns
    job.train(tiny_bert)
    assert job.output.joinpath("model.safetensors").stat().st_mtime_ns == before
    assert job.output.joinpath("predictions.tsv").is_file()
    other = FineTuningJob(
        job.output, small_graph, small_texts, replace(SETTINGS, seed=1), files, cache=Cache(tmp_path / "cache")
    )
    other.train(tiny_bert)
    assert identify_language_model(str(job.output)) != identity


def test_what_a_ranker_has_trained_is_taken_and_stays(
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    job = _job(tmp_path / "first", small_graph, small_texts, files, tmp_path / "cache")
    validation = {name: job.held_out.triples[name] for name in ("validation", "validation_negatives")}
    job.train(tiny_bert)
    run = CachedClassifier(tiny_bert, small_graph, job.texts, SETTINGS, **validation)
    # copied to where it was wanted, it is not kept twice
    assert not job.cache.path("models", run.key).exists()
    path, is_new = run.find_or_train(job.cache)
    assert is_new
    monkeypatch.setattr("pykeen_negater.fine_tuning.trainer.fine_tune", None)
    other = _job(tmp_path / "second", small_graph, small_texts, files, tmp_path / "cache")
    other.train(tiny_bert)
    assert run.find_or_train(job.cache) == (path, False)
    assert {identify_language_model(str(folder)) for folder in (job.output, path)} == {
        identify_language_model(str(other.output))
    }
    assert other.metrics() == job.metrics()


def test_validate_and_test(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, files: dict[str, Path], tmp_path: Path
):
    job = _job(tmp_path / "model", small_graph, small_texts, files, tmp_path / "cache")
    job.train(tiny_bert)
    before = job.metrics()["validation"], job.output.joinpath("thresholds.json").read_text()
    job.validate()
    assert (job.metrics()["validation"], job.output.joinpath("thresholds.json").read_text()) == before
    job.test()
    held_out = job.held_out
    triples = np.concatenate([held_out.triples["testing"], held_out.triples["testing_negatives"]])
    scores = score_triples(*load_with_tokenizer(job.output, job.texts), triples)
    thresholds = Thresholds.load(job.output, small_graph.num_relations, small_graph.relation_labels)
    predicted = scores >= thresholds.by_relation[triples[:, 1]]
    frame = pd.read_csv(job.output / "predictions.tsv", sep="\t")
    assert frame["y_pred"].tolist() == predicted.astype(int).tolist()
    assert frame["head"].tolist() == ["cow", "horse", "cow", "horse"]
    metrics = json.loads(job.output.joinpath("metrics.json").read_text())["test"]
    assert metrics["accuracy"] == np.mean(predicted == [True, True, False, False])
    assert metrics["num_triples"] == 4


def test_what_is_missing(small_graph: Graph, small_texts: Texts, files: dict[str, Path], tmp_path: Path):
    job = _job(tmp_path / "model", small_graph, small_texts, files, tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="found no folder"):
        job.validate()
    job.check(["train", "valid", "test"])
    assert job.count_examples(["train", "valid", "test"]) == {"validation": 6, "testing": 4}
    del files["testing"], files["validation"]
    incomplete = _job(tmp_path / "model", small_graph, small_texts, files, tmp_path / "cache")
    for run in (incomplete.test, lambda: incomplete.check(["train", "test"])):
        with pytest.raises(
            ValueError, match="found no testing for the action 'test', expected files of true and false"
        ):
            run()
    with pytest.raises(ValueError, match="found no validation for the action 'valid'"):
        incomplete.validate()
    with pytest.raises(FileExistsError, match="which holds no fine-tuned model"):
        _job(tmp_path, small_graph, small_texts, files, tmp_path / "cache")


def test_a_model_without_one_of_the_relations(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, files: dict[str, Path], tmp_path: Path
):
    job = _job(tmp_path / "model", small_graph, small_texts, files, tmp_path / "cache")
    job.train(tiny_bert)
    labels = ("PartOf", *small_graph.relation_labels[1:])
    graph = Graph(
        small_graph.triples, small_graph.num_entities, small_graph.num_relations, small_graph.entity_labels, labels
    )
    for path in files.values():
        path.write_text(path.read_text().replace(small_graph.relation_labels[0], "PartOf"), encoding="utf-8")
    other = _job(tmp_path / "model", graph, small_texts, files, tmp_path / "cache")
    with pytest.raises(ValueError, match=r"found no threshold for 1 of the graph's 3 relations \(PartOf\)"):
        other.test()


@pytest.mark.parametrize(
    ("name", "content"),
    [("model.safetensors", None), ("model.safetensors", b"odd"), ("config.json", b"{}"), ("job.json", b"{")],
)
def test_a_model_that_cannot_be_loaded_is_made_again(
    name: str,
    content: bytes | None,
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    files: dict[str, Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    job = _job(tmp_path / "model", small_graph, small_texts, files, tmp_path / "cache")
    job.train(tiny_bert)
    path = tmp_path / "model" / name
    good = path.read_bytes()
    path.unlink() if content is None else path.write_bytes(content)
    caplog.clear()
    job.train(tiny_bert)
    assert path.read_bytes() == good
    if name != "job.json":
        assert f"{tmp_path / 'model'} holds this model, but it cannot be loaded (" in caplog.text
    caplog.clear()
    job.train(tiny_bert)
    assert "holds this model already" in caplog.text
