"""Translates NegatER's configurations to options of this package.

NegatER [safavi2021]_ is configured by a YAML file with the sections ``job``, ``dataset``, ``fine_tune`` and
``negater``; missing keys have defaults. :func:`translate` converts it to options of ``negater fine-tune``
(NegatER's ``fine_tune.py``) and ``negater mine`` (its ``negater.py``, whose ``--type`` is ``--ranker`` here)::

    negater fine-tune --config configs/conceptnet/full/classify/config.yaml
    negater mine --config configs/conceptnet/full/generate/config.yaml --ranker thresholds

Paths in it are relative to the folder of NegatER's code, which is taken to be the current folder, or else one that the
file is in. A model is written beside the file, as the folder ``checkpoint_NAME``; where a file says
``checkpoint_NAME.pt``, that folder is read instead, or, without it, NegatER's own checkpoint, together with the
language model, pooling and length that ``negater.fine_tuned_model`` names. Pools are written beside the file, too. The
JSON file of neighbours is read where ``negater.index.build`` is false, and all listed neighbours are used, as in
NegatER; where it is true, neighbours are searched for, and written there unless ``negater.index.save`` is false.

Two things differ: corruptions of training triples are mined, where NegatER corrupts validation and test triples as
well, and the models that choose neighbours pool their tokens as they were trained to.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .negater_files import attempt, find, find_model, locate_dataset
from .negater_keys import JOINT, KEYS, SAMPLING, is_true, read_keys

__all__ = [
    "describe_deviations",
    "translate",
]

#: The section that is only for a command
COMMANDS = {"fine-tune": "fine_tune", "mine": "negater"}

#: The options for behaviour of NegatER that has no key
FIXED: dict[str, dict[str, Any]] = {
    "fine-tune": {"max_training_triples": 0, "weight_decay": 0.01, "max_grad_norm": 0, "negatives_kwargs": {}},
    "mine": {
        "candidates": "intersect",
        "metric": "l2",
        "corruption_scheme": ["head", "tail"],
        "max_candidates": 0,
        "ranker": "thresholds",
        "ranker_kwargs": {},
        "encoder": "sentence-transformer",
        "encoder_kwargs": {},
    },
}

#: What is needed to read NegatER's own checkpoints, and has no effect otherwise, with the options here
_OF_CHECKPOINT = {"pretrained_name": "language_model", "pool_strategy": "pooling", "max_seq_len": "max_length"}

#: The pattern of NegatER's names for checkpoints of epochs
_EPOCH = r"\d{4}"


def _index_file(keys: Mapping[str, Any], path: Path) -> Path:
    """Name NegatER's index, a file of neighbours; where a configuration does not name it, it is beside that."""
    filename = keys["negater.index.filename"]
    return path.resolve().with_name(f"top_{keys['negater.index.k']}_index.json") if filename is None else Path(filename)


def _locate_index(keys: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Find the file of neighbours that replaces a search, or the file or folder to save neighbours to."""
    name = _index_file(keys, path)
    build, save = (is_true(key, keys[f"negater.index.{key}"]) for key in ("build", "save"))
    is_list = name.suffix == ".json"
    if not build:
        return {"neighbor_file" if is_list else "index": find(name, path)}
    if not save:
        return {}
    return {"save_neighbors" if is_list else "index": str(Path(find(name.parent, path)) / name.name)}


def _num_neighbors(keys: Mapping[str, Any], index: Mapping[str, Any]) -> Any:
    """Count the neighbours of a phrase: all those read are used, as in NegatER."""
    if "neighbor_file" not in index:
        return keys["negater.index.k"]
    from ..embeddings.listed_neighbors import longest_list

    return longest_list(Path(index["neighbor_file"]))


def _describe_index(keys: Mapping[str, Any], path: Path) -> dict[str, Any]:
    index = attempt(_locate_index, keys, path)
    if isinstance(index, Exception):
        index = {"neighbor_file" if _index_file(keys, path).suffix == ".json" else "index": index}
        num_neighbors = keys["negater.index.k"]
    else:
        num_neighbors = attempt(_num_neighbors, keys, index)
    # every neighbour is kept
    return {**index, "k": num_neighbors, "pool_size": num_neighbors}


def _model_folder(keys: Mapping[str, Any], given: Mapping[str, Any], actions: Collection[str], folder: Path) -> Path:
    """Name the folder of the model that is trained, tested or both; NegatER counts epochs in names from 0000.

    NegatER has one name for training and one for testing; where they differ, the model that is tested is meant by both.
    """
    names = {name: keys[f"fine_tune.{name}"] for name in ("train.best_checkpoint", "eval.test_checkpoint")}
    best, tested = names.values()
    if re.fullmatch(_EPOCH, str(tested)):
        trained = folder / f"checkpoint_{best}"
        return trained if "train" in actions else trained / f"epoch-{int(tested) + 1}"
    if "fine_tune.eval.test_checkpoint" not in given or ("train" in actions and "test" not in actions):
        return folder / f"checkpoint_{best if 'fine_tune.train.best_checkpoint' in given else tested}"
    model, other = folder / f"checkpoint_{tested}", folder / f"checkpoint_{best}"
    return other if "train" not in actions and other.is_dir() and not model.is_dir() else model


def _plain(name: Any) -> str:
    """Normalize a name for comparison."""
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def translate(
    content: Mapping[Any, Any], command: str, path: Path, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Translate a configuration of NegatER, including its defaults, to options of this package.

    :param content: the configuration
    :param command: ``fine-tune`` or ``mine``
    :param path: its file
    :param given: the options on the command line: parameters of e.g. a ranker that they replace are left out
    :return: the values of options by name. An option that cannot be translated has the error to raise if
        it is not overridden. The names do not depend on ``given``.
    :raises ValueError: if NegatER has no such key, or nothing that corresponds to the command
    """
    if command not in COMMANDS:
        raise ValueError(f"{path}: found a configuration of NegatER, expected one of negater {command}.")
    given_keys = read_keys(content, path)
    keys = {key: known.default for key, known in KEYS.items()} | given_keys
    given = given or {}
    options: dict[str, Any] = {
        name: dict(value) if isinstance(value, dict) else value for name, value in FIXED[command].items()
    }
    options |= locate_dataset(command, keys["dataset.path"], path)
    options["name_by_text"] = not {"dataset", "training"} & given.keys()  # other triples need not be written as ids
    if command == "fine-tune":
        options["action"] = ["train", "test"] if "testing" in options else ["train"]
        actions = given.get("action", options["action"])
        options["output"] = str(_model_folder(keys, given_keys, actions, path.resolve().parent))
    else:
        options |= _describe_index(keys, path)
        # its thresholds are those that classify best, and its gradients use none
        ranker = _plain(given.get("ranker", "thresholds")).removesuffix("ranker")
        thresholds = ranker == "thresholds"
        options["output"] = str(
            path.resolve().with_name("negatives.pools" if thresholds else f"negatives_{ranker}.pools")
        )
        options["guard"] = "thresholds" if thresholds else "none"
        options["ranker_kwargs"] = {"recall": None} if thresholds else {}
    for key, known in KEYS.items():
        if known.option is None or not key.startswith(f"{COMMANDS[command]}."):
            continue
        if known.only_for is not None:
            chooser, choice = known.only_for
            if not _plain(given.get(chooser, options[chooser])).startswith(_plain(choice)):
                continue
        option, _, part = known.option.partition(".")
        value = attempt(known.convert, keys[key], path)
        if not part or isinstance(value, Exception):
            options[option] = value
        elif not isinstance(options.setdefault(option, {}), Exception):
            options[option][part] = value
    if "model" not in given and _is_checkpoint(options.get("model")):
        options |= {option: keys[f"negater.fine_tuned_model.{name}"] for name, option in _OF_CHECKPOINT.items()}
    return options


def _is_checkpoint(model: Any) -> bool:
    """Tell NegatER's own checkpoints from folders of fine-tuned models."""
    return isinstance(model, str) and model.endswith(".pt") and Path(model).is_file()


def describe_deviations(content: Mapping[Any, Any], command: str, path: Path) -> list[str]:
    """List the parts of a configuration that have no effect, or another one than in NegatER.

    :param content: the configuration
    :param command: ``fine-tune`` or ``mine``
    :param path: its file, to be named in an error
    :return: sentences for the log
    :raises ValueError: if NegatER has no such key
    """
    given = read_keys(content, path)
    keys = {key: known.default for key, known in KEYS.items()} | given
    others = tuple(f"{section}." for name, section in COMMANDS.items() if name != command)
    used = set(JOINT)
    model = attempt(find_model, keys["negater.fine_tuned_model.filename"], path) if command == "mine" else None
    if _is_checkpoint(model):
        used |= {f"negater.fine_tuned_model.{name}" for name in _OF_CHECKPOINT}
    ignored = [key for key in given if KEYS[key].option is None and key not in used and not key.startswith(others)]
    lines = [f"nothing corresponds to {', '.join(ignored)}."] if ignored else []
    if command == "fine-tune":
        best, tested = (keys[f"fine_tune.{name}"] for name in ("train.best_checkpoint", "eval.test_checkpoint"))
        if re.fullmatch(_EPOCH, str(tested)):
            lines.append(f"{best} is trained and tested in one go, {tested} only with --action test.")
        elif best != tested:
            both = _model_folder(keys, given, ("train", "test"), Path())
            lines.append(f"{best} is to be trained and {tested} to be tested: both are the model {both}.")
        if _plain(keys[f"{SAMPLING}.sampler"]) == "sans":
            lines.append("the file of SANS's matrix is not read; who is within two steps is found in the graph.")
    else:
        name = Path(str(keys["negater.fine_tuned_model.filename"]))
        if _is_checkpoint(model):
            lines.append(f"found no {name.stem}; NegatER's checkpoint {name.name} is converted.")
        elif isinstance(model, str) and Path(model).name != name.stem:
            lines.append(f"found no {name.stem}; {Path(model).name} is read in its stead.")
        index = attempt(_locate_index, keys, path)
        found = index if isinstance(index, Exception) else attempt(_num_neighbors, keys, index)
        if isinstance(found, int) and found != keys["negater.index.k"]:
            lines.append(f"all neighbours of a list are taken, {found} at most, and not {keys['negater.index.k']}.")
    return lines
