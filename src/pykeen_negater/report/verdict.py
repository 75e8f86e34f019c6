"""The verdict: whether negatives will help on a graph, and what to change, based on measurements alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..evaluation.samplers import PartReport
from ..pools.card import why_none_are_drawn
from ..pools.negative_pools import NegativePools
from ..sampling.hard_fraction import MANY_NEGATIVES
from ..utils.counting import counted
from .comparison import FILTERED, Comparison
from .numbers import fraction, percent

__all__ = [
    "Verdict",
    "reach_verdict",
]

#: The number of hidden triples from which on the guard's figures are more than rough
ENOUGH_TESTED = 100

#: The share of triples with negatives below which there are few
LOW_COVERAGE = 0.5

#: Two shares count as equal if they differ by less than this part of the larger one, or by fewer standard errors
LEAST_DIFFERENCE, STANDARD_ERRORS = 0.05, 2.0

#: The caveat of every verdict
CAVEAT = "Whether a model gets better is for a training to tell: compare with basic on validation triples."


@dataclass(frozen=True)
class Verdict:
    """A verdict on pools."""

    #: The first sentence
    headline: str

    #: The reasons for it, a sentence each
    evidence: tuple[str, ...]

    #: What to change, a sentence each
    changes: tuple[str, ...]


def reach_verdict(pools: NegativePools, comparison: Comparison | None, coverage: float, advice: str | None) -> Verdict:
    """Judge whether the negatives are likely to help, and what to change.

    :param pools: the pools
    :param comparison: the measurements of samplers, if there are any
    :param coverage: in [0, 1], the share of the training triples with a negative
    :param advice: advice if triples have few negatives
    :return: the verdict
    """
    judged = pools.max_risk is not None
    mined = None if comparison is None else comparison.parts.get("mined")
    none_drawn = why_none_are_drawn(pools.metadata, len(pools))
    evidence, changes, is_worth_it = [], [], True
    if none_drawn is not None:
        headline = f"No mined negatives are drawn from these pools by default: {none_drawn.because}."
        changes.append(none_drawn.remedy)
    elif comparison is None or mined is None or mined.hardness is None:
        headline = "Whether these negatives help has not been measured."
        changes.append(
            "Pass --evaluate DATASET to measure how hard and how often true they are, beside those of other samplers."
        )
    else:
        headline, changes, is_worth_it = _weigh(mined, mined.hardness, comparison, pools.max_mined_risk)
    if comparison is not None:
        evidence += _measured(comparison, judged)
    evidence += _known(pools, coverage, judged)
    is_dull = pools.max_mined_risk is not None and pools.max_mined_risk < 1
    if is_dull and is_worth_it and none_drawn is None:
        changes.append(
            f"Use {MANY_NEGATIVES} or more negatives per positive (num_negs_per_pos): with fewer, none of these are "
            "drawn by default, since only those are safe here that are less likely true than a random corruption."
        )
    if coverage < LOW_COVERAGE and advice is not None:
        changes.append(advice)
    return Verdict(headline, (*evidence, CAVEAT), tuple(changes))


def _weigh(
    mined: PartReport, hardness: float, comparison: Comparison, max_mined_risk: float | None
) -> tuple[str, list[str], bool]:
    """Weigh the hardness of mined negatives against their share of true ones.

    :return: a tuple (a sentence, what to change, whether to draw mined negatives at all)
    """
    baseline = comparison.find(FILTERED)
    harder = _differ(hardness, comparison.random_hardness, mined.num_distinct)
    truer = 0 if baseline is None else _differ(mined.false_negatives, baseline.false_negatives, mined.num_distinct)
    often = {-1: "less often true", 0: "about as often true", 1: "more often true"}[truer]
    hard = {-1: "easier than", 0: "about as hard as", 1: "harder than"}[harder]
    found = f"they are {hard} random ones and {often}"
    less = "Pass hard_fraction=0 to the sampler to draw guarded random negatives instead."
    if max_mined_risk is None:
        less = "Pass hard_fraction=0 to the sampler to draw random negatives instead."
    if truer > 0:
        if harder > 0:
            safer = (
                "Mine with a guard (--guard calibrated), or pass a smaller hard_fraction to the sampler."
                if max_mined_risk is None
                else f"Pass a max_risk below {max_mined_risk:.2g}, or a smaller hard_fraction, to the sampler."
            )
            return f"The mined negatives may help or harm: {found}.", [safer], True
        return f"The mined negatives are more likely to harm than to help: {found}.", [less], False
    if harder > 0:
        return f"The mined negatives are worth a try: {found}.", [], True
    return f"Little is to be expected of the mined negatives: {found}.", [less], False


def _differ(value: float, other: float, count: int) -> int:
    """Compare two shares: −1 if the first is lower, 1 if it is higher, 0 if the difference may be due to chance."""
    error = math.sqrt(max(other * (1 - other), value * (1 - value)) / max(1, count))
    least = max(STANDARD_ERRORS * error, LEAST_DIFFERENCE * max(value, other))
    return 0 if abs(value - other) < least else 1 if value > other else -1


def _measured(comparison: Comparison, judged: bool) -> list[str]:
    sentences = []
    mined, random = comparison.parts.get("mined"), comparison.parts.get("random")
    baseline = comparison.find(FILTERED)
    if mined is not None and mined.hardness is not None:
        sentences.append(
            f"{comparison.reference} scores {percent(mined.hardness)} of the mined negatives above a uniform "
            f"corruption of the same triple, and {percent(comparison.random_hardness)} of random ones that are not "
            "training triples."
        )
    shares = [
        f"{percent(part.false_negatives)} of the {name}"
        for name, part in (("mined", mined), ("guarded random" if judged else "random", random))
        if part is not None
    ]
    if shares and baseline is not None:
        sentences.append(
            f"{' and '.join(shares)} negatives are validation or test triples, beside "
            f"{percent(baseline.false_negatives)} of random corruptions that are not training triples."
        )
    if mined is not None:
        sentences.append(f"Of what the sampler draws, {_made_up(comparison, judged)}.")
    return sentences


def _made_up(comparison: Comparison, judged: bool) -> str:
    names = {"mined": "mined", "random": "guarded random" if judged else "random", "loops": "loops"}
    parts = [f"{percent(report.share)} is {names[part]}" for part, report in comparison.parts.items()]
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]


def _known(pools: NegativePools, coverage: float, judged: bool) -> list[str]:
    sentences = []
    if 0 < coverage < 1:
        sentences.append(
            f"{percent(coverage)} of the training triples have mined negatives; the others get random ones."
        )
    if not judged:
        sentences.append("No guard has judged how many of them are true.")
        return sentences
    report: Mapping[str, Any] = pools.metadata.get("statistics", {}).get("guard") or {}
    proposed = report.get("proposed", {})
    if "hidden_triples" in report and "hidden" in proposed:
        tested = (
            f"The guard was tested with {counted(report['hidden_triples'], 'hidden triple')}, which "
            f"{counted(proposed['hidden'], 'candidate')} of {proposed['answers']:,} turned out to be"
        )
        if "auc" in proposed:
            tested += f": AUC {fraction(proposed['auc'])}, skill {fraction(pools.guard_skill)}"
        few = report["hidden_triples"] < ENOUGH_TESTED
        sentences.append(tested + ("; so few that its figures are rough." if few else "."))
    return sentences
