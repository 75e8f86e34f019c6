"""Shell completion of names, which are loaded only when they are completed."""

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

#: The name of this package's sampler, which PyKEEN knows through the plugin
SAMPLER = "negater"

#: Names, or a function that finds them
Names = Iterable[str] | Callable[[], Iterable[str]]

#: A function that click calls for completions
Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def complete(names: Names) -> Completer:
    """Complete one name.

    :param names: the names, or a function that finds them
    :return: the parameter ``shell_complete`` of an option
    """

    def find(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        """List the names that begin with the incomplete one."""
        known = names() if callable(names) else names
        return [name for name in sorted(known) if name.startswith(incomplete.lower())]

    return find


def complete_list(names: Names) -> Completer:
    """Complete the last of several names separated by commas.

    :param names: the names, or a function that finds them
    :return: the parameter ``shell_complete`` of an option
    """
    complete_last = complete(names)

    def find(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        """List the names that begin like the last one, after the names before it."""
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
    """Find the negative samplers that PyKEEN knows, including that of this package.

    :return: their names
    """
    return resolver_names("sampling", "NegativeSampler") | {SAMPLER}
