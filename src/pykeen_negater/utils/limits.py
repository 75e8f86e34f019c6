"""Limits of a process (memory, open files, threads), reported by the same error whichever library reaches them.

Where the type of an error does not tell which limit it was, the system is asked. The error's message is not parsed,
since it changes with the versions of other libraries.
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

#: The error numbers of too many open files, of too little memory, and of too many processes
_NO_FILES, _NO_MEMORY, _NO_PROCESSES = (errno.EMFILE, errno.ENFILE), (errno.ENOMEM,), (errno.EAGAIN,)

#: Matches the error number in messages of Rust's standard library
_RUST = re.compile(r"\(os error (\d+)\)$")

#: If a process can still open this many files, its failure is not put down to the limit on open files
_SPARE_FILES = 6

#: The address space that mining a small graph takes beyond what the libraries have reserved before, in bytes
_ROOM = 2**30

#: If at least this share of the limited address space is in use, an error without a clear cause is put down to the
#: limit
_NEARLY_ALL = 0.5


class ThreadsError(RuntimeError):
    """No more threads or processes can be started."""


@contextmanager
def tell_shortage() -> Iterator[None]:
    """Turn whatever libraries raise when a limit is reached into one clear error.

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
    """Find out whether an error was caused by a limit of the process.

    :param error: the error
    :return: another one, which says which limit was reached and what to do; the same if it does so already; None if no
        limit was reached
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
    """An error that already says which limit was reached."""


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
    """Go through an error and those that it was raised from, or while handling.

    :param error: the error
    :yields: the error, then those before it
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def error_number(error: BaseException) -> int | None:
    """Get the number of an error of the operating system.

    :param error: the error; libraries in Rust write the number behind the message, where it is found, too
    :return: the number, as in :mod:`errno`; None if it has none
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _RUST.search(str(error))
    return int(found[1]) if found else None


def _is_vague(error: BaseException) -> bool:
    """Tell whether the type of an error leaves open what happened."""
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
    """Tell whether hardly any more files can be opened; not none, since what failed may have closed some."""
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
    """Warn if the memory limit of this process is so low that libraries may crash without an error."""
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
