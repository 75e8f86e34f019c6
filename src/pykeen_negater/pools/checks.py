"""Checks the invariants of pools piece by piece, so that large pools need little memory."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ..triples.indexing import RELATION, TripleIndex, keys_to_triples
from .codec import encode_hardness

__all__ = [
    "check_ids",
    "check_negatives",
    "check_scores",
]

#: The number of triples whose pools are checked together
_AT_ONCE = 2**16


def check_ids(arrays: Mapping[str, Tensor], num_entities: int, num_relations: int, sides: Sequence[int]) -> None:
    """Check the invariants that look-ups rely on: keys and offsets ascend, and all ids are in range.

    :param arrays: the arrays of :data:`~pykeen_negater.pools.files.DTYPES`, with matching shapes
    :param num_entities: the number of entities
    :param num_relations: the number of relations
    :param sides: the columns that are replaced
    :raises ValueError: if it does not hold; the message is a sentence
    """
    num_triples = num_entities * num_relations * num_entities
    _check_ascending("offsets", arrays["offsets"])
    for name in ("keys", "suspected"):
        _check_ascending(name, arrays[name], strictly=True)
        # they ascend, so that the first and the last tell
        if len(arrays[name]) and not 0 <= int(arrays[name][0]) <= int(arrays[name][-1]) < num_triples:
            raise ValueError(
                f"found {name} from {arrays[name][0]} to {arrays[name][-1]}, expected them from 0 to {num_triples - 1}."
            )
    limits = torch.tensor([num_relations if side == RELATION else num_entities for side in sides])
    for start, end, sizes in _pieces(arrays, len(sides)):
        ids = arrays["replacements"][start:end]
        limit = limits.repeat(len(sizes) // len(sides)).repeat_interleave(sizes)
        wrong = (ids < 0) | (ids >= limit)
        if bool(wrong.any()):
            i = int(wrong.nonzero()[0])
            raise ValueError(f"found the replacement {ids[i]}, expected one from 0 to {limit[i] - 1}.")


def check_negatives(arrays: Mapping[str, Tensor], num_entities: int, num_relations: int, sides: Sequence[int]) -> None:
    """Check the invariants of mining: each pool has its hardest negatives first, and no training triples.

    :param arrays: arrays that have passed :func:`check_ids`
    :param num_entities: the number of entities
    :param num_relations: the number of relations
    :param sides: the columns that are replaced
    :raises ValueError: if it does not hold; the message is a sentence
    """
    index = TripleIndex(arrays["keys"], num_entities, num_relations)
    row = 0
    for start, end, sizes in _pieces(arrays, len(sides)):
        rows = torch.arange(row, row + len(sizes)).repeat_interleave(sizes)
        row += len(sizes)
        for name in {"hardness", "scores"} & arrays.keys():
            piece = arrays[name][start:end]
            if bool(((piece[1:] > piece[:-1]) & (rows[1:] == rows[:-1])).any()):
                raise ValueError("found a pool with a harder negative after an easier one, expected the hardest first.")
        positives = keys_to_triples(index.keys[rows // len(sides)].numpy(), num_entities, num_relations)
        negatives = torch.from_numpy(positives)
        columns = torch.tensor(sides)[rows % len(sides)].unsqueeze(-1)
        negatives.scatter_(1, columns, arrays["replacements"][start:end].long().unsqueeze(-1))
        known = index.contains(negatives)
        if bool(known.any()):
            triple = tuple(negatives[known][0].tolist())
            raise ValueError(f"found the training triple {triple} among the negatives, expected false ones only.")


def check_scores(scores: Tensor, hardness: Tensor, low: float, high: float) -> None:
    """Check that hardness is what scores are rounded to.

    :param scores: shape: (n,), dtype: float32
    :param hardness: shape: (n,), dtype: uint8
    :param low: the easiest score of the pools
    :param high: the hardest score of the pools
    :raises ValueError: if it is not; the message is a sentence
    """
    for start in range(0, len(scores), _AT_ONCE):
        piece, levels = (array[start : start + _AT_ONCE].numpy() for array in (scores, hardness))
        # not a number is not in the range, either
        outside = ~((piece >= low) & (piece <= high))
        if outside.any():
            raise ValueError(f"found the score {piece[outside][0]}, expected one from {low} to {high}.")
        wrong = encode_hardness(piece, low, high) != levels
        if wrong.any():
            raise ValueError(
                f"found the score {piece[wrong][0]} with the hardness {levels[wrong][0]}, expected "
                f"{encode_hardness(piece[wrong][:1], low, high)[0]}."
            )


def _check_ascending(name: str, array: Tensor, strictly: bool = False) -> None:
    for start in range(0, len(array), _AT_ONCE):
        piece = array[start : start + _AT_ONCE + 1]
        # compared, not subtracted, since differences may exceed 64 bits
        wrong = piece[1:] <= piece[:-1] if strictly else piece[1:] < piece[:-1]
        if bool(wrong.any()):
            i = int(wrong.nonzero()[0])
            raise ValueError(f"found {name} with {piece[i + 1]} after {piece[i]}, expected them to ascend.")


def _pieces(arrays: Mapping[str, Tensor], num_sides: int) -> Iterator[tuple[int, int, Tensor]]:
    """Go through the pools of some triples at a time: the start and end of their negatives, and each pool's size."""
    offsets = arrays["offsets"]
    for first in range(0, len(offsets) - 1, _AT_ONCE * num_sides):
        piece = offsets[first : first + _AT_ONCE * num_sides + 1]
        yield int(piece[0]), int(piece[-1]), piece.diff()
