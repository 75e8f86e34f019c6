"""Sets of triples that are not to be drawn, or less often than others, with exact and fast look-ups."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..pools.codec import decode_risk
from ..pools.negative_pools import NegativePools
from ..triples.indexing import RELATION, TripleIndex, bit_of, hash_keys, keys_to_triples, triples_to_keys

__all__ = [
    "AvoidedTriples",
    "avoid_risks",
]

#: The fewest places of the table per triple: at most one in this many other triples is looked up in vain
_PLACES_PER_TRIPLE = 32

_MIN_BITS = 10


class AvoidedTriples:
    """Sets of triples, and how often each triple is to be drawn again.

    A table of hashed triples, which never misses one of the sets, clears most other triples at once. The few that
    remain, at most three per cent of others, are looked up among sorted keys. The table takes four to eight bytes per
    triple.
    """

    def __init__(self, sets: Sequence[tuple[Tensor, Tensor | None]], num_entities: int, num_relations: int) -> None:
        """Fill the table.

        :param sets: pairs (sorted keys of triples, see :func:`pykeen_negater.triples.indexing.triples_to_keys`; shape:
            (n,), dtype: int64. How often each of them is to be avoided, in [0, 1]; shape: (n,). If None, always). Of a
            triple in several sets, the largest share counts.
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        """
        self.num_entities = num_entities
        self.num_relations = num_relations
        # many small operations in each batch, which take NumPy half the time
        self._sets = [
            (keys.numpy(), None if shares is None else shares.float().numpy()) for keys, shares in sets if len(keys)
        ]
        total = sum(len(keys) for keys, _ in self._sets)
        self._num_bits = max(_MIN_BITS, (_PLACES_PER_TRIPLE * total).bit_length())
        # eight places to a byte, so that more of them fit into the processor's cache
        self._table = np.zeros(2**self._num_bits // 8, dtype=np.uint8)
        for keys, _ in self._sets:
            byte, bit = bit_of(hash_keys(keys, self._num_bits))
            np.bitwise_or.at(self._table, byte, (1 << bit).astype(np.uint8))

    def find(self, triples: np.ndarray) -> np.ndarray:
        """Find the triples that are to be drawn again, this time.

        :param triples: shape: (n, 3), dtype: int64, with real relations
        :return: shape: (m,), dtype: int64, their positions in ascending order
        """
        keys = triples_to_keys(triples, self.num_entities, self.num_relations)
        byte, bit = bit_of(hash_keys(keys, self._num_bits))
        found = np.flatnonzero(self._table.take(byte) >> bit.astype(np.uint8) & 1)
        wanted = keys[found]
        shares = np.zeros(len(found), dtype=np.float32)
        for own, own_shares in self._sets:
            position = own.searchsorted(wanted)
            position[position == len(own)] = 0
            share = 1 if own_shares is None else own_shares.take(position)
            np.maximum(shares, (own.take(position) == wanted) * share, out=shares, casting="same_kind")
        found, shares = found[shares > 0], shares[shares > 0]
        # random numbers in [0, 1), so that a share of 1 is always avoided
        return found[torch.rand(len(found), dtype=torch.float).numpy() < shares]


def avoid_risks(pools: NegativePools, max_risk: float | Tensor, known: TripleIndex | None = None) -> AvoidedTriples:
    """Find the triples that are not to be drawn at random, or less often.

    Training triples are never drawn. Corruptions riskier than the limit are drawn less often in proportion: one twice
    as risky is drawn half as often. If they were never drawn, a model would not learn about the most plausible false
    triples.

    :param pools: the pools of the training triples
    :param max_risk: >= 0, in multiples of the risk of a uniform corruption, for all relations or by relation; shape of
        the latter: (num_relations,)
    :param known: further true triples
    :return: the triples to avoid
    """
    size = pools.num_entities, pools.num_relations
    limit = max_risk
    if isinstance(max_risk, Tensor):
        limit = max_risk[torch.from_numpy(keys_to_triples(pools.suspected.numpy(), *size)[:, RELATION])]
    shares = (1 - limit / decode_risk(pools.suspected_risk)).clamp_min_(0)
    sets: list[tuple[Tensor, Tensor | None]] = [(pools.keys, None), (pools.suspected, shares)]
    return AvoidedTriples(sets if known is None else [*sets, (known.keys, None)], *size)
