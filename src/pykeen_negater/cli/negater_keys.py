"""The keys of NegatER's configurations: their defaults, and the options here that correspond to them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..utils.spelling import did_you_mean
from .negater_files import find, find_model

__all__ = [
    "JOINT",
    "KEYS",
    "SAMPLING",
    "Key",
    "is_negater_configuration",
    "is_true",
    "read_keys",
]

#: The sections of a configuration
SECTIONS = ("job", "dataset", "fine_tune", "negater")

#: The values of the option ``negatives`` for NegatER's samplers
SAMPLERS = {
    "uniform": "uniform",
    "slots": "slots",
    "simple-neg": "negation",
    "antonyms": "antonyms",
    "sans": "sans",
    "precomputed": "precomputed",
}


def _same(value: Any, _: Path) -> Any:
    return value


def is_true(key: str, value: Any) -> bool:
    """Check a truth value.

    :param key: the key that it is the value of, for the error
    :param value: the value
    :return: the value
    :raises ValueError: if it is neither true nor false
    """
    if not isinstance(value, bool):
        raise ValueError(f"found {key}: {value!r}, expected true or false.")
    return value


def _find_sampler(value: Any, path: Path) -> str:
    name = str(value).lower()
    if name not in SAMPLERS:
        raise ValueError(f"{path}: found the sampler {value!r}, expected one of {', '.join(SAMPLERS)}.")
    return SAMPLERS[name]


class Key(NamedTuple):
    """A key of NegatER's."""

    #: NegatER's default; None where it has none
    default: Any

    #: The corresponding option here, or the part of it after the dot, if there is one
    option: str | None = None

    #: Converts NegatER's value to a value here, given the configuration's path
    convert: Callable[[Any, Path], Any] = _same

    #: The option, of an earlier key, and its value for which alone the key is used; None if it is always used
    only_for: tuple[str, str] | None = None


#: The section for the corruption of triples for fine-tuning
SAMPLING = "fine_tune.train.negative_sampling"
_ANTONYMS = ("negatives", "antonyms")
_PROXY = ("ranker", "proxy-gradients")
_SENTENCES = ("encoder", "sentence-transformer")

#: All keys of a configuration. Options that depend on several keys are set in
#: :func:`~pykeen_negater.cli.negater_configuration.translate`.
KEYS = {
    "job.device": Key("cuda"),
    "dataset.name": Key(None),
    "dataset.path": Key("data/conceptnet/full"),
    "dataset.pretokenize_triples": Key(False),
    "dataset.pretokenize_phrases": Key(False),
    "dataset.triples_tokenized_path": Key("triples_tokenized/"),
    "dataset.phrases_tokenized_path": Key("phrases_tokenized/"),
    "fine_tune.model.pretrained_name": Key("sentence-transformers/bert-base-nli-mean-tokens", "language_model"),
    "fine_tune.model.pool_strategy": Key("mean", "pooling"),
    "fine_tune.model.max_seq_len": Key(32, "max_length"),
    "fine_tune.train.n_epochs": Key(3, "epochs"),
    "fine_tune.train.batch_size": Key(16, "batch_size"),
    "fine_tune.train.lr": Key(2e-5, "learning_rate"),
    "fine_tune.train.eps": Key(1e-8),
    "fine_tune.train.warmup_steps": Key(10_000, "warmup"),
    "fine_tune.train.save_all_epochs": Key(False, "keep_epochs", lambda value, _: is_true("save_all_epochs", value)),
    "fine_tune.train.best_checkpoint": Key("best"),
    "fine_tune.train.load_from": Key(None),
    f"{SAMPLING}.nsamp.head": Key(1, "corruptions.head"),
    f"{SAMPLING}.nsamp.relation": Key(0, "corruptions.relation"),
    f"{SAMPLING}.nsamp.tail": Key(0, "corruptions.tail"),
    f"{SAMPLING}.sampler": Key("uniform", "negatives", _find_sampler),
    f"{SAMPLING}.antonyms.mapping_file": Key(
        "configs/conceptnet/true-neg/antonyms/antonyms_gold.json", "negatives_kwargs.mapping_file", find, _ANTONYMS
    ),
    f"{SAMPLING}.antonyms.token_file": Key(
        "configs/conceptnet/true-neg/antonyms/tokenized_phrases.json", "negatives_kwargs.token_file", find, _ANTONYMS
    ),
    f"{SAMPLING}.antonyms.tag_file": Key(
        "configs/conceptnet/true-neg/antonyms/tags.json", "negatives_kwargs.tag_file", find, _ANTONYMS
    ),
    # the matrix tells which entities are within two steps of each other, which the graph tells as well
    f"{SAMPLING}.sans.kmat_file": Key(
        "configs/conceptnet/true-neg/sans/matrix_ConceptNet_k2_nrw0.npz",
        "negatives_kwargs.k",
        lambda *_: 2,
        ("negatives", "sans"),
    ),
    f"{SAMPLING}.precomputed.negative_file": Key(
        "configs/conceptnet/true-neg/negater-thresholds/negatives.tsv",
        "negatives_kwargs.path",
        find,
        ("negatives", "precomputed"),
    ),
    "fine_tune.eval.batch_size": Key(100),
    "fine_tune.eval.threshold_per_relation": Key(
        True, "global_threshold", lambda value, _: not is_true("threshold_per_relation", value)
    ),
    "fine_tune.eval.test_checkpoint": Key("best"),
    "fine_tune.eval.save_predictions": Key(True),
    "negater.batch_size": Key(16, "ranker_kwargs.batch_size", _same, _PROXY),
    "negater.index.build": Key(True),
    # NegatER searches for one more and drops the first, assuming it to be the phrase itself
    "negater.index.k": Key(10),
    "negater.index.save": Key(True),
    "negater.index.filename": Key(None),
    "negater.index.model.pretrained_name": Key(
        "sentence-transformers/bert-base-nli-mean-tokens", "encoder_kwargs.model", _same, _SENTENCES
    ),
    "negater.index.model.pool_strategy": Key("mean"),
    "negater.index.model.max_seq_len": Key(16, "encoder_kwargs.max_length", _same, _SENTENCES),
    "negater.fine_tuned_model.filename": Key(
        "configs/conceptnet/full/classify/checkpoint_bert_best.pt", "model", find_model
    ),
    "negater.fine_tuned_model.pretrained_name": Key("bert-base-uncased"),
    "negater.fine_tuned_model.pool_strategy": Key("cls"),
    "negater.fine_tuned_model.max_seq_len": Key(32),
    "negater.proxy.d2": Key(100, "ranker_kwargs.hidden", _same, _PROXY),
    "negater.proxy.dropout": Key(0.1, "ranker_kwargs.dropout", _same, _PROXY),
    "negater.proxy.init.steps": Key(20_000, "ranker_kwargs.num_exact", _same, _PROXY),
    "negater.proxy.train.epochs": Key(100, "ranker_kwargs.epochs", _same, _PROXY),
    "negater.proxy.train.lr": Key(1e-5, "ranker_kwargs.learning_rate", _same, _PROXY),
}

#: Keys that :func:`~pykeen_negater.cli.negater_configuration.translate` uses together with others
JOINT = {
    "dataset.path",
    "fine_tune.train.best_checkpoint",
    "fine_tune.eval.test_checkpoint",
    "negater.index.build",
    "negater.index.k",
    "negater.index.save",
    "negater.index.filename",
}


def is_negater_configuration(content: Mapping[Any, Any]) -> bool:
    """Tell NegatER's configurations from those of this package.

    :param content: a configuration
    :return: whether it has a section of NegatER's; ``dataset`` is one if it has keys, and else an option
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


def read_keys(content: Mapping[Any, Any], path: Path) -> dict[str, Any]:
    """Read what a configuration gives.

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
