"""Translates the names of Python's parameters in messages to those of a command's options."""

import re

import click
from click.core import ParameterSource

__all__ = [
    "to_options",
]

#: A parameter with a value, as messages write it: ``guard=None``, ``k=0``, ``entity_text=...``
_SETTING = re.compile(
    r"(?P<found>found )?(?<![\w./=-])(?P<name>[a-z]\w*)="
    r"(?P<value>\.\.\.|None|True|False|'[^'\n]*'|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?=[,;:)\s]|\.(?:\s|$)|$)"
)

#: The name of a parameter with an underscore, which cannot be another word
_NAME = re.compile(r"(?<![\w./='\"-])[a-z]+(?:_[a-z]+)+(?![\w/='\"(]|\.\w)")

#: Options for parameters of another name, in commands that have no option of the parameter's name
_OTHER_NAMES = {"triples_factory": "training", "sampler": "samplers", "model": "reference"}


def to_options(text: str, context: click.Context) -> str:
    """Replace the names of parameters in a text by those of options.

    A value that was found is left as it is if its option was not given, since it then belongs to another parameter.

    :param text: a message
    :param context: the context of the command that prints it
    :return: the message with ``--guard none`` for ``guard=None``, and so on
    """
    options = _options(context)

    def write_setting(match: re.Match[str]) -> str:
        """Write a parameter and its value as on the command line."""
        name, value, found = match["name"], match["value"], match["found"] or ""
        parameter = options.get(name)
        if parameter is None or (found and not _is_given(parameter, context)):
            return match[0]
        return f"{found}{_written(parameter, value)}"

    def write_name(match: re.Match[str]) -> str:
        """Write a parameter's name as on the command line."""
        parameter = options.get(match[0])
        return match[0] if parameter is None else _long(parameter)

    return _NAME.sub(write_name, _SETTING.sub(write_setting, text))


def _options(context: click.Context) -> dict[str, click.Parameter]:
    """Map the names of parameters and of options to options."""
    options: dict[str, click.Parameter] = {}
    for parameter in context.command.params:
        if isinstance(parameter, click.Option):
            names = [parameter.name or "", *(name.lstrip("-").replace("-", "_") for name in parameter.opts)]
            options |= {name: parameter for name in names if name}
    for name, other in _OTHER_NAMES.items():
        # of two options, the one that was given is meant
        if other in options and not (name in options and _is_given(options[name], context)):
            options[name] = options[other]
    return options


def _is_given(parameter: click.Parameter, context: click.Context) -> bool:
    source = context.get_parameter_source(parameter.name or "")
    return source not in (None, ParameterSource.DEFAULT)


def _long(parameter: click.Parameter) -> str:
    return max(parameter.opts, key=len)


def _written(parameter: click.Parameter, value: str) -> str:
    """Write an option with a Python value."""
    name = _long(parameter)
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return name if value != "False" else next(iter(parameter.secondary_opts), f"no {name}")
    if value == "...":
        return name
    if value == "None":
        if isinstance(parameter.type, click.Choice) and "none" in parameter.type.choices:
            return f"{name} none"
        # for a number, zero means no limit
        return f"{name} 0" if isinstance(parameter.type, click.types.IntParamType) else f"no {name}"
    return f"{name} {value.strip(chr(39))}"
