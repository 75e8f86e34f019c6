"""What became of candidates: they are negatives now, or there was a reason why not."""

from collections.abc import Mapping

import numpy as np

__all__ = [
    "OUTCOMES",
    "count_outcomes",
]

#: In the order in which candidates are judged: not scored, since the ranker's budget was spent on others; at or above
#: the ranker's threshold; riskier than the guard lets pass; less hard than the others of a pool that is full; kept. At
#: the end, since pools hold these positions: not scored, since it reads like a training triple
OUTCOMES = ("beyond_budget", "taken_for_true", "too_risky", "crowded_out", "kept", "reads_alike")


def count_outcomes(
    relations: np.ndarray,
    accepted: np.ndarray,
    safe: np.ndarray,
    kept: np.ndarray,
    unscored: Mapping[str, np.ndarray],
    num_relations: int,
) -> np.ndarray:
    """Count the candidates of each relation by what became of them.

    :param relations: shape: (n,), the relation of each candidate that was scored
    :param accepted: shape: (n,), dtype: bool, whether it is below the ranker's threshold, where there is one
    :param safe: shape: (n,), dtype: bool, whether the guard lets it pass
    :param kept: shape: (n,), dtype: bool, whether it is a negative now
    :param unscored: by outcome, the relation of each further candidate, which was not scored; each of any shape (m,)
    :param num_relations: the number of relations
    :return: shape: (num_relations, len(OUTCOMES)), dtype: int64

    >>> yes, no, relation = np.array([True]), np.array([False]), np.array([0])
    >>> dict(zip(OUTCOMES, count_outcomes(relation, yes, no, no, {"beyond_budget": relation}, 1)[0].tolist()))
    {'beyond_budget': 1, 'taken_for_true': 0, 'too_risky': 1, 'crowded_out': 0, 'kept': 0, 'reads_alike': 0}
    """
    # the first verdict that is against a candidate counts; the last one never is in its favour
    reason = np.argmin(np.stack([np.ones_like(kept), accepted, safe, kept, np.zeros_like(kept)]), axis=0)
    counts = np.bincount(relations * len(OUTCOMES) + reason, minlength=num_relations * len(OUTCOMES))
    counts = counts.reshape(num_relations, len(OUTCOMES))
    for name, others in unscored.items():
        counts[:, OUTCOMES.index(name)] = np.bincount(others, minlength=num_relations)
    return counts
