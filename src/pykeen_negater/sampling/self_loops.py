"""Self-loops: corruptions that replace one end of a triple by the other.

Hardly anything is its own capital, sibling or part. Yet models tend to believe that: small translations and rotations
hardly move an entity, so that the entity itself is ranked first among the answers to its query. Uniform negatives are
loops so rarely that a model does not learn otherwise.

Symmetric relations get none. A translation takes the head to the tail and the tail back to the head only if it leaves
both where they are: it serves such a relation by ranking the entity itself first, and the true answer second. Loops as
negatives would prevent that, and leave it no other solution.
"""

import math
from collections.abc import Collection

import numpy as np
import torch
from pykeen.typing import MappedTriples

from ..triples.indexing import HEAD, RELATION, SIDES, TAIL, TripleIndex

__all__ = [
    "SelfLoops",
    "default_loop_fraction",
]

#: If a larger share of a relation's triples are loops, other loops may well be true
MAX_LOOPS = 0.01

#: If a larger share of a relation's triples also holds the other way round, models may have to score loops highly
MAX_REVERSIBLE = 0.01

#: The default share of loops among single negatives in small graphs, and the least of it in large ones. With n
#: negatives, the former is divided by √n: a compromise between a constant number of loops per negative and per
#: positive.
SMALL, LARGE = 0.012, 0.003

#: How often a loop is drawn, compared with any other corruption of an entity, where neither of the above applies
ODDS = 1.7


def default_loop_fraction(num_entities: int, num_negs_per_pos: int) -> float:
    """Choose the share of loops among the negatives.

    A loop has to be drawn more often than any other corruption, which is drawn rarely in a large graph. More loops do
    not help, and shift the scores of relations against each other. The constants were chosen for 1 and 16 negatives on
    the validation triples of UMLS (135 entities) and CoDEx-S (2,034).

    :param num_entities: > 0
    :param num_negs_per_pos: > 0
    :return: in (0, 0.012], the share: at most 0.012 / √num_negs_per_pos
    """
    many = math.sqrt(num_negs_per_pos)
    return min(SMALL / many, max(LARGE, ODDS / (num_entities * many)))


class SelfLoops:
    """Turns triples into loops, for relations that hardly have any."""

    def __init__(self, mapped_triples: MappedTriples, num_relations: int, corruption_scheme: Collection[str]) -> None:
        """Find the relations that have hardly any loops, and hardly any triple that also holds the other way round.

        :param mapped_triples: shape: (n, 3), the training triples
        :param num_relations: the number of relations, inverse ones included
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``
        """
        triples = mapped_triples.cpu().long().numpy()
        relations = triples[:, RELATION]
        is_loop = triples[:, HEAD] == triples[:, TAIL]
        sizes, loops, reversible = (
            np.bincount(relations[chosen], minlength=num_relations)
            for chosen in (slice(None), is_loop, ~is_loop & _are_reversible(triples, num_relations))
        )
        self._columns = np.array([SIDES[side] for side in corruption_scheme if SIDES[side] != RELATION])
        self._loopless = (
            (loops <= MAX_LOOPS * sizes) & (reversible <= MAX_REVERSIBLE * sizes) & bool(len(self._columns))
        )

    def possible(self, triples: np.ndarray) -> np.ndarray:
        """Tell which triples can be turned into loops that are likely false.

        :param triples: shape: (n, 3)
        :return: shape: (n,), dtype: bool
        """
        return self._loopless[triples[:, RELATION]] & (triples[:, HEAD] != triples[:, TAIL])

    def draw(self, positives: np.ndarray) -> np.ndarray:
        """Turn triples into loops.

        :param positives: shape: (n, 3), triples for which this is possible
        :return: shape: (n, 3), with the head or the tail at both ends, chosen at random among those that the scheme
            allows
        """
        if not len(positives):
            return positives
        column = self._columns[torch.randint(len(self._columns), (len(positives),), dtype=torch.long).numpy()]
        rows = np.arange(len(positives))
        loops = positives.copy()
        loops[rows, column] = positives[rows, TAIL - column]
        return loops


def _are_reversible(triples: np.ndarray, num_relations: int) -> np.ndarray:
    """Tell which triples of shape (n, 3) also hold the other way round; shape: (n,), dtype: bool."""
    num_entities = int(triples[:, [HEAD, TAIL]].max(initial=0)) + 1
    index = TripleIndex.from_triples(triples, num_entities, num_relations)
    return index.contains(np.ascontiguousarray(triples[:, ::-1]))
