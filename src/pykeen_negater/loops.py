"""Loops: corruptions that replace one end of a triple by the other.

No text and no graph has to be read to know that hardly anything is its own capital, sibling or part. Yet models believe
it: translations and rotations by little leave an entity where it is, so that the entity itself is ranked first among
the answers to its query. Uniform negatives are loops so rarely that a model never learns better.
"""

from collections.abc import Collection

import torch
from pykeen.typing import BoolTensor, LongTensor, MappedTriples

from .indexing import RELATION, SIDES, TAIL

__all__ = [
    "Loops",
]

#: Relations of which a larger share of the triples are loops may well have others that are true
MAX_SHARE = 0.01


class Loops:
    """Turns triples into loops, where loops are not to be expected."""

    def __init__(self, mapped_triples: MappedTriples, num_relations: int, corruption_scheme: Collection[str]) -> None:
        """Find the relations that have hardly any loops.

        :param mapped_triples: shape: (n, 3), the training triples
        :param num_relations: the number of relations, inverse ones included
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``
        """
        heads, relations, tails = mapped_triples.cpu().unbind(dim=-1)
        sizes = torch.bincount(relations, minlength=num_relations)
        loops = torch.bincount(relations[heads == tails], minlength=num_relations)
        self._columns = torch.tensor([SIDES[side] for side in corruption_scheme if SIDES[side] != RELATION])
        self._loopless = (loops <= MAX_SHARE * sizes) & bool(len(self._columns))

    def possible(self, triples: LongTensor) -> BoolTensor:
        """Tell which triples can be turned into loops that are likely false.

        :param triples: shape: (n, 3)
        :return: shape: (n,), on the CPU
        """
        heads, relations, tails = triples.cpu().unbind(dim=-1)
        return torch.take(self._loopless, relations) & (heads != tails)

    def draw(self, positives: LongTensor) -> LongTensor:
        """Turn triples into loops.

        :param positives: shape: (n, 3), which can be
        :return: shape: (n, 3), at random with the head or the tail at both ends, as far as the scheme allows
        """
        column = self._columns[torch.randint(len(self._columns), (len(positives), 1))].to(positives.device)
        return positives.scatter(1, column, positives.gather(1, TAIL - column))
