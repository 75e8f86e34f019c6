"""Limits of a process: memory, open files, threads. Whoever reaches one, the error is the same.

Where the kind of an error does not tell, the system is asked, not the error's words: they change with the versions of
other libraries.
"""

import errno
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = [
    "ThreadsError",
    "causes",
    "error_number",
    "explain_shortage",
    "find_limit",
    "tell_shortage",
    "warn_of_little_memory",
]

logger = logging.getLogger(__name__)

#: What the system says where no more files can be opened, no more memory is there, no more processes can be started
_NO_FILES, _NO_MEMORY, _NO_PROCESSES = (errno.EMFILE, errno.ENFILE), (errno.ENOMEM,), (errno.EAGAIN,)

#: How the standard library of Rust writes the number of an error
_RUST = re.compile(r"\(os error (\d+)\)$")

#: How many files a process has to be able to open, for not to have failed since it could not
_SPARE_FILES = 6

#: How much address space mining a small graph takes that the libraries have not reserved before, in bytes
_ROOM = 2**30

#: The share of the limited address space from whose use on an error that says nothing is put down to the limit
_NEARLY_ALL = 0.5


class ThreadsError(RuntimeError):
    """No more threads or processes can be started."""


@contextmanager
def tell_shortage() -> Iterator[None]:
    """Turn what libraries raise where something is used up into one clear error.

    :raises MemoryError: if memory does not suffice
    :raises OSError: if no more files can be opened
    :raises ThreadsError: if no more threads can be started
    """
    try:
        yield
    except Exception as error:
        shortage = explain_shortage(error)
        if shortage is None:
            raise
        raise shortage from error


def explain_shortage(error: BaseException) -> Exception | None:
    """Find out whether an error was caused by something being used up.

    :param error: the error
    :return: another one, which says what is used up and what to do; the same if it does so already; None if nothing is
    """
    chain = list(causes(error))
    for cause in chain:
        if isinstance(cause, _Explained):
            return cause
    numbers = {error_number(cause) for cause in chain}
    if numbers.intersection(_NO_FILES) or (_is_vague(error) and _lacks_files()):
        most = find_limit("RLIMIT_NOFILE")
        return _FilesError(errno.EMFILE, f"found as many open files as this process may have ({most}). {_MORE_FILES}")
    if numbers.intersection(_NO_MEMORY) or any(map(_tells_memory, chain)):
        return _OutOfMemoryError(f"found too little memory{_address_space()}. {_MORE_MEMORY}")
    if numbers.intersection(_NO_PROCESSES) or (_is_vague(error) and _lacks_threads()):
        return _OutOfThreadsError(f"found that no more threads can be started{_address_space()}. {_MORE_THREADS}")
    if _is_vague(error) and _uses_nearly_all():
        return _OutOfMemoryError(
            f"found too little memory{_address_space()}, it seems ({_quoted(error)}). {_MORE_MEMORY}"
        )
    return None


_MORE_FILES = "Raise the limit (ulimit -n), or close what this process keeps open. What was finished is kept"
_MORE_MEMORY = (
    "Raise the limit (ulimit -v), free memory, or ask for less at once: fewer threads (OMP_NUM_THREADS=1), a smaller "
    "language model, smaller batches. What was finished is kept"
)
_MORE_THREADS = (
    "Raise the limits on processes and memory (ulimit -u, ulimit -v), or ask for fewer threads (OMP_NUM_THREADS=1). "
    "What was finished is kept"
)


class _Explained(Exception):  # noqa: N818
    """Says already what is used up."""


class _FilesError(_Explained, OSError):
    def __str__(self) -> str:
        return f"{self.strerror}."


class _OutOfMemoryError(_Explained, MemoryError):
    def __str__(self) -> str:
        return f"{self.args[0]}."


class _OutOfThreadsError(_Explained, ThreadsError):
    def __str__(self) -> str:
        return f"{self.args[0]}."


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Go through an error and what it was raised from or while handling.

    :param error: the error
    :yields: it, and those before it
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def error_number(error: BaseException) -> int | None:
    """Get the number of an error of the operating system.

    :param error: an error, be it one that a library in Rust hides: these write the number behind their text
    :return: the number, as in :mod:`errno`; None if it has none
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _RUST.search(str(error))
    return int(found[1]) if found else None


def _is_vague(error: BaseException) -> bool:
    """Tell whether the kind of an error leaves open what happened."""
    return not isinstance(error, (ValueError, KeyboardInterrupt)) and error_number(error) is None


def _tells_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if "torch" not in sys.modules or not isinstance(error, RuntimeError):
        return False
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    return isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)


def _lacks_files() -> bool:
    """Tell whether hardly any more files can be opened: what failed may have closed some."""
    opened: list[int] = []
    try:
        for _ in range(_SPARE_FILES):
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in _NO_FILES
    finally:
        for file in opened:
            os.close(file)
    return False


def _lacks_threads() -> bool:
    thread = threading.Thread(target=int)
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        return True
    thread.join()
    return False


def find_limit(name: str) -> int | None:
    """Look up a limit of this process.

    :param name: its name in :mod:`resource`
    :return: the limit; None if there is none
    """
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    limit = resource.getrlimit(getattr(resource, name))[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _uses_nearly_all() -> bool:
    limit = find_limit("RLIMIT_AS")
    return limit is not None and _address_space_in_use("VmPeak") > _NEARLY_ALL * limit


def _address_space_in_use(name: str) -> int:
    """Look up how many bytes of address space this process uses, or has used; 0 if the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
    return 0


def warn_of_little_memory() -> None:
    """Warn that the memory of this process is limited to so little that libraries may crash: no error tells of that."""
    limit = find_limit("RLIMIT_AS")
    room = None if limit is None else limit - _address_space_in_use("VmSize")
    if room is not None and room < _ROOM:
        logger.warning(
            "Found room for %.1f GiB of memory within the limit of this process (ulimit -v), expected at least %.0f "
            "GiB. Libraries may crash without a message if they get none; raise the limit.",
            room / 2**30,
            _ROOM / 2**30,
        )


def _address_space() -> str:
    limit = find_limit("RLIMIT_AS")
    return "" if limit is None else f", of which this process may have {limit / 2**30:,.1f} GiB (ulimit -v)"


def _quoted(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
