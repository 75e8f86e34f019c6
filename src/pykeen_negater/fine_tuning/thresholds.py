"""Decision thresholds θ_r per relation: the score from which on a triple is taken for true."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..storage.atomic_writing import atomic_file
from ..storage.regular_files import check_regular
from ..utils.json_kinds import Kind, leaf, list_of, number, optional, record, whole

__all__ = [
    "Thresholds",
    "best_threshold",
    "describe_levels",
    "published_threshold",
]

_FILE = "thresholds.json"


def best_threshold(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Find the threshold with the highest accuracy, in O(n log n).

    :param scores: shape: (n,), n > 0, finite
    :param labels: shape: (n,), whether each triple is true
    :return: a pair (threshold, accuracy), where a score ≥ threshold means true. The threshold lies halfway between two
        scores, or is infinite if it is best to call all triples true, or all false. Of several best thresholds, the
        lowest.

    >>> best_threshold(np.array([0.1, 0.4, 0.6, 0.9]), np.array([False, False, True, True]))
    (0.5, 1.0)
    """
    order = np.argsort(scores, kind="stable")
    scores, labels = scores[order].astype(np.float64), labels[order].astype(bool)
    # correct[i]: the i lowest are called false, the others true
    correct = np.concatenate([[0], np.cumsum(~labels)]) + np.concatenate([[0], np.cumsum(labels[::-1])])[::-1]
    possible = np.concatenate([[True], scores[1:] > scores[:-1], [True]])
    cut = int(np.argmax(np.where(possible, correct, -1)))
    halfway = scores[:-1] / 2 + scores[1:] / 2
    # there is no number between adjacent floating-point numbers
    halfway = np.where(halfway > scores[:-1], halfway, scores[1:])
    bounds = np.concatenate([[-np.inf], halfway, [np.inf]])
    return float(bounds[cut]), float(correct[cut] / len(scores))


def published_threshold(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Find the threshold with the highest accuracy among the scores, as NegatER does [safavi2021]_, in O(n log n).

    :param scores: shape: (n,), n > 0, finite
    :param labels: shape: (n,), dtype: bool, whether each triple is true
    :return: a pair (threshold, accuracy), where a score ≥ threshold means true. The threshold is one of the scores; of
        several with the highest accuracy, the first.

    >>> published_threshold(np.array([0.6, 0.9, 0.1, 0.4]), np.array([True, True, False, False]))
    (0.6, 1.0)
    """
    positives, negatives = np.sort(scores[labels]), np.sort(scores[~labels])
    correct = len(positives) - np.searchsorted(positives, scores) + np.searchsorted(negatives, scores)
    best = int(np.argmax(correct))
    return float(scores[best]), float(correct[best] / len(scores))


#: The number of bins in histograms of scores
NUM_BINS = 40


def describe_levels(scores: np.ndarray, relations: np.ndarray, levels: np.ndarray) -> dict[str, Any]:
    """Count the candidates that are taken for true, and make a histogram of each relation's scores.

    :param scores: shape: (n,), finite, the scores of candidates
    :param relations: shape: (n,), their relations
    :param levels: shape: (num_relations,), finite, the score from which on a candidate is taken for true
    :return: JSON-native: ``taken_for_true``, ``thresholds`` (by relation), ``score_edges`` and ``score_counts`` (by
        relation)
    """
    edges = np.histogram_bin_edges(scores, NUM_BINS)
    counts = np.zeros((len(levels), NUM_BINS), dtype=np.int64)
    for relation in np.unique(relations):
        counts[relation], _ = np.histogram(scores[relations == relation], edges)
    return {
        "taken_for_true": int(np.sum(scores >= levels[relations])),
        "thresholds": levels.tolist(),
        "score_edges": edges.tolist(),
        "score_counts": counts.tolist(),
    }


#: Relations with fewer true validation triples get no level above that of all relations
ENOUGH_POSITIVES = 20


@dataclass(frozen=True)
class Thresholds:
    """One threshold per relation; a relation without validation triples has the overall threshold."""

    #: The threshold over all relations
    overall: float

    #: The threshold of each relation; shape: (num_relations,), dtype: float64
    by_relation: np.ndarray

    #: The scores of the true validation triples; shape: (num_positives,), dtype: float64
    positive_scores: np.ndarray

    #: Their relations; shape: (num_positives,)
    positive_relations: np.ndarray

    #: Whether most validation triples of each relation are true; shape: (num_relations,), dtype: bool
    majority: np.ndarray

    @classmethod
    def fit(
        cls,
        scores: np.ndarray,
        labels: np.ndarray,
        relations: np.ndarray,
        num_relations: int,
        per_relation: bool = True,
        halfway: bool = False,
    ) -> "Thresholds":
        """Choose the thresholds that classify best, as NegatER does [safavi2021]_, see :func:`published_threshold`.

        :param scores: shape: (n,), the scores of validation triples. Where several thresholds are equally good, the
            order decides: NegatER has the true triples first, each kind in the order of its file.
        :param labels: shape: (n,), dtype: bool, whether each is true
        :param relations: shape: (n,), their relations
        :param num_relations: the number of relations
        :param per_relation: whether each relation has its own threshold, rather than one for all
        :param halfway: whether to choose them halfway between two scores, see :func:`best_threshold`, which suits
            unseen triples better where there are few, but differs from NegatER. A relation whose validation triples are
            all true or all false then has the overall threshold, too.
        :return: the thresholds
        :raises ValueError: if there is no triple, or a score is not finite
        """
        if not len(scores):
            raise ValueError("found no validation triples, expected some to choose thresholds from.")
        if not np.isfinite(scores).all():
            raise ValueError("found a score that is NaN or infinite: fine-tuning diverged. Lower the learning rate.")
        choose = best_threshold if halfway else published_threshold
        overall, _ = choose(scores, labels)
        by_relation = np.full(num_relations, overall)
        majority = np.full(num_relations, labels.mean() >= 0.5)
        for relation in np.unique(relations):
            mask = relations == relation
            majority[relation] = labels[mask].mean() >= 0.5
            if per_relation and (not halfway or 0 < labels[mask].mean() < 1):
                by_relation[relation], _ = choose(scores[mask], labels[mask])
        return cls(overall, by_relation, scores[labels].astype(np.float64), relations[labels], majority)

    def reached_by(self, recall: float) -> np.ndarray:
        """Find for each relation the level that a given share of its true validation triples reaches.

        Triples below it are hardly ever true, however well the language model tells true from false: if it does so
        badly, only few candidates lie below.

        :param recall: in (0, 1), the share
        :return: shape: (num_relations,). A relation with few true validation triples has the lower one of its own level
            and that of all relations.
        :raises ValueError: if there is no true validation triple
        """
        if not len(self.positive_scores):
            raise ValueError("found no true validation triples, expected some to choose thresholds from.")
        overall = np.quantile(self.positive_scores, 1 - recall)
        levels = np.full(len(self.by_relation), overall)
        for relation in np.unique(self.positive_relations):
            scores = self.positive_scores[self.positive_relations == relation]
            own = np.quantile(scores, 1 - recall)
            levels[relation] = own if len(scores) >= ENOUGH_POSITIVES else min(own, overall)
        return levels

    def accuracy(self, scores: np.ndarray, labels: np.ndarray, relations: np.ndarray) -> float:
        """Compute the share of triples that are classified correctly.

        :param scores: shape: (n,)
        :param labels: shape: (n,), dtype: bool
        :param relations: shape: (n,)
        :return: the share, in [0, 1]
        """
        return float(np.mean((scores >= self.by_relation[relations]) == labels))

    def save(self, folder: Path, relation_labels: Sequence[str] | None = None) -> None:
        """Write the thresholds beside a model.

        :param folder: the model's folder
        :param relation_labels: the label of each relation, if there are any
        """
        content = {
            "relations": relation_labels,
            "overall": self.overall,
            "by_relation": self.by_relation.tolist(),
            "positive_scores": self.positive_scores.tolist(),
            "positive_relations": self.positive_relations.tolist(),
            "majority": self.majority.tolist(),
        }
        with atomic_file(folder / _FILE) as unfinished:
            unfinished.write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, num_relations: int, relation_labels: Sequence[str] | None = None) -> "Thresholds":
        """Load the thresholds of a model.

        :param folder: the model's folder
        :param num_relations: the number of relations that need one
        :param relation_labels: the label of each relation, if there are any
        :return: the thresholds
        :raises FileNotFoundError: if the model has none
        :raises ValueError: if it lacks one of the relations, or its thresholds are damaged
        """
        path = folder / _FILE
        if not path.exists():
            raise FileNotFoundError(f"found no {path}, expected thresholds. Fine-tune the model with 'fine-tune'.")
        content = _read(path)
        thresholds = cls(
            float(content["overall"]),
            np.array(content["by_relation"], dtype=np.float64),
            np.array(content["positive_scores"], dtype=np.float64),
            np.array(content["positive_relations"], dtype=np.int64),
            np.array(content["majority"], dtype=bool),
        )
        known = content.get("relations")
        if known is not None and relation_labels is not None:
            return thresholds._arrange(known, relation_labels, path)
        if len(thresholds.by_relation) != num_relations:
            raise ValueError(
                f"{path}: found thresholds for {len(thresholds.by_relation)} relations, but the graph has "
                f"{num_relations}. Fine-tune a model on this graph."
            )
        return thresholds

    def _arrange(self, known: Sequence[str], wanted: Sequence[str], path: Path) -> "Thresholds":
        """Put the relations into the order of a graph."""
        missing = [label for label in wanted if label not in known]
        if missing:
            raise ValueError(
                f"{path}: found no threshold for {len(missing)} of the graph's {len(wanted)} relations "
                f"({', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}), but for {', '.join(known[:3])}, … "
                f"Fine-tune a model on this graph."
            )
        order = np.array([known.index(label) for label in wanted])
        position = np.full(len(known), -1)
        position[order] = np.arange(len(order))
        relations = position[self.positive_relations]
        return Thresholds(
            self.overall,
            self.by_relation[order],
            self.positive_scores[relations >= 0],
            relations[relations >= 0],
            self.majority[order],
        )


#: A level may be infinite, where all validation triples are on one side of it, but not NaN
_level = leaf("a number", lambda value: type(value) in (int, float) and not math.isnan(value))


def _schema(num_relations: int, num_positives: int) -> Kind:
    return record(
        {
            "overall": _level,
            "by_relation": list_of(_level),
            "positive_scores": list_of(number()),
            "positive_relations": list_of(whole(0, num_relations - 1), length=num_positives),
            "relations": optional(list_of(leaf("a text", lambda value: isinstance(value, str)), length=num_relations)),
            "majority": list_of(leaf("true or false", lambda value: isinstance(value, bool)), length=num_relations),
        },
        required=("overall", "by_relation", "positive_scores", "positive_relations", "majority"),
    )


def _read(path: Path) -> dict[str, Any]:
    """Read saved thresholds, and check their form."""
    check_regular(path, "thresholds")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} holds no thresholds ({error}). Fine-tune the model again.") from error
    lists = (content.get(name) if isinstance(content, dict) else None for name in ("by_relation", "positive_scores"))
    fault = _schema(*(len(values) if isinstance(values, list) else 0 for values in lists)).find_fault(content)
    if fault is not None:
        raise ValueError(f"{path} holds no thresholds: {fault}. Fine-tune the model again.")
    return content
