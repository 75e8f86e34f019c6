"""The checkpoints that an interrupted training goes on from, as far as they are whole."""

import logging
import shutil
from pathlib import Path

from accelerate import PartialState

from .checksums import find_damage, write_checksums

__all__ = [
    "CHECKSUMS",
    "complete_checkpoints",
    "drop_incomplete",
    "seal_checkpoint",
]

logger = logging.getLogger(__name__)

#: The file that is written last into a checkpoint
CHECKSUMS = "checksums.sha256"


def seal_checkpoint(path: Path) -> None:
    """Mark a checkpoint as complete, when all processes have written their part.

    :param path: the checkpoint
    """
    processes = PartialState()
    processes.wait_for_everyone()
    if processes.is_main_process:
        write_checksums(path, path / CHECKSUMS)


def complete_checkpoints(folder: Path) -> list[Path]:
    """List the Trainer's checkpoints that are complete, and as they were written.

    :param folder: where the Trainer saves them
    :return: the checkpoints, the oldest first
    """
    found = [path.parent for path in folder.glob(f"checkpoint-*/{CHECKSUMS}") if _is_undamaged(path.parent)]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def drop_incomplete(folder: Path) -> Path | None:
    """Remove the Trainer's checkpoints that are incomplete or damaged.

    :param folder: where the Trainer saves them
    :return: the last of the others, which training can go on from; None if there is none
    """
    complete = complete_checkpoints(folder)
    for path in set(folder.glob("checkpoint-*")).difference(complete):
        shutil.rmtree(path)
    return complete[-1] if complete else None


def _is_undamaged(checkpoint: Path) -> bool:
    damage = find_damage(checkpoint, checkpoint / CHECKSUMS)
    if damage is not None:
        logger.warning("The checkpoint %s is damaged: %s. Training does not go on from it.", checkpoint, damage)
    return damage is None
