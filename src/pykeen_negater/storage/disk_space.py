"""Full disks, noticed before a mapped file is written, and reported by one error, whichever library wrote."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..utils.limits import causes, error_number, find_limit

__all__ = [
    "FullDiskError",
    "reserve",
    "tell_full_disk",
]

#: The error numbers of a full file system, and of a file that may not grow any more
_FULL, _TOO_LARGE = (errno.ENOSPC, errno.EDQUOT), errno.EFBIG

#: The number of bytes that are written to find out whether a disk is full
_PROBE = 2**20

#: The error numbers of a file system that cannot reserve room; None where the system has no such call
_WITHOUT_RESERVATION = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, None)


class FullDiskError(OSError):
    """Raised if a disk has no space left, or a file may not grow any more."""

    def __str__(self) -> str:
        return f"{self.strerror}."


@contextmanager
def tell_full_disk(path: Path, area: Path | None = None) -> Iterator[None]:
    """Turn whatever libraries raise on a full disk into one clear error.

    Many of them hide the error of the file system. Where the cause is unclear, a test file is written.

    :param path: the file or folder that a block writes
    :param area: the temporary file or folder that it writes to, if that is another one
    :raises FullDiskError: if no space is left there
    """
    try:
        yield
    except FullDiskError:
        raise
    except Exception as error:
        code = _find_code(error, path if area is None else area)
        if code is None:
            raise
        names = (getattr(cause, "filename", None) for cause in causes(error) if error_number(cause) == code)
        where = next(filter(None, names), path)
        if code == _TOO_LARGE:
            text = f"found a file that may not grow any more ({where}). Raise the limit of this process (ulimit -f)"
        else:
            text = (
                f"found no space left ({where}). Free some, or write to a larger disk, which PYSTOW_HOME names for the "
                f"cache"
            )
        raise FullDiskError(code, f"{text}. What was finished is kept, and goes on from there") from error


def _find_code(error: Exception, area: Path) -> int | None:
    """Find the error number of a full file system that an error came from; None if it came from something else."""
    for cause in causes(error):
        number = error_number(cause)
        if number in (*_FULL, _TOO_LARGE):
            return number
    if isinstance(error, (ValueError, MemoryError)) or error_number(error) is not None:
        return None  # these already say what they are
    return _TOO_LARGE if _has_reached_limit(area) else _ask_disk(area)


def _ask_disk(area: Path) -> int | None:
    """Write to a disk, and get the error number if it is full."""
    folder = next((folder for folder in (area, *area.parents) if folder.is_dir()), None)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(os.urandom(_PROBE))  # random, since some file systems compress
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno if error.errno in _FULL else None
    return None


def _has_reached_limit(area: Path) -> bool:
    """Tell whether a file has reached the size limit of this process."""
    limit = find_limit("RLIMIT_FSIZE")
    if limit is None:
        return False
    files = [area] if area.is_file() else [file for file in area.rglob("*") if file.is_file()]
    return any(file.stat().st_size >= limit for file in files)


def reserve(file: int, start: int, size: int) -> None:
    """Reserve disk space for a part of a file, so that writing to it through a memory map cannot fail.

    :param file: the descriptor of a file that is open for writing
    :param start: >= 0, where the part starts
    :param size: >= 0, its bytes; new ones are zeros
    :raises OSError: if there is not enough space
    """
    if not size:
        return
    try:
        os.posix_fallocate(file, start, size)
    except (AttributeError, OSError) as error:
        if getattr(error, "errno", None) not in _WITHOUT_RESERVATION:
            raise
        os.truncate(file, max(start + size, os.fstat(file).st_size))
