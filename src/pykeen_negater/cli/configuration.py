"""The configuration of a command: a file with its options.

Any command with settings takes ``--config``, a file in YAML or JSON whose keys are its options' names, with
underscores or hyphens::

    # umls.yaml: negater mine --config umls.yaml
    dataset: umls
    entity_text: entity2text.tsv    # beside this file
    ranker: thresholds
    max_candidates: 5000
    output: umls.pools

Options on the command line override the file, and the file overrides the defaults. Null counts as not given. A list or
a mapping corresponds to values that the command line takes separated by commas, or as JSON. Paths are relative to the
file, also those in ``..._kwargs`` that are named ``path``, ``folder``, ``state_dict`` or ``..._file``; a value that may
be a model's name or its folder is taken for the folder if there is one beside the file. ``negater mine`` and ``negater
fine-tune`` take a configuration of NegatER as well, see :mod:`pykeen_negater.cli.negater_configuration`.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import yaml
from click.types import BoolParamType, FloatParamType, IntParamType

from ..storage.regular_files import check_regular
from ..texts.wikidata import WIKIDATA
from ..utils.spelling import check_known
from .negater_configuration import describe_deviations, translate
from .negater_keys import is_negater_configuration

__all__ = [
    "config_option",
    "config_option_with_negater",
    "read_configuration",
]

logger = logging.getLogger(__name__)

#: Alternative options: if one is given on the command line, the other one in the file is ignored
_ALTERNATIVES = {"dataset": "training", "training": "dataset"}

#: Options and parameters that take the folder of a model or its name on a hub
_MODELS = ("base_model", "language_model", "model")

#: Parameters that take a file or folder
_PATHS = ("folder", "path", "state_dict")


#: The errors that PyYAML raises for values that do not have the type of their tag, e.g. ``!!bool x``
_YAML_MISTAKES = (AttributeError, IndexError, KeyError, OverflowError, TypeError)

#: The most values in a YAML file, with aliases expanded
_MOST_VALUES = 10_000


class _Loader(yaml.SafeLoader):
    """Reads 1e-4 as a number, as in YAML 1.2, and limits aliases; YAML 1.1 requires a point in numbers."""

    # docstr-coverage: inherited
    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _count_values(node, {})
        return node


def _count_values(node: yaml.Node, counted: dict[yaml.Node, int | None]) -> int:
    """Count the values of a node, with aliases expanded.

    :param node: the node
    :param counted: the numbers of the nodes that were counted before; None for those that contain this one
    :return: the number of values
    :raises yaml.MarkedYAMLError: if the node contains itself, or there are too many values
    """
    if node in counted:
        known = counted[node]
        if known is None:
            raise yaml.MarkedYAMLError(problem="an alias that holds itself", problem_mark=node.start_mark)
        return known
    counted[node] = None
    count = 1
    if isinstance(node, yaml.CollectionNode):
        for part in node.value:
            count += sum(_count_values(inner, counted) for inner in (part if isinstance(part, tuple) else (part,)))
    if count > _MOST_VALUES:
        problem = f"aliases that stand for more than {_MOST_VALUES:,} values"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    counted[node] = count
    return count


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_configuration(path: Path) -> dict[str, Any]:
    """Read a configuration.

    :param path: a file whose suffix is ``.yaml``, ``.yml`` or ``.json``
    :return: the mapping that it holds
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if it has another suffix, is not a regular file, is malformed, or does not hold a mapping
    """
    check_regular(path, "a configuration in YAML or JSON")
    if path.suffix.lower() not in (".yaml", ".yml", ".json"):
        raise ValueError(f"{path}: found the suffix {path.suffix!r}, expected .yaml, .yml or .json.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        is_json = path.suffix.lower() == ".json"
        content = json.loads(text) if is_json else yaml.load(text, Loader=_Loader)  # noqa: S506, as it is a safe loader
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}). Convert it, e.g. with iconv.") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: found malformed JSON ({error.msg}). Correct it.") from error
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise ValueError(f"{path}{line}: found malformed YAML ({error.problem}). Correct it.") from error
    except RecursionError as error:
        raise ValueError(f"{path}: found too many levels, expected a mapping of options to values.") from error
    except (yaml.YAMLError, *_YAML_MISTAKES) as error:
        raise ValueError(f"{path}: found malformed YAML ({error}). Correct it.") from error
    except ValueError as error:  # numbers with thousands of digits, dates in a 13th month
        raise ValueError(f"{path}: found an invalid value ({error}). Correct it.") from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"something of type {type(content).__name__}"
        raise ValueError(f"{path}: found {found}, expected a mapping of options to values, e.g. seed: 1.")
    return content


def _parameters(command: click.Command) -> dict[str, click.Parameter]:
    """Find the parameters that can be configured, by all their names."""
    return {
        name.lstrip("-").replace("-", "_"): parameter
        for parameter in command.params
        if parameter.name != "config"
        for name in parameter.opts
    }


def _match(content: Mapping[Any, Any], command: click.Command, path: Path) -> dict[str, Any]:
    """Match the keys of a configuration to the command's options.

    :param content: the configuration
    :param command: the command
    :param path: its file, to be named in an error
    :return: the values by the names of the options, without those that are null
    :raises ValueError: if there is no such option, or it is given twice
    """
    parameters = _parameters(command)
    matched: dict[str, Any] = {}
    seen = set()
    for key, value in content.items():
        option = str(key).replace("-", "_")
        if option not in parameters:
            names = sorted(name for name in parameters if len(name) > 1)
            check_known("key", [key], names, f"{path}, for negater {command.name}")
        if parameters[option] in seen:
            raise ValueError(f"{path}: found {str(key)!r} after another key of the same meaning, expected one of them.")
        seen.add(parameters[option])
        if value is not None:
            matched[option] = value
    return matched


def _beside(value: str, folder: Path) -> str:
    return str(folder / Path(value).expanduser())


def _locate_in_kwargs(name: str, value: Any, folder: Path) -> Any:
    """Find a file or folder that the parameters of e.g. an encoder name."""
    if isinstance(value, Mapping):
        return {key: _locate_in_kwargs(str(key), part, folder) for key, part in value.items()}
    if not isinstance(value, str):
        return value
    is_path = name in _PATHS or name.endswith("_file") or (name in _MODELS and folder.joinpath(value).is_dir())
    return _beside(value, folder) if is_path else value


def _scalar(value: Any) -> str:
    """Write a value as on the command line; numbers without a fraction become whole."""
    if isinstance(value, (list, dict, bool)):
        raise click.BadParameter(f"found {value!r}, expected a text or a number. A text may need quotes.")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _to_argument(value: Any, parameter: click.Parameter, folder: Path) -> Any:
    """Convert a value to the form that the command line takes.

    :param value: the value, not None
    :param parameter: the parameter that it belongs to
    :param folder: the folder that paths are relative to
    :return: a text, a truth value for a flag, or a list for an option that may be repeated
    :raises click.BadParameter: if the value does not suit the parameter
    """
    name, kind = parameter.name or "", parameter.type
    if isinstance(kind, BoolParamType):
        if not isinstance(value, bool):
            raise click.BadParameter(f"found {value!r}, expected true or false.")
        return value
    if parameter.multiple or parameter.nargs != 1:
        parts = [_scalar(part) for part in (value if isinstance(value, list) else [value])]
        return [_beside(part, folder) for part in parts] if isinstance(kind, click.Path) else parts
    if isinstance(value, (list, dict)) and not isinstance(
        kind, (IntParamType, FloatParamType, click.Choice, click.Path)
    ):
        if isinstance(value, list):
            return ",".join(map(_scalar, value))
        if name.endswith("_kwargs"):
            return json.dumps(_locate_in_kwargs(name, value, folder), default=str)
        return ",".join(f"{key}={_scalar(part)}" for key, part in value.items())
    text = _scalar(value)
    is_path = folder.joinpath(text).is_dir() if name in _MODELS else isinstance(kind, click.Path) and text != WIKIDATA
    return _beside(text, folder) if is_path else text


def _given(context: click.Context) -> dict[str, Any]:
    """Find the options given on the command line, of those processed so far, by name."""
    sources = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
    return {
        option: context.params[parameter.name]
        for option, parameter in _parameters(context.command).items()
        if parameter.name in context.params and context.get_parameter_source(parameter.name) in sources
    }


def _defer(
    context: click.Context, option: str, path: Path, configure: Callable[[], Mapping[str, Any]]
) -> Callable[[], Any]:
    """Defer checking a value until it is needed, since a value that the command line overrides may be wrong."""
    parameter = _parameters(context.command)[option]

    def take() -> Any:
        """Get the value, and check it."""
        value = None if _ALTERNATIVES.get(option) in _given(context) else configure().get(option)
        if value is None:
            return None
        if isinstance(value, Exception):
            raise value
        try:
            argument = _to_argument(value, parameter, path.resolve().parent)
            parameter.type_cast_value(context, argument)
        except click.BadParameter as error:
            raise ValueError(f"{path}, {option}: {error.message}") from error
        return argument

    return take


def _fill_default_map(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Take the options of a command from a file if the command line does not give them."""
    if path is None:
        return
    content = read_configuration(path)
    command = context.command.name or ""
    if is_negater_configuration(content):

        def configure() -> Mapping[str, Any]:
            """Translate the configuration, given the options on the command line."""
            return translate(content, command, path, _given(context))

        for line in describe_deviations(content, command, path):
            logger.warning("%s: %s", path, line)
    else:
        matched = _match(content, context.command, path)

        def configure() -> Mapping[str, Any]:
            """Take the configuration as it is."""
            return matched

    parameters = _parameters(context.command)
    context.default_map = {
        **(context.default_map or {}),
        **{parameters[option].name or option: _defer(context, option, path, configure) for option in configure()},
    }


def _config_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_fill_default_map,
        help=f"A YAML or JSON file of options, which the command line overrides.{text}",
    )


#: Adds ``--config`` to a command
config_option = _config_option("")

#: Adds ``--config`` to a command that also takes configurations of NegatER
config_option_with_negater = _config_option(" NegatER's files work as well.")
