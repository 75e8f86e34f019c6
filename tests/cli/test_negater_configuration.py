"""Tests for NegatER's configurations."""

import json
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools
from pykeen_negater.cli.main import main
from pykeen_negater.cli.negater_configuration import describe_deviations, translate
from pykeen_negater.cli.negater_keys import KEYS
from pykeen_negater.triples.graphs import Graph

from ..conftest import SMALL
from .negater_cases import ANTONYMS, CLASSIFY, CONFIGURATIONS, DATASETS, GENERATE, INDEX, flat, sampling, unflatten

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_fine_tune(root: Path, name: str):
    content = CONFIGURATIONS[name]
    path = root / "configs" / "conceptnet" / name / "config.yaml"
    dataset = "data/conceptnet/full" if name.startswith("full") else "data/conceptnet/true-neg"
    sampler = name.split("/")[1]
    expected = {
        "training": f"{dataset}/train.txt",
        "validation": f"{dataset}/valid.txt",
        "validation_negatives": f"{dataset}/valid_negatives.txt",
        "testing": f"{dataset}/test.txt",
        "testing_negatives": f"{dataset}/test_negatives.txt",
        "entity_text": f"{dataset}/entity_ids.txt",
        "relation_text": f"{dataset}/relation_ids.txt",
        "name_by_text": True,
        "action": ["train", "test"],
        "language_model": "sentence-transformers/bert-base-nli-mean-tokens",
        "pooling": "mean",
        "max_length": 32,
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 2e-5,
        "weight_decay": 0.01,
        "max_grad_norm": 0,
        "warmup": 10_000,
        "max_training_triples": 0,
        "corruptions": {"head": 1, "relation": 0, "tail": 0},
        "negatives": {"simple-neg": "negation"}.get(sampler, sampler),
        "negatives_kwargs": {},
        "global_threshold": False,
        "keep_epochs": False,
        "output": f"configs/conceptnet/{name}/checkpoint_best",
    }
    if name == "full/classify":
        expected |= {"epochs": 13, "corruptions": {"head": 1, "relation": 1, "tail": 1}}
        expected |= {"output": f"configs/conceptnet/{name}/checkpoint_bert_best_2"}
    if name.startswith("full"):
        expected["negatives"] = "uniform"
    elif sampler == "antonyms":
        expected["negatives_kwargs"] = ANTONYMS
    elif sampler == "sans":
        expected["negatives_kwargs"] = {"k": 2}
    elif expected["negatives"] == sampler and sampler not in ("uniform", "slots"):
        expected["negatives"] = "precomputed"
        expected["negatives_kwargs"] = {"path": f"configs/conceptnet/{name}/negatives.tsv"}
    assert flat(translate(content, "fine-tune", path), root) == expected


@pytest.mark.parametrize("ranker", [None, "thresholds", "full-gradients", "proxy-gradients", "ProxyGradientsRanker"])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_mine(root: Path, name: str, ranker: str | None):
    content = CONFIGURATIONS[name]
    path = root / "configs" / "conceptnet" / name / "config.yaml"
    dataset = "data/conceptnet/full" if name.startswith("full") else "data/conceptnet/true-neg"
    # all that the file lists
    k = 25 if name == "full/generate" else 10
    neighbors = (
        {"neighbor_file": INDEX} if k == 25 else {"save_neighbors": f"configs/conceptnet/{name}/top_10_index.json"}
    )
    expected = {
        **neighbors,
        "training": f"{dataset}/train.txt",
        "entity_text": f"{dataset}/entity_ids.txt",
        "relation_text": f"{dataset}/relation_ids.txt",
        "name_by_text": True,
        "encoder": "sentence-transformer",
        "encoder_kwargs": {"model": "sentence-transformers/bert-base-nli-mean-tokens", "max_length": 16},
        "candidates": "intersect",
        "metric": "l2",
        "corruption_scheme": ["head", "tail"],
        "k": k,
        "pool_size": k,
        "max_candidates": 0,
        "model": "ValueError",
        "ranker": "thresholds",
        "ranker_kwargs": {"recall": None},
        "guard": "thresholds",
        "output": f"configs/conceptnet/{name}/negatives.pools",
    }
    if ranker is not None and ranker != "thresholds":
        kind = "fullgradients" if ranker.startswith("full") else "proxygradients"
        expected |= {"ranker_kwargs": {}, "guard": "none"}
        expected["output"] = f"configs/conceptnet/{name}/negatives_{kind}.pools"
    if ranker is not None and ranker.lower().startswith("proxy"):
        expected["ranker_kwargs"] = {
            "hidden": 100,
            "dropout": 0.1,
            "num_exact": 20_000,
            "epochs": 100,
            "learning_rate": 1e-5,
            "batch_size": 16,
        }
    given = {} if ranker is None else {"ranker": ranker}
    assert flat(translate(content, "mine", path, given), root) == expected


def test_names_do_not_depend_on_the_command_line(root: Path):
    path = root / "configs" / "config.yaml"
    for content in CONFIGURATIONS.values():
        mining = [{}, {"ranker": "proxy-gradients"}, {"ranker": "similarity"}, {"encoder": "structural"}]
        assert len({frozenset(translate(content, "mine", path, given)) for given in mining}) == 1
        tuning = [{}, {"negatives": "antonyms"}, {"action": "test"}, {"action": ("train", "valid")}]
        assert len({frozenset(translate(content, "fine-tune", path, given)) for given in tuning}) == 1


def test_all_keys(root: Path):
    root.joinpath("my.model").mkdir()
    root.joinpath("my.index").mkdir()
    path = root / "config.yaml"
    given = {
        "dataset": {"path": "data/conceptnet/true-neg"},
        "fine_tune": {
            "model": {"pretrained_name": "bert-base-uncased", "pool_strategy": "cls", "max_seq_len": 24},
            "train": {
                "n_epochs": 1,
                "batch_size": 2,
                "lr": 3e-4,
                "warmup_steps": 5,
                "save_all_epochs": True,
                "best_checkpoint": "x",
                "negative_sampling": {
                    "nsamp": {"tail": 2},
                    "sampler": "Antonyms",
                    "antonyms": {"tag_file": "configs/conceptnet/true-neg/slots/negatives.tsv"},
                },
            },
            "eval": {"threshold_per_relation": False, "test_checkpoint": "y"},
        },
        "negater": {
            "batch_size": 3,
            "index": {
                "k": 4,
                "filename": "my.index",
                "build": False,
                "model": {"pretrained_name": "all-MiniLM-L6-v2", "max_seq_len": 8},
            },
            "fine_tuned_model": {"filename": "my.model"},
            "proxy": {"d2": 5, "dropout": 0.6, "init": {"steps": 70}, "train": {"epochs": 8, "lr": 0.9}},
        },
    }
    options = flat(translate(given, "fine-tune", path), root)
    chosen = {
        "language_model": "bert-base-uncased",
        "pooling": "cls",
        "max_length": 24,
        "epochs": 1,
        "batch_size": 2,
        "learning_rate": 3e-4,
        "warmup": 5,
        "keep_epochs": True,
        "output": "checkpoint_y",
        "corruptions": {"head": 1, "relation": 0, "tail": 2},
        "negatives": "antonyms",
        "negatives_kwargs": {**ANTONYMS, "tag_file": "configs/conceptnet/true-neg/slots/negatives.tsv"},
        "global_threshold": True,
    }
    assert {name: options[name] for name in chosen} == chosen
    assert flat(translate(given, "fine-tune", path, {"action": "test"}), root)["output"] == "checkpoint_y"
    given["fine_tune"]["eval"]["test_checkpoint"] = "0002"
    assert flat(translate(given, "fine-tune", path, {"action": ("valid", "test")}), root)["output"] == (
        "checkpoint_x/epoch-3"
    )
    assert flat(translate(given, "fine-tune", path), root)["output"] == "checkpoint_x"
    assert translate(given, "fine-tune", path, {"negatives": "slots"})["negatives_kwargs"] == {}
    options = flat(translate(given, "mine", path, {"ranker": "proxy-gradients"}), root)
    chosen = {
        "k": 4,
        "pool_size": 4,
        "index": "my.index",
        "model": "my.model",
        "encoder_kwargs": {"model": "all-MiniLM-L6-v2", "max_length": 8},
        "ranker_kwargs": {
            "hidden": 5,
            "dropout": 0.6,
            "num_exact": 70,
            "epochs": 8,
            "learning_rate": 0.9,
            "batch_size": 3,
        },
    }
    assert {name: options[name] for name in chosen} == chosen
    assert translate(given, "mine", path, {"encoder": "structural"})["encoder_kwargs"] == {}


@pytest.mark.parametrize(
    ("best", "tested", "folders", "expected"),
    [
        (None, None, [], ["best", "best", "best"]),
        ("a", None, [], ["a", "a", "a"]),
        (None, "b", [], ["b", "b", "b"]),
        ("a", "a", [], ["a", "a", "a"]),
        # together, train, test alone: of two names that of the test, unless only the other one is there
        ("a", "b", [], ["b", "a", "b"]),
        ("a", "b", ["a"], ["b", "a", "a"]),
        ("a", "b", ["a", "b"], ["b", "a", "b"]),
        ("a", "0001", [], ["a", "a", "a/epoch-2"]),
    ],
)
def test_names_of_checkpoints(
    root: Path, best: str | None, tested: str | None, folders: list[str], expected: list[str]
):
    for name in folders:
        root.joinpath(f"checkpoint_{name}").mkdir()
    names = {"train": {"best_checkpoint": best}, "eval": {"test_checkpoint": tested}}
    content = {"dataset": {"path": "data/conceptnet/true-neg"}, "fine_tune": names}
    actions: list[Any] = [{}, {"action": ("train",)}, {"action": ("test",)}]
    outputs = [flat(translate(content, "fine-tune", root / "config.yaml", given), root)["output"] for given in actions]
    assert outputs == [f"checkpoint_{name}" for name in expected]


def test_similar_checkpoints(root: Path):
    path = root / "configs" / "conceptnet" / "full" / "generate" / "config.yaml"

    def make(name: str) -> Path:
        """Make what looks like a model."""
        folder = root / "configs" / "conceptnet" / "full" / "classify" / name
        folder.mkdir()
        folder.joinpath("thresholds.json").touch()
        return folder

    roberta = make("checkpoint_roberta_best")
    assert translate(GENERATE, "mine", path)["model"] == str(roberta)
    bert = make("checkpoint_bert_best_2")
    assert translate(GENERATE, "mine", path)["model"] == str(bert)
    assert "found no checkpoint_bert_best; checkpoint_bert_best_2 is read in its stead." in describe_deviations(
        GENERATE, "mine", path
    )
    make("checkpoint_bert_best_3")
    message = str(translate(GENERATE, "mine", path)["model"])
    assert (
        "found no configs/conceptnet/full/classify/checkpoint_bert_best, but checkpoint_bert_best_2, check" in message
    )
    exact = make("checkpoint_bert_best")
    assert translate(GENERATE, "mine", path)["model"] == str(exact)


def test_defaults_change_nothing_when_written_out(root: Path):
    content = unflatten({key: known.default for key, known in KEYS.items()})
    path = root / "config.yaml"
    for command in ("fine-tune", "mine"):
        # a bare section is as good as none
        assert flat(translate(content, command, path), root) == flat(
            translate({"fine_tune": None}, command, path), root
        )


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ({}, {"save_neighbors": "top_10_index.json"}),
        ({"k": 7}, {"save_neighbors": "top_7_index.json"}),
        ({"filename": "top.json"}, {"save_neighbors": "top.json"}),
        ({"filename": "configs/top.json"}, {"save_neighbors": "configs/top.json"}),
        ({"filename": "nowhere/top.json"}, {"neighbor_file": "FileNotFoundError"}),
        ({"filename": "top.json", "save": False}, {}),
        ({"filename": INDEX, "build": False}, {"neighbor_file": INDEX}),
        ({"filename": "top.json", "build": False}, {"neighbor_file": "FileNotFoundError"}),
        ({"build": False}, {"neighbor_file": "FileNotFoundError"}),
        ({"filename": "new.index"}, {"index": "new.index"}),
        ({"filename": "new.index", "save": False}, {}),
        ({"filename": "new.index", "build": False}, {"index": "FileNotFoundError"}),
        ({"filename": "data", "build": False, "save": False}, {"index": "data"}),
        ({"filename": "new.index", "build": "no"}, {"index": "ValueError"}),
    ],
)
def test_index(root: Path, index: dict[str, Any], expected: dict[str, Any]):
    options = flat(translate({"negater": {"index": index}}, "mine", root / "config.yaml"), root)
    names = ("index", "neighbor_file", "save_neighbors")
    assert {name: options[name] for name in names if name in options} == expected
    assert options["k"] == options["pool_size"] == (25 if expected == {"neighbor_file": INDEX} else index.get("k", 10))


def test_file_of_neighbours_that_is_none(root: Path):
    root.joinpath(INDEX).write_text("{", encoding="utf-8")
    options = translate(GENERATE, "mine", root / "config.yaml")
    assert "is not valid JSON" in str(options["k"])
    assert options["neighbor_file"] == str(root / INDEX)


def test_paths_are_looked_for_upwards(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any):
    path = root / "configs" / "conceptnet" / "true-neg" / "uniform" / "config.yaml"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert translate(sampling("uniform"), "mine", path)["training"] == str(root / DATASETS[1] / "train.txt")
    folder = elsewhere / DATASETS[1]
    folder.mkdir(parents=True)
    error = translate(sampling("uniform"), "mine", path)["training"]
    assert isinstance(error, FileNotFoundError)
    assert f"found no train.txt in {folder}" in str(error)
    folder.joinpath("train.txt").touch()
    options = translate(sampling("uniform"), "fine-tune", path)
    assert options["training"] == str(folder / "train.txt")
    assert options["action"] == ["train"]
    assert not {"validation", "testing", "entity_text"} & set(options)
    content = {"dataset": {"path": "data/nowhere"}}
    error = translate(content, "mine", path)["training"]
    assert isinstance(error, FileNotFoundError)
    assert f"found no data/nowhere in the current folder {elsewhere}" in str(error)


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_other_commands(command: str):
    with pytest.raises(ValueError, match=f"found a configuration of NegatER, expected one of negater {command}"):
        translate(CLASSIFY, command, Path("config.yaml"))


@pytest.mark.parametrize(
    ("keys", "option"),
    [
        ({"fine_tune.train.negative_sampling.sampler": "magic"}, "negatives"),
        ({"fine_tune.train.save_all_epochs": "no"}, "keep_epochs"),
        ({"fine_tune.eval.threshold_per_relation": 0}, "global_threshold"),
        (
            {
                "fine_tune.train.negative_sampling.sampler": "precomputed",
                "fine_tune.train.negative_sampling.precomputed.negative_file": "nowhere.tsv",
            },
            "negatives_kwargs",
        ),
    ],
)
def test_wrong_values_wait(root: Path, keys: dict[str, Any], option: str):
    value = translate(unflatten(keys), "fine-tune", root / "config.yaml")[option]
    assert isinstance(value, ValueError | FileNotFoundError)
    assert "found" in str(value)
    assert "expected" in str(value) or "Run the command in NegatER's folder" in str(value)


def test_deviations(root: Path):
    path = root / "config.yaml"
    for name, content in CONFIGURATIONS.items():
        for command in ("fine-tune", "mine"):
            text = " ".join(describe_deviations(content, command, path))
            assert ("SANS" in text) == (name.endswith("/sans") and command == "fine-tune")
            assert ("all neighbours of a list are taken, 25 at most, and not 20" in text) == (
                name == "full/generate" and command == "mine"
            )
            assert ("nothing corresponds to dataset.name." in text) == name.endswith("rotate-sa")
    keys = {
        "job.device": "cpu",
        "dataset.pretokenize_triples": True,
        "dataset.path": "x",
        "fine_tune.train.eps": 1e-8,
        "fine_tune.train.load_from": "0001",
        "fine_tune.eval.test_checkpoint": "0002",
        "negater.fine_tuned_model.pool_strategy": "cls",
        "negater.index.save": True,
    }
    content = unflatten(keys)
    assert describe_deviations(content, "fine-tune", path) == [
        "nothing corresponds to job.device, dataset.pretokenize_triples, fine_tune.train.eps, "
        "fine_tune.train.load_from.",
        "best is trained and tested in one go, 0002 only with --action test.",
    ]
    assert describe_deviations(content, "mine", path) == [
        "nothing corresponds to job.device, dataset.pretokenize_triples, negater.fine_tuned_model.pool_strategy."
    ]


@pytest.mark.parametrize("command", ["mine", "fine-tune"])
def test_options_exist(root: Path, command: str):
    subcommand = main.get_command(click.Context(main), command)
    assert subcommand is not None
    content = {"negater": {"index": {"filename": "new.index"}}}
    names = set(translate(content, command, root / "config.yaml"))
    assert names <= {option.lstrip("-").replace("-", "_") for x in subcommand.params for option in x.opts}


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def repository(tmp_path: Path, tiny_bert: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the small triples and a configuration as NegatER has them, and go there."""
    entities = list(dict.fromkeys(label for head, _, tail in SMALL for label in (head, tail)))
    relations = list(dict.fromkeys(relation for _, relation, _ in SMALL))
    folder = tmp_path / "data" / "small"
    folder.mkdir(parents=True)

    def write(name: str, rows: list[tuple[Any, ...]]) -> None:
        """Write a table."""
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
        folder.joinpath(f"{name}.txt").write_text(text, encoding="utf-8")

    ids = [(entities.index(head), relations.index(relation), entities.index(tail)) for head, relation, tail in SMALL]
    write("train", ids)
    write("valid", ids[:3])
    write("valid_negatives", [(0, 0, entities.index("plant"))])
    write("test", ids[3:5])
    write("test_negatives", [(1, 0, entities.index("plant"))])
    write("entity_ids", list(enumerate(entities)))
    write("relation_ids", list(enumerate(relations)))
    content = {
        "dataset": {"path": "data/small"},
        "fine_tune": {
            "model": {"pretrained_name": tiny_bert, "max_seq_len": 24},
            "train": {"n_epochs": 1, "lr": 1e-3, "warmup_steps": 1},
        },
        "negater": {
            "index": {"k": 3, "model": {"pretrained_name": tiny_bert}},
            "fine_tuned_model": {"filename": "configs/small/checkpoint_best.pt"},
        },
    }
    path = tmp_path / "configs" / "small" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_fine_tune_then_mine(repository: Path):
    folder = repository / "configs" / "small"
    assert "a pickled checkpoint of NegatER" in run("mine", "--config", folder / "config.yaml", code=1).output
    result = run("fine-tune", "--config", folder / "config.yaml", "--json")
    assert json.loads(result.stdout)["validation"]["num_triples"] == 4
    assert json.loads(folder.joinpath("checkpoint_best", "config.json").read_text())["pooling"] == "mean"
    run("mine", "--config", folder / "config.yaml")
    pools = NegativePools.load(folder / "negatives.pools")
    settings = pools.metadata["settings"]
    assert settings["ranker"][0] == "thresholds"
    assert settings["ranker"][1]["recall"] is None
    assert (settings["guard"], settings["k"], settings["metric"]) == ("thresholds", 3, "l2")
    # phrases, in the order of PyKEEN's ids for triples that are written with them
    assert pools.vocabulary == Graph.from_factory(TriplesFactory.from_labeled_triples(np.array(SMALL))).vocabulary
    predictions = pd.read_csv(folder / "checkpoint_best" / "predictions.tsv", sep="\t", keep_default_na=False)
    assert predictions[["head", "relation", "tail"]].to_numpy().tolist() == [
        *map(list, SMALL[3:5]),
        ["animal", "IsA", "plant"],
    ]
    assert json.loads(folder.joinpath("checkpoint_best", "thresholds.json").read_text())["relations"] == [
        "AtLocation",
        "Desires",
        "IsA",
    ]
    arguments = ["--ranker", "full-gradients", "--output", repository / "other.pools"]
    run("mine", *arguments[:2], "--config", folder / "config.yaml", *arguments[2:])
    settings = NegativePools.load(repository / "other.pools").metadata["settings"]
    assert (settings["ranker"][0], settings["guard"]) == ("fullgradients", None)


def test_test_an_epoch(repository: Path):
    path = repository / "configs" / "small" / "config.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["fine_tune"]["train"] |= {"n_epochs": 2, "save_all_epochs": True}
    content["fine_tune"]["train"]["negative_sampling"] = {"nsamp": {"tail": 1}, "sampler": "slots"}
    content["fine_tune"]["eval"] = {"test_checkpoint": "0000", "threshold_per_relation": False}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert json.loads(run("fine-tune", "--config", path, "--json").stdout)["test"]["num_triples"] == 3
    output = run("fine-tune", "--config", path, "--action", "test").output
    assert re.search(r"test num triples +3\n", output)
    assert str(path.with_name("checkpoint_best") / "epoch-1") in output


def test_command_line_wins_over_what_is_missing(repository: Path):
    path = repository / "configs" / "small" / "config.yaml"
    run("fine-tune", "--config", path, "--output", repository / "my.model")
    options = ["--model", "my.model", "--encoder", "structural", "--dry-run", "--json"]
    assert json.loads(run("mine", "--config", path, *options).stdout)["training_triples"] == 11
    path.write_text("dataset: {path: data/nowhere}\n", encoding="utf-8")
    assert "found no data/nowhere in the current folder" in run("mine", "--config", path, "--dry-run", code=1).output
    result = run("mine", "--config", path, "--dataset", "nations", *options)
    assert json.loads(result.stdout)["training_triples"] == 1592
    # whose labels are no ids
    assert not translate(CLASSIFY, "mine", path, {"dataset": "nations"})["name_by_text"]
    assert not translate(CLASSIFY, "fine-tune", path, {"training": "x.txt"})["name_by_text"]


def test_wrong_values_name_the_file(repository: Path):
    path = repository / "configs" / "small" / "config.yaml"
    path.write_text("dataset: {path: data/small}\nnegater: {index: {k: many}}\n", encoding="utf-8")
    assert f"{path}, k: 'many' is not a valid integer" in run("mine", "--config", path, code=1).output
    path.write_text("negater: {indx: {k: 3}}\n", encoding="utf-8")
    output = run("mine", "--config", path, code=1).output
    assert "found the key 'negater.indx.k', which NegatER does not have. Did you mean negater.index.k?" in output
