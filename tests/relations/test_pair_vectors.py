"""Tests for encoders of pairs, and the baseline among them."""

from unittest.mock import Mock

import numpy as np
import pytest

from pykeen_negater.relations.pair_vectors import embed

from ..pair_encoders import KnownVectors


def test_each_pair_is_encoded_once():
    encoder = KnownVectors({("a", "b"): [1, 2], ("b", "a"): [3, 4]})
    vectors = embed(encoder, [("a", "b"), ("b", "a"), ("a", "b")])
    assert vectors.tolist() == [[1, 2], [3, 4], [1, 2]]
    assert encoder.asked == [("a", "b"), ("b", "a")]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0], [2.0], [3.0]], r"shape \(3, 1\), expected \(2, dim\)"),
        ([1.0, 2.0], r"shape \(2,\), expected \(2, dim\)"),
        ([[1.0], [np.nan]], "expected finite vectors"),
    ],
)
def test_bad_encoders(vectors: list, message: str):
    encoder = Mock(get_embedding=lambda pairs: np.array(vectors))
    with pytest.raises(ValueError, match=message):
        embed(encoder, [("a", "b"), ("b", "a"), ("a", "b")])
