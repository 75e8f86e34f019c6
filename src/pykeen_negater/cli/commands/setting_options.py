"""Options for the settings of mining, made from their list."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from ...mining.settings import MiningSettings
from ...utils.described_fields import help_of

__all__ = [
    "parse_object",
    "read_settings",
    "setting_option",
]

_SETTINGS = {setting.name: setting for setting in fields(MiningSettings)}

#: How the command line writes None, for names and for numbers
_NO_NAME, _NO_NUMBER = "none", 0


def parse_object(context: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """Parse parameters given as JSON; the callback of an option.

    :param context: the command's context
    :param parameter: the option
    :param value: a JSON object
    :return: the parameters; None if there are none
    :raises click.BadParameter: if it is not a JSON object
    """
    try:
        parsed = None if value is None else json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"found {value!r}, which is not valid JSON: {error}") from error
    if not isinstance(parsed, dict | None):
        raise click.BadParameter(f'found {value!r}, expected a JSON object, e.g. {{"k": 3}}.')
    return parsed


def setting_option(setting: str, *names: str, **attributes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make an option for a setting of mining, with its default and its help.

    :param setting: the setting's name
    :param names: the option's names, if they differ from the setting's
    :param attributes: attributes that do not follow from the setting, such as whether a path has to exist
    :return: the decorator that adds it to a command
    """
    field = _SETTINGS[setting]
    choices = _literals(field.type)
    text = help_of(field, _NO_NAME if choices else str(_NO_NUMBER))
    if choices:
        optional = [] if field.metadata["none"] is None else [_NO_NAME]
        attributes = {"type": click.Choice([*choices, *optional]), **attributes}
    if setting.endswith("_kwargs"):
        attributes["callback"] = parse_object
        text = f"{text.removesuffix('.')}, as JSON."
    if field.default is not None:
        attributes["default"] = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    return click.option(*(names or (f"--{setting.replace('_', '-')}",)), help=text, **attributes)


def read_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the values of options into settings of mining.

    :param options: the values by the names of parameters, those of other options among them
    :return: the settings that are given; others are left out, so that the cache keys are the same
    """
    return {
        name: _read(name, value) for name, value in options.items() if name in _SETTINGS and value not in (None, "", {})
    }


def _read(name: str, value: Any) -> Any:
    field = _SETTINGS[name]
    if field.metadata["none"] is not None and value in (_NO_NAME, _NO_NUMBER):
        return None
    if isinstance(field.default, tuple):
        return tuple(part.strip() for part in value.split(","))
    return str(value) if isinstance(value, Path) else value


def _literals(kind: Any) -> list[str]:
    """List the names that a type allows, if it is a literal or an optional one."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [name for part in get_args(kind) if get_origin(part) is Literal for name in get_args(part)]
