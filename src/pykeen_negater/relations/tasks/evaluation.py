"""Runs RelBERT's three evaluations for several encoders side by side."""

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ...storage.cache import Cache
from ..encoder import BATCH_SIZE, Aggregation, RelationEncoder
from ..pair_vectors import PairEncoder
from .analogies import AnalogyDistance, evaluate_analogies, read_analogies
from .lexical_relations import evaluate_lexical_relations, read_lexical_relations
from .relation_mapping import evaluate_relation_mapping, read_relation_mapping
from .word_difference import WordDifferenceEncoder

__all__ = [
    "Task",
    "evaluate_encoders",
    "find_base_model",
    "find_encoders",
    "load_task",
    "to_table",
]

logger = logging.getLogger(__name__)

#: The file in RelBERT's checkpoints with the settings of their training
TRAINING_SETTINGS = "finetuning_config.json"

#: The figures of each task that tables show
FIGURES = {
    "analogies": ("forward", "bidirectional"),
    "lexical relations": ("micro_f1", "macro_f1"),
    "relation mapping": ("accuracy",),
}


@dataclass(frozen=True)
class Task:
    """An evaluation on some data."""

    #: The name of the evaluation: analogies, lexical relations or relation mapping
    name: str

    #: The file or folder with the data
    path: Path

    #: Evaluates an encoder; returns a JSON-native report
    evaluate: Callable[[PairEncoder], dict[str, Any]]


def load_task(path: str | Path, distance: AnalogyDistance = "cosine", **classification: Any) -> Task:
    """Read the data of an evaluation, which is recognized by its content.

    :param path: a folder with ``test.tsv`` (lexical relations), or a file of JSON lines with ``stem`` (analogies) or
        with ``source`` (relation mapping)
    :param distance: how the vectors of analogies are compared, ``cosine`` or ``euclidean``
    :param classification: how lexical relations are classified, see
        :func:`~pykeen_negater.relations.tasks.lexical_relations.evaluate_lexical_relations`
    :return: the evaluation
    :raises FileNotFoundError: if there is no such file or folder
    :raises ValueError: if it is none of these, or malformed
    """
    path = Path(path)
    if path.is_dir():
        relations = read_lexical_relations(path)
        return Task("lexical relations", path, partial(evaluate_lexical_relations, data=relations, **classification))
    fields = _fields_of_first_line(path)
    if "stem" in fields:
        questions = read_analogies(path)
        return Task("analogies", path, partial(evaluate_analogies, questions=questions, distance=distance))
    if "source" in fields:
        return Task("relation mapping", path, partial(evaluate_relation_mapping, problems=read_relation_mapping(path)))
    raise ValueError(
        f"{path}: found no data of an evaluation, expected JSON lines with the field 'stem' (analogies) or 'source' "
        f"(relation mapping), or a folder with test.tsv (lexical relations)."
    )


def _fields_of_first_line(path: Path) -> Collection[str]:
    if not path.is_file():
        raise FileNotFoundError(f"found no file or folder {path}, expected the data of an evaluation.")
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = json.loads(next((line for line in file if line.strip()), "null"))
    except ValueError:
        return ()
    return first if isinstance(first, dict) else ()


def find_base_model(model: str) -> str | None:
    """Find out which language model a checkpoint was trained from.

    :param model: a folder, or a name on the Hugging Face hub
    :return: a folder, or a name on the hub; None if the checkpoint does not say
    """
    from transformers.utils import cached_file

    try:
        path = cached_file(model, TRAINING_SETTINGS)
    except OSError as error:
        logger.debug("%s: %s", model, error)
        return None
    settings = None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))
    return settings.get("model") if isinstance(settings, dict) else None


def find_encoders(
    model: str | None = None,
    template: str | None = None,
    aggregation: Aggregation | None = None,
    base: str | None = None,
    cache: Cache | None = None,
    max_length: int = 64,
    batch_size: int = BATCH_SIZE,
) -> dict[str, RelationEncoder | WordDifferenceEncoder]:
    """Load an encoder, and those that it is compared with.

    :param model: a folder or a name on the Hugging Face hub; by default the embedded MiniLM
    :param template: the template, see :class:`~pykeen_negater.relations.encoder.RelationEncoder`
    :param aggregation: which tokens' hidden states are added up, likewise
    :param base: the language model that it was trained from. If None, it is looked up in the checkpoint.
    :param cache: the cache for vectors. If None, they are not cached.
    :param max_length: the most tokens of a pair in the template, special ones included
    :param batch_size: >= 1, the number of pairs encoded at once
    :return: encoders by name: the ``trained`` encoder if the model is one; its language model before training
        (``untrained``) with the same template and aggregation; and the ``word difference`` of that language model. If
        that model is unknown, there is no ``untrained`` encoder, and the word difference is that of the trained
        language model.
    """
    given = RelationEncoder(
        model,
        template=template,
        aggregation=aggregation,
        max_length=max_length,
        batch_size=batch_size,
        cache=cache,
    )
    if not given.is_trained:
        return {"untrained": given, "word difference": WordDifferenceEncoder(given.model)}
    base = base or find_base_model(given.model)
    if base is None:
        logger.warning("%s does not say which language model it was trained from: name it to compare.", given.model)
        return {"trained": given, "word difference": WordDifferenceEncoder(given.model)}
    untrained = RelationEncoder(
        base,
        template=given.template,
        aggregation=given.aggregation,
        normalized=given.normalized,
        max_length=given.max_length,
        batch_size=batch_size,
        cache=cache,
    )
    return {"trained": given, "untrained": untrained, "word difference": WordDifferenceEncoder(base)}


def evaluate_encoders(tasks: Sequence[Task], encoders: Mapping[str, PairEncoder]) -> list[dict[str, Any]]:
    """Evaluate encoders side by side.

    :param tasks: the evaluations
    :param encoders: the encoders by name
    :return: a JSON-native report for each task and encoder: ``task``, ``data``, ``encoder`` and the figures
    """
    results = []
    for task in tasks:
        for name, encoder in encoders.items():
            logger.info("%s: %s, %s", task.name, task.path, name)
            heading = {"task": task.name, "data": str(task.path), "encoder": name}
            results.append({**heading, **task.evaluate(encoder)})
    return results


def to_table(results: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a table of results.

    :param results: the result of :func:`evaluate_encoders`
    :return: a row per evaluation and figure, with the columns ``data`` (the end of the path) and ``figure``, and a
        column per encoder
    """
    rows = [
        {"data": "/".join(Path(result["data"]).parts[-2:]), "figure": figure, result["encoder"]: result[figure]}
        for result in results
        for figure in FIGURES[result["task"]]
    ]
    return pd.DataFrame(rows).groupby(["data", "figure"], sort=False).first().reset_index()
