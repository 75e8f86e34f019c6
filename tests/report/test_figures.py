"""Pictures: what is drawn, what is not, and what is said of it."""

from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools
from pykeen_negater.evaluation.samplers import NegativesReport
from pykeen_negater.report.comparison import Comparison
from pykeen_negater.report.content import collect
from pykeen_negater.report.figures import draw_comparison, draw_coverage, draw_relation, draw_reliability, draw_spread
from pykeen_negater.report.page import render

from .cases import COMPARISON, check

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_relations_with_scored_candidates_alone_are_drawn(nations: TriplesFactory, mined: NegativePools):
    counts = np.zeros((mined.num_relations, 4), dtype=int)
    largest = Counter(nations.mapped_triples[:, 1].tolist()).most_common(1)[0][0]
    counts[largest] = 1, 2, 3, 4
    scored = {"score_edges": [0, 1, 2, 3, 4], "score_counts": counts.tolist(), "thresholds": [2.5] * len(counts)}
    none = {"replacements": mined.replacements[:0], "hardness": mined.hardness[:0], "risk": mined.risk[:0]}
    statistics = {**mined.metadata["statistics"], **scored}
    pools = replace(
        mined,
        **none,
        offsets=torch.zeros_like(mined.offsets),
        metadata={**mined.metadata, "statistics": statistics},
        path=None,
    )
    html = render(collect(pools, "thresholds"))
    page = check(html)
    assert len(list(page.of("h4"))) == 1
    assert "0 negatives of 10 scored, θ<sub>r</sub> = 2.5" in html
    assert "1 has something to draw" in html
    assert "Of 10 candidates that were scored. θ is 2.5." in html


def texts(svg: str) -> list[str]:
    """Find what is written in a picture."""
    # which HTML knows without being told
    root = ElementTree.fromstring(svg.replace("<svg", '<svg xmlns:xlink="xlink"', 1))
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def test_coverage_is_drawn_from_none_to_the_most(judged: NegativePools):
    content = collect(judged, "a")
    svg = draw_coverage(content)
    most = content.coverage.pool_size * len(content.coverage.sides)
    written = texts(svg)
    assert "0" in written
    assert str(most) in written
    assert f"{content.coverage.share:.1%} have some" in svg
    assert f"the most possible {most}." in svg


def test_what_was_not_measured_is_not_drawn(mined: NegativePools):
    content = collect(mined, "a")
    assert draw_reliability(content) is None
    assert draw_comparison(content) is None
    scores, risks = draw_spread(content)
    assert f"Histogram of scores: {len(mined):,}, from" in scores
    assert risks is None
    untested = Comparison.from_reports({"basic": NegativesReport(None, 0.1, 0.1, None)}, "TransE", guarded=False)
    assert draw_comparison(collect(mined, "a", untested)) is None


def test_this_projects_sampler_is_drawn_by_part(judged: NegativePools):
    svg = draw_comparison(collect(judged, "a", COMPARISON))
    assert svg is not None
    drawn = {row.name for row in COMPARISON.samplers} - {"negater"}
    assert drawn <= set(texts(svg))
    assert "negater" not in texts(svg)


def test_risks_and_the_limit_are_drawn_where_a_guard_has_judged(judged: NegativePools):
    content = collect(judged, "a")
    largest = content.relations[0]
    picture = draw_relation(content, largest)
    assert picture.relation is largest
    assert picture.risks is not None
    assert f"Histogram of risks: {largest.num_negatives:,}, from" in picture.risks
    assert "The limit is 2.00 times." in picture.risks
    assert draw_reliability(content) is not None
