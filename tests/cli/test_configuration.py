"""Tests for the configuration files of commands."""

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pykeen_negater import NegativePools
from pykeen_negater.cli.configuration import config_option, read_configuration
from pykeen_negater.cli.main import main

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("empty_cache")


def write(path: Path, content: str | dict[str, Any]) -> Path:
    """Write a configuration, as JSON unless it is text already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@click.command("try")
@config_option
@click.option("--learning-rate", default=0.1)
@click.option("--neighbors", "-k", "k", default=3)
@click.option("--samplers")
@click.option("--corruptions")
@click.option("--part-kwargs")
@click.option("--language-model")
@click.option("--action", "actions", multiple=True)
@click.option("--metric", type=click.Choice(["cosine", "l2"]), default="cosine")
@click.option("--vectors", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True)
@click.argument("pools", required=False)
def echo(**options: Any) -> None:
    """Print the options and where they come from."""
    sources = {name: click.get_current_context().get_parameter_source(name) for name in options}
    click.echo(json.dumps({name: (value, sources[name].name) for name, value in options.items()}, default=str))


def configured(path: Path, *arguments: str) -> dict[str, Any]:
    """List the options that a configuration sets."""
    result = CliRunner().invoke(echo, ["--config", str(path), *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return {name: value for name, (value, source) in json.loads(result.output).items() if source == "DEFAULT_MAP"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the small triples to a folder, which is not the current one."""
    write(tmp_path / "train.tsv", "".join("\t".join(triple) + "\n" for triple in SMALL))
    return tmp_path


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json", ".YAML"])
def test_read(tmp_path: Path, suffix: str):
    content = {"k": 3, "learning-rate": 1e-4, "a": {"b": [1, None, "x"]}, "flag": True}
    assert read_configuration(write(tmp_path / f"config{suffix}", content)) == content


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-4", 1e-4), ("2E5", 2e5), ("-1.5e+3", -1500.0), (".5e1", 5.0), ("1.e2", 100.0), ("!!float 2e-5", 2e-5)],
)
def test_numbers_of_yaml(tmp_path: Path, text: str, number: float):
    read = read_configuration(write(tmp_path / "config.yaml", f"a: {{b: {text}}}\n"))["a"]["b"]
    assert isinstance(read, float)
    assert read == number


@pytest.mark.parametrize("text", ["1e", "e5", "1e-4x", "'1e-4'", "2e5.1"])
def test_texts_of_yaml(tmp_path: Path, text: str):
    assert read_configuration(write(tmp_path / "config.yaml", f"a: {text}\n")) == {"a": text.strip("'")}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", "seed: 1\nk: [1, 2\nmetric: l2\n", r"a\.yaml, line 3: found malformed YAML"),
        ("a.yaml", "seed: \x00", r"a\.yaml: found malformed YAML"),
        ("a.json", '{"seed": 1,\n "k" 2}', r"a\.json, line 2: found malformed JSON"),
        ("a.yaml", "- seed\n", r"a\.yaml: found something of type list, expected a mapping"),
        ("a.yaml", "# nothing\n", r"a\.yaml: found nothing, expected a mapping"),
        ("a.json", "3", r"a\.json: found something of type int, expected a mapping"),
        ("a.toml", "seed = 1", r"a\.toml: found the suffix '\.toml', expected \.yaml, \.yml or \.json"),
        ("a.yaml", "seed: !!python/object/apply:os.getcwd []", r"a\.yaml, line 1: found malformed YAML"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: str, message: str):
    with pytest.raises(ValueError, match=message):
        read_configuration(write(tmp_path / name, content))


#: A file of a kilobyte that stands for a billion values
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join(10 * [f'*a{i - 1}'])}]\n" for i in range(1, 10)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{', '.join(9 * [f'*a{i - 1}'])}]}}\n" for i in range(1, 10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("k: &a [1, *a]\n", r"a\.yaml, line 1: found malformed YAML \(an alias that holds itself\)"),
        ("seed: 1\nk: &a {b: {c: *a}}\n", r"a\.yaml, line 2: found malformed YAML \(an alias that holds itself\)"),
        ("&a {<<: *a}\n", r"an alias that holds itself"),
        (BOMB, r"a\.yaml, line \d+: found malformed YAML \(aliases that stand for more than 10,000 values\)"),
        (MERGES, "aliases that stand for more than 10,000 values"),
        (f"seed: {'9' * 5000}\n", r"a\.yaml: found an invalid value"),
        ("seed: 2024-13-01\n", r"a\.yaml: found an invalid value"),
    ],
)
def test_values_that_never_end(tmp_path: Path, content: str, message: str):
    with pytest.raises(ValueError, match=message):
        read_configuration(write(tmp_path / "a.yaml", content))


def test_aliases_are_read(tmp_path: Path):
    content = "common: &common {k: 3, sides: &sides [1, 2]}\nother: {<<: *common, seed: 1}\nsides: *sides\n"
    assert read_configuration(write(tmp_path / "a.yaml", content)) == {
        "common": {"k": 3, "sides": [1, 2]},
        "other": {"k": 3, "sides": [1, 2], "seed": 1},
        "sides": [1, 2],
    }


def test_pipes_and_devices_are_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.yaml")
    tmp_path.joinpath("zero.yaml").symlink_to("/dev/zero")
    for name, kind in (("pipe", "pipe"), ("zero", "device")):
        with pytest.raises(ValueError, match=rf"found the {kind} .*{name}\.yaml, expected a configuration"):
            read_configuration(tmp_path / f"{name}.yaml")


def test_bytes_that_are_no_text(tmp_path: Path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"seed: \xff\xfe")
    with pytest.raises(ValueError, match="is not UTF-8"):
        read_configuration(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"learning-rate": 1e-4}, {"learning_rate": 1e-4}),
        ({"learning_rate": "1e-4"}, {"learning_rate": 1e-4}),
        ({"learning_rate": 1}, {"learning_rate": 1.0}),
        ({"k": 1e1}, {"k": 10}),
        ({"neighbors": "1_000"}, {"k": 1000}),
        ({"k": None, "metric": "l2"}, {"metric": "l2"}),
        ({"samplers": ["basic", "negater"]}, {"samplers": "basic,negater"}),
        ({"samplers": "basic"}, {"samplers": "basic"}),
        ({"corruptions": {"head": 1, "tail": 0}}, {"corruptions": "head=1,tail=0"}),
        ({"part_kwargs": {"k": 2, "rate": 1e-5, "x": None}}, {"part_kwargs": '{"k": 2, "rate": 1e-05, "x": null}'}),
        ({"action": ["train", "test"]}, {"actions": ["train", "test"]}),
        ({"action": "train"}, {"actions": ["train"]}),
        ({"dry-run": True}, {"dry_run": True}),
        ({"dry_run": False}, {"dry_run": False}),
        ({"pools": "a.pools"}, {"pools": "a.pools"}),
        ({"language_model": "bert-base-uncased"}, {"language_model": "bert-base-uncased"}),
    ],
)
def test_values(tmp_path: Path, content: dict[str, Any], expected: dict[str, Any]):
    assert configured(write(tmp_path / "config.json", content)) == expected


def test_paths_are_relative_to_the_file(tmp_path: Path):
    tmp_path.joinpath("sub", "my.model").mkdir(parents=True)
    content = {
        "vectors": "a/b.npy",
        "language_model": "my.model",
        "part_kwargs": {
            "path": "../x.tsv",
            "tag_file": "/t.json",
            "language_model": "my.model",
            "model": "TransE",
            "state_dict": "weights.safetensors",
            "fine_tuning": {"negatives_kwargs": {"token_file": "tokens.json"}, "negatives": "antonyms"},
        },
        "model": "RotatE",
    }
    options = configured(write(tmp_path / "sub" / "config.json", content))
    base = tmp_path / "sub"
    assert options["vectors"] == str(base / "a/b.npy")
    assert options["language_model"] == str(base / "my.model")
    assert json.loads(options["part_kwargs"]) == {
        "path": str(base / "../x.tsv"),
        "tag_file": "/t.json",
        "language_model": str(base / "my.model"),
        "model": "TransE",
        "state_dict": str(base / "weights.safetensors"),
        "fine_tuning": {"negatives_kwargs": {"token_file": str(base / "tokens.json")}, "negatives": "antonyms"},
    }
    assert options["model"] == "RotatE"
    options = configured(write(tmp_path / "home.json", {"vectors": "~/b.npy"}))
    assert options["vectors"] == str(Path.home() / "b.npy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"k": True}, r"config\.json, k: found True, expected a text or a number"),
        ({"k": 2.5}, r"config\.json, k: '2\.5' is not a valid integer"),
        ({"k": [1, 2]}, r"config\.json, k: found \[1, 2\], expected a text or a number"),
        ({"learning_rate": "fast"}, r"config\.json, learning_rate: 'fast' is not a valid float"),
        ({"metric": "magic"}, r"config\.json, metric: 'magic' is not one of"),
        ({"metric": False}, r"config\.json, metric: found False"),
        ({"vectors": {"a": 1}}, r"config\.json, vectors: found \{'a': 1\}"),
        ({"dry_run": "yes"}, r"config\.json, dry_run: found 'yes', expected true or false"),
        ({"samplers": [["basic"]]}, r"config\.json, samplers: found \['basic'\]"),
        (
            {"sampler": "basic"},
            r"config\.json, for negater try: found the key\(s\) 'sampler', expected .* Did you mean samplers",
        ),
        ({"dry-ru": 1}, r"config\.json, for negater try: found the key\(s\) 'dry-ru', .* Did you mean dry_run\?"),
        ({"qqq": 1}, r"found the key\(s\) 'qqq', expected some of action, corruptions, dry_run"),
        ({"config": "x"}, r"found the key\(s\) 'config'"),
        ({"k": 1, "neighbors": 2}, r"config\.json: found 'neighbors' after another key of the same meaning"),
        ({"dry-run": True, "dry_run": True}, r"found 'dry_run' after another key of the same meaning"),
    ],
)
def test_bad_values(tmp_path: Path, content: dict[str, Any], message: str):
    path = write(tmp_path / "config.json", content)
    with pytest.raises(ValueError, match=message):
        configured(path)


@pytest.mark.parametrize("first", [True, False])
def test_command_line_wins(tmp_path: Path, first: bool):
    path = write(tmp_path / "config.yaml", "k: none at all\nlearning_rate: 1e-4\nmetric: l2\n")
    arguments = ["-k", "7", "--metric", "cosine"]
    around = ([], arguments) if first else (arguments, [])
    result = CliRunner().invoke(echo, [*around[0], "--config", str(path), *around[1]])
    options = json.loads(result.output)
    assert options["k"] == [7, "COMMANDLINE"]
    assert options["metric"] == ["cosine", "COMMANDLINE"]
    assert options["learning_rate"] == [1e-4, "DEFAULT_MAP"]
    assert options["samplers"] == [None, "DEFAULT"]


def test_mine(folder: Path):
    content = {
        "training": "train.tsv",
        "encoder": "structural",
        "encoder-kwargs": {"dim": 3},
        "ranker": "similarity",
        "guard": "none",
        "k": 4,
        "pool_size": 2,
        "corruption_scheme": ["tail"],
        "output": "small.pools",
    }
    path = write(folder / "config.json", content)
    assert json.loads(run("mine", "--config", path, "--dry-run", "--json").stdout)["training_triples"] == 11
    assert not folder.joinpath("small.pools").exists()
    run("mine", "--config", path)
    pools = NegativePools.load(folder / "small.pools")
    assert pools.metadata["settings"]["encoder"] == ["structural", {"dim": 3, "seed": 0}]
    assert pools.sides == (2,)
    run("mine", "--pool-size", "3", "--config", path, "--output", folder / "other.pools")
    assert len(NegativePools.load(folder / "other.pools")) > len(pools)


def test_dataset_of_the_command_line_replaces_training_triples(folder: Path):
    path = write(folder / "config.json", {"training": "no.tsv", "encoder": "structural", "ranker": "similarity"})
    result = run("mine", "--config", path, "--dataset", "nations", "--dry-run", "--json")
    assert json.loads(result.stdout)["training_triples"] == 1592
    assert "training: File" in run("mine", "--config", path, "--dry-run", code=1).output
    write(path, {"dataset": "nations", "training": "train.tsv"})
    assert "either --dataset or --training" in run("mine", "--config", path, "--dry-run", code=2).output


def test_fine_tuning_settings_count_as_given(folder: Path, tiny_bert: str):
    path = write(
        folder / "config.yaml",
        f"training: train.tsv\nencoder: structural\nranker: thresholds\nlanguage_model: {tiny_bert}\nepochs: 1\n"
        f"learning_rate: 1e-3\nranker_kwargs: {{recall: 9e-1}}\noutput: small.pools\n",
    )
    run("mine", "--config", path)
    name, identity = NegativePools.load(folder / "small.pools").metadata["settings"]["ranker"]
    assert (name, identity["recall"]) == ("thresholds", 0.9)
    assert (identity["fine_tuning"]["epochs"], identity["fine_tuning"]["learning_rate"]) == (1, 1e-3)
    assert identity["fine_tuning"]["batch_size"] == 32


def test_fine_tune_and_export(folder: Path, tiny_bert: str):
    content = {"training": "train.tsv", "language_model": tiny_bert, "epochs": 1, "output": "small.model"}
    run("fine-tune", "--config", write(folder / "config.json", content))
    content = {"training": "train.tsv", "encoder": "structural", "model": "small.model", "output": "small.pools"}
    run("mine", "--config", write(folder / "mine.json", {**content, "guard": "thresholds"}))
    content = {"pools": "small.pools", "format": "parquet", "output": "negatives.parquet"}
    run("export", "--config", write(folder / "export.json", content))
    assert folder.joinpath("negatives.parquet").is_file()


def test_evaluate(folder: Path):
    write(folder / "held_out.txt", "oak\tIsA\tanimal\ncat\tDesires\tbone\n")
    path = write(
        folder / "config.yaml",
        "training: train.tsv\nvalidation: held_out.txt\ntesting: held_out.txt\nsamplers: [basic, bernoulli]\n"
        "epochs: 1\noutput: figures.tsv\n",
    )
    run("evaluate", "--config", path)
    rows = folder.joinpath("figures.tsv").read_text(encoding="utf-8").splitlines()
    assert [row.split("\t")[0] for row in rows] == ["sampler", "basic", "bernoulli"]


@pytest.mark.parametrize("command", ["mine", "fine-tune", "evaluate", "export"])
def test_every_command_has_it(command: str, tmp_path: Path):
    path = write(tmp_path / "config.yaml", "outputt: x\n")
    output = run(command, "--config", path, code=1).output
    assert f"Error: {path}, for negater {command}: found the key(s) 'outputt', expected some of" in output
    assert "Did you mean output?" in output
    assert "found no file" in run(command, "--config", tmp_path / "nowhere.yaml", code=1).output


def test_kwargs_of_the_command_line(folder: Path):
    arguments = ["mine", "--training", folder / "train.tsv", "--encoder", "structural", "--ranker", "similarity"]
    assert "not valid JSON" in run(*arguments, "--encoder-kwargs", "{dim", code=2).output
    assert "expected a JSON object" in run(*arguments, "--encoder-kwargs", "3", code=2).output
    assert "found --encoder-kwargs with dimm" in run(*arguments, "--encoder-kwargs", '{"dimm": 3}', code=1).output
