"""What lies below the threshold of its relation is a negative."""

import numpy as np
import pytest

from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.rankers.threshold_acceptance import accept_below_thresholds, check_recall


@pytest.mark.parametrize("recall", [None, 0.5, 0.9])
def test_acceptance_is_that_of_a_loop(recall: float | None):
    generator = np.random.default_rng(0)
    relations = generator.integers(3, size=60)
    labels = generator.random(60) < 0.5
    thresholds = Thresholds.fit(generator.normal(size=60) + labels, labels, relations, 3)
    scores, asked = generator.normal(size=40).astype(np.float32), generator.integers(3, size=40)
    levels = thresholds.by_relation if recall is None else thresholds.reached_by(recall)
    found = accept_below_thresholds(scores, asked, thresholds, recall)
    expected = [score < levels[relation] for score, relation in zip(scores, asked, strict=True)]
    assert 0 < sum(expected) < 40
    assert found.accepted.tolist() == expected
    assert np.array_equal(found.values, scores)
    assert found.measured.statistics["taken_for_true"] == 40 - sum(expected)


@pytest.mark.parametrize("recall", [0.0, 1.0, -0.1, 1.5])
def test_recall_out_of_range(recall: float):
    with pytest.raises(ValueError, match=f"found recall={recall}, expected a share between 0 and 1, or None"):
        check_recall(recall)


@pytest.mark.parametrize("recall", [None, 0.95])
def test_recall_in_range(recall: float | None):
    assert check_recall(recall) == recall
