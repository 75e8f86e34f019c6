"""Checkpoints of NegatER, which are read without unpickling anything but numbers and texts.

NegatER saves a dictionary: ``model_state_dict`` holds BERT or RoBERTa under ``bert.`` or ``roberta.`` and the
linear layer under ``triple_scoring_head.``; ``valid_threshold`` the threshold of each relation, or one for all. Which
language model, pooling and length it was made with, only its configuration tells.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer

from ..storage.cache import Cache, file_digest, fingerprint
from ..storage.regular_files import check_regular
from ..texts.language_models import identify_language_model, loading
from .cached_classifier import KIND
from .classifier import TripleClassifier
from .settings import Pooling
from .thresholds import Thresholds

__all__ = [
    "convert_checkpoint",
    "find_or_convert",
]

_WEIGHTS, _THRESHOLDS = "model_state_dict", "valid_threshold"

#: Where parameters are there and here
_PREFIXES = ((r"(bert|roberta)\.", "encoder."), (r"triple_scoring_head\.", "head."))

#: Not parameters: the numbers from 0 on, which newer versions of transformers do not save
_POSITIONS = "encoder.embeddings.position_ids"

#: What names of relations are pickled as: NumPy's texts, under the names of its old and new versions
_SCALAR = np.str_().__reduce__()[0]
_SAFE: list[Any] = [
    np.dtype,
    type(np.dtype(np.str_)),
    *((_SCALAR, f"{module}.multiarray.scalar") for module in ("numpy.core", "numpy._core")),
]


def find_or_convert(
    checkpoint: Path, language_model: str, pooling: Pooling, max_length: int, cache: Cache | None = None
) -> Path:
    """Convert a checkpoint to a fine-tuned model in the cache, once.

    :param checkpoint: NegatER's file
    :param language_model: as for :func:`convert_checkpoint`, as are the others
    :param pooling: how a sequence becomes one vector
    :param max_length: the most tokens of a triple
    :param cache: the cache; the default one if None
    :return: the folder of the model
    :raises FileNotFoundError: if there is no such file or language model
    :raises ValueError: if it is no such checkpoint
    """
    check_regular(checkpoint, "a checkpoint of NegatER")
    key = fingerprint(
        {
            "checkpoint": file_digest(checkpoint),
            "language_model": identify_language_model(language_model),
            "pooling": pooling,
            "max_length": max_length,
        }
    )

    def build(folder: Path) -> None:
        """Fill a folder of the cache."""
        convert_checkpoint(checkpoint, folder, language_model, pooling, max_length)

    return (cache or Cache()).get_or_build(KIND, key, build)[0]


def convert_checkpoint(checkpoint: Path, output: Path, language_model: str, pooling: Pooling, max_length: int) -> None:
    """Write a checkpoint as a fine-tuned model, with its tokenizer and, if it has one for each relation, thresholds.

    :param checkpoint: NegatER's file
    :param output: an existing folder to write to
    :param language_model: the language model that was fine-tuned, a folder or a name on the Hugging Face hub
    :param pooling: how a sequence becomes one vector
    :param max_length: the most tokens of a triple
    :raises ValueError: if it is no such checkpoint, holds anything but numbers and texts, or is of another model
    """
    content = _read(checkpoint)
    model = TripleClassifier.from_language_model(language_model, pooling, max_length)
    weights = {_rename(name): value for name, value in content[_WEIGHTS].items()}
    weights.pop(_POSITIONS, None)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"{checkpoint}: found parameters that are not those of {language_model} and a linear layer, expected the "
            f"language model that was fine-tuned. ({str(error)[:300]})"
        ) from error
    with loading(language_model):
        tokenizer = AutoTokenizer.from_pretrained(language_model, trust_remote_code=False)
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    found = content.get(_THRESHOLDS)
    if isinstance(found, Mapping) and found:
        levels = np.array([_level(value, checkpoint) for value in found.values()])
        Thresholds(
            overall=float(np.median(levels)),
            by_relation=levels,
            positive_scores=np.zeros(0),
            positive_relations=np.zeros(0, dtype=np.int64),
            majority=np.ones(len(levels), dtype=bool),
        ).save(output, [str(relation) for relation in found])


def _read(checkpoint: Path) -> dict[str, Any]:
    try:
        with torch.serialization.safe_globals(_SAFE):
            # mapped, since the optimizer's state is twice as large as the model and not needed
            content = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except MemoryError:
        raise
    except Exception as error:  # one of a dozen types, depending on the damage
        raise ValueError(
            f"{checkpoint} cannot be read as a checkpoint of NegatER that holds numbers and texts only "
            f"({str(error)[:300]})."
        ) from error
    weights = content.get(_WEIGHTS) if isinstance(content, dict) else None
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise ValueError(f"{checkpoint}: found no {_WEIGHTS}, expected a checkpoint of NegatER.")
    return content


def _rename(name: str) -> str:
    for there, here in _PREFIXES:
        name = re.sub(f"^{there}", here, name)
    return name


def _level(value: Any, checkpoint: Path) -> float:
    is_number = isinstance(value, float) or (isinstance(value, Tensor) and value.numel() == 1)
    level = float(value) if is_number else math.nan
    if math.isnan(level):
        raise ValueError(f"{checkpoint}: found the threshold {value!r}, expected a number.")
    return level
