"""Kinds of JSON values: what is wrong is found, and where."""

import math
from typing import Any

import pytest

from pykeen_negater.utils.json_kinds import (
    Fault,
    Kind,
    leaf,
    list_of,
    mapping_of,
    number,
    optional,
    record,
    whole,
)

TEXT = leaf("a text", lambda value: isinstance(value, str))


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "name"),
    [
        (TEXT, ["", "a"], [None, 5, ["a"]], "a text"),
        (number(), [0, -1.5, 2**62], [math.nan, math.inf, "1", True, None, 2**63], "a finite number"),
        (number(0), [0, 1e300], [-1e-9, math.inf], "a finite number from 0 on"),
        (number(high=1), [1, -1e300], [1.01], "a finite number up to 1"),
        (number(0, 1), [0, 0.5, 1], [-0.1, 1.1, math.nan], "a number from 0 to 1"),
        (whole(), [0, 2**63 - 1], [-1, 1.0, True, 2**63, "0"], "a whole number from 0 on"),
        (whole(1, 3), [1, 3], [0, 4, 2.0], "a whole number from 1 to 3"),
        (optional(TEXT), [None, "a"], [5], "a text or null"),
        (list_of(whole()), [[], [0, 1]], [None, (0,), "01", {}], "a list"),
        (list_of(whole(), length=2), [[0, 1]], [[], [0], [0, 1, 2]], "a list of 2"),
        (list_of(whole(), at_least=1), [[0]], [[]], "a list that is not empty"),
        (mapping_of(whole()), [{}, {"a": 0}], [None, [], "a"], "an object"),
        (record({}), [{}, {"anything": 5}], [None, []], "an object"),
    ],
)
def test_what_is_of_a_kind(kind: Kind, right: list[Any], wrong: list[Any], name: str):
    assert kind.name == name or kind.name == name.split(" of ")[0] or name.startswith(kind.name)
    for value in right:
        assert kind.find_fault(value) is None
    for value in wrong:
        fault = kind.find_fault(value)
        assert fault is not None
        assert fault.place == ""
        assert fault.found is value
        assert fault.expected == name


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        (list_of(whole()), [0, 1, -2, -3], Fault("[2]", -2, "a whole number from 0 on")),
        (mapping_of(TEXT), {"a": "b", "c": 5}, Fault(".c", 5, "a text")),
        (record({"a": TEXT}), {"a": 5}, Fault(".a", 5, "a text")),
        (record({"a": TEXT}, required=("a",)), {}, Fault(".a", None, "a text")),
        (optional(list_of(whole())), [None], Fault("[0]", None, "a whole number from 0 on")),
        (
            record({"a": list_of(mapping_of(number(0, 1)))}),
            {"a": [{}, {"b": 1, "c": 2}]},
            Fault(".a[1].c", 2, "a number from 0 to 1"),
        ),
    ],
)
def test_the_first_fault_is_named_with_its_place(kind: Kind, value: Any, fault: Fault):
    assert kind.find_fault(value) == fault


def test_what_is_not_required_may_be_missing_but_not_wrong():
    kind = record({"a": TEXT, "b": whole()}, required=("b",))
    assert kind.find_fault({"b": 1}) is None
    assert kind.find_fault({"b": 1, "c": None}) is None
    assert kind.find_fault({"a": None, "b": 1}) == Fault(".a", None, "a text")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault(".a[1].c", 2, "a text"), "found a[1].c=2, expected a text"),
        (Fault("", None, "an object"), "found None, expected an object"),
    ],
)
def test_a_fault_is_half_a_sentence(fault: Fault, text: str):
    assert str(fault) == text


def test_large_values_are_cut():
    assert len(str(Fault(".a", list(range(10_000)), "a text"))) < 100
