"""Compares the negatives of this package's sampler, part by part, with those of other samplers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..evaluation.samplers import NegativesReport, Part, PartReport

__all__ = [
    "BESIDE",
    "FILTERED",
    "OURS",
    "Comparison",
    "SamplerFigures",
]

#: The names of this package's sampler, and of the random sampler without training triples, which it is compared with
OURS, FILTERED = "negater", "basic, filtered"

#: The samplers to compare: the displayed name of each, its name in PyKEEN, and its parameters
BESIDE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "basic": ("basic", {}),
    FILTERED: ("basic", {"filtered": True, "filterer": "exact"}),
    "bernoulli": ("bernoulli", {}),
    "pseudotyped": ("pseudotyped", {}),
}

#: The names of the parts of this package's sampler with a guard, and without one
_PARTS: Mapping[Part, tuple[str, str]] = {
    "mined": ("mined", "mined"),
    "random": ("guarded random", "random"),
    "loops": ("loops", "loops"),
}


@dataclass(frozen=True)
class SamplerFigures:
    """Figures about the negatives of a sampler, or a part of them. All are shares in [0, 1]."""

    name: str
    false_negatives: float
    known_positives: float
    hardness: float | None

    #: The part of the negatives; None for all negatives of a sampler
    part: Part | None = None

    #: The share of the part among all negatives of the sampler
    share: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The figures of several samplers."""

    samplers: tuple[SamplerFigures, ...]

    #: The parts of this package's sampler
    parts: Mapping[Part, PartReport]

    #: The model that measures hardness
    reference: str

    @classmethod
    def from_reports(cls, reports: Mapping[str, NegativesReport], reference: str, guarded: bool) -> "Comparison":
        """Arrange the measurements.

        :param reports: the measurements by sampler
        :param reference: the name of the model that measures hardness
        :param guarded: whether this package's sampler has a guard
        :return: the figures; mined negatives, random ones and loops have lines of their own
        """
        rows = []
        for name, report in reports.items():
            rows.append(SamplerFigures(name, report.false_negatives, report.known_positives, report.hardness))
            for part, figures in report.parts.items():
                rows.append(
                    SamplerFigures(
                        f"{name}: {_PARTS[part][0 if guarded else 1]}",
                        figures.false_negatives,
                        figures.known_positives,
                        figures.hardness,
                        part,
                        figures.share,
                    )
                )
        ours = reports.get(OURS)
        return cls(tuple(rows), {} if ours is None else ours.parts, reference)

    @property
    def random_hardness(self) -> float:
        """The hardness of random negatives that are not training triples; ½ if it was not measured."""
        figures = self.find(FILTERED)
        # a uniform corruption beats another one half of the time; one that may be a training triple, less often
        return 0.5 if figures is None or figures.hardness is None else figures.hardness

    def find(self, name: str) -> SamplerFigures | None:
        """Find the figures of a sampler.

        :param name: its displayed name
        :return: its figures; None if it was not measured
        """
        return next((row for row in self.samplers if row.name == name), None)
