"""Nothing that a graph holds acts on a terminal."""

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner

from pykeen_negater.cli.main import main
from pykeen_negater.cli.terminal import PrintableFormatter, echo, printable

from ..cases import ESCAPES


@pytest.mark.parametrize("error", [True, False])
def test_echo(capsys: pytest.CaptureFixture[str], error: bool):
    echo(f"a{ESCAPES}", error=error)
    captured = capsys.readouterr()
    assert (captured.err if error else captured.out) == f"a{printable(ESCAPES)}\n"


def test_lines_of_the_log():
    record = logging.LogRecord("x", logging.WARNING, "", 0, "found %s", ("\x1b[31m",), None)
    assert PrintableFormatter().format(record) == r"found \x1b[31m"


def test_an_error_that_names_a_label(tmp_path: Path):
    path = tmp_path / "train\x1b[31m.tsv"
    path.write_text("a\tb\n")
    result = CliRunner().invoke(main, ["mine", "--training", str(path)])
    assert result.exit_code == 1
    assert r"train\x1b[31m.tsv" in result.output
    assert "\x1b" not in result.output
