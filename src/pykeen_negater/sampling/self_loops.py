"""Self-loops: corruptions that replace one end of a triple by the other.

No text and no graph has to be read to know that hardly anything is its own capital, sibling or part. Yet models believe
it: translations and rotations by little leave an entity where it is, so that the entity itself is ranked first among
the answers to its query. Uniform negatives are loops so rarely that a model never learns better.

Symmetric relations get none. A translation takes the head to the tail and the tail back to the head only if it leaves
both where they are: it serves such a relation by ranking the entity itself first, and the true answer second. Loops
forbid it that, and leave it nothing else.
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

#: Relations of which a larger share of the triples are loops may well have others that are true
MAX_LOOPS = 0.01

#: Relations of which a larger share of the triples also holds the other way round may have to be learned as loops
MAX_REVERSIBLE = 0.01

#: The default share of loops among single negatives in small graphs, and the least of it in large ones. With n
#: negatives, the former is divided by √n, between as many loops by negative and as many by positive.
SMALL, LARGE = 0.012, 0.003

#: How often a loop is drawn, compared with any other corruption by an entity, where neither of the above applies
ODDS = 1.7


def default_loop_fraction(num_entities: int, num_negs_per_pos: int) -> float:
    """Choose how many of the negatives are loops.

    A loop has to be met more often than any other corruption, which is rarely met in a large graph. More than that does
    not help, and shifts the scores of single relations against each other. The constants are right for 1 and 16
    negatives on the validation triples of UMLS (135 entities) and CoDEx-S (2,034).

    :param num_entities: > 0
    :param num_negs_per_pos: > 0
    :return: in (0, 0.012], the share: at most 0.012 / √num_negs_per_pos
    """
    many = math.sqrt(num_negs_per_pos)
    return min(SMALL / many, max(LARGE, ODDS / (num_entities * many)))


class SelfLoops:
    """Turns triples into loops, where loops are not to be expected."""

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

        :param positives: shape: (n, 3), which can be
        :return: shape: (n, 3), at random with the head or the tail at both ends, as far as the scheme allows
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
