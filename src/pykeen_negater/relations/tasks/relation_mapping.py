"""Relation mapping: find out which terms of two domains correspond to each other [turney2008]_.

A file of problems has JSON lines such as ``{"source": ["sun", "planet", "gravity"], "target": ["nucleus", "electron",
"electromagnetism"]}``, in which terms at the same position correspond.

.. [turney2008] Turney (2008) The Latent Relation Mapping Engine: Algorithm and Experiments. JAIR 33.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, permutations
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import normalize

from ..pair_vectors import PairEncoder, embed
from .json_lines import read_json_lines, require_field

__all__ = [
    "MappingProblem",
    "best_mappings",
    "evaluate_relation_mapping",
    "read_relation_mapping",
    "score_mappings",
]

#: The most terms of a problem, since all orders are tried: 3.6 million for ten terms, 40 million for eleven
MAX_TERMS = 10

#: The number of orders that are scored at once
BLOCK = 2**15

#: Scores that differ by less count as equal
TOLERANCE = 1e-9


@dataclass(frozen=True)
class MappingProblem:
    """A relation mapping problem."""

    #: The terms of one domain
    source: tuple[str, ...]

    #: The corresponding terms of the other domain, in the same order
    target: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the problem.

        :raises ValueError: if the numbers of terms differ or are not from 2 to 10, or a term is not a text or is empty
        """
        for term in (*self.source, *self.target):
            if not isinstance(term, str) or not term.strip():
                raise ValueError(f"found the term {term!r}, expected a text that is not empty.")
        if len(self.source) != len(self.target):
            raise ValueError(
                f"found {len(self.source)} source and {len(self.target)} target terms, expected as many of one as of "
                f"the other."
            )
        if not 2 <= len(self.source) <= MAX_TERMS:
            raise ValueError(
                f"found {len(self.source)} terms, expected 2 to {MAX_TERMS}, since all "
                f"{math.factorial(len(self.source)):,} orders of the target would be tried."
            )


def read_relation_mapping(path: str | Path) -> list[MappingProblem]:
    """Read relation mapping problems.

    :param path: a file of JSON lines with ``source`` and ``target``
    :return: the problems
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a line is malformed, or there is none
    """
    return read_json_lines(
        path,
        lambda record: MappingProblem(
            source=tuple(require_field(record, "source", list)), target=tuple(require_field(record, "target", list))
        ),
    )


def score_mappings(similarities: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Score how well orders of the target preserve the relations of the source.

    The score of an order P is the mean over the terms x of the largest similarity, over the other terms y, of the
    relation between x and y and that between P[x] and P[y].

    :param similarities: shape: (n, n, n, n), n > 1; at x, y, i, j the similarity of the relation between the source's x
        and y and that between the target's i and j
    :param orders: shape: (m, n), for each term of the source the position of a term of the target
    :return: shape: (m,)
    """
    n = len(similarities)
    terms = np.arange(n)
    relevant = np.where(np.eye(n, dtype=bool)[:, :, None, None], -np.inf, similarities)
    scores = np.empty(len(orders))
    for start in range(0, len(orders), BLOCK):
        block = orders[start : start + BLOCK]
        # shape: (block, n, n)
        kept = relevant[terms[:, None], terms, block[:, :, None], block[:, None, :]]
        scores[start : start + BLOCK] = kept.max(axis=2).mean(axis=1)
    return scores


def best_mappings(similarities: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the best orders of the target, among all.

    :param similarities: shape: (n, n, n, n), see :func:`score_mappings`
    :return: a pair (shape: (m, n), the m > 0 orders that are equally good; their score)
    """
    n = len(similarities)
    every = np.fromiter(chain.from_iterable(permutations(range(n))), dtype=np.int8, count=n * math.factorial(n))
    orders = every.reshape(-1, n)
    scores = score_mappings(similarities, orders)
    best = scores.max()
    return orders[scores >= best - TOLERANCE], float(best)


def evaluate_relation_mapping(encoder: PairEncoder, problems: Sequence[MappingProblem]) -> dict[str, Any]:
    """Measure the share of terms that are mapped correctly.

    Where several orders are equally good, it is the mean of their shares, so that an uninformed encoder does not profit
    from the order in the file.

    :param encoder: the encoder
    :param problems: the problems
    :return: a JSON-native report: the mean ``accuracy`` in [0, 1], and all ``problems``, each with the predicted
        target, its accuracy and its score, and the score of the right target
    :raises ValueError: if there is no problem
    """
    if not problems:
        raise ValueError("found no relation mapping problems, expected some.")
    sides = [terms for problem in problems for terms in (problem.source, problem.target)]
    pairs = [(head, tail) for terms in sides for head in terms for tail in terms]
    vectors = normalize(embed(encoder, pairs).astype(np.float64))
    by_side = np.split(vectors, np.cumsum([len(terms) ** 2 for terms in sides])[:-1])
    solved = [
        _solve(problem, source @ target.T)
        for problem, source, target in zip(problems, by_side[::2], by_side[1::2], strict=True)
    ]
    return {"accuracy": float(np.mean([solution["accuracy"] for solution in solved])), "problems": solved}


def _solve(problem: MappingProblem, similarities: np.ndarray) -> dict[str, Any]:
    n = len(problem.source)
    similarities = similarities.reshape(n, n, n, n)
    orders, score = best_mappings(similarities)
    target = np.array(problem.target, dtype=object)
    return {
        "source": list(problem.source),
        "target": list(problem.target),
        "predicted": target[orders[0]].tolist(),
        "accuracy": float((target[orders] == target).mean()),
        "score": score,
        "score_of_target": float(score_mappings(similarities, np.arange(n)[None])[0]),
    }
