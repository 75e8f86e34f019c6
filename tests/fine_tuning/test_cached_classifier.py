"""Fine-tuned models in the cache."""

import json
import pydoc
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.fine_tuning.cached_classifier import KIND, REPORT, CachedClassifier
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from .conftest import SETTINGS


@pytest.mark.parametrize("moment", ["pykeen_negater.storage.cache.write_checksums", "os.replace"])
def test_checkpoints_stay_until_the_model_is_published(
    moment: str,
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    run, cache = CachedClassifier(tiny_bert, small_graph, small_texts, SETTINGS), Cache(tmp_path)
    original = pydoc.locate(moment)

    def die(source: Path, target: Path) -> None:
        if cache.path("models", run.key) in (Path(target), Path(target).with_suffix("")):
            raise KeyboardInterrupt
        original(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(moment, die)
        with pytest.raises(KeyboardInterrupt):
            run.find_or_train(cache)
    assert run.find_or_train(cache)[1]
    assert "Fine-tuning goes on after step" in caplog.text
    assert not list(tmp_path.glob("checkpoints/*/"))


@pytest.mark.parametrize(
    "change",
    [
        {"settings": replace(SETTINGS, seed=1)},
        {"texts": "other"},
        {"validation": np.array([[0, 0, 1]])},
        {"validation_negatives": np.array([[0, 0, 1]])},
        {"keep_epochs": True},
    ],
)
def test_other_inputs_have_another_key(change: dict, tiny_bert: str, small_graph: Graph, small_texts: Texts):
    if "texts" in change:
        change = {"texts": replace(small_texts, entities=(*small_texts.entities, "unicorn"))}
    run = CachedClassifier(tiny_bert, small_graph, small_texts, SETTINGS)
    assert replace(run).key == run.key
    assert replace(run, **change).key != run.key


@pytest.fixture(scope="module")
def run(tiny_bert: str, small_graph: Graph, small_texts: Texts) -> CachedClassifier:
    """Describe a model that is made within a second."""
    return CachedClassifier(tiny_bert, small_graph, small_texts, replace(SETTINGS, epochs=1))


@pytest.fixture(scope="module")
def cache(run: CachedClassifier, tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """Make a cache that has the model."""
    cache = Cache(tmp_path_factory.mktemp("cache"))
    durations: dict[str, float] = {}
    path, is_new = run.find_or_train(cache, durations)
    assert is_new
    assert path == cache.path(KIND, run.key)
    assert durations["fine-tune"] > 0
    return cache


def test_a_model_is_made_once_with_all_that_belongs_to_it(run: CachedClassifier, cache: Cache):
    durations: dict[str, float] = {}
    path, is_new = replace(run).find_or_train(cache, durations)
    assert not is_new
    assert durations == {}
    assert run.find_fault(path) is None
    report = json.loads(path.joinpath(REPORT).read_text(encoding="utf-8"))
    assert report["num_training_triples"] == len(run.graph) - round(0.3 * len(run.graph))
    assert 0 <= report["metrics"]["accuracy"] <= 1


@pytest.mark.parametrize("name", [REPORT, "model.safetensors", "thresholds.json", "config.json"])
def test_what_lacks_something_has_a_fault(name: str, run: CachedClassifier, cache: Cache, tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(cache.path(KIND, run.key), folder)
    assert run.find_fault(folder) is None
    folder.joinpath(name).unlink()
    fault = run.find_fault(folder)
    assert fault is not None
    assert fault.partition(": ")[0] in {"FileNotFoundError", "OSError", "ValueError"}


def test_what_is_borrowed_is_not_kept(run: CachedClassifier, tmp_path: Path):
    cache = Cache(tmp_path)
    with run.borrow_or_train(cache) as path:
        assert run.find_fault(path) is None
    assert not cache.path(KIND, run.key).exists()


def test_what_is_there_is_lent_and_stays(run: CachedClassifier, cache: Cache, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.fine_tuning.trainer.fine_tune", lambda *args, **kwargs: pytest.fail("trained"))
    with run.borrow_or_train(cache) as path:
        assert run.find_fault(path) is None
    assert cache.path(KIND, run.key).is_dir()
