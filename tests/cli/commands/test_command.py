"""What all commands have: sections in their help, and errors of one line."""

import click
import pytest
from click.testing import CliRunner

from pykeen_negater.cli.commands.command import Command, Group, section
from pykeen_negater.cli.main import main

from .cases import run


def test_what_was_meant_is_named():
    message = run("mine", "--datset", "x", code=2).stderr
    assert "No such option '--datset'. (Did you mean one of: " in message
    assert "'--dataset'" in message
    # of commands in a group, too
    assert "(Did you mean one of: '--data', '--dataset'?)\n" in run("relations", "train", "--dat", "x", code=2).stderr
    assert "Did you mean '--version'?\n" in run("--verison", code=2).stderr
    assert "Did you mean" not in run("mine", "--zzzz", code=2).stderr
    assert "No such command 'mien'. Did you mean 'mine'?\n" in run("mien", code=2).stderr


@pytest.mark.parametrize("command", main.commands.values(), ids=str)
def test_an_option_that_lacks_a_letter_is_among_those_that_are_named(command: click.Command):
    options = [name for parameter in command.params for name in parameter.opts if name.startswith("--")]
    for option in options:
        for place in range(2, len(option)):
            misspelled = option[:place] + option[place + 1 :]
            if misspelled not in options:
                with pytest.raises(click.NoSuchOption) as raised:
                    command.make_context(command.name, [misspelled])
                assert option in raised.value.possibilities


@click.command(cls=Command, epilog="Example: fail --size 3")
@section("Sizes", click.option("--pool-size", "pool_size", default=1, help="A size."))
@click.option("--last", help="What belongs nowhere.")
@section("Texts", click.option("--first", help="A text."), click.option("--second", help="A text, too."))
def fail(pool_size: int, **options: str) -> None:
    """Fail."""
    raise {1: ValueError, 2: FileNotFoundError, 3: KeyError}[pool_size](
        f"found pool_size={pool_size}, expected another\x1b[31m."
    )


def test_options_stand_in_their_sections_and_the_others_last():
    output = CliRunner().invoke(fail, ["--help"]).output
    order = ["Sizes:", "--pool-size", "Texts:", "--first", "--second", "Other options:", "--last", "--help"]
    places = [output.index(word) for word in order]
    assert places == sorted(places)


@pytest.mark.parametrize("size", [1, 2])
def test_errors_are_one_line_in_terms_of_options(size: int):
    result = CliRunner().invoke(fail, ["--pool-size", str(size)])
    assert result.exit_code == 1
    assert result.output == f"Error: found --pool-size {size}, expected another\\x1b[31m.\n"


def test_what_is_nobodys_fault_is_not_hidden():
    result = CliRunner().invoke(fail, ["--pool-size", "3"])
    assert isinstance(result.exception, KeyError)


def test_commands_are_listed_with_their_whole_first_sentence():
    @click.group(cls=Group)
    def group() -> None:
        """Do something."""

    sentence = f"Say {'something ' * 8}that does not fit."

    @group.command(help=f"{sentence}\n\nAnd more of it.")
    def say() -> None:
        """Say it."""

    output = " ".join(CliRunner().invoke(group, ["--help"]).output.split())
    assert sentence.removesuffix(".") in output
    assert "And more" not in output
    assert isinstance(group.commands["say"], Command)
