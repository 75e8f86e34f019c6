"""NegatER's configurations, in terms of our options.

NegatER [safavi2021]_ is configured by a YAML file with the sections ``job``, ``dataset``, ``fine_tune`` and
``negater``; what it leaves out has a default. :func:`translate` says the same in options of ``negater fine-tune``
(NegatER's ``fine_tune.py``) and ``negater mine`` (its ``negater.py``, whose ``--type`` is our ``--ranker``)::

    negater fine-tune --config configs/conceptnet/full/classify/config.yaml
    negater mine --config configs/conceptnet/full/generate/config.yaml --ranker thresholds

Paths in it are relative to the folder of NegatER's code, which is taken to be the current folder, or else one that the
file is in. A model is written beside the file, as the folder ``checkpoint_NAME``; where a file says
``checkpoint_NAME.pt``, that folder is read in its stead. Pools are written beside the file, too. The JSON file of
neighbours is read where ``negater.index.build`` is false, and all that it lists are taken, as in NegatER; where it is
true, neighbours are searched for, and written there unless ``negater.index.save`` is false.

Two things differ: corruptions of training triples are mined, where NegatER corrupts validation and test triples as
well, and the models that choose neighbours pool their tokens as they were trained to.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..utils.spelling import did_you_mean

__all__ = [
    "describe_deviations",
    "is_negater_configuration",
    "translate",
]

#: The sections of a configuration
SECTIONS = ("job", "dataset", "fine_tune", "negater")

#: The section that is only for a command
COMMANDS = {"fine-tune": "fine_tune", "mine": "negater"}

#: What our option ``negatives`` calls NegatER's samplers
SAMPLERS = {
    "uniform": "uniform",
    "slots": "slots",
    "simple-neg": "negation",
    "antonyms": "antonyms",
    "sans": "sans",
    "precomputed": "precomputed",
}

#: The files of a dataset's folder by option. Triples are written as ids, which the texts are the names of.
GRAPH_FILES = {"training": "train.txt", "entity_text": "entity_ids.txt", "relation_text": "relation_ids.txt"}
LABELLED_FILES = {
    "validation": "valid.txt",
    "validation_negatives": "valid_negatives.txt",
    "testing": "test.txt",
    "testing_negatives": "test_negatives.txt",
}

#: What NegatER does without a key for it
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


def _same(value: Any, _: Path) -> Any:
    return value


def _is_true(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"found {key}: {value!r}, expected true or false.")
    return value


def _find(value: Any, path: Path) -> str:
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


def _find_model(value: Any, path: Path) -> str:
    """Find a fine-tuned model.

    :param value: the path of a model's folder, or of one of NegatER's checkpoints, which stands for a folder of the
        same name without the suffix, or else for the one of a similar name beside it: NegatER's own files train
        ``bert_best_2`` and read ``bert_best``
    :param path: the configuration
    :return: the folder's absolute path
    :raises ValueError: if there is a checkpoint only, or several folders that may be meant
    :raises FileNotFoundError: if there is no such folder
    """
    name = Path(str(value))
    if name.suffix != ".pt":
        return _find(value, path)
    stem = name.with_suffix("")
    try:
        return _find(stem, path)
    except FileNotFoundError as error:
        models = [] if _exists(name, path) else _similar_models(stem, path)
        if len(models) == 1:
            return str(models[0])
        found = f"{name}, a pickled checkpoint of NegatER"
        if models:
            found = f"no {stem}, but {', '.join(model.name for model in models)}"
        raise ValueError(
            f"{path}: found {found}, expected a folder written by negater fine-tune. Run that with the configuration "
            f"that the checkpoint was made with, or pass the folder as --model."
        ) from error


def _exists(value: Path, path: Path) -> bool:
    return not isinstance(_attempt(_find, value, path), Exception)


def _similar_models(stem: Path, path: Path) -> list[Path]:
    """Find the models in the folder that one was expected in: those whose names go on as its does, or else all."""
    try:
        folder = Path(_find(stem.parent, path))
    except FileNotFoundError:
        return []
    models = sorted(file.parent for file in folder.glob("checkpoint_*/thresholds.json"))
    return [model for model in models if model.name.startswith(stem.name)] or models


def _find_sampler(value: Any, path: Path) -> str:
    name = str(value).lower()
    if name not in SAMPLERS:
        raise ValueError(f"{path}: found the sampler {value!r}, expected one of {', '.join(SAMPLERS)}.")
    return SAMPLERS[name]


class _Key(NamedTuple):
    """A key of NegatER's."""

    #: NegatER's default; None where it has none
    default: Any

    #: Our option, or what follows the dot of it, if we have one
    option: str | None = None

    #: What makes a value of ours out of one of theirs and the configuration's path
    convert: Callable[[Any, Path], Any] = _same

    #: The option, of an earlier key if of any, and the value of it that the key is for; None for any
    only_for: tuple[str, str] | None = None


_SAMPLING = "fine_tune.train.negative_sampling"
_ANTONYMS = ("negatives", "antonyms")
_PROXY = ("ranker", "proxy-gradients")
_SENTENCES = ("encoder", "sentence-transformer")

#: All keys of a configuration. What our options get from several keys at once is in :func:`translate`.
KEYS = {
    "job.device": _Key("cuda"),
    "dataset.name": _Key(None),
    "dataset.path": _Key("data/conceptnet/full"),
    "dataset.pretokenize_triples": _Key(False),
    "dataset.pretokenize_phrases": _Key(False),
    "dataset.triples_tokenized_path": _Key("triples_tokenized/"),
    "dataset.phrases_tokenized_path": _Key("phrases_tokenized/"),
    "fine_tune.model.pretrained_name": _Key("sentence-transformers/bert-base-nli-mean-tokens", "language_model"),
    "fine_tune.model.pool_strategy": _Key("mean", "pooling"),
    "fine_tune.model.max_seq_len": _Key(32, "max_length"),
    "fine_tune.train.n_epochs": _Key(3, "epochs"),
    "fine_tune.train.batch_size": _Key(16, "batch_size"),
    "fine_tune.train.lr": _Key(2e-5, "learning_rate"),
    "fine_tune.train.eps": _Key(1e-8),
    "fine_tune.train.warmup_steps": _Key(10_000, "warmup"),
    "fine_tune.train.save_all_epochs": _Key(False, "keep_epochs", lambda value, _: _is_true("save_all_epochs", value)),
    "fine_tune.train.best_checkpoint": _Key("best"),
    "fine_tune.train.load_from": _Key(None),
    f"{_SAMPLING}.nsamp.head": _Key(1, "corruptions.head"),
    f"{_SAMPLING}.nsamp.relation": _Key(0, "corruptions.relation"),
    f"{_SAMPLING}.nsamp.tail": _Key(0, "corruptions.tail"),
    f"{_SAMPLING}.sampler": _Key("uniform", "negatives", _find_sampler),
    f"{_SAMPLING}.antonyms.mapping_file": _Key(
        "configs/conceptnet/true-neg/antonyms/antonyms_gold.json", "negatives_kwargs.mapping_file", _find, _ANTONYMS
    ),
    f"{_SAMPLING}.antonyms.token_file": _Key(
        "configs/conceptnet/true-neg/antonyms/tokenized_phrases.json", "negatives_kwargs.token_file", _find, _ANTONYMS
    ),
    f"{_SAMPLING}.antonyms.tag_file": _Key(
        "configs/conceptnet/true-neg/antonyms/tags.json", "negatives_kwargs.tag_file", _find, _ANTONYMS
    ),
    # the matrix says who is within two steps of whom, which the graph says as well
    f"{_SAMPLING}.sans.kmat_file": _Key(
        "configs/conceptnet/true-neg/sans/matrix_ConceptNet_k2_nrw0.npz",
        "negatives_kwargs.k",
        lambda *_: 2,
        ("negatives", "sans"),
    ),
    f"{_SAMPLING}.precomputed.negative_file": _Key(
        "configs/conceptnet/true-neg/negater-thresholds/negatives.tsv",
        "negatives_kwargs.path",
        _find,
        ("negatives", "precomputed"),
    ),
    "fine_tune.eval.batch_size": _Key(100),
    "fine_tune.eval.threshold_per_relation": _Key(
        True, "global_threshold", lambda value, _: not _is_true("threshold_per_relation", value)
    ),
    "fine_tune.eval.test_checkpoint": _Key("best"),
    "fine_tune.eval.save_predictions": _Key(True),
    "negater.batch_size": _Key(16, "ranker_kwargs.batch_size", _same, _PROXY),
    "negater.index.build": _Key(True),
    # NegatER asks for one more than these and drops the first, which it takes for the phrase itself
    "negater.index.k": _Key(10),
    "negater.index.save": _Key(True),
    "negater.index.filename": _Key(None),
    "negater.index.model.pretrained_name": _Key(
        "sentence-transformers/bert-base-nli-mean-tokens", "encoder_kwargs.model", _same, _SENTENCES
    ),
    "negater.index.model.pool_strategy": _Key("mean"),
    "negater.index.model.max_seq_len": _Key(16, "encoder_kwargs.max_length", _same, _SENTENCES),
    "negater.fine_tuned_model.filename": _Key(
        "configs/conceptnet/full/classify/checkpoint_bert_best.pt", "model", _find_model
    ),
    "negater.fine_tuned_model.pretrained_name": _Key("bert-base-uncased"),
    "negater.fine_tuned_model.pool_strategy": _Key("cls"),
    "negater.fine_tuned_model.max_seq_len": _Key(32),
    "negater.proxy.d2": _Key(100, "ranker_kwargs.hidden", _same, _PROXY),
    "negater.proxy.dropout": _Key(0.1, "ranker_kwargs.dropout", _same, _PROXY),
    "negater.proxy.init.steps": _Key(20_000, "ranker_kwargs.num_exact", _same, _PROXY),
    "negater.proxy.train.epochs": _Key(100, "ranker_kwargs.epochs", _same, _PROXY),
    "negater.proxy.train.lr": _Key(1e-5, "ranker_kwargs.learning_rate", _same, _PROXY),
}

#: What NegatER calls the checkpoint of an epoch
_EPOCH = r"\d{4}"

#: Keys that :func:`translate` heeds together with others
_JOINT = {
    "dataset.path",
    "fine_tune.train.best_checkpoint",
    "fine_tune.eval.test_checkpoint",
    "negater.index.build",
    "negater.index.k",
    "negater.index.save",
    "negater.index.filename",
}


def is_negater_configuration(content: Mapping[Any, Any]) -> bool:
    """Tell NegatER's configurations from ours.

    :param content: a configuration
    :return: whether it has a section of NegatER's; ``dataset`` is one if it holds keys, and else an option
    """
    return isinstance(content.get("dataset"), Mapping) or any(
        section in content for section in SECTIONS if section != "dataset"
    )


def _flatten(content: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Join the names of nested keys with dots."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _given_keys(content: Mapping[Any, Any], path: Path) -> dict[str, Any]:
    """Flatten a configuration.

    :param content: the configuration
    :param path: its file, to be named in an error
    :return: the values by dotted key, without those that are null
    :raises ValueError: if NegatER has no such key
    """
    given: dict[str, Any] = {}
    for key, value in _flatten(content).items():
        if any(known.startswith(f"{key}.") for known in KEYS):
            if value is not None:
                raise ValueError(f"{path}: found {key}: {value!r}, expected a section with keys of its own.")
        elif key not in KEYS:
            raise ValueError(f"{path}: found the key {key!r}, which NegatER does not have.{did_you_mean([key], KEYS)}")
        elif value is not None:
            given[key] = value
    return given


def _locate_dataset(command: str, value: Any, path: Path) -> dict[str, Any]:
    """Find the files of a dataset; those that are missing are left out, except for the training triples."""
    names = GRAPH_FILES | (LABELLED_FILES if command == "fine-tune" else {})
    try:
        folder = Path(_find(value, path))
    except FileNotFoundError as error:
        return {"training": error}
    files: dict[str, Any] = {
        option: str(folder / name) for option, name in names.items() if folder.joinpath(name).is_file()
    }
    missing = FileNotFoundError(
        f"{path}: found no {GRAPH_FILES['training']} in {folder}, expected the training triples."
    )
    return {"training": missing, **files}


def _index_file(keys: Mapping[str, Any], path: Path) -> Path:
    """Name NegatER's index, a file of neighbours; where a configuration does not name it, it is beside that."""
    filename = keys["negater.index.filename"]
    return path.resolve().with_name(f"top_{keys['negater.index.k']}_index.json") if filename is None else Path(filename)


def _locate_index(keys: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Find the neighbours that are read instead of searched for, or the file or folder that they are kept in."""
    name = _index_file(keys, path)
    build, save = (_is_true(key, keys[f"negater.index.{key}"]) for key in ("build", "save"))
    is_list = name.suffix == ".json"
    if not build:
        return {"neighbor_file" if is_list else "index": _find(name, path)}
    if not save:
        return {}
    return {"save_neighbors" if is_list else "index": str(Path(_find(name.parent, path)) / name.name)}


def _num_neighbors(keys: Mapping[str, Any], index: Mapping[str, Any]) -> Any:
    """Count the neighbours of a phrase: all that are read are taken, as in NegatER."""
    if "neighbor_file" not in index:
        return keys["negater.index.k"]
    from ..embeddings.listed_neighbors import longest_list

    return longest_list(Path(index["neighbor_file"]))


def _describe_index(keys: Mapping[str, Any], path: Path) -> dict[str, Any]:
    index = _attempt(_locate_index, keys, path)
    if isinstance(index, Exception):
        index = {"neighbor_file" if _index_file(keys, path).suffix == ".json" else "index": index}
        num_neighbors = keys["negater.index.k"]
    else:
        num_neighbors = _attempt(_num_neighbors, keys, index)
    # every neighbour is kept
    return {**index, "k": num_neighbors, "pool_size": num_neighbors}


def _model_folder(keys: Mapping[str, Any], given: Mapping[str, Any], actions: Collection[str], folder: Path) -> Path:
    """Name the folder of the model that is trained, tested or both; NegatER's name for an epoch's counts from 0000.

    NegatER trains one name and tests another one; where they differ, both mean the model that is tested.
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
    """Reduce the name of a part to what names are compared by."""
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def _attempt(convert: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function, and return its error instead of raising it."""
    try:
        return convert(*arguments)
    except (ValueError, OSError) as error:
        return error


def translate(
    content: Mapping[Any, Any], command: str, path: Path, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Say in options of ours what a configuration of NegatER's says, its defaults included.

    :param content: the configuration
    :param command: ``fine-tune`` or ``mine``
    :param path: its file
    :param given: what the command line says: parameters of a part that it does not choose are left out
    :return: the values of options by name. An option that cannot be had holds the error to be raised if
        nobody overrides it. The names do not depend on what is given.
    :raises ValueError: if NegatER has no such key, or nothing that corresponds to the command
    """
    if command not in COMMANDS:
        raise ValueError(f"{path}: found a configuration of NegatER, expected one of negater {command}.")
    given_keys = _given_keys(content, path)
    keys = {key: known.default for key, known in KEYS.items()} | given_keys
    given = given or {}
    options: dict[str, Any] = {
        name: dict(value) if isinstance(value, dict) else value for name, value in FIXED[command].items()
    }
    options |= _locate_dataset(command, keys["dataset.path"], path)
    options["name_by_text"] = not {"dataset", "training"} & given.keys()  # other triples need not be written as ids
    if command == "fine-tune":
        options["action"] = ["train", "test"] if "testing" in options else ["train"]
        actions = given.get("action", options["action"])
        options["output"] = str(_model_folder(keys, given_keys, actions, path.resolve().parent))
    else:
        options |= _describe_index(keys, path)
        # its thresholds are those that classify best, and its gradients know none
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
        value = _attempt(known.convert, keys[key], path)
        if not part or isinstance(value, Exception):
            options[option] = value
        elif not isinstance(options.setdefault(option, {}), Exception):
            options[option][part] = value
    return options


def describe_deviations(content: Mapping[Any, Any], command: str, path: Path) -> list[str]:
    """Tell what of a configuration has no effect, or another one than in NegatER.

    :param content: the configuration
    :param command: ``fine-tune`` or ``mine``
    :param path: its file, to be named in an error
    :return: sentences for the log
    :raises ValueError: if NegatER has no such key
    """
    given = _given_keys(content, path)
    keys = {key: known.default for key, known in KEYS.items()} | given
    others = tuple(f"{section}." for name, section in COMMANDS.items() if name != command)
    ignored = [key for key in given if KEYS[key].option is None and key not in _JOINT and not key.startswith(others)]
    lines = [f"nothing corresponds to {', '.join(ignored)}."] if ignored else []
    if command == "fine-tune":
        best, tested = (keys[f"fine_tune.{name}"] for name in ("train.best_checkpoint", "eval.test_checkpoint"))
        if re.fullmatch(_EPOCH, str(tested)):
            lines.append(f"{best} is trained and tested in one go, {tested} only with --action test.")
        elif best != tested:
            model = _model_folder(keys, given, ("train", "test"), Path())
            lines.append(f"{best} is to be trained and {tested} to be tested: both are the model {model}.")
        if _plain(keys[f"{_SAMPLING}.sampler"]) == "sans":
            lines.append("the file of SANS's matrix is not read; who is within two steps is found in the graph.")
    else:
        name = Path(str(keys["negater.fine_tuned_model.filename"]))
        model = _attempt(_find_model, name, path)
        if isinstance(model, str) and Path(model).name != name.stem:
            lines.append(f"found no {name.stem}; {Path(model).name} is read in its stead.")
        index = _attempt(_locate_index, keys, path)
        found = index if isinstance(index, Exception) else _attempt(_num_neighbors, keys, index)
        if isinstance(found, int) and found != keys["negater.index.k"]:
            lines.append(f"all neighbours of a list are taken, {found} at most, and not {keys['negater.index.k']}.")
    return lines
