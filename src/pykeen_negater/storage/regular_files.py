"""Tells regular files from pipes, sockets and devices, whose reading might never end."""

import stat
from pathlib import Path

__all__ = [
    "check_regular",
    "check_writable",
]

_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def _kind(path: Path) -> str | None:
    """Name what is at a path, links followed; None if it is a regular file."""
    mode = path.stat().st_mode
    return None if stat.S_ISREG(mode) else next((kind for is_kind, kind in _KINDS if is_kind(mode)), "special file")


def check_regular(path: Path, expected: str = "a file") -> None:
    """Check that a path is a regular file, before it is opened: opening a pipe may wait forever, without interruption.

    Pipes that end, such as ``<(...)`` and ``/dev/stdin`` of a shell, are refused as well, since files are read several
    times, by this package and by PyKEEN.

    :param path: the path, whose links are followed
    :param expected: what the file should be, with its article
    :raises FileNotFoundError: if nothing is there
    :raises ValueError: if it is a folder, a pipe, a socket or a device
    """
    try:
        kind = _kind(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"found no file {path}, expected {expected}.") from error
    if kind is not None:
        copy = "" if kind == "folder" else " Write what it holds to a file first."
        raise ValueError(f"found the {kind} {path}, expected {expected}.{copy}")


def check_writable(path: Path) -> None:
    """Check that a file can be written to a path, before any work is done.

    :param path: the file
    :raises FileNotFoundError: if its folder does not exist
    :raises IsADirectoryError: if it is a folder
    :raises FileExistsError: if it is a pipe, a socket or a device, which would be replaced
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"found no folder {path.parent}, expected one to write {path.name} to.")
    kind = _kind(path) if path.exists() else None
    if kind is None:
        return
    message = f"found the {kind} {path}, expected a file to write to."
    if kind == "folder":
        raise IsADirectoryError(message)
    raise FileExistsError(message)
