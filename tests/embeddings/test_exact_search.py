"""Exact search, on the CPU and on a GPU."""

from types import SimpleNamespace

import faiss
import numpy as np
import pytest

from pykeen_negater.embeddings import exact_search
from pykeen_negater.embeddings.approximation import EXACT, default_factory
from pykeen_negater.embeddings.exact_search import search_exactly

from ..cases import random_vectors
from .conftest import METRICS, all_distances


@pytest.mark.parametrize(("gpus", "expected"), [(0, "knn"), (1, "knn_gpu"), (2, "knn_gpu")])
def test_a_gpu_is_used_if_faiss_can(gpus, expected, monkeypatch):
    """There is none where this is tested: only the choice is."""
    used = []

    def search(name):
        def found(points, vectors, width, metric):
            used.append(name)
            return faiss.knn(points, vectors, width, metric=metric)

        return found

    fake = SimpleNamespace(
        METRIC_L2=faiss.METRIC_L2,
        get_num_gpus=lambda: gpus,
        knn=search("knn"),
        knn_gpu=lambda resources, *args, **kwargs: search("knn_gpu")(*args, **kwargs),
        StandardGpuResources=object,
    )
    monkeypatch.setattr(exact_search, "load_faiss", lambda: fake)
    vectors = random_vectors(0, 9)
    assert search_exactly(vectors, vectors, 2, "l2")[1][:, 0].tolist() == list(range(9))
    assert used == [expected]
    assert (default_factory(10**6, 384) == EXACT) == (gpus > 0)


def test_faiss_without_gpus_is_no_error():
    assert not exact_search.has_gpu()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("width", [1, 4, 30])
def test_the_nearest_come_first(metric, width):
    vectors = random_vectors(0, 30)
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    points = vectors[::4]
    found, rows = search_exactly(points, vectors, width, metric)
    expected = all_distances(vectors, metric)[::4]
    np.testing.assert_array_equal(rows, np.argsort(expected, axis=1)[:, :width])
    values = np.sort(expected, axis=1)[:, :width]
    np.testing.assert_allclose(found, values if metric == "l2" else 1 - values, atol=1e-5)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_of_pairs(metric):
    vectors = random_vectors(1, 12)
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries, others = np.array([3, 3, 7]), np.array([[0, 3], [-1, 11], [7, -1]])
    found = exact_search.pair_distances(vectors, queries, others, metric)
    expected = all_distances(vectors, metric)
    assert found.dtype == np.float32
    for query, row, distances in zip(queries.tolist(), others.tolist(), found.tolist(), strict=True):
        for other, distance in zip(row, distances, strict=True):
            assert distance == (np.inf if other < 0 else pytest.approx(expected[query, other], abs=1e-6))


def test_a_cosine_above_one_is_no_negative_distance():
    vectors = np.full((2, 3), 0.57736, dtype=np.float32)
    assert np.einsum("i,i->", vectors[0], vectors[1]) > 1
    assert exact_search.pair_distances(vectors, np.array([0]), np.array([[1]]), "cosine").tolist() == [[0]]
