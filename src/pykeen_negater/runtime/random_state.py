"""Restores random states, and keeps results independent of what the process has set globally."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

__all__ = [
    "one_thread",
    "pinned_defaults",
    "preserved_random_state",
]

#: How NumPy handles floating-point errors by default
_ERRORS: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


@contextmanager
def pinned_defaults() -> Iterator[None]:
    """Compute with PyTorch's and NumPy's own defaults in the block, whatever the process has set.

    These are: tensors of single precision on the CPU, no autocast, and warnings for floating-point errors. Where
    nothing else was set, the cost is negligible, so that each batch can be drawn in it.
    """
    dtype, is_on_cpu = torch.get_default_dtype(), torch.get_default_device().type == "cpu"
    autocast = [kind for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind)]
    if dtype is torch.float and is_on_cpu and not autocast and np.geterr() == _ERRORS:
        yield
        return
    with ExitStack() as stack:
        if not is_on_cpu:
            stack.enter_context(torch.device("cpu"))
        for kind in autocast:
            stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(np.errstate(**_ERRORS))
        torch.set_default_dtype(torch.float)
        stack.callback(torch.set_default_dtype, dtype)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread in the block: PyTorch splits long sums by its number of threads, which changes rounding."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


@contextmanager
def preserved_random_state() -> Iterator[None]:
    """Restore the random states of Python, NumPy and PyTorch (all devices) at the end of the block.

    Mining inside a sampler's constructor is wrapped in it, so that a run that mines and a run that finds its pools in
    the cache train identically.
    """
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
