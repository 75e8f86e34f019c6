"""Shell completion of names, which are loaded when somebody presses the tab key behind an option that takes one."""

from collections.abc import Callable, Iterable

import click

from .pykeen_names import resolver_names

__all__ = [
    "complete",
    "complete_list",
    "dataset_names",
    "model_names",
    "sampler_names",
]

#: The sampler of this package, which PyKEEN knows from its plugin
SAMPLER = "negater"

#: Names, or what finds them
Names = Iterable[str] | Callable[[], Iterable[str]]

#: What click asks for completions
Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def complete(names: Names) -> Completer:
    """Complete one name.

    :param names: the names, or what finds them
    :return: the parameter ``shell_complete`` of an option
    """

    def find(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        """List the names that begin so."""
        known = names() if callable(names) else names
        return [name for name in sorted(known) if name.startswith(incomplete.lower())]

    return find


def complete_list(names: Names) -> Completer:
    """Complete the last of several names with commas between them.

    :param names: the names, or what finds them
    :return: the parameter ``shell_complete`` of an option
    """
    complete_last = complete(names)

    def find(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        """Put the names that are there already before each one that begins like the last."""
        before, comma, last = incomplete.rpartition(",")
        there = before.split(",")
        return [before + comma + name for name in complete_last(context, parameter, last) if name not in there]

    return find


def dataset_names() -> Iterable[str]:
    """Find the datasets that PyKEEN knows.

    :return: their names
    """
    return resolver_names("datasets", "Dataset")


def model_names() -> Iterable[str]:
    """Find the models that PyKEEN knows.

    :return: their names
    """
    return resolver_names("models", "Model")


def sampler_names() -> Iterable[str]:
    """Find the negative samplers that PyKEEN knows, the one of this package among them.

    :return: their names
    """
    return resolver_names("sampling", "NegativeSampler") | {SAMPLER}
