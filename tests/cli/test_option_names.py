"""Messages of the command line name its options, not Python's parameters."""

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from pykeen_negater.cli.main import main
from pykeen_negater.cli.option_names import to_options


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Find all commands."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(main))
OPTIONS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
]


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=lambda value: getattr(value, "name", value))
def test_every_option_is_named(command: str, option: click.Option):
    context = click.Context(COMMANDS[command], info_name=command)
    context.set_parameter_source(option.name or "", click.core.ParameterSource.COMMANDLINE)
    for name in {option.name or "", *(word.lstrip("-").replace("-", "_") for word in option.opts)}:
        for value in ("None", "0.5", "'x'", "...", "True"):
            for sentence in (f"found {name}={value}, expected more.", f"Pass {name}={value}."):
                text = to_options(sentence, context)
                assert f"{name}=" not in text
                assert any(f"{word} " in f"{text[:-1]} ".replace(",", " ") for word in option.opts)
        if "_" in name:
            assert max(option.opts, key=len) in to_options(f"Pass either {name} or something else.", context)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The graph is too small. Pass guard=None.", "The graph is too small. Pass --guard none."),
        ("found k=0, expected at least 1.", "found --neighbors 0, expected at least 1."),
        ("Choose guard='calibrated', or", "Choose --guard calibrated, or"),
        ("Pass entity_text=..., a file", "Pass --entity-text, a file"),
        ("less with max_candidates.", "less with --max-candidates."),
        ("all with max_candidates=None", "all with --max-candidates 0"),
        ("expected a triples_factory", "expected a --training"),
        # what is no option of this command, or a path, stays
        ("found hard_fraction=2, expected less", "found hard_fraction=2, expected less"),
        ("found no file seed=1/train.tsv", "found no file seed=1/train.tsv"),
        ("found no file /runs/k=3.tsv", "found no file /runs/k=3.tsv"),
        ("found no file /data/entity_text.tsv", "found no file /data/entity_text.tsv"),
        ("the seed, the guard and the metric", "the seed, the guard and the metric"),
        # nobody gave that option, so that it is a parameter of something else
        ("found max_length=0, expected at least 1.", "found max_length=0, expected at least 1."),
    ],
)
def test_messages(text: str, expected: str):
    context = click.Context(COMMANDS["mine"], info_name="mine")
    context.set_parameter_source("k", click.core.ParameterSource.COMMANDLINE)
    assert to_options(text, context) == expected


@pytest.mark.parametrize(("given", "expected"), [("reference", "--reference"), ("model", "--model")])
def test_of_two_options_for_a_parameter_the_given_one_is_named(given: str, expected: str):
    context = click.Context(COMMANDS["evaluate"], info_name="evaluate")
    context.set_parameter_source(given, click.core.ParameterSource.COMMANDLINE)
    assert to_options("found model='x', expected more.", context) == f"found {expected} x, expected more."


def test_an_error_of_mining():
    result = CliRunner().invoke(main, ["mine", "--dataset", "nations", "--pool-size", "0"])
    assert result.exit_code == 1
    assert "found --pool-size 0, expected at least 1." in result.stderr


def test_the_help_is_uncut_and_in_sections():
    listed = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    for command in main.commands.values():
        assert command.get_short_help_str(limit=1_000) in listed
    assert "..." not in listed.partition("Commands:")[2]
    shown = CliRunner().invoke(main, ["mine", "--help"]).output
    headings = re.findall(r"^([A-Z][a-z -]+):$", shown, re.MULTILINE)
    fine_tuning = "Fine-tuning of a language model"
    assert headings == ["Graph", "Candidates", "Ranker", "Guard", "Result", fine_tuning, "Other options"]
    apart = shown.partition(f"{fine_tuning}:")[2].partition("Other options:")[0]
    for name in ("--language-model", "--epochs", "--learning-rate", "--max-training-triples"):
        assert f"  {name} " in apart
        assert shown.count(f"  {name} ") == 1
    # every option is somewhere
    for option in COMMANDS["mine"].params:
        assert f"{max(option.opts, key=len)} " in shown
