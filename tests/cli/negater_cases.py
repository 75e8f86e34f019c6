"""The configurations that NegatER comes with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATASETS = ("data/conceptnet/full", "data/conceptnet/true-neg")
ANTONYMS = {
    f"{name}_file": f"configs/conceptnet/true-neg/antonyms/{file}.json"
    for name, file in (("mapping", "antonyms_gold"), ("token", "tokenized_phrases"), ("tag", "tags"))
}


def sampling(sampler: str, folder: str | None = None) -> dict[str, Any]:
    """Make one of the configurations that fine-tune on the filtered dataset."""
    content: dict[str, Any] = {"sampler": sampler}
    if folder is not None:
        content["precomputed"] = {"negative_file": f"configs/conceptnet/true-neg/{folder}/negatives.tsv"}
    return {
        "dataset": {"path": "data/conceptnet/true-neg/"},
        "fine_tune": {"train": {"negative_sampling": content}},
    }


INDEX = "configs/conceptnet/full/generate/top_20_index_sbert.json"

CLASSIFY = {
    "fine_tune": {
        "train": {
            "n_epochs": 13,
            "negative_sampling": {"nsamp": {"head": 1, "relation": 1, "tail": 1}},
            "best_checkpoint": "bert_best_2",
        },
        "eval": {"test_checkpoint": "bert_best_2"},
    }
}
GENERATE = {
    "negater": {
        "fine_tuned_model": {"filename": "configs/conceptnet/full/classify/checkpoint_bert_best.pt"},
        "index": {"build": False, "k": 20, "filename": INDEX},
    }
}
ROTATE = sampling("precomputed", "rotate-sa")
ROTATE["dataset"]["name"] = "conceptnet/true-neg/"

#: What NegatER comes with, by folder
CONFIGURATIONS = {
    "full/classify": CLASSIFY,
    "full/generate": GENERATE,
    **{f"true-neg/{name}": sampling(name) for name in ("antonyms", "sans", "simple-neg", "slots", "uniform")},
    **{
        f"true-neg/{name}": sampling("precomputed", name) for name in ("knn", "negater-gradients", "negater-thresholds")
    },
    "true-neg/rotate-sa": ROTATE,
}


def flat(options: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Write the paths in options relative to a folder, and errors as their type."""
    if isinstance(options, Mapping):
        return {name: flat(value, root) for name, value in options.items()}
    if isinstance(options, Exception):
        return type(options).__name__
    return options.replace(f"{root}/", "") if isinstance(options, str) else options


def unflatten(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Nest dotted keys."""
    nested: dict[str, Any] = {}
    for key, value in keys.items():
        *sections, name = key.split(".")
        inner = nested
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = value
    return nested
