"""Nearest neighbours with FAISS [johnson2019]_.

.. [johnson2019] Johnson, Douze and Jégou (2019) Billion-scale similarity search with GPUs. IEEE Big Data 7(3).
"""

import importlib
import json
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from .caching import atomic_folder

__all__ = [
    "EXACT",
    "Metric",
    "NeighborIndex",
]

#: How near two vectors are: Euclidean distance, or the cosine of their angle
Metric = Literal["l2", "cosine"]

#: The factory string of an exact index
EXACT = "Flat"

_VECTORS_FILE, _INDEX_FILE, _SETTINGS_FILE = "vectors.npy", "index.faiss", "settings.json"


class NeighborIndex:
    """Nearest neighbours among the entities, or among some of them; an entity is never its own neighbour."""

    def __init__(
        self,
        vectors: np.ndarray,
        metric: Metric,
        factory: str,
        index: Any = None,
        source: str | None = None,
    ) -> None:
        """Wrap vectors and index. Use :meth:`build` or :meth:`load` instead.

        :param vectors: shape: (num_entities, dim), dtype: float32, of unit length if the metric is the cosine
        :param metric: the metric
        :param factory: the factory string of the index
        :param index: the FAISS index of these vectors; None if it is exact, and the vectors are all there is to it
        :param source: the fingerprint of what the vectors were made from, if known
        """
        self.vectors = vectors
        self.metric: Metric = metric
        self.factory = factory
        self.index = index
        self.source = source

    @classmethod
    def build(
        cls,
        vectors: np.ndarray,
        metric: Metric = "cosine",
        factory: str = EXACT,
        source: str | None = None,
    ) -> "NeighborIndex":
        """Build an index.

        :param vectors: shape: (num_entities, dim)
        :param metric: the metric
        :param factory: FAISS's index factory string, e.g. ``Flat`` (exact), ``HNSW32`` or ``IVF1024,Flat``
        :param source: the fingerprint of what the vectors were made from, so that it is used for nothing else
        :return: the index
        :raises ValueError: if there is no such metric, or FAISS does not know the factory string
        """
        import faiss

        if metric not in get_args(Metric):
            raise ValueError(f"found metric={metric!r}, expected one of {', '.join(get_args(Metric))}.")
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if metric == "cosine":
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        if factory == EXACT:
            return cls(vectors, metric, factory, source=source)
        try:
            index = faiss.index_factory(vectors.shape[1], factory, _faiss_metric(metric))
            index.train(vectors)
            index.add(vectors)
        except RuntimeError as error:
            raise ValueError(
                f"found index_factory={factory!r} for {len(vectors):,} vectors, expected a factory string of FAISS "
                f"that suits as many, such as Flat, HNSW32 or IVF1024,Flat ({error})."
            ) from error
        return cls(vectors, metric, factory, index, source)

    def save(self, path: str | Path) -> None:
        """Write the index to a folder, whole or not at all.

        :param path: the folder. An index that is already there is replaced.
        :raises FileExistsError: if something else is there
        """
        import faiss

        path = Path(path)
        if path.exists() and not path.joinpath(_VECTORS_FILE).is_file():
            raise FileExistsError(f"found {path}, which holds no neighbour index. Choose another path, or remove it.")
        with atomic_folder(path) as folder:
            np.save(folder / _VECTORS_FILE, self.vectors, allow_pickle=False)
            if self.index is not None:
                faiss.write_index(self.index, str(folder / _INDEX_FILE))
            settings = {"metric": self.metric, "factory": self.factory, "source": self.source}
            folder.joinpath(_SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "NeighborIndex":
        """Load an index.

        :param path: a folder written by :meth:`save`
        :return: the index
        :raises ValueError: if the folder does not hold one
        """
        import faiss

        folder = Path(path)
        try:
            settings = json.loads(folder.joinpath(_SETTINGS_FILE).read_text(encoding="utf-8"))
            vectors = np.load(folder / _VECTORS_FILE, mmap_mode="r", allow_pickle=False)
            index = None if settings["factory"] == EXACT else faiss.read_index(str(folder / _INDEX_FILE))
            if settings["metric"] not in get_args(Metric) or vectors.ndim != 2:
                raise ValueError(f"metric {settings['metric']}, vectors of shape {vectors.shape}")
            if index is not None and (index.ntotal, index.d) != vectors.shape:
                raise ValueError(f"an index of shape ({index.ntotal}, {index.d}) for vectors of shape {vectors.shape}")
            return cls(vectors, index=index, **settings)
        except (OSError, EOFError, RuntimeError, TypeError, KeyError, ValueError) as error:
            raise ValueError(f"{folder} holds no readable neighbour index ({error}). Build it again.") from error

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: np.ndarray, k: int, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest neighbours of entities.

        :param queries: shape: (n,), the entities whose neighbours are asked for
        :param k: >= 1, the number of neighbours; clamped to the number of entities that are searched
        :param among: shape: (m,), sorted: only these can be neighbours, and they are restricted *before* the search.
            If None, all entities.
        :return: a pair (neighbors, distances), each of shape (n, k), nearest first. Distances are squared Euclidean, or
            one minus the cosine. Where fewer than k others are found, the rest of a row is −1 and infinite.
        :raises ValueError: if k is not positive
        """
        if k < 1:
            raise ValueError(f"found k={k}, expected at least one neighbour.")
        size = len(self) if among is None else len(among)
        # one more, since most entities find themselves
        neighbors, distances = self._search(queries, min(k + 1, size), among)
        if self.metric == "cosine":
            distances = np.maximum(1 - distances, 0)
        neighbors = np.where(neighbors == queries[:, None], -1, neighbors)
        # a stable sort moves what is no neighbour to the end of its row, and keeps the order of the rest
        order = np.argsort(neighbors < 0, axis=1, kind="stable")[:, :k]
        neighbors, distances = (
            np.take_along_axis(neighbors, order, axis=1),
            np.take_along_axis(distances, order, axis=1),
        )
        return neighbors, np.where(neighbors < 0, np.inf, distances).astype(np.float32)

    def distances(self, queries: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Compute the distances between entities.

        :param queries: shape: (n,)
        :param others: shape: (n, k), −1 where there is none
        :return: shape: (n, k), as those of :meth:`search`
        """
        points = self.vectors[queries]
        columns = []
        for column in others.T:
            if self.metric == "cosine":
                distance = np.maximum(1 - np.einsum("ij,ij->i", points, self.vectors[column]), 0)
            else:
                distance = np.square(points - self.vectors[column]).sum(axis=1)
            columns.append(np.where(column < 0, np.inf, distance))
        return np.stack(columns, axis=1).astype(np.float32)

    def _search(self, queries: np.ndarray, width: int, among: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        import faiss

        if not width or not len(queries):
            return np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0), dtype=np.float32)
        points = self.vectors[queries]
        if self.index is None:
            base = self.vectors if among is None else self.vectors[among]
            distances, neighbors = faiss.knn(points, base, width, metric=_faiss_metric(self.metric))
            return (neighbors if among is None else among[neighbors]), distances
        parameters = None if among is None else _restricted(self.index, among)
        distances, neighbors = self.index.search(points, width, params=parameters)
        return neighbors, distances


def _faiss_metric(metric: Metric) -> int:
    import faiss

    return faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT


def _restricted(index: Any, among: np.ndarray) -> Any:
    """Make FAISS's search parameters that restrict a search to some ids, for this type of index."""
    faiss: Any = importlib.import_module("faiss")  # whose types lack what its C++ classes take
    selector = faiss.IDSelectorBatch(among)
    concrete = faiss.downcast_index(index)
    while isinstance(concrete, faiss.IndexPreTransform):
        concrete = faiss.downcast_index(concrete.index)
    if isinstance(concrete, faiss.IndexIVF):
        return faiss.SearchParametersIVF(sel=selector, nprobe=concrete.nprobe)
    if isinstance(concrete, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(sel=selector, efSearch=concrete.hnsw.efSearch)
    return faiss.SearchParameters(sel=selector)
