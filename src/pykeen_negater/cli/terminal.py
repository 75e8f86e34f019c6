"""Output on a terminal, made safe against labels and texts that would move the cursor or hide text."""

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Any

import click

from ..utils.durations import duration
from ..utils.printable import printable
from .option_names import to_options

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PrintableFormatter",
    "conclude",
    "conclude_table",
    "conclude_tables",
    "echo",
    "is_silent",
    "output_options",
    "snake_case",
]

#: The logger whose errors are printed even if nothing else is
_ERRORS = f"{__name__}.errors"

#: Words that are spelled differently in a table than in a key
_WRITTEN = {"auc": "AUC", "f1": "F1", "gpus": "GPUs", "pykeen": "PyKEEN", "json": "JSON"}


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--quiet`` and ``--json`` to a command, which :func:`echo` and :func:`conclude` follow.

    :param command: the command's function
    :return: the function, with both options
    """
    for name, help_text in (
        ("--json", "Print the result as JSON, and nothing else on standard output."),
        ("--quiet", "Print nothing but errors."),
    ):
        option = click.option(name, is_flag=True, expose_value=False, is_eager=True, callback=_choose, help=help_text)
        command = option(command)
    return command


def _choose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    context.meta[f"{__name__}.{parameter.name}"] = True
    if parameter.name == "quiet":
        context.meta[_ERRORS] = sys.stderr
        logging.disable(logging.WARNING)
        context.call_on_close(lambda: logging.disable(logging.NOTSET))
        # progress bars
        context.with_resource(redirect_stderr(io.StringIO()))


def _is_chosen(name: str) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(f"{__name__}.{name}"))


def echo(text: str, error: bool = False) -> None:
    """Print a text for people, unless ``--json`` or ``--quiet`` was given.

    :param text: the text
    :param error: whether to print it on standard error, with any options
    """
    if error:
        context = click.get_current_context(silent=True)
        click.echo(printable(text), file=sys.stderr if context is None else context.meta.get(_ERRORS, sys.stderr))
    elif not is_silent():
        click.echo(printable(text))


def is_silent() -> bool:
    """Tell whether ``--json`` or ``--quiet`` was given, so that nothing is printed for people, and nothing asked.

    :return: whether it was
    """
    return _is_chosen("quiet") or _is_chosen("json")


def conclude(summary: Mapping[str, Any]) -> None:
    """Print the result of a command: a table for people, or JSON for programs.

    :param summary: values by name; JSON-native. Names are in snake case and end in the unit: ``_share`` of
        floats in [0, 1], ``_seconds`` of durations, ``_mebibytes`` of sizes. A nested mapping has a line for each of
        its values; names that are not identifiers, such as paths, are written as they are.
    """
    if _is_chosen("json"):
        click.echo(json.dumps(summary, indent=2))
    if is_silent():
        return
    rows = [(printable(name), printable(value)) for name, value in _rows(summary)]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        # bold on a terminal only
        click.echo(f"  {click.style(f'{name:<{width}}', bold=True)}  {value}")


def conclude_table(table: "pd.DataFrame", digits: int) -> None:
    """Print a table as the result of a command, or its rows as JSON.

    :param table: the table
    :param digits: >= 0, the number of decimals in the table for people
    """
    if _is_chosen("json"):
        keys = table.rename(columns=snake_case)
        click.echo(keys.to_json(orient="records", indent=2, force_ascii=True))
    else:
        echo(table.to_string(index=False, float_format=f"{{:.{digits}f}}".format, na_rep=""))


def conclude_tables(tables: "Mapping[str, pd.DataFrame]", digits: int) -> None:
    """Print several tables under their names, or one JSON object with the rows of each.

    :param tables: the tables by name, in snake case
    :param digits: >= 0, how many decimals people are shown
    """
    if _is_chosen("json"):
        rows = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        click.echo(json.dumps(rows, indent=2))
        return
    for name, table in tables.items():
        echo(f"{name.replace('_', ' ').capitalize()}:")
        conclude_table(table, digits)


def snake_case(name: str) -> str:
    """Make a key of a name; paths and names on a hub stay as they are.

    :param name: any name
    :return: the key

    >>> snake_case("word difference"), snake_case("fine-tune")
    ('word_difference', 'fine_tune')
    """
    return name if "/" in name else re.sub(r"[ -]", "_", name)


def _rows(summary: Mapping[str, Any], unit: str = "") -> Iterator[tuple[str, str]]:
    for key, value in summary.items():
        name, own_unit = _split(key)
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", text) for inner, text in _rows(value, own_unit or unit))
        else:
            yield name, _written(value, own_unit or unit)


def _split(key: str) -> tuple[str, str]:
    """Split a key into a readable name and a unit."""
    if not key.isidentifier():
        return key, ""
    words = key.split("_")
    unit = words[-1] if words[-1] in _UNITS and len(words) > 1 else ""
    shown = words[:-1] if unit and unit != "share" else words
    return " ".join(_WRITTEN.get(word, word) for word in shown), unit


#: How values are written, by unit
_UNITS: dict[str, Callable[[float], str]] = {
    "share": "{:.1%}".format,
    "seconds": duration,
    "mebibytes": "{:,.1f} MiB".format,
}


def _written(value: Any, unit: str) -> str:
    if isinstance(value, list):
        return ", ".join(_written(part, unit) for part in value) or "no"
    if isinstance(value, bool) or value is None:
        return "yes" if value else "no"
    if unit and isinstance(value, int | float):
        return _UNITS[unit](value)
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


class PrintableFormatter(logging.Formatter):
    """Formats lines of the log for a terminal, with the names of the running command's options."""

    # docstr-coverage: inherited
    def format(self, record: logging.LogRecord) -> str:  # noqa: D102
        text, context = super().format(record), click.get_current_context(silent=True)
        return printable(text if context is None else to_options(text, context))
