"""Checks arguments, and turns values from pandas and JSON into plain strings."""

import reprlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "brief",
    "check_parameters",
    "is_missing",
    "mapping_or_path",
    "plain_items",
    "plain_text",
]


def brief(value: Any) -> str:
    """Write a value in short, for an error message.

    :param value: anything
    :return: its representation, shortened, in one line

    >>> brief(list(range(100)))
    '[0, 1, 2, 3, 4, 5, ...]'
    """
    return " ".join(reprlib.repr(value).split())


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for a missing one.

    :param value: anything
    :return: whether it is None, NaN, ``pandas.NA`` or the like

    >>> is_missing(float("nan")), is_missing(pd.NA), is_missing(""), is_missing([None])
    (True, True, False, False)
    """
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def plain_text(value: Any) -> str | None:
    """Write a string or a number as a string.

    :param value: anything
    :return: the string; whole numbers are written without decimals, which pandas adds to a column with missing values.
        None for anything else, such as a missing value.

    >>> plain_text("dog"), plain_text(1999.0), plain_text(1.5), plain_text(["dog"])
    ('dog', '1999', '1.5', None)
    """
    if isinstance(value, bool) or is_missing(value):
        return None
    if isinstance(value, str | Integral):
        return str(value)
    if isinstance(value, float | np.floating | Decimal):
        return f"{value:.0f}" if value % 1 == 0 else str(value)
    return None


def check_parameters(name: str, source: Any) -> None:
    """Check that parameters were passed as a mapping of names to values.

    :param name: the argument that they were passed as, for errors
    :param source: a mapping of names to values, or None for none
    :raises ValueError: if it is something else
    """
    if source is not None and not isinstance(source, Mapping):
        raise ValueError(f"found {name}={brief(source)}, expected a mapping of parameters to their values.")
    wrong = next((key for key in source or () if not isinstance(key, str)), None)
    if wrong is not None:
        raise ValueError(f"found the key {brief(wrong)} in {name}, expected names of parameters.")


def mapping_or_path(name: str, source: Any, expected: str) -> Mapping[Any, Any] | pd.Series | str | None:
    """Check a source of values by label: a mapping, or a file.

    :param name: the parameter that it was passed as, for errors
    :param source: a mapping, a series of pandas, or a path
    :param expected: what it should be, for errors
    :return: the mapping or series, or the path as a string; None if there is no source
    :raises ValueError: if it is something else

    >>> mapping_or_path("entity_text", 1, "a mapping, or a path")
    Traceback (most recent call last):
    ValueError: found entity_text=1, expected a mapping, or a path.
    """
    if isinstance(source, str | Path) and source != "":
        return str(source)
    if source is None or isinstance(source, Mapping | pd.Series):
        return source
    raise ValueError(f"found {name}={brief(source)}, expected {expected}.")


def plain_items(name: str, source: Any) -> Iterator[tuple[str, Any]]:
    """Go through the items of a mapping.

    :param name: what it is called, for errors
    :param source: a mapping, or a series of pandas
    :yields: pairs (key, value); items whose key is missing are left out
    :raises ValueError: if it is something else, or a key is neither a string nor a number
    """
    if not isinstance(source, Mapping | pd.Series):
        raise ValueError(f"found {name}={brief(source)}, expected a mapping.")
    for key, value in source.items():
        label = plain_text(key)
        if label is not None:
            yield label, value
        elif not is_missing(key):
            raise ValueError(f"found the key {brief(key)} in {name}, expected labels.")
