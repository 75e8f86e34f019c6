"""Checkpoints from which an interrupted training run goes on, if they are complete and can be loaded."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from accelerate import PartialState
from transformers import Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from ..storage.cache import make_folder, remove_path
from ..storage.checksummed_folders import CHECKSUMS
from ..storage.checksums import find_damage, write_checksums
from ..storage.disk_space import FullDiskError, tell_full_disk
from ..utils.limits import explain_shortage
from .training_progress import training_bar

__all__ = [
    "KEPT",
    "ResumableTrainer",
    "UnreadableCheckpointError",
    "complete_checkpoints",
    "drop_incomplete",
    "seal_checkpoint",
    "train_resumably",
]

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Trainer)

#: The number of checkpoints that the Trainer keeps: the best, the new one, and the one before, since the Trainer
#: removes others before the new one is sealed
KEPT = 3

_PATTERN = "checkpoint-*"


class UnreadableCheckpointError(ValueError):
    """Raised if a checkpoint cannot be loaded although its files are intact."""

    def __init__(self, path: Path, error: Exception) -> None:
        """Write the message.

        :param path: the checkpoint
        :param error: the reason
        """
        super().__init__(
            f"found the checkpoint {path}, which cannot be loaded ({type(error).__name__}: {error}), expected one that "
            f"this version of transformers has written. Remove it, and run the same command again."
        )
        self.path, self.error = path, error


@contextmanager
def _loading(path: str | Path | None) -> Iterator[None]:
    """Turn errors into one that names the checkpoint, unless they come from a limit of the process."""
    try:
        yield
    except Exception as error:
        if path is None or explain_shortage(error) is not None:
            raise
        raise UnreadableCheckpointError(Path(path), error) from error


class ResumableTrainer(Trainer):
    """A Trainer whose errors name the checkpoint that cannot be loaded.

    :raises UnreadableCheckpointError: if it cannot load the one that it goes on from, or in the end the best one
    """

    # docstr-coverage: inherited
    def _load_from_checkpoint(self, resume_from_checkpoint: str, *args: Any, **kwargs: Any) -> None:
        with _loading(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, *args, **kwargs)

    # docstr-coverage: inherited
    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with _loading(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    # docstr-coverage: inherited
    def _load_rng_state(self, checkpoint: str | None) -> None:
        with _loading(checkpoint):
            super()._load_rng_state(checkpoint)

    # docstr-coverage: inherited
    def _load_best_model(self) -> None:
        with _loading(self.state.best_model_checkpoint):
            super()._load_best_model()


def train_resumably(make_trainer: Callable[[], T], folder: Path, bar: str, every_epoch: bool = False) -> T:
    """Train, or go on from the last checkpoint that can be loaded; those that cannot are removed.

    :param make_trainer: makes an untrained trainer
    :param folder: where it saves its checkpoints
    :param bar: the label of its progress bar, with which lines of the log begin, too
    :param every_epoch: whether the checkpoints of all epochs before are needed, too
    :return: the trainer, after training
    :raises pykeen_negater.storage.disk_space.FullDiskError: if there is no room for a checkpoint
    """
    processes = PartialState()
    found = set(folder.glob(_PATTERN)) if folder.is_dir() else set()
    while True:
        trainer = make_trainer()
        with trainer.args.main_process_first(local=False):
            if processes.is_main_process:
                make_folder(folder)
            last = drop_incomplete(folder, every_epoch)
        if last is not None:
            logger.warning("%s goes on after step %s.", bar, last.name.rpartition("-")[2])
        try:
            with tell_full_disk(folder), training_bar(trainer, bar):
                trainer.train(resume_from_checkpoint=None if last is None else str(last))
            return trainer
        except FullDiskError:
            drop_incomplete(folder, every_epoch)
            raise
        except UnreadableCheckpointError as error:
            # a checkpoint that this very process wrote would only be written again the same
            if error.path not in found:
                raise
            unreadable = error.path
            logger.warning(
                "The checkpoint %s cannot be loaded (%s: %s). It is removed; training goes on from an earlier one, or "
                "starts again.",
                error.path,
                type(error.error).__name__,
                error.error,
            )
        found.remove(unreadable)
        processes.wait_for_everyone()
        remove_path(unreadable)


def seal_checkpoint(path: Path) -> None:
    """Mark a checkpoint as complete, once all processes have written their part.

    Until then, an earlier one has to stay, since the Trainer removes old checkpoints before this.

    :param path: the checkpoint
    """
    processes = PartialState()
    processes.wait_for_everyone()
    if processes.is_main_process:
        write_checksums(path, path / CHECKSUMS)


def complete_checkpoints(folder: Path) -> list[Path]:
    """List the Trainer's checkpoints that are complete and undamaged.

    :param folder: where the Trainer saves them
    :return: the checkpoints, the oldest first
    """
    found = [path.parent for path in folder.glob(f"{_PATTERN}/{CHECKSUMS}") if _is_undamaged(path.parent)]
    return sorted((path for path in found if _step(path) is not None), key=lambda path: _step(path) or 0)


def drop_incomplete(folder: Path, every_epoch: bool = False) -> Path | None:
    """Remove the Trainer's checkpoints that training cannot go on from.

    These are incomplete or damaged, or need one that is: in the end, the Trainer loads the best one.

    :param folder: where the Trainer saves them
    :param every_epoch: whether the checkpoints of all epochs before are needed, too
    :return: the last of the others, which training can go on from; None if there is none
    """
    states = {path: _read_state(path) for path in complete_checkpoints(folder)}
    complete = [path for path, state in states.items() if state is not None]

    def is_usable(last: int) -> bool:
        """Tell whether a checkpoint and those that it needs are usable."""
        state = states[complete[last]]
        assert state is not None  # noqa: S101
        best = state.best_model_checkpoint
        return (best is None or Path(best) in complete) and (not every_epoch or round(state.epoch) == last + 1)

    while complete and not is_usable(len(complete) - 1):
        complete.pop()
    for path in set(folder.glob(_PATTERN)).difference(complete):
        remove_path(path)
    return complete[-1] if complete else None


def _step(checkpoint: Path) -> int | None:
    """Read the step of a checkpoint from its name; None if it has none."""
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else None


def _read_state(checkpoint: Path) -> TrainerState | None:
    """Read the state of training; None if it cannot be read, e.g. since another version has written it."""
    try:
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        if not isinstance(state.best_model_checkpoint, (str, type(None))) or state.epoch < 0:
            raise ValueError(f"best checkpoint {state.best_model_checkpoint!r} and epoch {state.epoch!r}")
        return state
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if explain_shortage(error) is not None:
            raise
        logger.warning(
            "The checkpoint %s cannot be read (%s: %s). Training does not go on from it.",
            checkpoint,
            type(error).__name__,
            error,
        )
        return None


def _is_undamaged(checkpoint: Path) -> bool:
    damage = find_damage(checkpoint, checkpoint / CHECKSUMS)
    if damage is not None:
        logger.warning("The checkpoint %s is damaged: %s. Training does not go on from it.", checkpoint, damage)
    return damage is None
