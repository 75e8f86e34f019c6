"""Folders with their checksums inside, such as finished pieces of work that wait in the cache for the others."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .cache import atomic_folder
from .checksums import find_damage, write_checksums

__all__ = [
    "CHECKSUMS",
    "checksummed_folder",
    "find_checksummed",
]

logger = logging.getLogger(__name__)

#: The file with the checksums of the others
CHECKSUMS = "checksums.sha256"


@contextmanager
def checksummed_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that appears under its name whole and with checksums, or not at all.

    :param path: the folder's final path. Another folder there is replaced.
    :yields: a temporary folder beside it, to be filled
    """
    with atomic_folder(path) as folder:
        yield folder
        write_checksums(folder, folder / CHECKSUMS)


def find_checksummed(path: Path) -> bool:
    """Tell whether such a folder is there; a damaged one is removed, with a line in the log.

    :param path: the folder
    :return: whether it is there, and undamaged
    """
    if not path.is_dir():
        return False
    damage = find_damage(path, path / CHECKSUMS)
    if damage is not None:
        logger.warning("%s is damaged: %s. It is made again.", path, damage)
        shutil.rmtree(path, ignore_errors=True)
    return damage is None
