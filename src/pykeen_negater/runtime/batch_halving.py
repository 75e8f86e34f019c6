"""Halves batches where memory does not suffice, and counts how often, since results then differ in the last digits."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

__all__ = [
    "OOMBatchHalver",
]

logger = logging.getLogger(__name__)

T = TypeVar("T")


class OOMBatchHalver:
    """Computes results batch by batch, in batches as large as memory allows.

    Not torch_max_mem, which starts all over, keeps a failed attempt's tensors during the next, and lets the CPU's fail.
    """

    def __init__(self, what: str) -> None:
        """Start with no halved batch.

        :param what: the items of a batch, in the plural, for the log
        """
        self.what = what
        #: The number of batches that were halved for lack of memory
        self.count = 0

    def compute(self, function: Callable[[dict[str, Tensor]], Tensor], inputs: dict[str, Tensor]) -> Tensor:
        """Apply a function to a batch, or to its halves if memory does not suffice.

        :param function: maps inputs to a tensor of shape (batch_size, ...), row by row
        :param inputs: shape of each: (batch_size, ...); halves are as long as the whole
        :return: shape: (batch_size, ...), dtype: float32, on the CPU
        """
        size = len(next(iter(inputs.values())))
        try:
            return function(inputs).float().cpu()
        except (RuntimeError, MemoryError) as error:
            self._check(error, size)
        # outside of the handler, since the exception keeps tensors in memory
        self._halve(size)
        rows = (slice(None, size // 2), slice(size // 2, None))
        return torch.cat([self.compute(function, {name: x[half] for name, x in inputs.items()}) for half in rows])

    def compute_all(self, function: Callable[[int], T], batch_size: int) -> T:
        """Call a function that makes batches itself, and call it again with half the batch size if necessary.

        :param function: computes everything in batches of a size
        :param batch_size: > 0, the size to begin with
        :return: the function's result
        """
        try:
            return function(batch_size)
        except (RuntimeError, MemoryError) as error:
            self._check(error, batch_size)
        self._halve(batch_size)
        return self.compute_all(function, batch_size // 2)

    @staticmethod
    def _check(error: RuntimeError | MemoryError, size: int) -> None:
        from accelerate.utils.memory import should_reduce_batch_size

        if size == 1 or not (isinstance(error, MemoryError) or should_reduce_batch_size(error)):
            raise error

    def _halve(self, size: int) -> None:
        from accelerate.utils.memory import clear_device_cache

        self.count += 1
        if self.count == 1:
            logger.warning(
                "Memory does not suffice for %d %s at once. Where it does not, the batch is halved.", size, self.what
            )
        clear_device_cache(garbage_collection=True)
