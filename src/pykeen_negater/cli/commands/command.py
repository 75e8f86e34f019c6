"""The base class of all commands, with options in sections, and one-line errors that name options."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ...utils.printable import printable
from ..option_names import to_options

__all__ = [
    "Command",
    "Group",
    "section",
    "together",
]

F = TypeVar("F", bound=Callable[..., Any])

#: The heading of options that belong to no section
_REST = "Options"


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Make one decorator of several.

    :param options: decorators that add options
    :return: a decorator that adds all of them, in their order
    """

    def decorate(function: F) -> F:
        """Add the options to a command."""
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def section(heading: str, *options: Callable[[F], F]) -> Callable[[F], F]:
    """Put options under a heading of the help.

    :param heading: the heading
    :param options: decorators that add options
    :return: one decorator that adds all of them, in their order
    """

    def decorate(function: F) -> F:
        """Add the options to a command."""
        before = len(getattr(function, "__click_params__", ()))
        function = together(*options)(function)
        for parameter in function.__click_params__[before:]:  # type: ignore[attr-defined]
            parameter.section = heading
        return function

    return decorate


class Command(click.Command):
    """A command that prints errors in one line, with the names of its options, and exits with 1."""

    # docstr-coverage: inherited
    def invoke(self, ctx: click.Context) -> Any:  # noqa: D102
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as error:
            raise click.ClickException(printable(to_options(str(error), ctx))) from error

    # docstr-coverage: inherited
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: D102
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(parameter, "section", "") or _REST, []).append(record)
        # options that every command has come last
        rest = sections.pop(_REST, [])
        for heading, records in [*sections.items(), (_REST if not sections else f"Other {_REST.lower()}", rest)]:
            with formatter.section(heading):
                formatter.write_dl(records)


class Group(click.Group):
    """A group that lists its commands with the whole first sentence of their help."""

    command_class = Command

    # docstr-coverage: inherited
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: D102
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(limit=1_000)) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
