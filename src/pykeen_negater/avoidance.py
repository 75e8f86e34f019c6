"""Triples that are not to be drawn, or less often than others: fast to ask, and allowed to err on the safe side."""

import numpy as np
import torch
from torch import Tensor

from .indexing import hash_keys, triples_to_keys

__all__ = [
    "AvoidedTriples",
]

#: The fewest places of the table per triple: one in so many other triples is avoided for nothing
_PLACES_PER_TRIPLE = 32

#: The fewest, where so many would take more than 2 ** 27 places, a byte each
_PLACES_PER_TRIPLE_OF_MANY = 8

_MIN_BITS, _MANY_BITS = 10, 27


class AvoidedTriples:
    """A table of hashed triples, and how often each is to be drawn again.

    Whatever was put in is found. Of other triples, at most three per cent are found too, or twelve from four million
    triples on, for which the table takes 8 to 16 bytes each. That only costs another draw, which is why one look into a
    table is enough, where a sorted set needs a search.
    """

    def __init__(self, keys: Tensor, shares: Tensor, num_entities: int, num_relations: int) -> None:
        """Fill the table.

        :param keys: shape: (n,), dtype: int64, see :func:`pykeen_negater.indexing.triples_to_keys`
        :param shares: shape: (n,), in [0, 1], how often each of them is to be avoided, rounded to 255 steps
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        """
        self.num_entities = num_entities
        self.num_relations = num_relations
        wanted, least = (
            (places * len(keys)).bit_length() for places in (_PLACES_PER_TRIPLE, _PLACES_PER_TRIPLE_OF_MANY)
        )
        self._num_bits = max(_MIN_BITS, least, min(wanted, _MANY_BITS))
        table = torch.zeros(2**self._num_bits, dtype=torch.uint8)
        # of those that share a place, the one that is most to be avoided counts
        values = (255 * shares).round().to(torch.uint8)
        table.scatter_reduce_(0, hash_keys(keys, self._num_bits), values, reduce="amax")
        # many small operations in each batch, which NumPy does in half of the time
        self._table = table.numpy()

    def find(self, triples: np.ndarray) -> np.ndarray:
        """Find the triples that are to be drawn again, this time.

        :param triples: shape: (n, 3), dtype: int64, with real relations
        :return: shape: (m,), dtype: int64, their positions in ascending order
        """
        keys = triples_to_keys(triples, self.num_entities, self.num_relations)
        values = self._table.take(hash_keys(keys, self._num_bits))
        # chance is asked for the few that are found only; from 1 to 255, so that 255 is always avoided
        found = np.flatnonzero(values != 0)
        return found[values[found] >= torch.randint(1, 256, (len(found),), dtype=torch.uint8).numpy()]
