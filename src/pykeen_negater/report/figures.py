"""The charts of a report."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator, PercentFormatter

from ..pools.codec import NUM_LEVELS, RISK_STEPS, encode_risk
from .comparison import OURS
from .content import RelationFigures, ReportContent
from .drawing import ACCENT, GRID, INK, MUTED, WARM, drawing, to_svg
from .levels import median

__all__ = [
    "MOST_RELATIONS",
    "RelationPicture",
    "draw_comparison",
    "draw_coverage",
    "draw_relation",
    "draw_reliability",
    "draw_spread",
]

#: The most relations that get charts of their own
MOST_RELATIONS = 48

#: The most bars of the histogram of pool sizes, apart from that of empty ones
BARS = 12

#: The number of bars of a histogram of scores
SCORE_BARS = 32

#: The number of levels of risk in a bar: half a power of two
LEVELS_PER_BAR = 4

#: The width of a letter in a name, and the height of its line, in points
LETTER, LINE = 5.5, 11.0

#: The share of the easiest negatives that are not drawn
OUT_OF_PICTURE = 0.005


@dataclass(frozen=True)
class RelationPicture:
    """The histograms of a relation as SVG."""

    relation: RelationFigures

    #: The histogram of scores; None without a score to draw
    scores: str | None

    #: The histogram of risks; None without a guard
    risks: str | None


def draw_coverage(content: ReportContent) -> str:
    """Draw how many triples have how many negatives.

    :param content: what the report says
    :return: SVG
    """
    coverage = content.coverage
    totals, most = coverage.sizes.sum(axis=1), max(1, coverage.pool_size * len(coverage.sides))
    edges = np.unique(np.linspace(1, most + 1, min(most, BARS) + 1).astype(int))
    counts, _ = np.histogram(totals, edges)
    heights = np.concatenate([[coverage.num_empty], counts]) / len(totals)
    names = ["0", *(f"{a}" if b - a == 1 else f"{a}–{b - 1}" for a, b in pairwise(edges))]
    with drawing(4.6, 2.4) as (figure, axes):
        axes.bar(range(len(names)), heights, color=[WARM] + [ACCENT] * len(counts), width=0.78)
        axes.set_xticks(range(len(names)), names, fontsize=8)
        if len(names) > 9:
            axes.tick_params(axis="x", labelrotation=45)
        axes.set(xlabel="negatives of a triple, all sides together", ylabel="triples")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        _light_grid(axes)
        return to_svg(
            figure,
            "coverage",
            f"Histogram: the share of triples by number of negatives. {coverage.share:.1%} have some; the median is "
            f"{int(np.median(totals))}, the most possible {most}.",
        )


def draw_reliability(content: ReportContent) -> str | None:
    """Draw the guard's reliability curve: observed against predicted shares.

    :param content: what the report says
    :return: SVG; None if nothing was measured
    """
    curves = {
        label: report["reliability"]
        for name, label in (("proposed", "what mining proposes"), ("all", "all that is plausible"))
        if content.guard and "reliability" in (report := content.guard.get(name, {}))
    }
    if not curves:
        return None
    values = [value for curve in curves.values() for value in (*curve["predicted"], *curve["observed"])]
    seen = [value for curve in curves.values() for value in curve["observed"] if value > 0]
    # below the lowest observed share above 0, there is nothing to compare predictions with
    low, high = 10 ** np.floor(np.log10(min(seen, default=0.001))), 10 ** np.ceil(np.log10(max(values)))
    with drawing(4.6, 3.9) as (figure, axes):
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle=(0, (3, 3)), label="perfect")
        for (label, curve), colour, marker in zip(curves.items(), (ACCENT, WARM), "os", strict=False):
            predicted, observed = np.array(curve["predicted"]).clip(min=low), np.array(curve["observed"])
            true = observed > 0
            style: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 4.5}
            axes.plot(predicted[true], observed[true], linewidth=1.4, label=label, **style)
            never = np.full(int((~true).sum()), low)
            axes.plot(predicted[~true], never, linestyle="", fillstyle="none", clip_on=False, **style)
        axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        axes.set(xlabel="predicted probability of being true", ylabel="observed share of true ones")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g}%"))
        axes.minorticks_off()
        _light_grid(axes, "both")
        axes.tick_params(pad=7)  # markers stand on the edge
        axes.legend(loc="upper left")
        return to_svg(
            figure,
            "reliability",
            "Curves: the observed share of hidden triples against the predicted probability, in tenths of the "
            "candidates, on logarithmic axes; the table below has the numbers.",
        )


def draw_comparison(content: ReportContent) -> str | None:
    """Draw false negatives against hardness, a point for each sampler.

    :param content: what the report says
    :return: SVG; None if hardness was not measured
    """
    if content.comparison is None:
        return None
    # this package's sampler is drawn by part: its total lies somewhere between these
    rows = [
        (row.name, row.hardness, row.false_negatives)
        for row in content.comparison.samplers
        if row.hardness is not None and (row.name != OURS or row.part)
    ]
    if not rows:
        return None
    with drawing(5.6, 3.6) as (figure, axes):
        axes.axvline(content.comparison.random_hardness, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        for name, hardness, false_negatives in rows:
            ours = name.startswith(OURS)
            axes.scatter(hardness, false_negatives, color=ACCENT if ours else WARM, marker="o" if ours else "s")
        axes.set(xlabel="hardness: scored above a uniform corruption", ylabel="validation or test triples")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.margins(x=0.08, y=0.18)
        left, right = axes.get_xlim()
        axes.set_xlim(left, right + 0.35 * (right - left))  # names stand right of their points
        axes.set_ylim(bottom=-0.04 * axes.get_ylim()[1])
        _light_grid(axes, "both")
        _label(figure, axes, rows)
        return to_svg(
            figure,
            "comparison",
            "Points: the share of false negatives against hardness, one for each sampler and each part of what negater "
            "draws, as in the table below. The lower, the fewer are true; right of the dashed line, they are harder "
            "than random ones that are not training triples, left of it easier.",
        )


def _label(figure: Figure, axes: Axes, points: list[tuple[str, float, float]]) -> None:
    """Write names beside points, moved down where they would overlap."""
    width, height = (size * 72 for size in figure.get_size_inches())
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    placed: list[tuple[float, float, float]] = []
    for name, x, y in sorted(points, key=lambda point: -point[2]):
        start, at = (x - left) / (right - left) * width + 7, (y - bottom) / (top - bottom) * height
        end, wanted = start + LETTER * len(name), at - 3.0
        for other_start, other_end, other in placed:
            if start < other_end and other_start < end:
                wanted = min(wanted, other - LINE)
        placed.append((start, end, wanted))
        axes.annotate(name, (x, y), textcoords="offset points", xytext=(7, wanted - at), color=INK)


def draw_spread(content: ReportContent) -> tuple[str, str | None]:
    """Draw the scores and risks of all relations together.

    :param content: what the report says
    :return: SVG of scores and of risks; the latter is None without a guard
    """
    levels = content.levels
    scores = _draw_scores(content, None, levels.negatives_by_score.sum(axis=0), size=(4.6, 2.3))
    risks = _draw_risks(
        content,
        None,
        levels.negatives_by_risk.sum(axis=0),
        levels.suspected_by_risk.sum(axis=0),
        size=(4.6, 2.3),
    )
    return scores, risks


def draw_relation(content: ReportContent, relation: RelationFigures) -> RelationPicture:
    """Draw the scores and risks of a relation, on the same axes as those of all others.

    :param content: what the report says
    :param relation: the relation
    :return: the charts
    """
    levels, i = content.levels, relation.id
    return RelationPicture(
        relation,
        _draw_scores(content, relation, levels.negatives_by_score[i], size=(2.5, 1.15))
        if relation.num_negatives or relation.num_scored
        else None,
        _draw_risks(content, relation, levels.negatives_by_risk[i], levels.suspected_by_risk[i], size=(2.5, 1.15)),
    )


def _draw_scores(
    content: ReportContent, relation: RelationFigures | None, counts: np.ndarray, size: tuple[float, float]
) -> str:
    low, high = _score_range(content)
    name = f"scores-{'all' if relation is None else relation.id}"
    description = f"Histogram of scores: {_describe(content.levels.scores, counts)}"
    with drawing(*size) as (figure, axes):
        edges = np.linspace(low, high, SCORE_BARS + 1)
        bars, _ = np.histogram(content.levels.scores.clip(low, high), edges, weights=counts)
        if bars.any():
            axes.stairs(bars / bars.sum(), edges, fill=True, color=ACCENT)
        if content.score_counts is not None and content.score_edges is not None:
            scored = content.score_counts.sum(axis=0) if relation is None else content.score_counts[relation.id]
            description += f" Of {int(scored.sum()):,} candidates that were scored."
            axes.stairs(scored / max(1, scored.sum()), content.score_edges, color=WARM, linewidth=1.1)
        if relation is not None and relation.threshold is not None:
            axes.axvline(relation.threshold, color=INK, linewidth=1.1)
            axes.annotate(
                "θ",
                (relation.threshold, 1.0),
                xycoords=axes.get_xaxis_transform(),
                xytext=(3, 0),
                textcoords="offset points",
                va="top",
                color=INK,
            )
            description += f" θ is {relation.threshold:.3g}."
        axes.set_xlim(low, high)
        _small(axes, "score" if relation is None else None)
        return to_svg(figure, name, description)


def _draw_risks(
    content: ReportContent,
    relation: RelationFigures | None,
    negatives: np.ndarray,
    suspected: np.ndarray,
    size: tuple[float, float],
) -> str | None:
    if content.guard is None:
        return None
    name = f"risks-{'all' if relation is None else relation.id}"
    description = f"Histogram of risks: {_describe(content.levels.risks, negatives, ' times')}"
    with drawing(*size) as (figure, axes):
        # a bar ends where the limit is
        limit = int(encode_risk(np.array([content.max_mined_risk or 1.0])))
        first = (limit + 1) % LEVELS_PER_BAR - LEVELS_PER_BAR
        padding = (-first, (first - NUM_LEVELS) % LEVELS_PER_BAR)
        num_bars = (NUM_LEVELS + sum(padding)) // LEVELS_PER_BAR
        edges = np.log2(content.levels.risks[0]) + (first + LEVELS_PER_BAR * np.arange(num_bars + 1) - 0.5) / RISK_STEPS
        for counts, colour, fill in ((negatives, ACCENT, True), (suspected, WARM, False)):
            bars = np.pad(counts, padding).reshape(num_bars, LEVELS_PER_BAR).sum(axis=1)
            if bars.any():
                axes.stairs(bars / bars.sum(), edges, color=colour, fill=fill, linewidth=1.1)
        if suspected.any():
            description += f" Of what is likely true: {_describe(content.levels.risks, suspected, ' times')}"
        if content.max_mined_risk:
            axes.axvline(np.log2(content.max_mined_risk), color=INK, linewidth=1.1)
            description += f" The limit is {content.max_mined_risk:.2f} times."
        axes.set_xlim(*_risk_range(content))
        axes.xaxis.set_major_locator(MultipleLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(_power_of_two))
        _small(axes, "risk, in multiples of a random corruption's" if relation is None else None)
        return to_svg(figure, name, description)


def _power_of_two(value: float, _: object) -> str:
    return f"{2**value:,.0f}×" if value >= 0 else f"1/{2**-value:,.0f}"


def _score_range(content: ReportContent) -> tuple[float, float]:
    """Find the range of all histograms of scores; a few easy negatives may lie far below the others."""
    levels = content.levels
    counts = levels.negatives_by_score.sum(axis=0)
    reached = np.flatnonzero(counts.cumsum() > OUT_OF_PICTURE * counts.sum())
    low, high = float(levels.scores[reached[0]]) if len(reached) else 0.0, float(levels.scores[-1])
    if content.score_edges is not None:
        low, high = min(low, float(content.score_edges[0])), max(high, float(content.score_edges[-1]))
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _risk_range(content: ReportContent) -> tuple[float, float]:
    levels = content.levels
    counts = levels.negatives_by_risk.sum(axis=0) + levels.suspected_by_risk.sum(axis=0)
    seen = np.log2(levels.risks[np.flatnonzero(counts)])
    return (float(seen.min()) - 0.5, float(seen.max()) + 0.5) if len(seen) else (-8.0, 4.0)


def _describe(values: np.ndarray, counts: np.ndarray, unit: str = "") -> str:
    total = int(counts.sum())
    if not total:
        return "there are none."
    seen = values[np.flatnonzero(counts)]
    return (
        f"{total:,}, from {seen[0]:.3g} to {seen[-1]:.3g}{unit}, half of them up to {median(values, counts):.3g}{unit}."
    )


def _small(axes: Axes, label: str | None) -> None:
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", labelsize=8, color=GRID, length=2.5, pad=2)
    axes.locator_params(axis="x", nbins=5) if label == "score" else None
    if label:
        axes.set_xlabel(label)


def _light_grid(axes: Axes, axis: Literal["both", "x", "y"] = "y") -> None:
    axes.grid(axis=axis)
    axes.tick_params(length=0)
