"""Parts by name: one clear error if there is no such part, or it takes no such parameters."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from class_resolver import ClassResolver, HintOrType

from .spelling import expected_names

__all__ = [
    "find_class",
    "make",
]


def find_class(kind: str, resolver: ClassResolver[Any], hint: HintOrType[Any], names: Iterable[str] = ()) -> type[Any]:
    """Look up a class.

    :param kind: what it is for, to be named in an error
    :param resolver: knows the classes
    :param hint: a name, a class, or None for the default
    :param names: the names as people write them, which the resolver knows without hyphens
    :return: the class
    :raises ValueError: if there is none of this name
    """
    try:
        return resolver.lookup(hint)
    except KeyError as error:
        written = {resolver.normalize(name): name for name in names}
        known = [written.get(name, name) for name in resolver.options]
        raise ValueError(f"found {kind}={hint!r}, {expected_names(str(hint), known)}") from error


def make(kind: str, cls: type[Any], kwargs: Mapping[str, Any]) -> Any:
    """Make an object, if these are its parameters.

    :param kind: what it is for, to be named in an error
    :param cls: its class
    :param kwargs: the parameters
    :return: the object
    :raises ValueError: if there is no such parameter, or one that is needed is missing
    """
    parameters = _parameters(cls)
    unknown = sorted(set(kwargs) - set(parameters))
    missing = [name for name, x in parameters.items() if x.default is x.empty and name not in kwargs]
    if unknown or missing:
        needed = f"; {', '.join(missing)} cannot be left out" if missing else ""
        raise ValueError(
            f"found {kind}_kwargs with {', '.join(sorted(kwargs)) or 'nothing'} for {cls.__name__}, expected "
            f"{', '.join(parameters) or 'nothing'}{needed}."
        )
    return cls(**kwargs)


def _parameters(cls: type[Any]) -> dict[str, inspect.Parameter]:
    """List the parameters of a class, those included that it passes on to the class above it."""
    parameters: dict[str, inspect.Parameter] = {}
    for ancestor in cls.__mro__[:-1]:  # without object
        if "__init__" in vars(ancestor):
            own = inspect.signature(ancestor.__init__).parameters.values()  # type: ignore[misc]
            parameters |= {x.name: x for x in own if x.name != "self" and x.kind is not x.VAR_KEYWORD}
            if all(x.kind is not x.VAR_KEYWORD for x in own):
                break
    return parameters
