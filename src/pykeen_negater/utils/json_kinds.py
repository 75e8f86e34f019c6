"""Kinds of JSON values, to check the contents of a file and name the first value that is wrong."""

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = [
    "Fault",
    "Kind",
    "leaf",
    "list_of",
    "mapping_of",
    "number",
    "optional",
    "record",
    "whole",
]


@dataclass(frozen=True)
class Fault:
    """A value that is not of the expected kind."""

    #: Its place in the file, such as ``.statistics.outcomes[0]``; empty for the file's whole value
    place: str

    #: The value; None if it is missing
    found: Any

    #: What should be there
    expected: str

    def __str__(self) -> str:
        found = reprlib.repr(self.found)
        place = self.place.lstrip(".")
        return f"found {f'{place}={found}' if place else found}, expected {self.expected}"


@dataclass(frozen=True)
class Kind:
    """A kind of JSON value."""

    #: The name of such a value, with its article
    name: str

    #: Finds the first wrong value in a value that should be of this kind; returns None if all is right
    find_fault: Callable[[Any], Fault | None]


def leaf(name: str, fits: Callable[[Any], bool]) -> Kind:
    """Make a kind of values that pass a test.

    :param name: what such a value is called
    :param fits: the test
    :return: the kind

    >>> leaf("a text", lambda value: isinstance(value, str)).find_fault(5)
    Fault(place='', found=5, expected='a text')
    """
    return Kind(name, lambda value: None if fits(value) else Fault("", value, name))


def number(low: float = -math.inf, high: float = math.inf) -> Kind:
    """Make a kind of finite numbers.

    :param low: the least one
    :param high: the greatest one
    :return: the kind

    >>> number(0, 1).find_fault(float("nan"))
    Fault(place='', found=nan, expected='a number from 0 to 1')
    """

    def fits(value: Any) -> bool:
        """Tell whether a value is one of these numbers."""
        # whole numbers in JSON may be too large for any other type
        is_number = type(value) is float or (type(value) is int and abs(value) < 2**63)
        return is_number and math.isfinite(value) and low <= value <= high

    return leaf(_in_range("a number" if max(abs(low), abs(high)) < math.inf else "a finite number", low, high), fits)


def whole(low: int = 0, high: float = 2**63 - 1) -> Kind:
    """Make a kind of whole numbers.

    :param low: the least one
    :param high: the greatest one
    :return: the kind
    """
    return leaf(
        _in_range("a whole number", low, math.inf if high == 2**63 - 1 else high),
        lambda value: type(value) is int and low <= value <= high,
    )


def _in_range(name: str, low: float, high: float) -> str:
    if low == -math.inf:
        return name if high == math.inf else f"{name} up to {high}"
    return f"{name} from {low} on" if high == math.inf else f"{name} from {low} to {high}"


def optional(kind: Kind) -> Kind:
    """Make a kind of values that may be null.

    :param kind: the kind of those that are not null
    :return: the kind
    """
    name = f"{kind.name} or null"

    def find_fault(value: Any) -> Fault | None:
        """Check a value that is not null."""
        fault = None if value is None else kind.find_fault(value)
        return fault if fault is None or fault.place else replace(fault, expected=name)

    return Kind(name, find_fault)


def list_of(kind: Kind, length: int | None = None, at_least: int = 0) -> Kind:
    """Make a kind of lists.

    :param kind: that of their items
    :param length: their length; any if None
    :param at_least: their least length
    :return: the kind

    >>> list_of(whole(), length=2).find_fault([0, -1])
    Fault(place='[1]', found=-1, expected='a whole number from 0 on')
    """
    size = f" of {length}" if length is not None else " that is not empty" if at_least else ""
    name = f"a list{size}"

    def find_fault(value: Any) -> Fault | None:
        """Check the list, then its items."""
        if not isinstance(value, list) or len(value) < at_least or length not in (None, len(value)):
            return Fault("", value, name)
        return next(
            (_inside(f"[{i}]", fault) for i, item in enumerate(value) if (fault := kind.find_fault(item))), None
        )

    return Kind(name, find_fault)


def mapping_of(kind: Kind) -> Kind:
    """Make a kind of objects with any field names.

    :param kind: that of their values
    :return: the kind
    """

    def find_fault(value: Any) -> Fault | None:
        """Check the object, then its values."""
        if not isinstance(value, dict):
            return Fault("", value, "an object")
        return next(
            (_inside(f".{name}", fault) for name, item in value.items() if (fault := kind.find_fault(item))), None
        )

    return Kind("an object", find_fault)


def record(fields: Mapping[str, Kind], required: tuple[str, ...] = ()) -> Kind:
    """Make a kind of objects with given fields; other fields are allowed, with any value.

    :param fields: the kinds of fields by name
    :param required: the names of those that must be there
    :return: the kind

    >>> record({"side": whole(0, 2)}, required=("side",)).find_fault({})
    Fault(place='.side', found=None, expected='a whole number from 0 to 2')
    """

    def find_fault(value: Any) -> Fault | None:
        """Check the object, then its fields."""
        if not isinstance(value, dict):
            return Fault("", value, "an object")
        for name, kind in fields.items():
            if name in value or name in required:
                fault = kind.find_fault(value[name]) if name in value else Fault("", None, kind.name)
                if fault is not None:
                    return _inside(f".{name}", fault)
        return None

    return Kind("an object", find_fault)


def _inside(place: str, fault: Fault) -> Fault:
    return Fault(place + fault.place, fault.found, fault.expected)
