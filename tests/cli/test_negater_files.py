"""The files that NegatER's configurations name."""

from pathlib import Path

import pytest
import torch

from pykeen_negater.cli.negater_configuration import describe_deviations, translate
from pykeen_negater.cli.negater_files import attempt, find, find_model, locate_dataset

from .negater_cases import DATASETS, GENERATE


def test_checkpoints_stand_for_folders(root: Path):
    path = root / "configs" / "conceptnet" / "full" / "generate" / "config.yaml"
    error = translate(GENERATE, "mine", path)["model"]
    assert isinstance(error, ValueError)
    assert "checkpoint_bert_best.pt, a pickled checkpoint of NegatER, expected a folder written by negater" in str(
        error
    )
    model = root / "configs" / "conceptnet" / "full" / "classify" / "checkpoint_bert_best"
    model.with_suffix(".pt").touch()
    assert isinstance(translate(GENERATE, "mine", path)["model"], ValueError)
    model.mkdir()
    assert translate(GENERATE, "mine", path)["model"] == str(model)
    assert find_model("configs/conceptnet/full/classify/checkpoint_bert_best.pt", path) == str(model)


def test_a_checkpoint_is_read_where_there_is_no_folder(root: Path):
    path = root / "configs" / "conceptnet" / "full" / "generate" / "config.yaml"
    checkpoint = root / "configs" / "conceptnet" / "full" / "classify" / "checkpoint_bert_best.pt"
    torch.save({}, checkpoint)
    options = translate(GENERATE, "mine", path)
    assert options["model"] == str(checkpoint)
    expected = {"language_model": "bert-base-uncased", "pooling": "cls", "max_length": 32}
    assert {name: options[name] for name in expected} == expected
    lines = describe_deviations(GENERATE, "mine", path)
    assert "found no checkpoint_bert_best; NegatER's checkpoint checkpoint_bert_best.pt is converted." in lines
    checkpoint.with_suffix("").mkdir()
    options = translate(GENERATE, "mine", path)
    assert options["model"] == str(checkpoint.with_suffix(""))
    assert not expected.keys() & options.keys()


def test_what_is_there_is_found(root: Path):
    path = root / "configs" / "config.yaml"
    assert find(DATASETS[0], path) == str(root / DATASETS[0])
    assert find(path.parent, path) == str(path.parent)
    with pytest.raises(FileNotFoundError, match=r"config.yaml: found no data/none in the current folder"):
        find("data/none", path)
    with pytest.raises(FileNotFoundError, match=r"found no my\.model"):
        find_model("my.model", path)


def test_files_of_a_dataset(root: Path):
    path, folder = root / "config.yaml", root / DATASETS[1]
    graph = {"training": "train", "entity_text": "entity_ids", "relation_text": "relation_ids"}
    graph_files = {option: str(folder / f"{name}.txt") for option, name in graph.items()}
    assert locate_dataset("mine", DATASETS[1], path) == graph_files
    labelled = {"validation", "validation_negatives", "testing", "testing_negatives"}
    assert locate_dataset("fine-tune", DATASETS[1], path).keys() == graph_files.keys() | labelled
    folder.joinpath("train.txt").unlink()
    folder.joinpath("entity_ids.txt").unlink()
    files = locate_dataset("mine", DATASETS[1], path)
    assert files.keys() == {"training", "relation_text"}
    assert isinstance(files["training"], FileNotFoundError)


def test_attempts_return_errors():
    assert attempt(int, "3") == 3
    assert isinstance(attempt(int, "x"), ValueError)
    assert isinstance(attempt(Path("nowhere").read_text), FileNotFoundError)
    with pytest.raises(TypeError):
        attempt(int, [])
