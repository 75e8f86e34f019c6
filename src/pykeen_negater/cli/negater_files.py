"""The files that a configuration of NegatER's names: its dataset, models, and others that it reads."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = [
    "attempt",
    "find",
    "find_model",
    "locate_dataset",
]

#: The files of a dataset's folder by option. Triples are written as ids, whose names are the texts.
GRAPH_FILES = {"training": "train.txt", "entity_text": "entity_ids.txt", "relation_text": "relation_ids.txt"}
LABELLED_FILES = {
    "validation": "valid.txt",
    "validation_negatives": "valid_negatives.txt",
    "testing": "test.txt",
    "testing_negatives": "test_negatives.txt",
}


def find(value: Any, path: Path) -> str:
    """Find a file or folder that a configuration names.

    :param value: its path, relative to the current folder or to a folder that the configuration is in
    :param path: the configuration
    :return: its absolute path
    :raises FileNotFoundError: if it is in none of them
    """
    for folder in (Path.cwd(), *path.resolve().parents):
        if folder.joinpath(str(value)).exists():
            return str(folder / str(value))
    raise FileNotFoundError(
        f"{path}: found no {value} in the current folder {Path.cwd()}, beside the file or in a folder above it. Run "
        f"the command in NegatER's folder, or write down the whole path."
    )


def find_model(value: Any, path: Path) -> str:
    """Find a fine-tuned model.

    :param value: the path of a model's folder, or of one of NegatER's checkpoints, which stands for a folder of the
        same name without the suffix, or else, where the checkpoint itself is missing, for the one of a similar name
        beside it: NegatER's own files train ``bert_best_2`` and read ``bert_best``
    :param path: the configuration
    :return: the absolute path of the folder, or of the checkpoint if there is no such folder
    :raises ValueError: if the checkpoint is no file of PyTorch's, or there are several folders that may be meant
    :raises FileNotFoundError: if there is no such folder
    """
    name = Path(str(value))
    if name.suffix != ".pt":
        return find(value, path)
    stem = name.with_suffix("")
    try:
        return find(stem, path)
    except FileNotFoundError as error:
        checkpoint = attempt(find, name, path)
        if isinstance(checkpoint, str) and zipfile.is_zipfile(checkpoint):
            return checkpoint
        models = [] if isinstance(checkpoint, str) else _similar_models(stem, path)
        if len(models) == 1:
            return str(models[0])
        found = f"{name}, a pickled checkpoint of NegatER"
        if models:
            found = f"no {stem}, but {', '.join(model.name for model in models)}"
        raise ValueError(
            f"{path}: found {found}, expected a folder written by negater fine-tune. Run that with the configuration "
            f"that the checkpoint was made with, or pass the folder as --model."
        ) from error


def _similar_models(stem: Path, path: Path) -> list[Path]:
    """Find the models in the folder that one was expected in: those whose names go on as its does, or else all."""
    try:
        folder = Path(find(stem.parent, path))
    except FileNotFoundError:
        return []
    models = sorted(file.parent for file in folder.glob("checkpoint_*/thresholds.json"))
    return [model for model in models if model.name.startswith(stem.name)] or models


def locate_dataset(command: str, value: Any, path: Path) -> dict[str, Any]:
    """Find the files of a dataset.

    :param command: ``fine-tune``, which reads labelled triples, too, or ``mine``
    :param value: the dataset's folder, see :func:`find`
    :param path: the configuration
    :return: the files by option. Those that are missing are left out, except for the training triples, which are an
        error then.
    """
    names = GRAPH_FILES | (LABELLED_FILES if command == "fine-tune" else {})
    try:
        folder = Path(find(value, path))
    except FileNotFoundError as error:
        return {"training": error}
    files: dict[str, Any] = {
        option: str(folder / name) for option, name in names.items() if folder.joinpath(name).is_file()
    }
    missing = FileNotFoundError(
        f"{path}: found no {GRAPH_FILES['training']} in {folder}, expected the training triples."
    )
    return {"training": missing, **files}


def attempt(convert: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function, and return its error instead of raising it.

    :param convert: the function
    :param arguments: its arguments
    :return: its result, or the error if a value is wrong or a file missing
    """
    try:
        return convert(*arguments)
    except (ValueError, OSError) as error:
        return error
