"""Dataclass fields with descriptions, from which signatures, docstrings and command-line options are made.

This module imports nothing heavy, since the command line needs it for ``--help``.
"""

import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar, cast, get_type_hints

__all__ = [
    "described",
    "document_fields",
    "help_of",
    "takes_fields",
]

F = TypeVar("F", bound=Callable[..., Any])

#: The width of a docstring
_WIDTH = 120


def described(default: Any, text: str, none: str | None = None) -> Any:
    """Make a dataclass field with a description.

    :param default: its default
    :param text: its description, in sentences that suit both a docstring and the help of an option
    :param none: what None stands for, in a few words, where it is allowed and not the default
    :return: the field
    """
    return dataclasses.field(default=default, metadata={"help": text, "none": none})


def help_of(field: "dataclasses.Field[Any]", none: str = "None") -> str:
    """Get the description of a field.

    :param field: a field made by :func:`described`
    :param none: how None is written
    :return: the description
    """
    text, meaning = field.metadata["help"], field.metadata["none"]
    return text if meaning is None else f"{text.removesuffix('.')}; {none} for {meaning}."


def document_fields(cls: type[Any]) -> type[Any]:
    """List the fields of a dataclass in its docstring.

    :param cls: the dataclass
    :return: the same class
    """
    cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", *_lines(dataclasses.fields(cls))])
    return cls


def takes_fields(cls: type[Any], types: Mapping[str, Any], without: Collection[str] = ()) -> Callable[[F], F]:
    """Name each field of a dataclass in the signature of a function that passes its keywords on to it.

    The fields become part of the signature, where PyKEEN and class-resolver look for parameters, and of the docstring,
    where they replace the parameter that collects the keywords.

    :param cls: the dataclass, whose fields have descriptions
    :param types: types that its annotations name, but that its module does not import
    :param without: the fields that the function does not take
    :return: the decorator
    """

    def decorate(function: F) -> F:
        """Replace the parameter that collects keywords by the fields."""
        signature = inspect.signature(function)
        *own, rest = signature.parameters.values()
        fields = [x for x in dataclasses.fields(cls) if x.name not in {*signature.parameters, *without}]
        hints = get_type_hints(cls, localns=dict(types))
        added = [
            inspect.Parameter(x.name, rest.KEYWORD_ONLY, default=x.default, annotation=hints[x.name]) for x in fields
        ]

        @functools.wraps(function)
        def passing_on(*args: Any, **kwargs: Any) -> Any:
            """Call the function."""
            return function(*args, **kwargs)

        # Sphinx reads defaults in the source, which lacks those of the fields
        del passing_on.__wrapped__
        passing_on.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        lines = inspect.cleandoc(function.__doc__ or "").splitlines()
        place = next(i for i, line in enumerate(lines) if line.startswith(f":param {rest.name}:"))
        passing_on.__doc__ = "\n".join([*lines[:place], *_lines(fields), *lines[place + 1 :]])
        return cast(F, passing_on)

    return decorate


def _lines(fields: Iterable["dataclasses.Field[Any]"]) -> list[str]:
    """Write the ``:param`` lines of fields."""
    return [
        line
        for field in fields
        for line in textwrap.wrap(
            f":param {field.name}: {help_of(field)}", _WIDTH, subsequent_indent="    ", break_on_hyphens=False
        )
    ]
