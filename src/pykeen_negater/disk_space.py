"""Disks that are full: noticed before a mapped file is written, and said in one way, whoever wrote."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

__all__ = [
    "FullDiskError",
    "reserve",
    "tell_full_disk",
]

#: What a file system says that is full
_FULL = (errno.ENOSPC, errno.EDQUOT)

#: How writers that hide what the file system said put it: NumPy, safetensors and FAISS, and PyTorch
_HIDDEN = re.compile(
    r"^\d+ requested and \d+ written$"
    rf"|\b(?:{'|'.join(re.escape(os.strerror(code)) for code in _FULL)})\b"
    r"|\binline_container\.cc\b.*(?:unexpected pos|PytorchStreamWriter failed writing|file write failed)"
)

#: What a file system says that cannot reserve room; None where the system has no such call
_WITHOUT_RESERVATION = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, None)


class FullDiskError(OSError):
    """No space is left for what is written."""


@contextmanager
def tell_full_disk(path: Path) -> Iterator[None]:
    """Turn what writers raise on a full disk into one clear error.

    :param path: where a block writes to
    :raises FullDiskError: if no space is left there
    """
    try:
        yield
    except FullDiskError:
        raise
    except (OSError, RuntimeError, SafetensorError) as error:
        code = getattr(error, "errno", None)
        if code not in _FULL and not (code is None and _HIDDEN.search(str(error))):
            raise
        raise FullDiskError(
            code or errno.ENOSPC,
            f"found no space left ({getattr(error, 'filename', None) or path}). Free some, or write to a larger disk, "
            f"which PYSTOW_HOME names for the cache. What was finished is kept, and goes on from there",
        ) from error


def reserve(file: int, start: int, size: int) -> None:
    """Take the room that a part of a file needs, so that writing to a map of it cannot fail.

    :param file: the descriptor of a file that is open for writing
    :param start: >= 0, where the part starts
    :param size: >= 0, its bytes; what was not there yet is zeros
    :raises OSError: if there is no such room
    """
    if not size:
        return
    try:
        os.posix_fallocate(file, start, size)
    except (AttributeError, OSError) as error:
        if getattr(error, "errno", None) not in _WITHOUT_RESERVATION:
            raise
        os.truncate(file, max(start + size, os.fstat(file).st_size))
