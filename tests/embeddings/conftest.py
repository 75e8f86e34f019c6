"""What several of the tests of neighbours need."""

import numpy as np
import pytest

from pykeen_negater.embeddings import approximation

#: The metrics of an index
METRICS = ["l2", "cosine"]


def all_distances(vectors: np.ndarray, metric: str) -> np.ndarray:
    """Compute the distances of all pairs in double precision."""
    vectors = vectors.astype(np.float64)
    if metric == "l2":
        squares = np.square(vectors).sum(axis=1)
        return squares[:, None] + squares - 2 * vectors @ vectors.T
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return 1 - unit @ unit.T


def check_neighbors(
    vectors: np.ndarray,
    metric: str,
    queries: np.ndarray,
    found: tuple[np.ndarray, np.ndarray],
    k: int,
    among: np.ndarray | None = None,
    exact: bool = True,
) -> None:
    """Check a result row by row; ties may be in any order."""
    neighbors, distances = found
    assert neighbors.shape == distances.shape
    assert distances.dtype == np.float32
    allowed = set(range(len(vectors)) if among is None else among.tolist())
    assert neighbors.shape == (len(queries), min(k, len(allowed)))
    pairwise = all_distances(vectors, metric)
    for query, row, row_distances in zip(queries.tolist(), neighbors.tolist(), distances.tolist(), strict=True):
        others = sorted(pairwise[query, other] for other in allowed - {query})[:k]
        ids = [i for i in row if i >= 0]
        assert row == ids + [-1] * (len(row) - len(ids))
        assert len(set(ids)) == len(ids)
        assert set(ids) <= allowed - {query}
        assert all(np.isinf(row_distances[len(ids) :]))
        np.testing.assert_allclose(row_distances[: len(ids)], pairwise[query, ids], atol=1e-4)
        assert np.diff(row_distances[: len(ids)]).min(initial=0) >= 0
        if exact:
            assert len(ids) == len(others)
            np.testing.assert_allclose(row_distances[: len(ids)], others, atol=1e-4)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search only few vectors exactly by default."""
    monkeypatch.setattr(approximation, "EXACT_UP_TO", 500)


def clustered(size: int, dim: int = 32, seed: int = 0) -> np.ndarray:
    """Draw vectors in clusters, of no unit length."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(size // 40, dim))
    return (centers[generator.integers(len(centers), size=size)] + 0.4 * generator.normal(size=(size, dim))).astype(
        "f4"
    )


def recall_of(vectors: np.ndarray, metric: str, queries: np.ndarray, neighbors: np.ndarray, k: int) -> float:
    """Compute the share of neighbours that are found, with brute force."""
    pairwise = all_distances(vectors, metric)[queries]
    pairwise[np.arange(len(queries)), queries] = np.inf
    nearest = np.argsort(pairwise, axis=1)[:, :k]
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(nearest.tolist(), neighbors.tolist(), strict=True)]))
