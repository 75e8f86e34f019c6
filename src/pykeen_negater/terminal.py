"""What a terminal is told: labels and texts of a graph must not move its cursor."""

import logging
import re

import click

__all__ = [
    "PrintableFormatter",
    "echo",
    "printable",
]

#: Control characters but tabs and line feeds, what turns the direction of writing, and halves of characters
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Write characters that act on a terminal by their codes.

    :param text: any text
    :return: the text with escapes

    >>> print(printable("red \x1b[31mrose"))
    red \x1b[31mrose
    """
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def echo(text: str, error: bool = False) -> None:
    """Print a text for people.

    :param text: the text
    :param error: whether it goes to the standard error
    """
    click.echo(printable(text), err=error)


class PrintableFormatter(logging.Formatter):
    """Formats lines of the log for a terminal."""

    # docstr-coverage: inherited
    def format(self, record: logging.LogRecord) -> str:  # noqa: D102
        return printable(super().format(record))
