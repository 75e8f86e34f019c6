"""Folders and files that appear under their name whole, or not at all."""

import errno
import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from .disk_space import tell_full_disk
from .regular_files import check_writable

__all__ = [
    "atomic_file",
    "atomic_folder",
    "restore_folder",
]

logger = logging.getLogger(__name__)

#: The most attempts to replace a folder that other runs keep replacing
_ATTEMPTS = 100

#: The names in a temporary folder: of the new content, of the old content, and of the file that is locked meanwhile
_NEW, _OLD, _LOCK = "new", "old", "lock"


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that appears under its name whole, or not at all.

    Of several runs that write the same folder at the same time, the last one's remains. What a killed run has left is
    put back or removed, see :func:`~pykeen_negater.storage.atomic_writing.restore_folder`.

    :param path: the folder's final path. Another folder there is replaced.
    :yields: a temporary folder beside it, to be filled
    :raises OSError: if it cannot be written, or put under its name
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _scratch_folder(path) as scratch:
        filling = scratch / _NEW
        filling.mkdir()
        with tell_full_disk(path, filling):
            yield filling
        _share(filling)
        _replace(path, filling, scratch / _OLD)
        shutil.rmtree(scratch / _OLD, ignore_errors=True)


@contextmanager
def _scratch_folder(path: Path) -> Iterator[Path]:
    """Make a temporary folder of this run beside a path, and remove those that killed runs have left.

    Its name cannot be guessed, nobody else may look into it, and it is locked while this run uses it.
    """
    restore_folder(path)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    lock = FileLock(scratch / _LOCK)
    # on file systems without locks, temporary folders of killed runs are never removed
    with suppress(OSError):
        lock.acquire()
    try:
        yield scratch
    finally:
        # what could not be put back is the only copy
        disposable = path.exists() or not scratch.joinpath(_OLD).exists()
        if disposable:
            shutil.rmtree(scratch, ignore_errors=True)
        lock.release()
        if disposable:  # some systems cannot remove a locked file
            shutil.rmtree(scratch, ignore_errors=True)


def _share(folder: Path) -> None:
    """Make files readable to whoever may read a new folder: some writers restrict them to their owner."""
    mode = folder.stat().st_mode & 0o666
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(mode)


def _replace(path: Path, new: Path, old: Path) -> None:
    """Replace a folder by another one, while other runs may do the same."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(old, ignore_errors=True)
        try:
            with suppress(FileNotFoundError):
                os.replace(path, old)
            os.replace(new, path)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                continue
            if old.exists() and not path.exists():
                try:
                    os.replace(old, path)
                except OSError:
                    raise OSError(
                        error.errno,
                        f"found that {path} can be neither replaced nor put back ({error.strerror}). What was there is "
                        f"now {old}: move it back",
                    ) from error
            if isinstance(error, PermissionError):
                raise _explain(error, path) from error
            raise
        return
    raise FileExistsError(f"found other runs that keep replacing {path}, expected one at a time. Choose another path.")


def _explain(error: PermissionError, path: Path) -> PermissionError:
    """Say what to do where the system does not move open files, such as Windows."""
    return PermissionError(
        f"found {path} protected, or open in a program ({error.strerror}), expected what can be replaced. Close the "
        f"programs that use it, and try again; it is as it was."
    )


def restore_folder(path: Path) -> None:
    """Put back what a run had moved away when it was killed while replacing a folder, and remove its other remains.

    :param path: the path of a folder, or of a file. Temporary folders of running processes beside it are left alone.
    """
    name = re.compile(rf"\.{re.escape(path.name)}-[a-z0-9_]{{8}}")
    for scratch in [other for other in path.parent.glob(".*-*") if name.fullmatch(other.name)]:
        new, old, lock = (scratch / part for part in (_NEW, _OLD, _LOCK))
        # a run locks its temporary folder before it writes anything into it
        if not _is_ours(scratch) or not lock.is_file() or not (new.exists() or old.exists()):
            continue
        with suppress(OSError), FileLock(lock, timeout=0):
            if old.exists() and not path.exists():
                os.replace(old, path)
                logger.warning("%s was put back: a run was killed while replacing it.", path)
            shutil.rmtree(scratch)


def _is_ours(scratch: Path) -> bool:
    """Tell whether this user made a folder: where everybody may write, others could plant one."""
    try:
        found = scratch.lstat()
    except FileNotFoundError:  # its run has ended
        return False
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all, with the permissions of a new file.

    Of several runs that write the same file at the same time, the last one's remains.

    :param path: the file, which is replaced if it exists; a link is replaced itself, not what it points to. Its folder
        must exist
    :yield: the path of an empty temporary file, to be written instead, in a folder beside it whose name cannot be
        guessed
    :raises IsADirectoryError: if a folder is there
    :raises FileExistsError: if a pipe, a socket or a device is there
    :raises OSError: if it cannot be written
    """
    check_writable(path)
    with _scratch_folder(path) as scratch:
        unfinished = scratch / _NEW
        unfinished.touch(exist_ok=False)
        with tell_full_disk(path, unfinished):
            yield unfinished
        try:
            os.replace(unfinished, path)
        except PermissionError as error:
            raise _explain(error, path) from error
