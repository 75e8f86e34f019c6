"""Draws the mined negatives of a batch from pools.

Each batch takes many small operations, for which NumPy needs half the time of PyTorch. All randomness comes from
PyTorch's global generator, which training loops and workers seed.
"""

import math
from collections.abc import Collection
from numbers import Real
from typing import Literal, get_args

import numpy as np
import torch

from ..pools.codec import NUM_LEVELS, decode_hardness
from ..pools.files import PoolsError
from ..pools.negative_pools import NegativePools
from ..triples.indexing import HEAD, RELATION, SIDES, TAIL, TripleIndex
from ..utils.spelling import check_choice

__all__ = [
    "HardNegatives",
    "Strategy",
    "check_strategy",
    "has_inverses",
    "without_inverse",
]

#: How negatives are drawn from a pool: all with equal probability, only the hardest, or harder ones more often
Strategy = Literal["uniform", "top", "softmax"]


def without_inverse(triples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Replace inverse triples by the original ones.

    :param triples: shape: (n, 3), with PyKEEN's ids of relations and their inverses: 2r and 2r + 1
    :return: a pair (the triples with real relations; shape: (n, 3). Which ones were inverse; shape: (n,), dtype: bool)
    """
    inverse = triples[:, RELATION] % 2 == 1
    real = np.where(inverse[:, np.newaxis], triples[:, ::-1], triples)
    real[:, RELATION] //= 2
    return real, inverse


def has_inverses(triples: np.ndarray, num_relations: int) -> bool:
    """Tell from the triples alone whether they include PyKEEN's inverse triples, one for each triple.

    :param triples: shape: (n, 3), dtype: int64
    :param num_relations: the number of relations
    :return: whether each triple (h, 2r, t) comes with its inverse (t, 2r + 1, h), and the other way round
    """
    if num_relations % 2 or not len(triples):
        return False
    index = TripleIndex.from_triples(triples, int(triples[:, [HEAD, TAIL]].max()) + 1, num_relations)
    inverses = np.ascontiguousarray(triples[:, ::-1])
    inverses[:, RELATION] ^= 1
    return bool(index.contains(inverses).all())


def check_strategy(strategy: Strategy, temperature: float) -> None:
    """Check the settings for drawing from a pool.

    :param strategy: the strategy
    :param temperature: > 0, of the softmax
    :raises ValueError: if there is no such strategy, or the temperature is not positive and finite
    """
    check_choice("strategy", strategy, get_args(Strategy))
    if not (isinstance(temperature, Real) and 0 < temperature < math.inf):
        raise ValueError(f"found temperature={temperature!r}, expected a positive number.")


class HardNegatives:
    """Draws negatives from pools, with replacement."""

    def __init__(
        self,
        pools: NegativePools,
        corruption_scheme: Collection[str],
        has_inverse_triples: bool,
        strategy: Strategy,
        temperature: float,
    ) -> None:
        """Prepare to draw batches.

        :param pools: the pools
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``
        :param has_inverse_triples: whether relations have PyKEEN's ids of relations and their inverses
        :param strategy: how negatives are drawn
        :param temperature: > 0, of the softmax
        :raises ValueError: if there is no such strategy, or the temperature is not positive
        :raises PoolsError: if the pools corrupt no side of the scheme
        """
        check_strategy(strategy, temperature)
        scheme = [SIDES[side] for side in corruption_scheme]
        # in an inverse triple, heads and tails have changed places
        allowed = [[side in scheme for side in pools.sides], [TAIL - side in scheme for side in pools.sides]]
        if not any(allowed[0]):
            raise PoolsError(
                f"found pools that replace the columns {pools.sides} only, but corruption_scheme="
                f"{corruption_scheme!r} asks for {tuple(scheme)}. Mine pools with this scheme."
            )
        self.pools = pools
        self.has_inverse_triples = has_inverse_triples
        self.strategy = strategy
        self._allowed = None if all(allowed[0]) else np.array(allowed)
        self._num_sides = sum(allowed[0])
        with np.errstate(over="ignore"):
            #: The relative weight of a negative, by how many steps it is easier than another one
            self._weights = np.exp(-decode_hardness(np.arange(NUM_LEVELS), 0.0, 1.0) / temperature)
        self._sides = np.array(pools.sides)
        sizes = pools.offsets[len(pools.sides) :: len(pools.sides)] - pools.offsets[: -1 : len(pools.sides)]
        self._width = int(sizes.max()) if len(sizes) else 0

    def draw(self, positives: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw negatives.

        :param positives: shape: (n, 3), dtype: int64
        :param count: the number of negatives for each of them
        :return: a pair (m * count negatives of shape (m, count, 3), which m positives have negatives; shape: (n,),
            dtype: bool)
        """
        starts, sizes, inverse = self._rows(positives)
        ends = sizes.cumsum(axis=-1)
        has_any = ends[:, -1] > 0
        if not has_any.all():
            positives, starts, sizes, ends = positives[has_any], starts[has_any], sizes[has_any], ends[has_any]
            inverse = None if inverse is None else inverse[has_any]
        negatives = positives.repeat(count, axis=0)
        if len(positives):
            column, replacement = self._replacements(starts, sizes, ends, inverse, count)
            negatives[np.arange(len(negatives)), column.ravel()] = replacement.ravel()
        return negatives.reshape(-1, count, 3), has_any

    def covers(self, positives: np.ndarray) -> np.ndarray:
        """Tell which triples have negatives.

        :param positives: shape: (n, 3), dtype: int64
        :return: shape: (n,), dtype: bool
        """
        return np.asarray(self._rows(positives)[1].any(axis=1))

    def _rows(self, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Look up the pools of triples.

        :param positives: shape: (n, 3), dtype: int64
        :return: a tuple (the starts of each side's pool, and the numbers of negatives in it that may be drawn; shape:
            (n, num_sides). Which triples are inverse; shape: (n,), or None where there are no inverse triples)
        """
        real, inverse = positives, None
        if self.has_inverse_triples:
            real, inverse = without_inverse(positives)
        starts, sizes = self.pools.rows(real)
        if self._allowed is not None:
            sizes = sizes * self._allowed[0 if inverse is None else inverse.astype(int)]
        return starts, sizes, inverse

    def _replacements(
        self, starts: np.ndarray, sizes: np.ndarray, ends: np.ndarray, inverse: np.ndarray | None, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw columns and replacements.

        :param starts: shape: (n, num_sides), where each triple's negatives begin
        :param sizes: shape: (n, num_sides), the number of them; at least one for each triple
        :param ends: shape: (n, num_sides), their cumulative sum
        :param inverse: shape: (n,), which triples are inverse
        :param count: how many to draw
        :return: a pair (column, replacement), each of shape (n, count)
        """
        # an offset among all of a triple's negatives becomes a position in the arrays
        shift = starts - ends + sizes
        side, position = _locate(self._offsets(sizes, ends, shift, count), ends, shift)
        replacement = self.pools.replacements.numpy()[position].astype(np.int64)
        column = self._sides[side]
        if inverse is not None:
            inverse = inverse[:, np.newaxis]
            replacement = np.where(column == RELATION, 2 * replacement + inverse, replacement)
            column = np.where(inverse, TAIL - column, column)
        return column, replacement

    def _offsets(self, sizes: np.ndarray, ends: np.ndarray, shift: np.ndarray, count: int) -> np.ndarray:
        """Draw offsets among each triple's negatives.

        :param sizes: shape: (n, num_sides), the number of negatives of each side
        :param ends: shape: (n, num_sides), their cumulative sum
        :param shift: shape: (n, num_sides), the difference between position and offset
        :param count: how many to draw
        :return: shape: (n, count)
        """
        total = ends[:, -1:]
        match self.strategy:
            case "uniform":
                return _draw_below(total, count)
            case "top":
                # take the hardest of each side, from a random one of them on, so that no side is favoured
                window = np.minimum(sizes, math.ceil(count / self._num_sides))
                window_ends = window.cumsum(axis=-1)
                turn = (_draw_below(window_ends[:, -1:], 1) + np.arange(count)) % window_ends[:, -1:]
                side, _ = _locate(turn, window_ends, shift)
                return turn + np.take_along_axis(ends - sizes - window_ends + window, side, axis=1)
            case _:
                offset = np.broadcast_to(np.arange(self._width), (len(total), self._width))
                _, position = _locate(offset, ends, shift)
                is_there = offset < total
                hardness = self.pools.hardness.numpy()[position.clip(0, len(self.pools) - 1)] * is_there
                # relative to the hardest of each triple, so that a low temperature selects that one
                weights = self._weights.take(hardness.max(axis=1, keepdims=True) - hardness) * is_there
                cumulative = torch.from_numpy(weights.cumsum(axis=1))
                drawn = torch.rand(len(total), count, dtype=torch.double) * cumulative[:, -1:]
                return np.minimum(torch.searchsorted(cumulative, drawn, right=True).numpy(), total - 1)


def _draw_below(limits: np.ndarray, count: int) -> np.ndarray:
    """Draw whole numbers below limits: shape (n, count) for limits of shape (n, 1)."""
    return (torch.rand(len(limits), count, dtype=torch.float).numpy() * limits).astype(np.int64)


def _locate(offset: np.ndarray, ends: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find side and position of offsets among the negatives of a triple.

    :param offset: shape: (n, m)
    :param ends: shape: (n, num_sides)
    :param shift: shape: (n, num_sides)
    :return: a pair (side, position), each of shape (n, m)
    """
    side = np.zeros(offset.shape, dtype=np.int64)
    position = offset + shift[:, :1]
    steps = shift[:, 1:] - shift[:, :-1]
    for i in range(ends.shape[1] - 1):
        passed = offset >= ends[:, i : i + 1]
        side += passed
        position += passed * steps[:, i : i + 1]
    return side, position
