"""Triples that are not to be drawn, or less often than others: exact, and fast to ask."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .indexing import hash_keys, triples_to_keys

__all__ = [
    "AvoidedTriples",
]

#: The fewest places of the table per triple: one in so many other triples is looked up for nothing
_PLACES_PER_TRIPLE = 16

#: The fewest, where so many would take more than 2 ** 27 places, a byte each
_PLACES_PER_TRIPLE_OF_MANY = 8

_MIN_BITS, _MANY_BITS = 10, 27


class AvoidedTriples:
    """Sets of triples, and how often each triple is to be drawn again.

    One look into a table of hashed triples clears most of those that are asked for: it never misses one that was put
    in. The few that remain, of others at most six per cent, are looked up among sorted keys. From eight million triples
    on, the table takes 8 to 16 bytes each, and clears no more than seven eighths.
    """

    def __init__(self, sets: Sequence[tuple[Tensor, Tensor | None]], num_entities: int, num_relations: int) -> None:
        """Fill the table.

        :param sets: pairs (sorted keys of triples, see :func:`pykeen_negater.indexing.triples_to_keys`; shape: (n,),
            dtype: int64. How often each of them is to be avoided, in [0, 1]; shape: (n,). If None, always). Of a triple
            in several sets, the largest share counts.
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        """
        self.num_entities = num_entities
        self.num_relations = num_relations
        # many small operations in each batch, which NumPy does in half of the time
        self._sets = [
            (keys.numpy(), None if shares is None else shares.float().numpy()) for keys, shares in sets if len(keys)
        ]
        total = sum(len(keys) for keys, _ in self._sets)
        wanted, least = ((places * total).bit_length() for places in (_PLACES_PER_TRIPLE, _PLACES_PER_TRIPLE_OF_MANY))
        self._num_bits = max(_MIN_BITS, least, min(wanted, _MANY_BITS))
        self._table = np.zeros(2**self._num_bits, dtype=bool)
        for keys, _ in self._sets:
            self._table[hash_keys(keys, self._num_bits)] = True

    def find(self, triples: np.ndarray) -> np.ndarray:
        """Find the triples that are to be drawn again, this time.

        :param triples: shape: (n, 3), dtype: int64, with real relations
        :return: shape: (m,), dtype: int64, their positions in ascending order
        """
        keys = triples_to_keys(triples, self.num_entities, self.num_relations)
        found = np.flatnonzero(self._table.take(hash_keys(keys, self._num_bits)))
        wanted = keys[found]
        shares = np.zeros(len(found), dtype=np.float32)
        for own, own_shares in self._sets:
            position = own.searchsorted(wanted)
            position[position == len(own)] = 0
            share = 1 if own_shares is None else own_shares.take(position)
            np.maximum(shares, (own.take(position) == wanted) * share, out=shares, casting="same_kind")
        found, shares = found[shares > 0], shares[shares > 0]
        # from 0 to below 1, so that a share of 1 is always avoided
        return found[torch.rand(len(found), dtype=torch.float).numpy() < shares]
