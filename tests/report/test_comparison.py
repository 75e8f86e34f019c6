"""Figures of samplers, arranged for people."""

import pytest

from pykeen_negater.evaluation.samplers import NegativesReport, PartReport
from pykeen_negater.report.comparison import Comparison, SamplerFigures

PARTS = {"mined": PartReport(0.2, 30, 0.01, 0.0, 0.8), "random": PartReport(0.8, 120, 0.02, 0.1, None)}

REPORTS = {
    "basic": NegativesReport(None, 0.04, 0.3, 0.5),
    "negater": NegativesReport(0.9, 0.02, 0.0, 0.6, PARTS),
}


@pytest.mark.parametrize("guarded", [False, True])
def test_parts_have_lines_of_their_own(guarded: bool):
    comparison = Comparison.from_reports(REPORTS, "TransE", guarded)
    drawn = "guarded random" if guarded else "random"
    assert comparison.samplers == (
        SamplerFigures("basic", 0.04, 0.3, 0.5),
        SamplerFigures("negater", 0.02, 0.0, 0.6),
        SamplerFigures("negater: mined", 0.01, 0.0, 0.8, "mined", 0.2),
        SamplerFigures(f"negater: {drawn}", 0.02, 0.1, None, "random", 0.8),
    )
    assert comparison.parts == PARTS
    assert comparison.reference == "TransE"


def test_samplers_are_found_by_name():
    comparison = Comparison.from_reports(REPORTS, "TransE", guarded=False)
    assert comparison.find("negater: random") == comparison.samplers[-1]
    assert comparison.find("bernoulli") is None


def test_without_this_projects_sampler_there_are_no_parts():
    assert Comparison.from_reports({"basic": REPORTS["basic"]}, "TransE", guarded=True).parts == {}


@pytest.mark.parametrize(
    ("measured", "expected"),
    [({}, 0.5), ({"basic, filtered": None}, 0.5), ({"basic, filtered": 0.46}, 0.46), ({"basic": 0.9}, 0.5)],
)
def test_random_negatives_are_as_hard_as_was_measured(measured: dict[str, float | None], expected: float):
    reports = {name: NegativesReport(None, 0.0, 0.0, hardness) for name, hardness in measured.items()}
    assert Comparison.from_reports(reports, "TransE", guarded=True).random_hardness == expected
