"""Checksums, which tell whether the files of a folder are still as they were written.

They are kept in the format of ``sha256sum``, so that ``sha256sum -c`` in the folder checks them, too.
"""

import hashlib
from pathlib import Path

from ..utils.limits import explain_shortage
from .atomic_writing import atomic_file, restore_folder

__all__ = [
    "file_digest",
    "find_damage",
    "write_checksums",
]


def file_digest(path: Path) -> str:
    """Compute the SHA-256 checksum of a file.

    :param path: the file
    :return: 64 hexadecimal digits
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path, path: Path) -> None:
    """Write the checksums of all files of a folder, whole or not at all.

    :param folder: the folder, of which at least one file has to be there
    :param path: the file to write them to. It may be in the folder.
    """
    restore_folder(path)  # what a killed run has left is not one of the folder's files
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file != path)
    lines = [f"{file_digest(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    with atomic_file(path) as unfinished:
        unfinished.write_text("".join(lines), encoding="utf-8")


def find_damage(folder: Path, path: Path) -> str | None:
    """Compare the files of a folder with their checksums.

    :param folder: the folder
    :param path: a file written by :func:`write_checksums`
    :return: what is wrong: a checksum that differs, missing checksums, or a file without one, unless it is hidden; None
        if nothing is
    :raises OSError: if no more files can be opened, which is not damage
    """
    if not path.is_file():
        return f"{path.name} is missing"
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            return f"{path.name} is {'cut off' if text else 'empty'}"
        lines = [line.partition("  ") for line in text[:-1].split("\n")]
        for checksum, _, name in lines:
            if not folder.joinpath(name).is_file():
                return f"{name} is missing"
            if file_digest(folder / name) != checksum:
                return f"the checksum of {name} is not the one in {path.name}"
        listed = {path, *(folder / name for _, _, name in lines)}
        for file in sorted(folder.rglob("*")):
            relative = file.relative_to(folder)
            if file.is_file() and file not in listed and not any(part.startswith(".") for part in relative.parts):
                return f"{path.name} lacks {relative.as_posix()}"
    except (OSError, ValueError) as error:
        if explain_shortage(error) is not None:
            raise
        return f"it cannot be read ({error})"
    return None
