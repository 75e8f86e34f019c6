"""What was computed once is kept, by content, under PyKEEN's data folder."""

import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pystow
from filelock import BaseFileLock, FileLock, SoftFileLock

from .checksums import file_digest, find_damage, write_checksums

__all__ = [
    "Cache",
    "array_digest",
    "atomic_file",
    "atomic_folder",
    "file_digest",
    "file_stamps",
    "fingerprint",
    "timed",
]

logger = logging.getLogger(__name__)

#: What a file system says that has no locks, and one that cannot be written to
_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)

#: What a file system says that is full
_FULL = (errno.ENOSPC, errno.EDQUOT)


def fingerprint(content: Mapping[str, Any]) -> str:
    """Identify settings and inputs.

    :param content: anything JSON can hold
    :return: 32 hexadecimal digits, independent of the order of keys
    """
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def file_stamps(path: Path) -> dict[str, list[int]]:
    """Tell versions of files apart without reading them.

    :param path: a file, or a folder, all of whose files count
    :return: time of modification, size and inode of each file by its path relative to the folder
    """
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    stats = {file.relative_to(path).as_posix(): file.stat() for file in files}
    return {name: [stat.st_mtime_ns, stat.st_size, stat.st_ino] for name, stat in stats.items()}


def array_digest(array: np.ndarray) -> str:
    """Compute a checksum of an array's values.

    :param array: of any shape and type
    :return: 32 hexadecimal digits
    """
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()


@contextmanager
def timed(step: str, durations: dict[str, float]) -> Iterator[None]:
    """Note how long a block takes.

    :param step: its name
    :param durations: the seconds by step, which it is added to
    """
    start = time.perf_counter()
    yield
    durations[step] = durations.get(step, 0.0) + time.perf_counter() - start


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that appears under its name whole, or not at all.

    :param path: the folder's final path. Another folder there is replaced.
    :yields: a temporary folder beside it, to be filled
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent, ignore_cleanup_errors=True) as scratch:
        filling = Path(scratch, "new")
        filling.mkdir()
        yield filling
        _share(filling)
        old = Path(scratch, "old")
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(filling, path)
        except BaseException:
            if old.exists():
                os.replace(old, path)
            raise


def _share(folder: Path) -> None:
    """Let those read the files who may read a new folder: some writers keep files to their owner."""
    mode = folder.stat().st_mode & 0o666
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(mode)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    :param path: the file, which is replaced if it exists; its folder must exist
    :yield: the path of another file beside it, to be written instead
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class Cache:
    """Folders by kind and fingerprint, each built at most once, also by several processes."""

    def __init__(self, root: Path | str | None = None) -> None:
        """Open the cache.

        :param root: its folder, by default ``negater`` and the version of this package in PyKEEN's data folder, which
            ``PYSTOW_HOME`` moves
        """
        self.root = pystow.join("pykeen", "negater", version("pykeen-negater")) if root is None else Path(root)
        self._lacks_locks = False

    def path(self, kind: str, key: str) -> Path:
        """Get the folder of an entry, whether it exists or not.

        :param kind: what the entry is, e.g. ``pools``
        :param key: its fingerprint
        :return: the path
        """
        return self.root.joinpath(kind, key)

    def get_or_build(self, kind: str, key: str, build: Callable[[Path], None]) -> tuple[Path, bool]:
        """Get an entry, and build it first if need be, under a lock.

        What an earlier build has left that was killed is removed, and an entry whose files are no longer what was
        built is built anew.

        :param kind: what the entry is, e.g. ``pools``
        :param key: its fingerprint
        :param build: fills an empty folder. If it fails, nothing is left behind.
        :return: a pair (the entry's folder, whether it was built now)
        """
        path, checksums = self.path(kind, key), self.path(kind, f"{key}.sha256")
        if path.is_dir() and find_damage(path, checksums) is None:
            return path, False
        with self.lock(kind, key):
            if path.is_dir():
                damage = find_damage(path, checksums)
                if damage is None:
                    return path, False
                logger.warning("%s is damaged: %s. It is made again.", path, damage)
            # what a killed run has left: under the lock, nobody else fills this entry
            for stale in path.parent.glob(f".{key}-*"):
                shutil.rmtree(stale, ignore_errors=True)
            with atomic_folder(path) as folder:
                build(folder)
                write_checksums(folder, checksums)
        logger.debug("cached %s", path)
        return path, True

    @contextmanager
    def lock(self, kind: str, key: str) -> Iterator[None]:
        """Keep others from what this process builds, or wait until they have built it.

        :param kind: what the entry is
        :param key: its fingerprint
        :raises PermissionError: if nothing can be written to the cache
        :raises OSError: if no space is left for what is built
        """
        path = self.path(kind, f"{key}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = self._acquire(path)
        except OSError as error:
            if error.errno not in _FORBIDDEN:
                raise
            raise PermissionError(
                f"found the cache {self.root}, to which nothing can be written ({error.strerror}), expected a folder "
                f"to keep results in. Set PYSTOW_HOME to one."
            ) from error
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise OSError(
                error.errno,
                f"found no space left ({error.filename or self.root}). Free some, or set PYSTOW_HOME to a larger disk. "
                f"What was finished is kept, and goes on from there",
            ) from error
        finally:
            lock.release()

    def _acquire(self, path: Path) -> BaseFileLock:
        """Lock a file, or rely on the existence of another where the file system has no locks."""
        lock = FileLock(path)
        try:
            lock.acquire()
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            if not self._lacks_locks:
                logger.warning(
                    "%s is on a file system without locks. Other runs are told by files that end in .softlock; remove "
                    "those of a run that crashed.",
                    self.root,
                )
            self._lacks_locks = True
            lock = SoftFileLock(path.with_suffix(".softlock"))
            lock.acquire()
        return lock

    def discard(self, kind: str, key: str) -> None:
        """Remove an entry, e.g. one whose files turned out to be damaged.

        :param kind: what the entry is
        :param key: its fingerprint
        """
        shutil.rmtree(self.path(kind, key), ignore_errors=True)
        self.path(kind, f"{key}.sha256").unlink(missing_ok=True)
