"""The pools of a shard, which are kept in the cache until those of all shards are merged."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from ..candidates.generators import Candidates
from ..guard.risks import Risks
from ..pools.codec import encode_risk
from ..pools.outcomes import count_outcomes
from ..pools.rejections import note_rejected
from ..rankers.base import Scores
from ..rankers.measurements import Measurements
from ..storage.checksummed_folders import checksummed_folder
from ..triples.indexing import RELATION, SIDES

__all__ = [
    "ShardPools",
    "assemble_shard",
]


_FILE = "pools.npz"


@dataclass(frozen=True, eq=False)
class ShardPools:
    """The pools of some triples and sides."""

    #: The number of each pool: the triple's times the number of sides, plus the side's; shape: (num_pools,), increasing
    rows: np.ndarray

    #: The number of negatives in each pool; shape: (num_pools,), dtype: int32, > 0
    sizes: np.ndarray

    #: The replacements, pool by pool, the hardest first; shape: (num_negatives,), dtype: int32
    replacements: np.ndarray

    #: The score of each negative; shape: (num_negatives,), dtype: float32
    scores: np.ndarray

    #: The risk of each negative, encoded; shape: (num_negatives,), dtype: uint8
    risk: np.ndarray

    #: The sorted keys of the suspected positives; shape: (num_suspected,), dtype: int64
    suspected: np.ndarray

    #: The risk of each suspected positive, encoded; shape: (num_suspected,), dtype: uint8
    suspected_risk: np.ndarray

    #: The number of candidates of each relation by outcome; shape: (num_relations, num_outcomes), dtype: int64
    outcomes: np.ndarray

    #: Examples of rejected candidates; dtype: :data:`~pykeen_negater.pools.rejections.REJECTED`
    rejected: np.ndarray

    #: The measurements, to which those of other shards are added
    measured: Measurements

    def save(self, path: Path) -> None:
        """Write the pools to a folder, whole or not at all.

        :param path: the folder, see :func:`~pykeen_negater.storage.checksummed_folders.checksummed_folder`
        """
        report = json.dumps(asdict(self.measured))
        with checksummed_folder(path) as folder:
            np.savez(folder / _FILE, **{name: getattr(self, name) for name in _ARRAYS}, report=np.array(report))

    @classmethod
    def load(cls, path: Path) -> "ShardPools":
        """Read pools.

        :param path: a folder that they were saved to
        :return: the pools
        """
        with np.load(path / _FILE, allow_pickle=False) as file:
            return cls(**{name: file[name] for name in _ARRAYS}, measured=_read_measured(file))

    @staticmethod
    def load_measured(path: Path) -> Measurements:
        """Read the measurements, but no arrays.

        :param path: a folder that pools were saved to
        :return: the measurements
        """
        with np.load(path / _FILE, allow_pickle=False) as file:
            return _read_measured(file)


_ARRAYS = [field.name for field in fields(ShardPools) if field.name != "measured"]


def _read_measured(file: Mapping[str, np.ndarray]) -> Measurements:
    return Measurements(**json.loads(str(file["report"])))


def assemble_shard(
    candidates: Candidates,
    scores: Scores,
    corruption_scheme: tuple[str, ...],
    pool_size: int,
    risks: Risks,
    max_risk: float | None = None,
    unscored: Mapping[str, np.ndarray] | None = None,
    measured: Measurements | None = None,
) -> ShardPools:
    """Keep the hardest accepted candidates of each triple and side.

    Equal scores are ordered by distance, so that the result is unique.

    :param candidates: n candidates
    :param scores: their scores, and which are accepted
    :param corruption_scheme: the sides that have pools, in the order of a triple's columns
    :param pool_size: >= 1, the most candidates to keep
    :param risks: the risk of the candidates
    :param max_risk: the risk above which candidates are left out
    :param unscored: the relations of further candidates, which were not scored, see
        :func:`~pykeen_negater.pools.outcomes.count_outcomes`
    :param measured: the measurements so far
    :return: the pools
    """
    sides = tuple(SIDES[name] for name in corruption_scheme)
    safe = risks.candidates <= (np.inf if max_risk is None else max_risk)
    accepted = np.flatnonzero(scores.accepted & safe)
    order = accepted[
        np.lexsort((accepted, -scores.values[accepted], candidates.sides[accepted], candidates.positives[accepted]))
    ]
    rows = candidates.positives[order] * len(sides) + np.searchsorted(sides, candidates.sides[order])
    starts = np.searchsorted(rows, rows)
    kept = np.arange(len(rows)) - starts < pool_size
    order = order[kept]
    unique, sizes = np.unique(rows[kept], return_counts=True)
    is_kept = np.zeros(len(candidates), dtype=bool)
    is_kept[order] = True
    outcomes = count_outcomes(
        candidates.triples[:, RELATION],
        scores.accepted,
        safe,
        is_kept,
        unscored or {},
        candidates.graph.num_relations,
    )
    return ShardPools(
        rows=unique,
        sizes=sizes.astype(np.int32),
        replacements=candidates.replacements[order],
        scores=scores.values[order].astype(np.float32),
        risk=encode_risk(risks.candidates[order]).numpy(),
        suspected=risks.suspected,
        suspected_risk=encode_risk(risks.suspected_risks).numpy(),
        outcomes=outcomes,
        rejected=note_rejected(
            scores.accepted,
            safe,
            positive=candidates.positives,
            side=candidates.sides,
            replacement=candidates.replacements,
            relation=candidates.triples[:, RELATION],
            score=scores.values,
            risk=risks.candidates,
        ),
        measured=measured or Measurements(),
    )
