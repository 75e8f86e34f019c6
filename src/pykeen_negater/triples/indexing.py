"""Triples as sorted int64 keys.

A triple ``(h, r, t)`` over ``E`` entities and ``R`` relations is one integer, ``(h * R + r) * E + t``. Sorted keys make
a set of triples that is exact, needs eight bytes per triple, and is looked up for a whole batch by one binary search.
The arithmetic is the same for NumPy arrays, as mining uses them, and PyTorch tensors, as sampling does.
"""

from collections.abc import Collection
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..typing import SIDE_NAMES

__all__ = [
    "HEAD",
    "RELATION",
    "SIDES",
    "TAIL",
    "TripleIndex",
    "bit_of",
    "check_corruption_scheme",
    "check_key_space",
    "expand_ranges",
    "hash_keys",
    "keys_to_triples",
    "triples_to_keys",
]

#: The columns of a triple. A corruption's *side* is the column it replaces.
HEAD, RELATION, TAIL = 0, 1, 2

#: PyKEEN's name of each side, and the column it stands for
SIDES: dict[str, int] = dict(zip(SIDE_NAMES, (HEAD, RELATION, TAIL), strict=True))

#: An odd number with scattered bits, for multiplicative hashing (Knuth, The Art of Computer Programming, volume 3)
_MULTIPLIER = -7046029254386353131

_FIRST_LETTERS = {side[0]: side for side in SIDES}

ArrayT = TypeVar("ArrayT", np.ndarray, Tensor)


def check_corruption_scheme(scheme: Collection[str]) -> tuple[str, ...]:
    """Check the sides to corrupt.

    :param scheme: some of ``head``, ``relation`` and ``tail``, or their first letters
    :return: the sides by PyKEEN's names, in the order of a triple's columns
    :raises ValueError: if it is empty or holds anything else

    >>> check_corruption_scheme(["t", "head"])
    ('head', 'tail')
    """
    sides = {_FIRST_LETTERS.get(side, side) for side in scheme}
    if not sides or not sides <= set(SIDES) or isinstance(scheme, str):
        raise ValueError(
            f"found corruption_scheme={scheme!r}, expected a collection of one or more of 'head', 'relation' and "
            f"'tail', or of 'h', 'r' and 't'."
        )
    return tuple(side for side in SIDES if side in sides)


def check_key_space(num_entities: int, num_relations: int) -> None:
    """Check that every triple over a vocabulary has a key.

    :param num_entities: > 0, the number of entities
    :param num_relations: > 0, the number of relations
    :raises ValueError: if a count is not positive, or if keys would exceed 64 bits
    """
    if num_entities < 1 or num_relations < 1:
        raise ValueError(
            f"a graph needs at least one entity and one relation, but has {num_entities} and {num_relations}."
        )
    if num_entities * num_relations * num_entities > 2**63 - 1:
        raise ValueError(
            f"{num_entities:,} entities and {num_relations:,} relations make more possible triples than fit into 64 "
            f"bits. Use a smaller vocabulary, e.g. by splitting the graph."
        )


def triples_to_keys(triples: ArrayT, num_entities: int, num_relations: int) -> ArrayT:
    """Turn triples into keys.

    :param triples: shape: (..., 3), dtype: int64, ids in range
    :param num_entities: the number of entities
    :param num_relations: the number of relations
    :return: shape: (...), dtype: int64

    >>> triples_to_keys(np.array([[0, 0, 0], [1, 1, 2]]), num_entities=3, num_relations=2)
    array([ 0, 11])
    """
    return (triples[..., 0] * num_relations + triples[..., 1]) * num_entities + triples[..., 2]


def keys_to_triples(keys: np.ndarray, num_entities: int, num_relations: int) -> np.ndarray:
    """Turn keys back into triples.

    :param keys: shape: (n,), dtype: int64
    :param num_entities: the number of entities
    :param num_relations: the number of relations
    :return: shape: (n, 3), dtype: int64

    >>> keys_to_triples(np.array([0, 11]), num_entities=3, num_relations=2)
    array([[0, 0, 0],
           [1, 1, 2]])
    """
    pairs, tails = np.divmod(keys, num_entities)
    heads, relations = np.divmod(pairs, num_relations)
    return np.stack([heads, relations, tails], axis=-1)


def hash_keys(keys: ArrayT, num_bits: int) -> ArrayT:
    """Hash keys to the places of a table.

    :param keys: shape: (...), dtype: int64, any number
    :param num_bits: 0 < num_bits < 64, the binary logarithm of the number of places
    :return: shape: (...), dtype: int64, in [0, 2 ** num_bits)

    >>> hash_keys(np.array([0, 1, 2]), num_bits=4)
    array([0, 9, 3])
    """
    # the shift of a negative number fills up with ones
    return (keys * _MULTIPLIER >> (64 - num_bits)) & (2**num_bits - 1)


def bit_of(places: ArrayT) -> tuple[ArrayT, ArrayT]:
    """Find the bytes and bits of places in a table that packs a bit per place, eight to a byte.

    :param places: shape: (...), dtype: int64, >= 0
    :return: a pair (the byte, which of its bits), each of shape (...), dtype: int64

    >>> bit_of(np.array([0, 7, 8]))
    (array([0, 0, 1]), array([0, 7, 0]))
    """
    return places >> 3, places & 7


class TripleIndex:
    """An exact, sorted set of triples with a vectorized look-up."""

    def __init__(self, keys: Tensor, num_entities: int, num_relations: int) -> None:
        """Wrap sorted keys.

        :param keys: shape: (n,), dtype: int64, strictly increasing
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        :raises ValueError: if keys over this vocabulary would exceed 64 bits
        """
        check_key_space(num_entities, num_relations)
        self.keys = keys
        self.num_entities = num_entities
        self.num_relations = num_relations

    @classmethod
    def from_triples(cls, triples: Tensor | np.ndarray, num_entities: int, num_relations: int) -> "TripleIndex":
        """Index triples, in any order and with any duplicates.

        :param triples: shape: (n, 3), dtype: int64
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        :return: the index of the unique triples
        """
        check_key_space(num_entities, num_relations)
        # not as_tensor, which would move existing tensors to the default device
        triples = torch.from_numpy(triples) if isinstance(triples, np.ndarray) else triples
        keys = triples_to_keys(triples, num_entities, num_relations)
        return cls(torch.unique(keys), num_entities, num_relations)

    def __len__(self) -> int:
        return self.keys.shape[0]

    def lookup(self, triples: ArrayT) -> tuple[ArrayT, ArrayT]:
        """Find triples, given as tensors on any device or as NumPy arrays, which take half the time for a batch.

        :param triples: shape: (..., 3), dtype: int64. Ids out of range are never found.
        :return: a pair (position, found), each of shape (...): the position among the sorted keys, which is valid (but
            meaningless) where the triple is not found, and whether it was found
        """
        keys, library = (self.keys.numpy(), np) if isinstance(triples, np.ndarray) else (self.keys, torch)
        query = triples_to_keys(triples, self.num_entities, self.num_relations)
        if not len(self):
            return library.zeros_like(query), library.zeros_like(query, dtype=bool)
        position = library.searchsorted(keys, query)
        position = position * (position < len(self))
        found = library.take(keys, position) == query
        # a triple with ids out of range can share the key of another one
        limits = (self.num_entities, self.num_relations, self.num_entities)
        if isinstance(triples, np.ndarray):
            # negative ids are large unsigned ones
            found &= (triples.view(np.uint64) < np.array(limits, dtype=np.uint64)).all(axis=-1)
        elif not _are_in_range(triples, limits):
            found &= ((triples >= 0) & (triples < torch.tensor(limits, device=triples.device))).all(dim=-1)
        return position, found

    def contains(self, triples: ArrayT) -> ArrayT:
        """Tell which triples are in the index.

        :param triples: shape: (..., 3), dtype: int64
        :return: shape: (...), dtype: bool
        """
        return self.lookup(triples)[1]


def _are_in_range(triples: Tensor, limits: tuple[int, ...]) -> bool:
    """Tell whether all ids are in range, which is several times faster than telling which are."""
    if not triples.numel():
        return True
    low, high = (bound.tolist() for bound in torch.aminmax(triples.reshape(-1, 3), dim=0))
    return min(low) >= 0 and all(x < limit for x, limit in zip(high, limits, strict=True))


def expand_ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """List the members of ranges, one range after the other.

    >>> expand_ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]

    :param starts: shape: (n,), where each range starts
    :param counts: shape: (n,), >= 0, how many members each has
    :return: shape: (sum of the counts,)
    """
    firsts = np.cumsum(counts) - counts
    return np.repeat(starts - firsts, counts) + np.arange(counts.sum())
