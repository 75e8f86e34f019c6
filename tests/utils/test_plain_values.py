"""Values that people pass become plain strings, or are refused."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pykeen_negater.utils.plain_values import brief, check_parameters, is_missing, plain_items, plain_text


@pytest.mark.parametrize("value", [None, float("nan"), np.nan, pd.NA, pd.NaT, np.datetime64("NaT")])
def test_what_stands_for_none(value: Any):
    assert is_missing(value)
    assert plain_text(value) is None


@pytest.mark.parametrize("value", ["", "nan", "None", 0, False, [], [None], {}, np.zeros(0), np.array([np.nan])])
def test_what_stands_for_itself(value: Any):
    assert not is_missing(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("dog", "dog"),
        (5, "5"),
        (np.int64(5), "5"),
        (5.0, "5"),
        (np.float32(1.5), "1.5"),
        (-0.25, "-0.25"),
        (1e20, "100000000000000000000"),
        (Decimal("2.50"), "2.50"),
        (Decimal("3.0"), "3"),
        (np.str_("dog"), "dog"),
        (True, None),
        (b"dog", None),
        (["dog"], None),
    ],
)
def test_strings_and_numbers(value: Any, text: str | None):
    assert plain_text(value) == text


def test_a_value_for_a_sentence_is_short_and_on_one_line():
    assert brief("a\nb") == "'a\\nb'"
    assert len(brief({str(i): "x" * 1_000 for i in range(1_000)})) < 300
    assert "\n" not in brief(np.zeros((5, 5)))


@pytest.mark.parametrize("source", [None, {}, {"a": 1}])
def test_parameters_by_name(source: Any):
    check_parameters("encoder_kwargs", source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([1], r"found encoder_kwargs=\[1\], expected a mapping of parameters to their values\."),
        ("dim=3", "found encoder_kwargs='dim=3', expected a mapping"),
        (0, "found encoder_kwargs=0, expected a mapping"),
        ({"a": 1, 5: 2}, "found the key 5 in encoder_kwargs, expected names of parameters"),
    ],
)
def test_other_parameters_are_refused(source: Any, message: str):
    with pytest.raises(ValueError, match=message):
        check_parameters("encoder_kwargs", source)


def test_items_of_mappings_and_series():
    expected = [("dog", "a"), ("5", None)]
    assert list(plain_items("texts", {"dog": "a", None: "b", 5: None})) == expected
    # pandas writes whole numbers beside a missing one with decimals
    series = pd.Series(["a", "b", None], index=["dog", np.nan, 5.0], dtype=object)
    assert list(plain_items("texts", series)) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["dog"], r"found texts=\['dog'\], expected a mapping"),
        ({("a", "b"): "c"}, r"found the key \('a', 'b'\) in texts, expected labels"),
        ({True: "c"}, "found the key True in texts, expected labels"),
    ],
)
def test_other_sources_are_refused(source: Any, message: str):
    with pytest.raises(ValueError, match=message):
        list(plain_items("texts", source))
