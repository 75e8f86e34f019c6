"""The cache, which keeps results under PyKEEN's data folder, by a fingerprint of what they were computed from."""

import errno
import hashlib
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pystow
from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from ..utils.limits import explain_shortage
from .atomic_writing import atomic_file, atomic_folder
from .checksums import file_digest, find_damage, write_checksums
from .disk_space import FullDiskError, tell_full_disk

__all__ = [
    "Cache",
    "array_digest",
    "atomic_file",
    "atomic_folder",
    "file_digest",
    "file_stamps",
    "fingerprint",
    "make_folder",
    "remove_path",
    "timed",
]

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: The error numbers of a file system without locks, and of one that cannot be written to
_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)

#: The error numbers of a path that should be a folder, and is something else
_NO_FOLDER = (errno.EEXIST, errno.ENOTDIR, errno.ELOOP)

#: The seconds of waiting for another run after which the log says so
_SILENCE = 5.0


def fingerprint(content: Mapping[str, Any]) -> str:
    """Identify settings and inputs.

    :param content: anything that JSON can hold
    :return: 32 hexadecimal digits, independent of the order of keys
    """
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def file_stamps(path: Path) -> dict[str, list[int]]:
    """Get the stamps that tell versions of files apart without reading them.

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


def make_folder(path: Path) -> None:
    """Make an empty folder in the cache, and remove whatever is there before.

    :param path: the folder
    """
    if not path.is_dir():
        remove_path(path)
        path.mkdir(parents=True, exist_ok=True)


def remove_path(path: Path) -> None:
    """Remove a file, a link or a folder, as far as that is possible.

    :param path: the path, which need not exist
    """
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def timed(step: str, durations: dict[str, float]) -> Iterator[None]:
    """Add the time that a block takes to the durations of its step.

    :param step: its name
    :param durations: the seconds by step; changed in place
    """
    start = time.perf_counter()
    yield
    durations[step] = durations.get(step, 0.0) + time.perf_counter() - start


class Cache:
    """Folders by kind and fingerprint, each built only once, even by several processes."""

    def __init__(self, root: Path | str | None = None) -> None:
        """Open the cache.

        :param root: its folder, by default ``negater`` and the version of this package in PyKEEN's data folder, which
            ``PYSTOW_HOME`` moves
        """
        # the folder is made when something is built there
        default = pystow.join("pykeen", "negater", version("pykeen-negater"), ensure_exists=False)
        self.root = default if root is None else Path(root)
        self._lacks_locks = False

    def path(self, kind: str, key: str) -> Path:
        """Get the folder of an entry, whether it exists or not.

        :param kind: what the entry is, e.g. ``pools``
        :param key: its fingerprint
        :return: the path
        """
        return self.root.joinpath(kind, key)

    def find_damage(self, kind: str, key: str) -> str | None:
        """Compare an entry with its checksums.

        :param kind: what the entry is, e.g. ``pools``
        :param key: its fingerprint
        :return: what is wrong; None if nothing is
        """
        path = self.path(kind, key)
        return find_damage(path, path.with_name(f"{key}.sha256")) if path.is_dir() else f"{path} is missing"

    def get_or_build(
        self, kind: str, key: str, build: Callable[[Path], None], leftovers: str | None = None
    ) -> tuple[Path, bool]:
        """Get an entry, and build it first if necessary, under a lock.

        What killed builds have left is removed, and an entry whose files have changed since it was built is built anew.

        :param kind: what the entry is, e.g. ``pools``
        :param key: its fingerprint
        :param build: fills an empty folder. If it fails, nothing is left behind.
        :param leftovers: a pattern of folders in the cache that the entry makes useless, and that are removed then
        :return: a pair (the entry's folder, whether it was built now)
        """
        path = self.path(kind, key)
        if self.find_damage(kind, key) is None:
            self.remove_leftovers(kind, key, leftovers)
            return path, False
        with self.lock(kind, key):
            damage = self.find_damage(kind, key)
            if is_new := damage is not None:
                if path.is_dir():
                    logger.warning("%s is damaged: %s. It is made again.", path, damage)
                # under the lock, no other run fills this entry
                self._remove_all(self._stale(kind, key))
                checksums = path.with_name(f"{key}.sha256")
                if checksums.is_dir():
                    remove_path(checksums)
                with atomic_folder(path) as folder:
                    build(folder)
                    write_checksums(folder, checksums)
                logger.debug("cached %s", path)
            # last, so that a killed run leaves either the entry or what it is made from
            self._remove_all(self._stale(kind, key, leftovers))
        return path, is_new

    def read_or_build(
        self,
        kind: str,
        key: str,
        build: Callable[[Path], None],
        read: Callable[[Path], T],
        leftovers: str | None = None,
    ) -> tuple[T, bool]:
        """Read an entry, and build it first if necessary.

        An earlier entry that cannot be read although its files are intact, e.g. since another version of a library has
        built it, is built anew, once.

        :param kind: as for :meth:`get_or_build`
        :param key: as for :meth:`get_or_build`
        :param build: as for :meth:`get_or_build`
        :param read: reads the entry's folder
        :param leftovers: as for :meth:`get_or_build`
        :return: a pair (what was read, whether the entry was built now)
        """
        path, is_new = self.get_or_build(kind, key, build, leftovers)
        if is_new:
            return read(path), True
        with suppress(_UnreadableError):
            return _try_to_read(path, read), False
        self.discard_unreadable(kind, key, read)
        path, is_new = self.get_or_build(kind, key, build, leftovers)
        return read(path), is_new

    def discard_unreadable(self, kind: str, key: str, read: Callable[[Path], Any]) -> None:
        """Remove an entry that cannot be read although its files are intact.

        :param kind: what the entry is
        :param key: its fingerprint
        :param read: reads the entry's folder
        """
        with self.lock(kind, key):
            # another run may have built it anew meanwhile, or may be doing so
            if self.find_damage(kind, key) is None:
                self._discard_unreadable(kind, key, read)

    def _discard_unreadable(self, kind: str, key: str, read: Callable[[Path], Any]) -> bool:
        """Remove an entry if it cannot be read, under its lock, and tell whether it was removed."""
        try:
            _try_to_read(self.path(kind, key), read)
        except _UnreadableError as error:
            logger.warning("%s %s It is made again.", self.path(kind, key), error)
            self.discard(kind, key)
            return True
        return False

    @contextmanager
    def borrow_or_build(
        self,
        kind: str,
        key: str,
        build: Callable[[Path], None],
        read: Callable[[Path], Any],
        leftovers: str | None = None,
    ) -> Iterator[Path]:
        """Get an entry, or build its content without keeping it; other runs that need it wait.

        :param kind: what the entry is
        :param key: its fingerprint
        :param build: fills an empty folder
        :param read: reads an entry's folder. An entry that it cannot read is removed.
        :param leftovers: as for :meth:`get_or_build`; removed after the block, unless it fails
        :yields: the folder of the entry, or another one, which is removed after the block
        """
        path = self.path(kind, key)
        with self.lock(kind, key):
            self._remove_all(self._stale(kind, key))
            if self.find_damage(kind, key) is None and not self._discard_unreadable(kind, key, read):
                yield path
            else:
                with tempfile.TemporaryDirectory(
                    prefix=f".{key}-", dir=path.parent, ignore_cleanup_errors=True
                ) as scratch:
                    folder = Path(scratch, "new")
                    folder.mkdir()
                    build(folder)
                    yield folder
            self._remove_all(self._stale(kind, key, leftovers))

    def remove_leftovers(self, kind: str, key: str, leftovers: str | None = None) -> None:
        """Remove what killed runs have left of an existing entry, and what it was made from.

        What cannot be removed now, e.g. since another program has it open, is left for the next time.

        :param kind: what the entry is
        :param key: its fingerprint
        :param leftovers: as for :meth:`get_or_build`
        """
        if not self._stale(kind, key, leftovers):
            return
        with suppress(OSError), self.lock(kind, key):
            if self.path(kind, key).is_dir():
                self._remove_all(self._stale(kind, key, leftovers))

    def _stale(self, kind: str, key: str, leftovers: str | None = None) -> list[Path]:
        """List unfinished folders of an entry, and leftovers."""
        patterns = [f"{kind}/.{key}-*", *([] if leftovers is None else [leftovers])]
        return [path for pattern in patterns for path in self.root.glob(pattern) if path.is_dir()]

    @staticmethod
    def _remove_all(folders: list[Path]) -> None:
        for folder in folders:
            remove_path(folder)

    @contextmanager
    def lock(self, kind: str, key: str) -> Iterator[None]:
        """Lock an entry while this process builds it, or wait until another one has built it.

        :param kind: what the entry is
        :param key: its fingerprint
        :raises PermissionError: if nothing can be written to the cache
        :raises NotADirectoryError: if the cache is not a folder
        :raises pykeen_negater.storage.disk_space.FullDiskError: if no space is left for what is built
        """
        path = self.path(kind, f"{key}.lock")
        try:
            with tell_full_disk(self.root):
                make_folder(path.parent)
                if path.is_dir() or path.is_symlink():
                    remove_path(path)
                lock = self._acquire(path)
        except FullDiskError:
            raise
        except OSError as error:
            advice = "expected a folder to keep results in. Set PYSTOW_HOME to one."
            if error.errno in _NO_FOLDER:
                raise NotADirectoryError(f"found {error.filename}, which is no folder, {advice}") from error
            if error.errno in _FORBIDDEN:
                raise PermissionError(
                    f"found the cache {self.root}, to which nothing can be written ({error.strerror}), {advice}"
                ) from error
            raise
        try:
            with tell_full_disk(self.root):
                yield
        finally:
            lock.release()

    def _acquire(self, path: Path) -> BaseFileLock:
        """Lock a file, or rely on the existence of another file where the file system has no locks."""
        lock = FileLock(path)
        try:
            _wait_for(lock, "It goes on when that one has finished or is killed.")
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
            _wait_for(lock, "If no such run is active any more, here or on another machine, remove the file.")
        return lock

    def discard(self, kind: str, key: str) -> None:
        """Remove an entry whose files are damaged, under its lock, so that no new one of another run is removed.

        :param kind: what the entry is
        :param key: its fingerprint
        """
        remove_path(self.path(kind, key))
        remove_path(self.path(kind, f"{key}.sha256"))


class _UnreadableError(Exception):
    """Raised if an entry cannot be read."""


def _try_to_read(path: Path, read: Callable[[Path], T]) -> T:
    """Read an entry; an error that comes from a limit of the process is not put down to the entry."""
    try:
        return read(path)
    except Exception as error:
        if explain_shortage(error) is not None:
            raise
        raise _UnreadableError(f"cannot be read ({type(error).__name__}: {error}).") from error


def _wait_for(lock: BaseFileLock, advice: str) -> None:
    """Lock a file, and log that this run waits if it takes long."""
    try:
        lock.acquire(timeout=_SILENCE)
    except Timeout:
        logger.warning(
            "Waiting for another run, which holds %s and makes what is needed here. %s", lock.lock_file, advice
        )
        lock.acquire()
