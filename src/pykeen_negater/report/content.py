"""The content of a report, for pages and terminals alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..pools.card import NoneDrawn, public_spelling, training_snippet, why_none_are_drawn
from ..pools.negative_pools import NegativePools
from ..pools.outcomes import OUTCOMES
from ..utils.printable import printable
from .comparison import Comparison
from .coverage import Coverage
from .examples import Example, hardest_negatives, likeliest_suspected, negative_relations, riskiest_rejected
from .levels import Levels, median
from .phrases import Names, Phrase
from .reasons import Reason, advise, explain_outcomes, read_outcomes
from .search import SearchIndex
from .verdict import Verdict, reach_verdict

__all__ = [
    "RelationFigures",
    "ReportContent",
    "collect",
]

#: The most examples per relation, and in all
PER_RELATION, MOST_EXAMPLES = 3, 150


@dataclass(frozen=True)
class RelationFigures:
    """Figures about the mined negatives of a relation."""

    #: Its id
    id: int

    #: Its name
    phrase: Phrase

    #: The number of training triples
    num_triples: int

    #: The share of these that have a negative, in [0, 1]
    coverage: float

    #: The number of negatives
    num_negatives: int

    #: The number of corruptions that are likely true
    num_suspected: int

    #: The number of candidates by outcome; None if they were not counted
    outcomes: Mapping[str, int] | None

    #: The median score; None without negatives
    median_score: float | None

    #: The median risk; None without negatives or a guard
    median_risk: float | None

    #: θ_r, the score from which on the ranker takes a candidate for true; None if there is none
    threshold: float | None

    #: The number of candidates that were scored; None for rankers without thresholds
    num_scored: int | None


@dataclass(frozen=True, eq=False)
class ReportContent:
    """The content of a report."""

    #: The name of the pools
    title: str

    #: The verdict: whether they will help, and what to change
    verdict: Verdict

    #: An example program that trains with them, and the reason if it draws no mined negatives, else None
    snippet: str
    none_drawn: NoneDrawn | None

    num_triples: int
    num_entities: int
    num_relations: int
    num_negatives: int
    num_suspected: int

    #: Whether they were mined, rather than imported, in which case nothing is known about how they were made
    is_mined: bool

    #: The settings and package versions of mining, as pairs of name and value
    settings: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]

    #: The seconds of each step
    durations: Mapping[str, float]

    coverage: Coverage

    #: The outcomes of candidates; empty if they were not counted
    reasons: tuple[Reason, ...]

    #: Advice if triples have few negatives
    advice: str | None

    #: The distributions of scores and risks
    levels: Levels

    #: The relations with training triples, the largest first
    relations: tuple[RelationFigures, ...]

    #: The edges of the bins of :attr:`score_counts`; shape: (num_bins + 1,)
    score_edges: np.ndarray | None

    #: The scored candidates by bin, whether they were taken for true or not; shape: (num_relations, num_bins). None for
    #: rankers without thresholds
    score_counts: np.ndarray | None

    #: The setting that chose the guard; None without one, or if it is not known
    guard_name: str | None

    #: The measurements of a calibrated guard; None without one
    guard: Mapping[str, Any] | None

    #: The limits of risk in pools, and for random negatives; None without a guard
    max_mined_risk: float | None
    max_risk: float | None

    #: The hardest negatives of each relation, its riskiest rejected candidates, and its riskiest suspected positives
    negatives: tuple[Example, ...]
    rejected: tuple[Example, ...]
    suspected: tuple[Example, ...]

    #: The index for searching a page
    search: SearchIndex

    #: The comparison of samplers; None if they were not measured
    comparison: Comparison | None

    @property
    def seconds(self) -> float:
        """The seconds that mining took."""
        return float(sum(self.durations.values()))

    @property
    def median_risk(self) -> float | None:
        """The median risk of all negatives; None without a guard or negatives."""
        if self.guard is None:
            return None
        return median(self.levels.risks, self.levels.negatives_by_risk.sum(axis=0))


def collect(pools: NegativePools, title: str, comparison: Comparison | None = None) -> ReportContent:
    """Collect the content of a report about pools.

    :param pools: the pools
    :param title: their name
    :param comparison: the measurements of samplers, if there are any
    :return: the content of a report
    """
    statistics, settings = pools.metadata.get("statistics", {}), pools.metadata.get("settings", {})
    names, coverage = Names(pools), Coverage.measure(pools)
    relations = negative_relations(pools)
    levels = Levels.count(pools, relations)
    outcomes = read_outcomes(statistics, pools.num_relations)
    reasons = () if outcomes is None else explain_outcomes(outcomes, settings, pools.max_mined_risk)
    judged = pools.max_risk is not None
    counts = statistics.get("score_counts")
    scored = None if counts is None else [sum(row) for row in counts]
    figures = _relations(names, coverage, levels, outcomes, judged, statistics.get("thresholds"), scored)
    advice = advise(coverage, reasons, settings)
    per_relation = max(1, min(PER_RELATION, MOST_EXAMPLES // max(1, len(figures))))
    return ReportContent(
        title=printable(title),
        verdict=reach_verdict(pools, comparison, coverage.share, advice),
        snippet=training_snippet({**pools.metadata, "sides": pools.sides}, title),
        none_drawn=why_none_are_drawn(pools.metadata, len(pools)),
        num_triples=pools.num_triples,
        num_entities=pools.num_entities,
        num_relations=pools.num_relations,
        num_negatives=len(pools),
        num_suspected=len(pools.suspected),
        is_mined=bool(settings),
        settings=_describe_settings(settings),
        versions=tuple((printable(name), printable(str(value))) for name, value in _items(pools, "versions")),
        durations={printable(name): seconds for name, seconds in pools.durations.items()},
        coverage=coverage,
        reasons=reasons,
        advice=advice,
        levels=levels,
        relations=figures,
        score_edges=None if counts is None else np.array(statistics["score_edges"]),
        score_counts=None if counts is None else np.array(counts),
        guard_name=settings.get("guard"),
        guard=statistics.get("guard") if judged else None,
        max_mined_risk=pools.max_mined_risk,
        max_risk=pools.max_risk,
        negatives=_arrange(hardest_negatives(pools, names, relations, per_relation, judged), figures),
        rejected=_arrange(riskiest_rejected(pools, names, statistics, per_relation, judged), figures),
        suspected=_arrange(likeliest_suspected(pools, names, per_relation), figures),
        search=SearchIndex(pools, names),
        comparison=comparison,
    )


def _arrange(examples: list[Example], relations: tuple[RelationFigures, ...]) -> tuple[Example, ...]:
    """Order examples like relations, and leave out those beyond the limit."""
    places = {relation.id: i for i, relation in enumerate(relations)}
    ordered = sorted(examples, key=lambda example: places.get(example.relation, len(places)))
    return tuple(ordered[:MOST_EXAMPLES])


def _items(pools: NegativePools, name: str) -> list[tuple[str, Any]]:
    return list(pools.metadata.get(name, {}).items())


def _relations(
    names: Names,
    coverage: Coverage,
    levels: Levels,
    outcomes: np.ndarray | None,
    judged: bool,
    thresholds: list[float | None] | None,
    scored: list[int] | None,
) -> tuple[RelationFigures, ...]:
    size = len(levels.num_negatives)
    triples, covered = coverage.triples_by_relation(size), coverage.covered_by_relation(size)
    return tuple(
        RelationFigures(
            id=int(i),
            phrase=names.relation(i),
            num_triples=int(triples[i]),
            coverage=float(covered[i] / triples[i]),
            num_negatives=int(levels.num_negatives[i]),
            num_suspected=int(levels.num_suspected[i]),
            outcomes=None if outcomes is None else dict(zip(OUTCOMES, outcomes[i].tolist(), strict=True)),
            median_score=median(levels.scores, levels.negatives_by_score[i]),
            median_risk=median(levels.risks, levels.negatives_by_risk[i]) if judged else None,
            threshold=None if thresholds is None else thresholds[i],
            num_scored=None if scored is None else scored[i],
        )
        for i in np.argsort(-triples, kind="stable")
        if triples[i]
    )


def _describe_settings(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Write settings with their names, nested ones joined with dots."""
    described = []
    for name, value in settings.items():
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], Mapping):
            described.append((name, public_spelling(value[0])))
            described += [(f"{name}.{key}", str(inner)) for key, inner in _flatten(value[1])]
        else:
            described.append((name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return tuple((printable(name), printable(str(value))) for name, value in described)


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in settings.items():
        flat += _flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return flat
