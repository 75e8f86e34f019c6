"""What all commands have in common: an example, JSON on request, and nothing for a terminal where there is none."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pykeen_negater.cli.main import main

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("empty_cache")

FAST = ["--encoder", "structural", "--ranker", "similarity", "--guard", "none"]


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Find all commands and groups by what is typed behind ``negater``."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands())

#: What each command is called with; the names in braces are files
CALLS = {
    "mine": "mine --training {triples} --encoder structural --ranker similarity --guard none",
    "mine with fine-tuning": "mine --training {triples} --encoder structural --ranker thresholds --epochs 1 "
    "--language-model {bert} --max-length 24",
    "mine --dry-run": "mine --training {triples} --encoder structural --ranker similarity --dry-run",
    "fine-tune": "fine-tune --training {triples} --language-model {bert} --epochs 1 --max-length 24 "
    "--output {folder}/a.model",
    "fine-tune --dry-run": "fine-tune --training {triples} --language-model {bert} --output {folder}/a.model --dry-run",
    "evaluate": "evaluate --training {triples} --validation {triples} --testing {triples} --samplers basic --epochs 1",
    "report": "report {pools}",
    "report as a page": "report {pools} --output {folder}/page.html --text",
    "export": "export {pools} --output {folder}/a.tsv",
    "import": "import {negatives} --training {triples} --output {folder}/b.pools",
    "verify": "verify {pools}",
    "doctor": "doctor",
    "relations train": "relations train --training {triples} --language-model {bert} --template <subj><mask><obj> "
    "--max-length 48 --epochs 1 --output {folder}/a.encoder",
    "relations evaluate": "relations evaluate {bert} --data {analogies} --template <subj><mask><obj>",
    "relations vectors": "relations vectors {bert} --pairs {pairs} --template <subj><mask><obj> "
    "--output {folder}/a.txt",
}


@pytest.fixture
def files(tiny_bert: str, tmp_path: Path) -> dict[str, str]:
    """Write what commands read."""
    texts = {
        "triples": "".join("\t".join(triple) + "\n" for triple in SMALL),
        "negatives": "cat\tIsA\tplant\n",
        "pairs": "cat\tplant\n",
        "analogies": json.dumps({"stem": ["a", "b"], "answer": 0, "choice": [["b", "c"], ["c", "a"]], "prefix": "x"}),
    }
    for name, text in texts.items():
        tmp_path.joinpath(f"{name}.jsonl" if name == "analogies" else f"{name}.tsv").write_text(text, encoding="utf-8")
    run("mine", "--training", str(tmp_path / "triples.tsv"), *FAST, "--output", str(tmp_path / "a.pools"))
    paths = {path.name.partition(".")[0]: str(path) for path in tmp_path.iterdir() if path.is_file()}
    return {**paths, "pools": str(tmp_path / "a.pools"), "folder": str(tmp_path), "bert": tiny_bert}


def run(*arguments: str, code: int = 0) -> Result:
    """Run a command."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "negater")
def test_help_has_an_example_that_is_understood(path: tuple[str, ...]):
    output = " ".join(run(*path, "--help").output.split())
    _, found, example = output.partition("Example: negater ")
    assert found
    words = example.split()
    assert tuple(words[: len(path)]) == path
    name = max((len(name), name) for name in ALL if tuple(words[: len(name)]) == name)[1]
    given = {word for word in words[len(name) :] if word.startswith("-")}
    assert given <= {option for parameter in ALL[name].params for option in parameter.opts}


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "negater")
def test_every_command_can_be_read_by_programs(path: tuple[str, ...]):
    if isinstance(ALL[path], click.Group):
        return
    assert {"json", "quiet"} <= {parameter.name for parameter in ALL[path].params}
    assert " ".join(path) in CALLS


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_json_or_a_table_or_nothing(call: str, files: dict[str, str], capfd: pytest.CaptureFixture[str]):
    arguments = [word.format(**files) for word in call.split()]
    result = run(*arguments, "--json")
    found = json.loads(result.stdout)
    assert found
    # one convention for the names of all values, and of the figures of each sampler, step and split
    for values in found if isinstance(found, list) else [found]:
        names = [*values, *(name for each in values.values() if isinstance(each, dict) for name in each)]
        assert not [name for name in names if " " in name or not (re.fullmatch("[a-z0-9_]+", name) or "/" in name)]
    result = run(*arguments)
    assert "\x1b" not in result.stdout
    # a name and a value, or columns
    assert any(re.search(r"\S {2,}\S", line) for line in result.stdout.splitlines())
    result = run(*arguments, "--quiet")
    assert result.output == ""
    # nor past Python's streams
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("arguments", [["verify", "{pools}"], ["report", "{pools}", "--text"]])
def test_formatted_on_a_terminal_only(arguments: list[str], files: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    arguments = [argument.format(**files) for argument in arguments]
    reader, writer = pty.openpty()
    with os.fdopen(reader, "rb", buffering=0), open(writer, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        os.set_blocking(reader, False)
        shown = b""
        write = terminal.write

        def write_and_read(text: str) -> int:
            """Keep the terminal from filling up."""
            nonlocal shown
            count = write(text)
            terminal.flush()
            shown += os.read(reader, 1 << 20)
            return count

        monkeypatch.setattr(terminal, "write", write_and_read)
        main(arguments, standalone_mode=False)
    assert b"\x1b[1m" in shown


def test_progress_in_a_file_moves_no_cursor(files: dict[str, str]):
    arguments = [word.format(**files) for word in CALLS["fine-tune"].split()]
    # in a process of its own, since libraries look at the terminal when they are imported
    program = [sys.executable, "-m", "pykeen_negater", *arguments]
    result = subprocess.run(program, capture_output=True, text=True, check=True)
    assert "100%" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


def test_which_commands_take_files_of_negater():
    for path, command in ALL.items():
        helps = [parameter.help for parameter in command.params if parameter.name == "config"]
        assert bool(helps) == (not isinstance(command, click.Group) and path != ("doctor",))
        assert any("NegatER's files" in text for text in helps) == (path in {("mine",), ("fine-tune",)})
