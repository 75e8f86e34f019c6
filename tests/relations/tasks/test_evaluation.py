"""Tests for evaluations side by side, and their command."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

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
from ..cases import TEMPLATE

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_tasks_are_recognised(task_files: dict[str, Path]):
    tasks = [load_task(path, grid=[{"hidden_layer_sizes": 3}]) for path in task_files.values()]
    assert [task.name for task in tasks] == list(task_files)
    results = evaluate_encoders(tasks, {"first": RandomVectors(), "second": RandomVectors(dim=7)})
    assert [(result["task"], result["encoder"]) for result in results] == [
        (name, encoder) for name in task_files for encoder in ("first", "second")
    ]
    assert json.loads(json.dumps(results)) == results
    expected = evaluate_analogies(RandomVectors(dim=7), read_analogies(task_files["analogies"]))
    assert {key: results[1][key] for key in expected} == expected
    expected = evaluate_relation_mapping(RandomVectors(), read_relation_mapping(task_files["relation mapping"]))
    assert {key: results[4][key] for key in expected} == expected


def test_distance_of_analogies(task_files: dict[str, Path]):
    path = task_files["analogies"]
    expected = evaluate_analogies(RandomVectors(), read_analogies(path), distance="euclidean")
    assert load_task(path, "euclidean").evaluate(RandomVectors()) == expected


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


def test_encoders_of_a_trained_model(tiny_bert: str, relation_checkpoint: Path):
    assert find_base_model(str(relation_checkpoint)) == tiny_bert
    encoders = find_encoders(str(relation_checkpoint))
    assert list(encoders) == ["trained", "untrained", "word difference"]
    assert encoders["trained"].identify() == RelationEncoder(relation_checkpoint).identify()
    untrained = RelationEncoder(tiny_bert, template=TEMPLATE, aggregation="mask")
    assert encoders["untrained"].identify() == untrained.identify()
    assert encoders["word difference"].identify() == WordDifferenceEncoder(tiny_bert).identify()


def test_length_and_batch_size_are_those_of_both_encoders(relation_checkpoint: Path):
    encoders = find_encoders(str(relation_checkpoint), max_length=9, batch_size=3)
    for name in ("trained", "untrained"):
        assert (encoders[name].max_length, encoders[name].batch_size) == (9, 3)


def test_encoders_of_a_model_from_nowhere(tiny_bert: str, relation_checkpoint: Path, caplog: pytest.LogCaptureFixture):
    relation_checkpoint.joinpath("finetuning_config.json").unlink()
    assert find_base_model(str(relation_checkpoint)) is None
    with caplog.at_level(logging.WARNING):
        encoders = find_encoders(str(relation_checkpoint))
    assert "does not say which language model it was trained from" in caplog.text
    assert list(encoders) == ["trained", "word difference"]
    assert encoders["word difference"].model == str(relation_checkpoint)
    assert list(find_encoders(str(relation_checkpoint), base=tiny_bert)) == ["trained", "untrained", "word difference"]
