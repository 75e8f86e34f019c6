"""What the tests of commands share."""

from pathlib import Path

from click.testing import CliRunner, Result

from pykeen_negater.cli.main import main

FAST = ["--encoder", "structural", "--ranker", "similarity"]


def run(*arguments: str | Path, code: int = 0, answer: str | None = None) -> Result:
    """Run the command, and check its exit code.

    :param arguments: what is typed behind ``negater``
    :param code: the exit code that is expected
    :param answer: what is typed when the command asks
    """
    result = CliRunner().invoke(main, list(map(str, arguments)), input=answer)
    assert result.exit_code == code, result.output
    return result
