"""The composition of a sampler's negatives: the shares of mined ones, random ones and loops."""

from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Composition",
]


@dataclass(frozen=True)
class Composition:
    """The expected shares of mined, random and loop negatives. All are in [0, 1]."""

    #: The share of mined negatives
    mined: float

    #: The share of loops, see :mod:`pykeen_negater.sampling.self_loops`
    loops: float

    #: The share of the training triples with mined negatives that may be drawn
    coverage: float

    #: Whether a guard avoids random ones that are likely true
    guarded: bool

    #: The folder of the pools; None if there are no pools, or they are not on disk
    pools: Path | None

    #: Why none are mined; None if some are, or if the user asked for none
    reason: str | None

    @property
    def random(self) -> float:
        """The share of random negatives."""
        return 1 - self.mined - self.loops

    def __str__(self) -> str:
        """Describe the composition in one line.

        >>> print(Composition(0.248, 0.003, 0.99, guarded=False, pools=Path("umls.pools"), reason=None))
        Negatives: 24.8 % mined (99.0 % of the triples have some), 74.9 % random, 0.3 % loops; pools: umls.pools.
        """
        covered = f" ({_percent(self.coverage)} of the triples have some)" if self.mined else ""
        parts = [
            f"{_percent(self.mined)} mined{covered}",
            f"{_percent(self.random)} {'guarded random' if self.guarded else 'random'}",
            f"{_percent(self.loops)} loops",
        ]
        pools = "" if self.pools is None else f"; pools: {self.pools}"
        reason = "" if self.reason is None else f" None are mined: {self.reason}"
        return f"Negatives: {', '.join(parts)}{pools}.{reason}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
