"""True and false triples put together."""

import numpy as np

from pykeen_negater.triples.labelled import LabelledTriples


def test_true_triples_come_first():
    positives, negatives = np.zeros((2, 3), dtype=int), np.ones((1, 3), dtype=int)
    combined = LabelledTriples.combine(positives, negatives)
    assert combined.labels.tolist() == [True, True, False]
    assert combined.triples.tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
