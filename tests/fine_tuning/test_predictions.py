"""Metrics and tables of what a language model takes triples for."""

import numpy as np
import pytest

from pykeen_negater.fine_tuning.predictions import classification_metrics, predictions_frame
from pykeen_negater.fine_tuning.thresholds import Thresholds


def _examples() -> tuple[np.ndarray, np.ndarray, np.ndarray, Thresholds]:
    generator = np.random.default_rng(0)
    triples = np.stack(
        [generator.integers(6, size=60), generator.integers(3, size=60), generator.integers(6, size=60)], 1
    )
    labels = generator.random(60) < 0.4
    scores = generator.normal(size=60) + labels
    return triples, scores, labels, Thresholds.fit(scores[::2], labels[::2], triples[::2, 1], 3)


def test_metrics_agree_with_counts():
    triples, scores, labels, thresholds = _examples()
    predicted = [score >= thresholds.by_relation[triple[1]] for triple, score in zip(triples, scores, strict=True)]
    pairs = list(zip(predicted, labels.tolist(), strict=True))
    both, only_predicted, only_true = (pairs.count(pair) for pair in ((True, True), (True, False), (False, True)))
    majority = [thresholds.majority[triple[1]] == label for triple, label in zip(triples, labels, strict=True)]
    assert classification_metrics(scores, labels, triples[:, 1], thresholds) == pytest.approx(
        {
            "accuracy": 1 - (only_predicted + only_true) / 60,
            "precision": both / (both + only_predicted),
            "recall": both / (both + only_true),
            "f1": 2 * both / (2 * both + only_predicted + only_true),
            "majority_accuracy": np.mean(majority),
        }
    )


def test_nothing_is_taken_for_true():
    thresholds = Thresholds(np.inf, np.full(1, np.inf), np.zeros(0), np.zeros(0, dtype=int), np.zeros(1, dtype=bool))
    metrics = classification_metrics(np.zeros(2), np.array([True, False]), np.zeros(2, dtype=int), thresholds)
    assert metrics == {"accuracy": 0.5, "precision": 0, "recall": 0, "f1": 0, "majority_accuracy": 0.5}


def test_frame_has_the_columns_of_negater():
    triples, scores, labels, thresholds = _examples()
    frame = predictions_frame(triples, scores, labels, thresholds, list("abcdef"), list("xyz"))
    assert frame.columns.tolist() == ["head", "relation", "tail", "threshold", "score", "y_true", "y_pred"]
    for row, triple, score, label in zip(frame.itertuples(), triples, scores, labels, strict=True):
        assert (row.head, row.relation, row.tail) == ("abcdef"[triple[0]], "xyz"[triple[1]], "abcdef"[triple[2]])
        assert row.threshold == thresholds.by_relation[triple[1]]
        assert (row.score, row.y_true, row.y_pred) == (score, int(label), int(score >= row.threshold))
