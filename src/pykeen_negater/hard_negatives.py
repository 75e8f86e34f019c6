"""Draws from pools: which of a triple's mined negatives come into a batch."""

import math
from collections.abc import Collection
from typing import Literal, get_args

import torch
from pykeen.typing import BoolTensor, LongTensor

from .indexing import RELATION, SIDES
from .pool_files import PoolsError
from .pools import NegativePools

__all__ = [
    "HardNegatives",
    "Strategy",
    "without_inverse",
]

#: How negatives are drawn from a pool: all alike, the hardest only, or the harder, the more often
Strategy = Literal["uniform", "top", "softmax"]


def without_inverse(triples: LongTensor) -> tuple[LongTensor, BoolTensor]:
    """Replace inverse triples by those they are the inverse of.

    :param triples: shape: (n, 3), with PyKEEN's ids of relations and their inverses: 2r and 2r + 1
    :return: a pair (the triples with real relations; shape: (n, 3). Which ones were inverse; shape: (n,), dtype: bool)
    """
    heads, relations, tails = triples.unbind(dim=-1)
    inverse = relations % 2 == 1
    real = [torch.where(inverse, tails, heads), relations // 2, torch.where(inverse, heads, tails)]
    return torch.stack(real, dim=-1), inverse


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
        """Prepare what every batch needs.

        :param pools: the pools
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``
        :param has_inverse_triples: whether relations have PyKEEN's ids of relations and their inverses
        :param strategy: how they are drawn
        :param temperature: > 0, of the softmax
        :raises ValueError: if there is no such strategy, or the temperature is not positive
        :raises PoolsError: if the pools corrupt no side of the scheme
        """
        if strategy not in get_args(Strategy):
            raise ValueError(f"found strategy={strategy!r}, expected one of {', '.join(get_args(Strategy))}.")
        if not temperature > 0:
            raise ValueError(f"found temperature={temperature}, expected a positive number.")
        scheme = [SIDES[side] for side in corruption_scheme]
        # seen from an inverse triple, heads and tails have changed places
        allowed = [[side in scheme for side in pools.sides], [2 - side in scheme for side in pools.sides]]
        if not any(allowed[0]):
            raise PoolsError(
                f"found pools that replace the columns {pools.sides} only, but corruption_scheme="
                f"{corruption_scheme!r} asks for {tuple(scheme)}. Mine pools with this scheme."
            )
        self.pools = pools
        self.has_inverse_triples = has_inverse_triples
        self.strategy = strategy
        self.temperature = temperature
        self._allowed = None if all(allowed[0]) else torch.tensor(allowed)
        self._num_sides = sum(allowed[0])
        self._sides = torch.tensor(pools.sides)
        sizes = pools.offsets[len(pools.sides) :: len(pools.sides)] - pools.offsets[: -1 : len(pools.sides)]
        self._width = int(sizes.max()) if len(sizes) else 0

    def draw(self, positives: LongTensor, count: int) -> tuple[LongTensor, BoolTensor]:
        """Draw negatives.

        :param positives: shape: (n, 3)
        :param count: how many for each of them
        :return: a pair (m * count negatives of shape (m, count, 3) on the positives' device, which m positives have
            negatives; shape: (n,), dtype: bool, on the CPU)
        """
        real, inverse = positives.cpu(), None
        if self.has_inverse_triples:
            real, inverse = without_inverse(real)
        starts, sizes = self.pools.rows(real)
        if self._allowed is not None:
            sizes = sizes * self._allowed[0 if inverse is None else inverse.long()]
        has_any = sizes.sum(dim=-1) > 0
        if not has_any.all():
            positives, starts, sizes = positives[has_any], starts[has_any], sizes[has_any]
            inverse = None if inverse is None else inverse[has_any]
        negatives = positives.repeat_interleave(count, dim=0).view(-1, count, 3)
        if len(positives):
            column, replacement = self._replacements(starts, sizes, inverse, count)
            negatives.scatter_(2, column.to(negatives.device), replacement.to(negatives.device))
        return negatives, has_any

    def _replacements(
        self, starts: LongTensor, sizes: LongTensor, inverse: BoolTensor | None, count: int
    ) -> tuple[LongTensor, LongTensor]:
        """Draw what stands where.

        :param starts: shape: (n, num_sides), where each triple's negatives begin
        :param sizes: shape: (n, num_sides), how many it has; at least one for each triple
        :param inverse: shape: (n,), which triples are inverse
        :param count: how many to draw
        :return: a pair (column, replacement), each of shape (n, count, 1)
        """
        ends = sizes.cumsum(dim=-1)
        # an offset among all of a triple's negatives becomes a position in the arrays
        shift = starts - ends + sizes
        side, position = _locate(self._offsets(sizes, ends, shift, count), ends, shift)
        replacement = torch.take(self.pools.replacements, position).long()
        column = torch.take(self._sides, side)
        if inverse is not None:
            inverse = inverse.unsqueeze(dim=-1)
            replacement = torch.where(column == RELATION, 2 * replacement + inverse, replacement)
            column = torch.where(inverse, 2 - column, column)
        return column.unsqueeze(dim=-1), replacement.unsqueeze(dim=-1)

    def _offsets(self, sizes: LongTensor, ends: LongTensor, shift: LongTensor, count: int) -> LongTensor:
        """Draw offsets among each triple's negatives.

        :param sizes: shape: (n, num_sides), the number of negatives of each side
        :param ends: shape: (n, num_sides), their cumulative sum
        :param shift: shape: (n, num_sides), what turns an offset into a position
        :param count: how many to draw
        :return: shape: (n, count)
        """
        total = ends[:, -1:]
        match self.strategy:
            case "uniform":
                return (torch.rand(len(total), count) * total).long()
            case "top":
                # take the hardest of each side, and start anywhere among them, so that no side is favoured
                window = sizes.clamp_max(math.ceil(count / self._num_sides))
                window_ends = window.cumsum(dim=-1)
                start = (torch.rand(len(total), 1) * window_ends[:, -1:]).long()
                turn = (start + torch.arange(count)) % window_ends[:, -1:]
                side, _ = _locate(turn, window_ends, shift)
                return turn - (window_ends - window).gather(1, side) + (ends - sizes).gather(1, side)
            case _:
                offset = torch.arange(self._width).expand(len(total), -1)
                _, position = _locate(offset, ends, shift)
                hardness = torch.take(self.pools.hardness, position.clamp_(0, len(self.pools) - 1)).float() / 255
                logits = (hardness / self.temperature).masked_fill_(offset >= total, -torch.inf)
                # less the highest of each row, so that a low temperature does not leave a row of zeros
                weights = torch.exp(logits - logits.amax(dim=-1, keepdim=True))
                cumulative = weights.cumsum(dim=-1)
                drawn = torch.rand(len(total), count) * cumulative[:, -1:]
                return torch.searchsorted(cumulative, drawn, right=True).clamp_max_(total - 1)


def _locate(offset: LongTensor, ends: LongTensor, shift: LongTensor) -> tuple[LongTensor, LongTensor]:
    """Find side and position of offsets among the negatives of a triple.

    :param offset: shape: (n, m)
    :param ends: shape: (n, num_sides)
    :param shift: shape: (n, num_sides)
    :return: a pair (side, position), each of shape (n, m)
    """
    if ends.shape[1] == 1:
        return torch.zeros_like(offset), offset + shift
    side = (offset >= ends[:, :1]).long()
    for i in range(1, ends.shape[1] - 1):
        side += offset >= ends[:, i : i + 1]
    return side, shift.gather(1, side).add_(offset)
