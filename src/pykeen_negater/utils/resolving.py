"""Looks up classes by name and checks their parameters, with one clear error if either is unknown."""

import functools
import inspect
import reprlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ParamSpec

from class_resolver import ClassResolver, HintOrType

from .spelling import did_you_mean, expected_names

__all__ = [
    "check_parameters",
    "find_class",
    "make",
    "names_unknown_parameters",
]

P = ParamSpec("P")


def find_class(kind: str, resolver: ClassResolver[Any], hint: HintOrType[Any], names: Iterable[str] = ()) -> type[Any]:
    """Look up a class.

    :param kind: the name of the setting, for errors
    :param resolver: the resolver that knows the classes
    :param hint: a name, a class, or None for the default
    :param names: the names as they are documented, with hyphens; the resolver knows them without
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
    """Make an object, and check its parameters first.

    :param kind: the name of the setting, for errors
    :param cls: its class
    :param kwargs: the parameters
    :return: the object
    :raises ValueError: if there is no such parameter, or one that is needed is missing
    """
    check_parameters(kind, cls, kwargs)
    return cls(**kwargs)


def check_parameters(kind: str, cls: type[Any], kwargs: Mapping[str, Any], given: Collection[str] = ()) -> None:
    """Check that these are the parameters of a class.

    :param kind: the name of the setting, for errors
    :param cls: the class
    :param kwargs: the parameters
    :param given: the names of those that it gets anyway
    :raises ValueError: if there is no such parameter, or one that is needed is missing
    """
    parameters = {name: x for name, x in _parameters(cls).items() if name not in given}
    unknown = sorted(set(kwargs) - set(parameters))
    missing = [name for name, x in parameters.items() if x.default is x.empty and name not in kwargs]
    if unknown or missing:
        needed = f"; {', '.join(missing)} cannot be left out" if missing else ""
        raise ValueError(
            f"found {kind}_kwargs with {', '.join(sorted(kwargs)) or 'nothing'} for {cls.__name__}, expected "
            f"{', '.join(parameters) or 'nothing'}{needed}.{did_you_mean(unknown, parameters)}"
        )


def names_unknown_parameters(init: Callable[P, None]) -> Callable[P, None]:
    """Make the ``__init__`` of a class suggest the parameter that was meant by one that does not exist.

    The signature stays what it is: PyKEEN looks there for the parameters of a sampler.

    :param init: the ``__init__``, which takes no further keywords
    :return: the same, but for the message of a TypeError
    :raises TypeError: when it is called with a parameter that there is not
    """
    signature = inspect.signature(init)

    @functools.wraps(init)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        """Check the names, then do the same."""
        for name, value in kwargs.items():
            if name not in signature.parameters:
                names = [known for known in signature.parameters if known != "self"]
                raise TypeError(
                    f"found {name}={reprlib.repr(value)} for {type(args[0]).__name__}, {expected_names(name, names)}"
                )
        init(*args, **kwargs)

    return checked


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
