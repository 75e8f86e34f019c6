"""The negatives of this project's sampler beside those of others."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..evaluation import NegativesReport

__all__ = [
    "BESIDE",
    "Comparison",
    "SamplerFigures",
]

#: The samplers to compare with
BESIDE = ("basic", "bernoulli", "pseudotyped")


@dataclass(frozen=True)
class SamplerFigures:
    """What there is to say about the negatives of a sampler. All are shares in [0, 1]."""

    name: str
    false_negatives: float
    known_positives: float | None
    hardness: float | None


@dataclass(frozen=True)
class Comparison:
    """The figures of several samplers."""

    samplers: tuple[SamplerFigures, ...]

    #: The model that tells how hard negatives are
    reference: str

    @classmethod
    def from_reports(cls, reports: Mapping[str, NegativesReport], reference: str) -> "Comparison":
        """Arrange what was measured.

        :param reports: by sampler
        :param reference: the name of the model that tells how hard negatives are
        :return: the figures; what is mined has a line of its own
        """
        rows = []
        for name, report in reports.items():
            rows.append(SamplerFigures(name, report.false_negatives, report.known_positives, report.hardness))
            if report.false_negatives_of_mined is not None:
                mined = report.false_negatives_of_mined
                rows.append(SamplerFigures(f"{name}, mined ones only", mined, None, report.hardness_of_mined))
        return cls(tuple(rows), reference)
