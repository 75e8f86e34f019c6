"""Several processes that share the work of mining, as ``torchrun`` and ``accelerate launch`` start them.

They find each other through a store [paszke2019]_, and exchange results through files in the cache. There is no process
group, so that a model that one of them trains alone is trained as in a single process.

.. [paszke2019] Paszke et al. (2019) PyTorch: An imperative style, high-performance deep learning library. NeurIPS.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

__all__ = [
    "Processes",
    "main_process_first",
    "single_process",
]

#: The environment variables in which launchers describe the processes
_VARIABLES = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "GROUP_WORLD_SIZE",
    "ROLE_RANK",
    "ROLE_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
)

#: The time to wait for other processes: one may fine-tune a model, or wait for another run, while the others wait for
#: it
_PATIENCE = timedelta(days=365)


@dataclass(eq=False)
class Processes:
    """The processes that share the work; by default this one alone."""

    #: >= 0, the number of this process
    rank: int = 0

    #: > 0, the number of processes
    count: int = 1

    #: The store through which they find each other; None if this one is alone
    store: Any = None

    _exchanges: int = field(default=0, init=False)

    @classmethod
    def launched(cls) -> "Processes":
        """Find the processes that were launched with this one. All of them have to call this, once.

        Each takes a GPU of its own, if there are any.

        :return: the processes
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        store, rank, count = next(torch.distributed.rendezvous("env://", timeout=_PATIENCE))
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        return cls(rank, count, torch.distributed.PrefixStore("pykeen-negater", store))

    @property
    def is_main(self) -> bool:
        """Whether this is the main process, which does what is done only once."""
        return self.rank == 0

    def split(self, size: int) -> range:
        """Split pieces of work between the processes.

        :param size: the number of pieces
        :return: the pieces of this process
        """
        return range(self.rank, size, self.count)

    def broadcast(self, message: str) -> str:
        """Send a message from the main process to all processes, each of which has to call this.

        :param message: the message; that of other processes is ignored
        :return: the message of the main process
        """
        if self.store is None:
            return message
        self._exchanges += 1
        key = f"message {self._exchanges}"
        if self.is_main:
            self.store.set(key, message)
        return self.store.get(key).decode()

    def check_shared(self, folder: Path) -> None:
        """Check that all processes see the same folder; all of them have to call this.

        :param folder: where results are exchanged. If the main process cannot write to it, nothing is checked.
        :raises ValueError: in all processes, if one does not see the file that the main process wrote there
        """
        if self.store is None:
            return
        token = folder / f".processes-{uuid.uuid4().hex}"
        if self.is_main:
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                token.touch()
        name = self.broadcast(token.name if token.is_file() else "")
        if name and not folder.joinpath(name).is_file():
            self.store.add("apart", 1)
        self.barrier()
        num_apart = self.store.add("apart", 0)
        self.barrier()
        if self.is_main:
            with suppress(OSError):
                token.unlink()
        if num_apart:
            raise ValueError(
                f"found {num_apart} of {self.count} processes that do not see the same data folder (here {folder}), "
                f"expected one that all share. Set PYSTOW_HOME to the same shared folder for all of them."
            )

    def barrier(self) -> None:
        """Wait until all processes have called this."""
        if self.store is None:
            return
        self._exchanges += 1
        key = f"barrier {self._exchanges}"
        if self.store.add(f"{key}, present", 1) == self.count:
            self.store.set(key, "")
        self.store.wait([key])


@contextmanager
def single_process() -> Iterator[None]:
    """Hide the other processes from libraries in the block, so that they train here without waiting for them."""
    hidden = {name: os.environ.pop(name) for name in _VARIABLES if name in os.environ}
    if not hidden:
        yield
        return
    from accelerate.state import AcceleratorState, PartialState

    kept = {state: dict(state._shared_state) for state in (PartialState, AcceleratorState)}
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        yield
    finally:
        os.environ.update(hidden)
        for state, values in kept.items():
            state._shared_state.clear()
            state._shared_state.update(values)


@contextmanager
def main_process_first(processes: Processes) -> Iterator[None]:
    """Let the main process run a block before the others, which then find its results in the cache.

    :param processes: the processes, all of which have to enter the block
    """
    if not processes.is_main:
        processes.barrier()
    yield
    if processes.is_main:
        processes.barrier()
