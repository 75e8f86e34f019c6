"""The checkpoints that an interrupted training goes on from, as far as they are whole."""

import json
import logging
import shutil
from pathlib import Path

from accelerate import PartialState
from transformers.trainer import TRAINER_STATE_NAME

from .checksums import find_damage, write_checksums
from .sealed_folders import CHECKSUMS

__all__ = [
    "KEPT",
    "complete_checkpoints",
    "drop_incomplete",
    "seal_checkpoint",
]

logger = logging.getLogger(__name__)

#: The number of checkpoints that the Trainer keeps: the best, the new one, and the one before, since others are removed
#: before the new one is sealed
KEPT = 3


def seal_checkpoint(path: Path) -> None:
    """Mark a checkpoint as complete, when all processes have written their part.

    Until then, an earlier one has to stay: the Trainer removes others before that.

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


def drop_incomplete(folder: Path, every_epoch: bool = False) -> Path | None:
    """Remove the Trainer's checkpoints that training cannot go on from.

    These are incomplete or damaged, or need one that is: the Trainer loads the best one in the end.

    :param folder: where the Trainer saves them
    :param every_epoch: whether the checkpoints of all epochs before are needed, too
    :return: the last of the others, which training can go on from; None if there is none
    """
    complete = complete_checkpoints(folder)
    states = [json.loads(path.joinpath(TRAINER_STATE_NAME).read_text(encoding="utf-8")) for path in complete]

    def is_usable(last: int) -> bool:
        """Tell whether what a checkpoint needs is there."""
        best, epoch = states[last]["best_model_checkpoint"], round(states[last]["epoch"])
        return (best is None or Path(best) in complete) and (not every_epoch or epoch == last + 1)

    while complete and not is_usable(len(complete) - 1):
        complete.pop()
    for path in set(folder.glob("checkpoint-*")).difference(complete):
        shutil.rmtree(path)
    return complete[-1] if complete else None


def _is_undamaged(checkpoint: Path) -> bool:
    damage = find_damage(checkpoint, checkpoint / CHECKSUMS)
    if damage is not None:
        logger.warning("The checkpoint %s is damaged: %s. Training does not go on from it.", checkpoint, damage)
    return damage is None
