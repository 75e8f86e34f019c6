"""Examples of rejected candidates: a few of each relation, to show people why they were rejected."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .outcomes import OUTCOMES

__all__ = [
    "REJECTED",
    "choose_rejected",
    "list_rejected",
    "note_rejected",
]

#: The most examples per relation, and in all
PER_RELATION, MOST_REJECTED = 3, 900

#: A rejected candidate: the position of its positive, the corrupted column and the id that replaces it, the relation of
#: the corrupted triple, the position of the reason in :data:`~pykeen_negater.pools.outcomes.OUTCOMES`, its score, and
#: its risk in multiples of that of a uniform corruption
REJECTED = np.dtype(
    [
        ("positive", np.int64),
        ("side", np.int8),
        ("replacement", np.int32),
        ("relation", np.int32),
        ("outcome", np.int8),
        ("score", np.float32),
        ("risk", np.float32),
    ]
)


def note_rejected(accepted: np.ndarray, safe: np.ndarray, **columns: np.ndarray) -> np.ndarray:
    """Select examples of the candidates that thresholds or the guard have rejected, the riskiest of each relation.

    :param accepted: shape: (n,), dtype: bool, whether each candidate is below the ranker's threshold
    :param safe: shape: (n,), dtype: bool, whether the guard accepts it
    :param columns: the other fields of :data:`REJECTED`, each of shape (n,)
    :return: shape: (m,), dtype: :data:`REJECTED`
    """
    positions = np.flatnonzero(~(accepted & safe))
    noted = np.empty(len(positions), dtype=REJECTED)
    for name, values in columns.items():
        noted[name] = values[positions]
    reasons = [OUTCOMES.index(name) for name in ("too_risky", "taken_for_true")]
    noted["outcome"] = np.where(accepted[positions], *reasons)
    return choose_rejected([noted])


def choose_rejected(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Choose the riskiest of each relation, each entity once; among equally risky ones, those with the highest scores.

    :param parts: rejected candidates, each of shape (n,) and dtype :data:`REJECTED`; ties go to the first
    :return: shape: (m,), by relation, the riskiest first
    """
    noted = np.concatenate(parts)
    noted = noted[np.lexsort((-noted["score"], -noted["risk"], noted["relation"]))]
    # the same entity may replace a part of many triples of a relation: one of them is enough
    _, first = np.unique(noted[["relation", "side", "replacement"]], return_index=True)
    noted = noted[np.sort(first)]
    starts = np.searchsorted(noted["relation"], noted["relation"])
    return noted[np.arange(len(noted)) - starts < PER_RELATION]


def list_rejected(noted: np.ndarray) -> dict[str, list[Any]]:
    """Convert candidates to the form of the statistics of pools.

    :param noted: shape: (m,), dtype: :data:`REJECTED`, by relation
    :return: JSON-native columns, by relation; if there are too many, those of the relations with the riskiest
    """
    riskiest = np.argsort(-noted["risk"], kind="stable")[:MOST_REJECTED]
    kept = noted[np.sort(riskiest)]
    return {name: kept[name].tolist() for name in REJECTED.names or ()}
