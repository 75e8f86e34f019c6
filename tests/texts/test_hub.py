"""A language model that cannot be had is named at once."""

import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError

from pykeen_negater.cli.main import main
from pykeen_negater.texts.hub import check_language_model


def test_a_folder_is_taken(tiny_bert: str):
    check_language_model(tiny_bert)


@pytest.mark.parametrize("name", ["no/such/folder", "./nowhere", "with space", "-x"])
def test_what_is_no_name_is_looked_for_nowhere(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(FileNotFoundError, match="found no folder"):
        check_language_model(name)


def test_offline(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(FileNotFoundError, match=r"found no folder NOMODEL, and no language model .*HF_HUB_OFFLINE"):
        check_language_model("NOMODEL")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("no route"), r"the hub cannot be reached \(ConnectionError\)"),
        (TimeoutError("too slow"), r"the hub cannot be reached \(TimeoutError\)"),
        (RepositoryNotFoundError.__new__(RepositoryNotFoundError), "no model of that name on the hub"),
    ],
)
def test_the_hub_is_asked_once(error: Exception, message: str, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def refuse(self: HfApi, name: str, **kwargs: object) -> None:
        """Fail."""
        asked.append(name)
        raise error

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "model_info", refuse)
    with pytest.raises(FileNotFoundError, match=message):
        check_language_model("NOMODEL")
    assert asked == ["NOMODEL"]


@pytest.mark.parametrize(
    "arguments",
    [
        "relations evaluate NOMODEL --data {questions}",
        "fine-tune --dataset nations --language-model NOMODEL --output {folder}/x",
        'mine --dataset nations --encoder-kwargs {{"model":"NOMODEL"}}',
        "mine --dataset nations --encoder structural --ranker thresholds --language-model NOMODEL",
        "relations train --dataset nations --language-model NOMODEL --output {folder}/x",
    ],
)
def test_commands_say_so_once(
    arguments: str, tmp_path_factory: pytest.TempPathFactory, empty_cache: object, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    folder = tmp_path_factory.mktemp("hub")
    questions = folder / "sat.test.jsonl"
    questions.write_text('{"stem": ["a", "b"], "choice": [["c", "d"], ["e", "f"]], "answer": 0}\n')
    words = [word.format(folder=folder, questions=questions) for word in arguments.split()]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1, result.output
    assert result.stderr.count("found no folder NOMODEL, and no language model of that name") == 1
    assert not folder.joinpath("x").exists()
