"""The reasons why candidates were not kept, and advice if too few are left."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..pools.outcomes import OUTCOMES
from ..utils.counting import counted
from .coverage import Coverage
from .numbers import number, percent

__all__ = [
    "Reason",
    "advise",
    "explain_outcomes",
    "read_outcomes",
]


#: The share of the candidates lost for a reason up to which no advice is given
A_LITTLE = 0.1


@dataclass(frozen=True)
class Reason:
    """An outcome of candidates, and the reason for it."""

    #: One of :data:`~pykeen_negater.pools.outcomes.OUTCOMES`
    outcome: str

    #: Its displayed name
    name: str

    #: The number of candidates with this outcome
    count: int

    #: Their share among all candidates, in [0, 1]
    share: float

    #: Why they are not negatives; empty for those that are
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
    """Read the outcomes that mining has counted.

    :param statistics: those of the pools
    :param num_relations: the number of relations
    :return: shape: (num_relations, len(OUTCOMES)), see :func:`pykeen_negater.pools.outcomes.count_outcomes`; None for
        pools without counts
    """
    found = statistics.get("outcomes", {})
    # older pools lack this outcome
    found = {"reads_alike": [0] * num_relations, **found}
    columns = [found.get(name, []) for name in OUTCOMES]
    return np.array(columns).T if all(len(column) == num_relations for column in columns) else None


def explain_outcomes(
    outcomes: np.ndarray, settings: Mapping[str, Any], max_mined_risk: float | None
) -> tuple[Reason, ...]:
    """Describe the outcomes of candidates and their reasons.

    :param outcomes: shape: (num_relations, len(OUTCOMES))
    :param settings: those of mining
    :param max_mined_risk: the risk from which on the guard rejects candidates; None without a guard
    :return: what was kept, then the reasons that occur, the most frequent first
    """
    limit = "allowed" if max_mined_risk is None else f"{max_mined_risk:.2f} times that of a random corruption"
    budget, size = settings.get("max_candidates"), settings.get("pool_size")
    because = {
        "kept": "",
        "crowded_out": f"harder ones filled their pool (pool_size={size})",
        "too_risky": f"the guard estimates their risk of being true at more than {limit}",
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
    """Give advice if triples have few negatives.

    :param coverage: the numbers of negatives
    :param reasons: the outcomes of candidates; empty if they are not known
    :param settings: those of mining; empty for pools that were not mined
    :return: a few sentences; None if no triple lacks negatives, or the pools were not mined
    """
    if not coverage.num_short or not settings:
        return None
    few = f"{counted(coverage.num_short, 'triple')} {'has' if coverage.num_short == 1 else 'have'}"
    few += f" fewer than {counted(coverage.few, 'negative')}"
    if coverage.num_empty:
        few += f", {number(coverage.num_empty)} of them none"
    lost = [reason for reason in reasons if reason.outcome not in ("kept", "crowded_out")]
    # what is left out for one reason or another matters only if it is more than a little
    main = lost[0] if lost and lost[0].share > A_LITTLE else None
    return f"{few}. {_remedy(main, settings, coverage.pool_size)}"


def _remedy(main: Reason | None, settings: Mapping[str, Any], pool_size: int) -> str:
    """Give advice against the main reason why candidates were lost; if it is None, hardly any were."""
    if main is None:
        k, candidates = settings.get("k") or 0, settings.get("candidates")
        elsewhere = " or candidates='anywhere': a slot that few entities fill has few to offer"
        return (
            f"Hardly any candidate was lost, so that too few were proposed. Consider a larger k (it is {k}, for pools "
            f"of up to {pool_size}){'' if candidates == 'anywhere' else elsewhere}."
        )
    lost = f"{percent(main.share)} of the candidates"
    match main.outcome:
        case "beyond_budget":
            return f"The budget did not reach {lost}. Consider a larger max_candidates."
        case "taken_for_true":
            return (
                f"The ranker took {lost} for true. Consider guard='calibrated', which judges each candidate, or a "
                "lower recall in ranker_kwargs."
            )
        case "reads_alike":
            return (
                f"Of the candidates, {percent(main.share)} read like a known triple. Pass an entity_text that tells "
                "entities of the same name apart."
            )
        case _:
            safer = (
                ""
                if settings.get("candidates") in (None, "random")
                else " Consider candidates='random', which are safer than the nearest."
            )
            return (
                f"The guard found {lost} too risky. Where nearly all that fits a relation's slot is likely true, "
                f"few negatives are to be expected, and guarded random ones take their place.{safer}"
            )
