"""Exact nearest neighbours, on a GPU where FAISS can use one [johnson2019]_.

.. [johnson2019] Johnson, Douze and Jégou (2019) Billion-scale similarity search with GPUs. IEEE Big Data 7(3).
"""

import importlib
from typing import Any

import numpy as np

from ..typing import Metric

__all__ = [
    "faiss_metric",
    "has_gpu",
    "load_faiss",
    "pair_distances",
    "search_exactly",
]

#: The most neighbours that FAISS finds on a GPU
MAX_ON_GPU = 2048


def load_faiss() -> Any:
    """Import FAISS, only when it is needed.

    :return: the module, untyped, since its type hints lack parameters of its C++ classes
    """
    return importlib.import_module("faiss")


def faiss_metric(metric: Metric) -> int:
    """Get FAISS's constant for a metric.

    :param metric: the metric; for the cosine, vectors are of unit length
    :return: one of FAISS's constants
    """
    faiss = load_faiss()
    return faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT


def has_gpu() -> bool:
    """Tell whether vectors are compared on a GPU: FAISS has been installed with GPU support, and there is a GPU.

    :return: whether they are
    """
    faiss = load_faiss()
    return hasattr(faiss, "knn_gpu") and faiss.get_num_gpus() > 0


def search_exactly(
    points: np.ndarray, vectors: np.ndarray, width: int, metric: Metric
) -> tuple[np.ndarray, np.ndarray]:
    """Compare points with all vectors, on a GPU if :func:`has_gpu`.

    :param points: shape: (n, dim), dtype: float32
    :param vectors: shape: (m, dim), dtype: float32
    :param width: 1 <= width <= m, the number of vectors to find
    :param metric: the metric; for the cosine, vectors are of unit length
    :return: a pair (squared Euclidean distances or cosines, rows of the vectors), each of shape (n, width), the
        nearest first
    """
    faiss = load_faiss()
    if width <= MAX_ON_GPU and has_gpu():
        resources = faiss.StandardGpuResources()
        return faiss.knn_gpu(resources, points, np.ascontiguousarray(vectors), width, metric=faiss_metric(metric))
    return faiss.knn(points, vectors, width, metric=faiss_metric(metric))


def pair_distances(vectors: np.ndarray, queries: np.ndarray, others: np.ndarray, metric: Metric) -> np.ndarray:
    """Compute distances between rows of an array.

    :param vectors: shape: (m, dim), of unit length if the metric is the cosine
    :param queries: shape: (n,)
    :param others: shape: (n, k), −1 where there is none
    :param metric: the metric
    :return: shape: (n, k), dtype: float32, squared Euclidean distances, or one minus the cosine; infinite where there
        is none
    """
    points = vectors[queries]
    columns = []
    for column in others.T:
        if metric == "cosine":
            distance = np.maximum(1 - np.einsum("ij,ij->i", points, vectors[column]), 0)
        else:
            distance = np.square(points - vectors[column]).sum(axis=1)
        columns.append(np.where(column < 0, np.inf, distance))
    return np.stack(columns, axis=1).astype(np.float32)
