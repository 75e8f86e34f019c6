"""What all commands have: sections in their help, and errors of one line."""

import click
import pytest
from click.testing import CliRunner

from pykeen_negater.cli.commands.command import Command, Group, name_nearest_options, section

from .cases import run


def test_the_nearest_option_is_named():
    assert "No such option '--datset'. Did you mean '--dataset'?\n" in run("mine", "--datset", "x", code=2).stderr
    # the nearest first, of commands in a group, too
    assert "Did you mean '--data' or '--dataset'?\n" in run("relations", "train", "--dat", "x", code=2).stderr
    assert "Did you mean '--version'?\n" in run("--verison", code=2).stderr
    assert "Did you mean" not in run("mine", "--zzzz", code=2).stderr


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


def test_options_that_are_there_are_no_concern():
    with pytest.raises(ZeroDivisionError), name_nearest_options():
        raise ZeroDivisionError
