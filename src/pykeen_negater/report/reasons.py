"""Why candidates are no negatives, and what to do where too few are left."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..outcomes import OUTCOMES
from .coverage import Coverage

__all__ = [
    "Reason",
    "advise",
    "explain_outcomes",
    "read_outcomes",
]


@dataclass(frozen=True)
class Reason:
    """What became of some candidates."""

    #: One of :data:`~pykeen_negater.outcomes.OUTCOMES`
    outcome: str

    #: What that is called
    name: str

    #: How many candidates there are of it
    count: int

    #: Their share among all candidates, in [0, 1]
    share: float

    #: Why they are no negatives; empty for those that are
    because: str


_NAMES = {
    "kept": "kept",
    "crowded_out": "pool was full",
    "too_risky": "too risky",
    "taken_for_true": "taken for true",
    "beyond_budget": "beyond the budget",
    "reads_alike": "reads the same",
}


def read_outcomes(statistics: Mapping[str, Any], num_relations: int) -> np.ndarray | None:
    """Read what mining has counted.

    :param statistics: those of the pools
    :param num_relations: the number of relations
    :return: shape: (num_relations, len(OUTCOMES)), see :func:`pykeen_negater.outcomes.count_outcomes`; None for pools
        that were made without counting
    """
    found = statistics.get("outcomes", {})
    # which older pools did not look for
    found = {"reads_alike": [0] * num_relations, **found}
    columns = [found.get(name, []) for name in OUTCOMES]
    return np.array(columns).T if all(len(column) == num_relations for column in columns) else None


def explain_outcomes(
    outcomes: np.ndarray, settings: Mapping[str, Any], max_mined_risk: float | None
) -> tuple[Reason, ...]:
    """Say what became of candidates and why.

    :param outcomes: shape: (num_relations, len(OUTCOMES))
    :param settings: those of mining
    :param max_mined_risk: the risk from which on the guard lets no candidate pass; None without a guard
    :return: what was kept, then the reasons that occur, the most frequent first
    """
    limit = "allowed" if max_mined_risk is None else f"{max_mined_risk:.2f} times that of a random corruption"
    budget, size = settings.get("max_candidates"), settings.get("pool_size")
    because = {
        "kept": "",
        "crowded_out": f"harder ones filled their pool (pool_size={size})",
        "too_risky": f"the guard holds their risk of being true for more than {limit}",
        "taken_for_true": "their score reaches the relation's threshold θ_r, from which on the ranker takes them for "
        "true",
        "beyond_budget": f"the ranker is slow and its budget went to others (max_candidates={budget})",
        "reads_alike": "they read like a training triple, since some entities or relations have the same name but for "
        "case, white space and the form of their letters",
    }
    total = max(1, int(outcomes.sum()))
    reasons = [
        Reason(name, _NAMES[name], count, count / total, because[name])
        for name, count in zip(OUTCOMES, outcomes.sum(axis=0).tolist(), strict=True)
        if count or name == "kept"
    ]
    return tuple(sorted(reasons, key=lambda reason: (reason.outcome != "kept", -reason.count)))


def advise(coverage: Coverage, reasons: tuple[Reason, ...], settings: Mapping[str, Any]) -> str | None:
    """Say what would help where triples have few negatives.

    :param coverage: how many negatives there are
    :param reasons: what became of candidates; empty where it is not known
    :param settings: those of mining; empty for pools that were not mined
    :return: a sentence or two; None if nearly no triple lacks negatives, or the pools were not mined
    """
    if not coverage.num_short or not settings:
        return None
    k, pool_size = settings.get("k") or 0, coverage.pool_size
    considered = {
        "too_risky": "candidates='random', which are safer than the nearest"
        if settings.get("candidates") not in (None, "random")
        else "a larger k. Where nearly all that fits a relation's slot is likely true, few negatives are as it should "
        "be, and random ones take their place",
        "taken_for_true": "a lower recall in ranker_kwargs, or guard='calibrated', which judges each candidate",
        "beyond_budget": "a larger max_candidates",
        "reads_alike": "an entity_text that tells entities of the same name apart",
        "crowded_out": "a larger pool_size",
        "kept": f"a larger k (it is {k}, for pools of up to {pool_size})"
        if settings.get("candidates") == "anywhere"
        else f"a larger k (it is {k}, for pools of up to {pool_size}) or candidates='anywhere': a slot that few "
        "entities fill has few to offer",
    }
    skipped = [reason for reason in reasons if reason.outcome not in ("kept", "crowded_out")]
    # what is left out for one reason or another matters only if it is more than a little
    main = skipped[0].outcome if skipped and skipped[0].share > 0.1 else "kept"
    return (
        f"Not enough negatives for {coverage.num_short:,} triples: they have fewer than {coverage.few}, and "
        f"{coverage.num_empty:,} of them none. Consider {considered[main]}."
    )
