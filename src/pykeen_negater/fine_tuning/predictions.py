"""Metrics and tables of the predictions of a fine-tuned language model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from ..triples.indexing import RELATION
from .thresholds import Thresholds

__all__ = [
    "classification_metrics",
    "predictions_frame",
]


def classification_metrics(
    scores: np.ndarray, labels: np.ndarray, relations: np.ndarray, thresholds: Thresholds
) -> dict[str, float]:
    """Compute the metrics of a classification of triples.

    :param scores: shape: (n,), n > 0
    :param labels: shape: (n,), dtype: bool, whether each is true
    :param relations: shape: (n,)
    :param thresholds: of the relations
    :return: ``accuracy``, ``precision``, ``recall`` and ``f1`` of the class of true triples, 0 where they are not
        defined, and the ``majority_accuracy`` of predicting for each triple the label of most validation triples of its
        relation; all in [0, 1]
    """
    predicted = scores >= thresholds.by_relation[relations]
    precision, recall, f1, _ = precision_recall_fscore_support(labels, predicted, average="binary", zero_division=0)
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "majority_accuracy": float(accuracy_score(labels, thresholds.majority[relations])),
    }


def predictions_frame(
    triples: np.ndarray,
    scores: np.ndarray,
    labels: np.ndarray,
    thresholds: Thresholds,
    entity_labels: Sequence[str],
    relation_labels: Sequence[str],
) -> pd.DataFrame:
    """List triples with the model's predictions, in NegatER's columns.

    :param triples: shape: (n, 3)
    :param scores: shape: (n,)
    :param labels: shape: (n,), dtype: bool, whether each is true
    :param thresholds: of the relations
    :param entity_labels: the label of each entity, or another name
    :param relation_labels: the label of each relation
    :return: n rows of ``head``, ``relation``, ``tail``, ``threshold``, ``score``, and ``y_true`` and ``y_pred``, each 0
        or 1
    """
    heads, relations, tails = triples.T
    levels = thresholds.by_relation[triples[:, RELATION]]
    return pd.DataFrame(
        {
            "head": [entity_labels[i] for i in heads],
            "relation": [relation_labels[i] for i in relations],
            "tail": [entity_labels[i] for i in tails],
            "threshold": levels,
            "score": scores,
            "y_true": labels.astype(int),
            "y_pred": (scores >= levels).astype(int),
        }
    )
