"""An exact filterer for PyKEEN, which masks all known triples among negatives, and no others.

PyKEEN's Bloom filter also masks some triples that are not known, and needs ten look-ups in a table for each; its Python
set is exact, but needs a loop. Here, one look-up in a table of hashed triples, which never misses a known one, clears
most negatives, and the few that remain are looked up among sorted keys, see :mod:`pykeen_negater.triples.indexing`.

``negative_sampler_kwargs={"filtered": True, "filterer": "exact"}`` selects it, for any of PyKEEN's samplers.
"""

import numpy as np
import torch
from pykeen.sampling.filtering import Filterer
from pykeen.typing import BoolTensor, LongTensor, MappedTriples
from torch import Tensor

from ..triples.indexing import HEAD, RELATION, TAIL, ArrayT, TripleIndex, bit_of, hash_keys, triples_to_keys

__all__ = [
    "ExactFilterer",
]

#: The fewest places of the table per triple: at most one in this many unknown triples is looked up in vain
_PLACES_PER_TRIPLE = 16


class ExactFilterer(Filterer):
    """An exact filterer without a Python loop, which runs on the CPU or, if moved there, on a GPU.

    It holds 10 to 12 bytes per triple: eight for its key, and two to four for its places in the table.
    """

    #: The keys of the known triples, sorted; shape: (num_triples,)
    keys: LongTensor

    #: A bit per place, eight to a byte, set where the hash of a known triple points; shape: (num_places / 8,), uint8
    table: Tensor

    def __init__(self, mapped_triples: MappedTriples) -> None:
        """Index the known triples.

        :param mapped_triples: shape: (n, 3), of any integer type, in any order and with any duplicates. Other triples
            with larger or negative ids count as unknown.
        :raises ValueError: if an id is negative, or if the ids are too large for a triple to fit into 64 bits
        """
        super().__init__()
        triples = mapped_triples.long()
        if (triples < 0).any():
            raise ValueError(
                f"found the id {triples.min()} among mapped_triples, expected ids from 0 on. Leave out the triples "
                f"with ids that stand for nothing."
            )
        self.num_entities = _count(triples[:, [HEAD, TAIL]])
        self.num_relations = _count(triples[:, RELATION])
        index = TripleIndex.from_triples(triples, self.num_entities, self.num_relations)
        self._num_bits = max(3, (_PLACES_PER_TRIPLE * len(index)).bit_length())
        # rebuilt from the triples, so that checkpoints need not hold it
        self.register_buffer("keys", index.keys, persistent=False)
        self.register_buffer("table", self._make_table(), persistent=False)

    def _make_table(self) -> Tensor:
        byte, bit = bit_of(torch.unique(hash_keys(self.keys, self._num_bits)))
        table = torch.zeros(2**self._num_bits // 8, dtype=torch.uint8, device=self.keys.device)
        # different bits can be added instead of or-ed
        return table.scatter_add_(0, byte, (1 << bit).to(torch.uint8))

    def extra_repr(self) -> str:
        """Describe the number of triples and bytes, for the representation of the module."""
        return f"num_triples={len(self.keys)}, num_bytes={self.keys.nbytes + self.table.nbytes}"

    # docstr-coverage: inherited
    def contains(self, batch: MappedTriples) -> BoolTensor:  # noqa: D102
        triples = batch.reshape(-1, 3).long()
        # on the CPU, NumPy takes half the time
        if triples.is_cuda:
            found = self._find(triples, self.table)
        else:
            found = torch.from_numpy(self._find(triples.numpy(), self.table.numpy()))
        return found.view(batch.shape[:-1])

    def _find(self, triples: ArrayT, table: ArrayT) -> ArrayT:
        """Tell which triples of shape (n, 3) are known; shape: (n,)."""
        byte, bit = bit_of(hash_keys(triples_to_keys(triples, self.num_entities, self.num_relations), self._num_bits))
        found = (table[byte] >> bit & 1) != 0
        index = TripleIndex(self.keys, self.num_entities, self.num_relations)
        possible = (np if isinstance(found, np.ndarray) else torch).where(found)[0]
        found[possible] = index.contains(triples[possible])
        return found


def _count(ids: LongTensor) -> int:
    return int(ids.max()) + 1 if ids.numel() else 1
