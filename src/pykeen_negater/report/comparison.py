"""The negatives of this project's sampler, by where they come from, beside those of others."""

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

#: This project's sampler, and the one that draws random negatives that are no training triples, as its own ones are
OURS, FILTERED = "negater", "basic, filtered"

#: The samplers to compare: what each is called, its name, and its parameters
BESIDE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "basic": ("basic", {}),
    FILTERED: ("basic", {"filtered": True, "filterer": "exact"}),
    "bernoulli": ("bernoulli", {}),
    "pseudotyped": ("pseudotyped", {}),
}

#: What the parts of this project's sampler are called where a guard has judged, and where none has
_PARTS: Mapping[Part, tuple[str, str]] = {
    "mined": ("mined", "mined"),
    "random": ("guarded random", "random"),
    "loops": ("loops", "loops"),
}


@dataclass(frozen=True)
class SamplerFigures:
    """Figures about the negatives of a sampler, or about a part of them. All are shares in [0, 1]."""

    name: str
    false_negatives: float
    known_positives: float
    hardness: float | None

    #: Where the negatives come from; None for all that a sampler draws
    part: Part | None = None

    #: The share of the part among all that the sampler draws
    share: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The figures of several samplers."""

    samplers: tuple[SamplerFigures, ...]

    #: The parts of this project's sampler
    parts: Mapping[Part, PartReport]

    #: The model that tells how hard negatives are
    reference: str

    @classmethod
    def from_reports(cls, reports: Mapping[str, NegativesReport], reference: str, guarded: bool) -> "Comparison":
        """Arrange what was measured.

        :param reports: by sampler
        :param reference: the name of the model that tells how hard negatives are
        :param guarded: whether a guard has judged the risk of what this project's sampler draws
        :return: the figures; what is mined, drawn at random, and loops have lines of their own
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
        """How hard random negatives are that are no training triples; ½ if that was not measured."""
        figures = self.find(FILTERED)
        # a uniform corruption beats another one half of the time; one that may be a training triple, less often
        return 0.5 if figures is None or figures.hardness is None else figures.hardness

    def find(self, name: str) -> SamplerFigures | None:
        """Find the figures of a sampler.

        :param name: what it is called
        :return: its figures; None if it was not measured
        """
        return next((row for row in self.samplers if row.name == name), None)
