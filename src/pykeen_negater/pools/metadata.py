"""The schema of the pools' metadata: every field that a program reads, its type and its range.

Other fields may have any value.
"""

import math
from collections.abc import Mapping
from typing import Any

from ..triples.indexing import HEAD, RELATION, TAIL
from ..utils.json_kinds import Fault, Kind, leaf, list_of, mapping_of, number, optional, record, whole
from .outcomes import OUTCOMES

__all__ = [
    "DURATIONS",
    "REQUIRED",
    "check_metadata",
]

#: The required fields
REQUIRED = ("num_entities", "num_relations", "sides", "vocabulary")

#: The most levels of nested lists and objects
_LEVELS = 50

_text = leaf("a text", lambda value: isinstance(value, str))
_flag = leaf("true or false", lambda value: isinstance(value, bool))
_share = number(0, 1)
_risk = number(low=0)


def _are_sides(value: Any) -> bool:
    is_list = isinstance(value, list) and all(type(side) is int for side in value)
    return is_list and value != [] and value == sorted(set(value) & {HEAD, RELATION, TAIL})


def _is_range(value: Any) -> bool:
    is_pair = isinstance(value, list) and len(value) == 2 and not any(map(number().find_fault, value))
    return is_pair and value[0] <= value[1] and math.isfinite(value[1] - value[0])


def _is_curve(value: Any) -> bool:
    curve = list_of(_share, at_least=1)
    if record({"predicted": curve, "observed": curve}, required=("predicted", "observed")).find_fault(value):
        return False
    return len(value["predicted"]) == len(value["observed"]) and any(value["observed"])


#: The fields that the ranges of others depend on
_SIZES = record(
    {
        "num_entities": whole(1),
        "num_relations": whole(1),
        "sides": leaf("some of 0, 1 and 2, in order", _are_sides),
        "vocabulary": _text,
    },
    REQUIRED,
)

_named = leaf(
    "null, a text, or a list whose first item is a text",
    lambda value: value is None or isinstance(value[0] if isinstance(value, list) and value else value, str),
)

#: How pools were made
_SETTINGS = record(
    {
        "encoder": _named,
        "candidates": optional(_text),
        "corruption_scheme": list_of(_text),
        "k": optional(whole(1)),
        "ranker": _named,
        "guard": optional(_text),
        "pool_size": whole(1),
        "max_candidates": optional(whole()),
        "seed": optional(whole()),
        "keep_scores": _flag,
    }
)

#: The measurements on candidates of one kind
_MEASURES = record(
    {
        "answers": whole(),
        "hidden": whole(),
        "auc": _share,
        "auc_by_relation_and_side": optional(_share),
        "brier_skill": number(high=1),
        "reliability": leaf("equally many predicted and observed shares, of which one is above 0", _is_curve),
    }
)

#: The risk of what the guard accepted
_RISKS = record(
    {
        "answers": whole(),
        "hidden": whole(),
        "expected": number(low=0),
        "observed": number(low=0),
        "lowest": number(low=0),
    }
)

_GUARD = record(
    {
        "hidden_triples": whole(),
        "proposed": _MEASURES,
        "all": _MEASURES,
        "accepted": _RISKS,
        "auc_of_features": mapping_of(_share),
    },
    required=("hidden_triples", "proposed"),
)

#: The seconds of each step, which have a file of their own
DURATIONS = mapping_of(number(low=0))


def check_metadata(metadata: Mapping[str, Any]) -> Fault | None:
    """Check the metadata of pools.

    :param metadata: the metadata
    :return: the first field that is missing, of the wrong type or out of range; None if there is none
    """
    return _check_depth(metadata) or _SIZES.find_fault(metadata) or _schema(metadata).find_fault(metadata)


def _check_depth(metadata: Mapping[str, Any]) -> Fault | None:
    """Check the depth level by level, since recursion is limited itself."""
    values: list[Any] = [metadata]
    for _ in range(_LEVELS):
        values = [
            inner
            for value in values
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return Fault("metadata", "…", f"at most {_LEVELS} levels") if values else None


def _schema(metadata: Mapping[str, Any]) -> Kind:
    """Make the schema; the lengths of some fields depend on the number of relations."""
    by_relation = {"length": metadata["num_relations"]}
    statistics = metadata.get("statistics")
    edges = statistics.get("score_edges") if isinstance(statistics, dict) else None
    bins = len(edges) - 1 if isinstance(edges, list) and len(edges) > 1 else 0
    return record(
        {
            "labelled": _flag,
            "score_range": leaf("two finite numbers, the lower one first", _is_range),
            "max_risk": optional(_risk),
            "max_mined_risk": optional(_risk),
            "guard_skill": optional(number(high=1)),
            "accepted_risk": optional(number(low=0)),
            "fingerprint": _text,
            "graph": _text,
            "dataset": _text,
            "settings": _SETTINGS,
            "language_models": list_of(_text),
            "versions": mapping_of(_text),
            "statistics": record(
                {
                    "num_triples": whole(1),
                    "candidates": whole(),
                    "candidates_within_budget": whole(),
                    "negatives": whole(),
                    "coverage": _share,
                    "index_recall": _share,
                    "outcomes": record({name: list_of(whole(), **by_relation) for name in OUTCOMES}),
                    "rejected": _rejected(metadata),
                    "guard": optional(_GUARD),
                    "thresholds": list_of(optional(number()), **by_relation),
                    "score_edges": list_of(number(), at_least=2),
                    "score_counts": list_of(list_of(whole(), length=bins), **by_relation),
                },
                ("score_edges",) if isinstance(statistics, dict) and "score_counts" in statistics else (),
            ),
        }
    )


def _rejected(metadata: Mapping[str, Any]) -> Kind:
    """Make the schema of rejected candidates, see :data:`~pykeen_negater.pools.rejections.REJECTED`."""
    statistics = metadata.get("statistics")
    found = statistics.get("rejected") if isinstance(statistics, dict) else None
    size = len(found["positive"]) if isinstance(found, dict) and isinstance(found.get("positive"), list) else 0
    fields = {
        "positive": whole(0, _last_triple(statistics)),
        "side": leaf("one of the sides", lambda value: type(value) is int and value in metadata["sides"]),
        "replacement": whole(),
        "relation": whole(0, metadata["num_relations"] - 1),
        "outcome": whole(0, len(OUTCOMES) - 1),
        "score": number(),
        "risk": _risk,
    }
    columns = record(
        {name: list_of(kind, length=size) for name, kind in fields.items()}, tuple(fields) if found else ()
    )
    limits = {side: metadata["num_relations" if side == RELATION else "num_entities"] for side in metadata["sides"]}

    def find_fault(value: Any) -> Fault | None:
        """Check the columns, then the replacements, whose range depends on the side."""
        fault = columns.find_fault(value)
        if fault is not None or not value:
            return fault
        for i, (side, replacement) in enumerate(zip(value["side"], value["replacement"], strict=True)):
            if replacement >= limits[side]:
                return Fault(f".replacement[{i}]", replacement, f"a whole number from 0 to {limits[side] - 1}")
        return None

    return Kind(columns.name, find_fault)


def _last_triple(statistics: Any) -> int:
    """Find the position of the last training triple, if it is known."""
    count = statistics.get("num_triples") if isinstance(statistics, dict) else None
    return count - 1 if type(count) is int else 2**63 - 1
