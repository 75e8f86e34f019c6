"""Outcomes of candidates: whether they became negatives, and if not, why."""

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = [
    "OUTCOMES",
    "count_outcomes",
    "explain_none",
]

#: The outcomes, in the order of the checks: not scored, since the ranker's budget was spent on others; at or above the
#: ranker's threshold; riskier than the guard accepts; less hard than the others of a full pool; kept. Last, since pools
#: store these positions: not scored, since it reads like a training triple
OUTCOMES = ("beyond_budget", "taken_for_true", "too_risky", "crowded_out", "kept", "reads_alike")

#: Why a relation has no negatives, by the outcome of most of its candidates
_REASONS = {
    "beyond_budget": "with candidates beyond the budget, which were not scored",
    "taken_for_true": "with candidates at or above the threshold, which are taken for true",
    "too_risky": "with candidates that are too risky",
    "crowded_out": "with candidates that others crowd out",
    "reads_alike": "with candidates that read like training triples",
    "kept": "without candidates",
}

#: The most relations that are named for each reason
_NAMED = 5


def count_outcomes(
    relations: np.ndarray,
    accepted: np.ndarray,
    safe: np.ndarray,
    kept: np.ndarray,
    unscored: Mapping[str, np.ndarray],
    num_relations: int,
) -> np.ndarray:
    """Count the candidates of each relation by outcome.

    :param relations: shape: (n,), the relation of each candidate that was scored
    :param accepted: shape: (n,), dtype: bool, whether it is below the ranker's threshold, where there is one
    :param safe: shape: (n,), dtype: bool, whether the guard accepts it
    :param kept: shape: (n,), dtype: bool, whether it was kept as a negative
    :param unscored: by outcome, the relation of each further candidate, which was not scored; each of any shape (m,)
    :param num_relations: the number of relations
    :return: shape: (num_relations, len(OUTCOMES)), dtype: int64

    >>> yes, no, relation = np.array([True]), np.array([False]), np.array([0])
    >>> dict(zip(OUTCOMES, count_outcomes(relation, yes, no, no, {"beyond_budget": relation}, 1)[0].tolist()))
    {'beyond_budget': 1, 'taken_for_true': 0, 'too_risky': 1, 'crowded_out': 0, 'kept': 0, 'reads_alike': 0}
    """
    # the first check that a candidate fails counts; without a failed one, it was crowded out or kept
    reason = np.argmin(np.stack([np.ones_like(kept), accepted, safe, kept, np.zeros_like(kept)]), axis=0)
    counts = np.bincount(relations * len(OUTCOMES) + reason, minlength=num_relations * len(OUTCOMES))
    counts = counts.reshape(num_relations, len(OUTCOMES))
    for name, others in unscored.items():
        counts[:, OUTCOMES.index(name)] = np.bincount(others, minlength=num_relations)
    return counts


def explain_none(outcomes: np.ndarray, num_triples: np.ndarray, names: Sequence[str]) -> str | None:
    """Explain which relations have triples and no negatives, and why.

    :param outcomes: shape: (num_relations, len(OUTCOMES)), the number of candidates with each outcome
    :param num_triples: shape: (num_relations,), the number of triples of each relation
    :param names: the name of each relation
    :return: a sentence; None if there is no such relation

    >>> outcomes = np.array([[0, 2, 0, 0, 3, 0], [0, 4, 1, 0, 0, 0], [0] * 6, [0] * 6])
    >>> explain_none(outcomes, np.array([3, 2, 1, 0]), ["likes", "is", "has", "eats"])
    'No negatives for 2 of 3 relations: 1 with candidates at or above the threshold, which are taken for true (is); 1 \
without candidates (has).'
    """
    none = np.flatnonzero((num_triples > 0) & (outcomes[:, OUTCOMES.index("kept")] == 0))
    if not len(none):
        return None
    reasons = np.where(outcomes[none].any(axis=1), outcomes[none].argmax(axis=1), OUTCOMES.index("kept"))
    parts = []
    for reason in np.unique(reasons):
        found = [names[relation] for relation in none[reasons == reason]]
        named = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        parts.append(f"{len(found)} {_REASONS[OUTCOMES[reason]]} ({named})")
    return f"No negatives for {len(none)} of {np.sum(num_triples > 0)} relations: {'; '.join(parts)}."
