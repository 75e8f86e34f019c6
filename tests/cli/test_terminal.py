"""Nothing that a graph holds acts on a terminal."""

import json
import logging
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from pykeen_negater.cli.main import main
from pykeen_negater.cli.terminal import PrintableFormatter, conclude_tables, echo, output_options, printable

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


@pytest.mark.parametrize("option", [None, "--json", "--quiet"])
def test_several_tables(option: str | None):
    tables = {"some_rows": pd.DataFrame({"x": [1.25, None], "kind": ["a", "b"]}), "more": pd.DataFrame({"y": [3]})}

    @click.command()
    @output_options
    def command() -> None:
        conclude_tables(tables, digits=1)

    output = CliRunner().invoke(command, [] if option is None else [option]).output
    if option == "--json":
        rows = [{"x": 1.25, "kind": "a"}, {"x": None, "kind": "b"}]
        assert json.loads(output) == {"some_rows": rows, "more": [{"y": 3}]}
    elif option == "--quiet":
        assert output == ""
    else:
        assert [line.split() for line in output.splitlines()] == [
            ["Some", "rows:"], ["x", "kind"], ["1.2", "a"], ["b"], ["More:"], ["y"], ["3"],
        ]  # fmt: skip
