"""Tests for comparing pairs with the true pairs of relations."""

import numpy as np
import pytest

from pykeen_negater.relations import prototypes
from pykeen_negater.relations.prototypes import Prototypes


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Make vectors of the pairs of four relations, of which one has a single pair, and one has none."""
    generator = np.random.default_rng(0)
    relations = np.array([0, 2, 2, 0, 2, 3, 2, 0])
    return generator.normal(size=(8, 5)).astype(np.float32) + 3, relations


def naive(
    vectors: np.ndarray, relations: np.ndarray, vector: np.ndarray, relation: int, nearest: int | None, own: int = -1
) -> float:
    """Compare one pair with a relation, one true pair after the other."""
    mean = vectors.mean(axis=0)
    others = [
        (v - mean) / np.linalg.norm(v - mean)
        for row, (v, r) in enumerate(zip(vectors, relations, strict=True))
        if r == relation and row != own
    ]
    if not others:
        return float("nan") if own >= 0 else 0.0
    if nearest is None:
        return cosine(vector - mean, np.sum(others, axis=0))
    return float(np.mean(sorted((cosine(vector - mean, other) for other in others), reverse=True)[:nearest]))


@pytest.mark.parametrize("nearest", [None, 1, 2, 10])
def test_similarity_equals_a_loop(
    pairs: tuple[np.ndarray, np.ndarray], nearest: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, relations = pairs
    monkeypatch.setattr(prototypes, "BLOCK", 4)  # so that there are several blocks
    compared = Prototypes(vectors, relations, 4, nearest)
    others = np.random.default_rng(1).normal(size=(12, 5)).astype(np.float32)
    asked = np.arange(12) % 4
    expected = [naive(vectors, relations, v, r, nearest) for v, r in zip(others, asked, strict=True)]
    np.testing.assert_allclose(compared.similarity(others, asked), expected, atol=1e-5)


@pytest.mark.parametrize("nearest", [None, 1, 2, 10])
def test_own_similarity_leaves_the_pair_itself_out(pairs: tuple[np.ndarray, np.ndarray], nearest: int | None) -> None:
    vectors, relations = pairs
    own = Prototypes(vectors, relations, 4, nearest).own_similarity()
    expected = [naive(vectors, relations, v, relations[i], nearest, own=i) for i, v in enumerate(vectors)]
    np.testing.assert_allclose(own, expected, atol=1e-5)
    assert np.isnan(own).tolist() == (relations == 3).tolist()


def test_between_relations(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, relations = pairs
    between = Prototypes(vectors, relations, 4, None).between()
    directions = [(v - vectors.mean(axis=0)) / np.linalg.norm(v - vectors.mean(axis=0)) for v in vectors]
    sums = [np.sum([d for d, r in zip(directions, relations, strict=True) if r == x], axis=0) for x in (0, 2, 3)]
    expected = [[cosine(first, second) for second in sums] for first in sums]
    np.testing.assert_allclose(between[np.ix_([0, 2, 3], [0, 2, 3])], expected, atol=1e-5)
    assert not between[1].any()
