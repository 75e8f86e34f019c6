"""Nearest neighbours among the entities, found with FAISS."""

import json
from pathlib import Path
from typing import get_args

import numpy as np

from ..storage.atomic_writing import restore_folder
from ..storage.checksummed_folders import CHECKSUMS, checksummed_folder
from ..storage.checksums import find_damage
from ..typing import Metric
from ..utils.spelling import check_choice
from .approximation import EXACT, Approximation, approximate, check_factory, default_factory
from .exact_search import pair_distances, search_exactly

__all__ = [
    "NeighborIndex",
]

_VECTORS_FILE, _SETTINGS_FILE = "vectors.npy", "settings.json"


class NeighborIndex:
    """Nearest neighbours among the entities, or among some of them; an entity is never its own neighbour."""

    def __init__(
        self,
        vectors: np.ndarray,
        metric: Metric,
        factory: str,
        approximation: Approximation | None = None,
        source: str | None = None,
    ) -> None:
        """Wrap vectors and index. Use :meth:`build`, :meth:`of_vectors` or :meth:`load` instead.

        :param vectors: shape: (num_entities, dim), dtype: float32, of unit length if the metric is the cosine
        :param metric: the metric
        :param factory: the factory string of the index
        :param approximation: the index of these vectors; None if all entities are searched exactly
        :param source: the fingerprint of what the vectors were made from, if known
        """
        self.vectors = vectors
        self.metric: Metric = metric
        self.factory = factory
        self.approximation = approximation
        self.source = source
        #: The least recall of the approximate indices that have been searched; None if there was none
        self.recall: float | None = None
        self._part: tuple[np.ndarray, Approximation] | None = None

    @classmethod
    def of_vectors(
        cls,
        vectors: np.ndarray,
        metric: Metric = "cosine",
        factory: str | None = None,
        source: str | None = None,
    ) -> "NeighborIndex":
        """Make an index without building an approximate one, for when only neighbours among some entities are searched.

        :param vectors: shape: (num_entities, dim)
        :param metric: the metric
        :param factory: as for :meth:`build`. If it is exact, neighbours among some entities are, too.
        :param source: the fingerprint of what the vectors were made from, so that it is used for nothing else
        :return: the index; a search of all vectors is exact, and slow if there are many
        :raises ValueError: if there is no such metric, or FAISS does not know the factory string
        """
        check_choice("metric", metric, get_args(Metric))
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if metric == "cosine":
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        if factory is not None:
            check_factory(factory, vectors.shape[1], metric)
        return cls(vectors, metric, default_factory(*vectors.shape) if factory is None else factory, source=source)

    @classmethod
    def build(
        cls,
        vectors: np.ndarray,
        metric: Metric = "cosine",
        factory: str | None = None,
        source: str | None = None,
    ) -> "NeighborIndex":
        """Build an index.

        :param vectors: shape: (num_entities, dim)
        :param metric: the metric
        :param factory: FAISS's index factory string, e.g. ``Flat`` (exact), ``HNSW32`` or ``IVF1024,Flat``; by default
            chosen by number and dimension, see :func:`~pykeen_negater.embeddings.approximation.default_factory`
        :param source: the fingerprint of what the vectors were made from, so that it is used for nothing else
        :return: the index
        :raises ValueError: if there is no such metric, or FAISS does not know the factory string
        """
        index = cls.of_vectors(vectors, metric, factory, source)
        if index.factory != EXACT:
            index.approximation = approximate(index.vectors, metric, index.factory)
        return index

    def save(self, path: str | Path) -> None:
        """Write the index to a folder, whole or not at all, with checksums.

        :param path: the folder. An index that is already there is replaced.
        :raises FileExistsError: if something else is there
        """
        path = Path(path)
        if path.exists() and not path.joinpath(_VECTORS_FILE).is_file():
            raise FileExistsError(f"found {path}, which holds no neighbour index. Choose another path, or remove it.")
        with checksummed_folder(path) as folder:
            np.save(folder / _VECTORS_FILE, self.vectors, allow_pickle=False)
            if self.approximation is not None:
                self.approximation.write(folder)
            settings = {"metric": self.metric, "factory": self.factory, "source": self.source}
            folder.joinpath(_SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "NeighborIndex":
        """Load an index.

        :param path: a folder written by :meth:`save`
        :return: the index
        :raises ValueError: if the folder does not hold one, or a file is not what was written
        """
        folder = Path(path)
        restore_folder(folder)
        try:
            # FAISS crashes on some damaged files
            damage = find_damage(folder, folder / CHECKSUMS)
            if damage is not None:
                raise ValueError(damage)
            settings = json.loads(folder.joinpath(_SETTINGS_FILE).read_text(encoding="utf-8"))
            vectors = np.load(folder / _VECTORS_FILE, mmap_mode="r", allow_pickle=False)
            approximation = None if settings["factory"] == EXACT else Approximation.read(folder)
            if settings["metric"] not in get_args(Metric) or vectors.ndim != 2:
                raise ValueError(f"metric {settings['metric']}, vectors of shape {vectors.shape}")
            if approximation is not None and approximation.shape != vectors.shape:
                raise ValueError(f"an index of shape {approximation.shape} for vectors of shape {vectors.shape}")
            return cls(vectors, approximation=approximation, **settings)
        except (OSError, EOFError, RuntimeError, TypeError, KeyError, ValueError) as error:
            raise ValueError(
                f"{folder} holds no readable neighbour index ({error}). Remove it, and it is built again."
            ) from error

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: np.ndarray, k: int, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Find nearest neighbours of entities.

        For a search among some entities, the kind of index is the default for their number and that of the queries,
        unless the index of all entities is exact. An approximate one is built from these entities alone, and kept until
        the next search among others.

        :param queries: shape: (n,), the entities whose neighbours are asked for
        :param k: >= 1, the number of neighbours; clamped to the number of entities that are searched
        :param among: shape: (m,), sorted: only these can be neighbours; the restriction comes *before* the search.
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
        # a stable sort moves those that are no neighbours to the end of their row, and keeps the order of the rest
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
        return pair_distances(self.vectors, queries, others, self.metric)

    def _search(self, queries: np.ndarray, width: int, among: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        if not width or not len(queries):
            return np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0), dtype=np.float32)
        points = self.vectors[queries]
        approximation = self.approximation if among is None else self._approximation_of(among, len(queries))
        if approximation is None:
            base = self.vectors if among is None else self.vectors[among]
            distances, neighbors = search_exactly(points, base, width, self.metric)
        else:
            self.recall = min(approximation.recall, 1.0 if self.recall is None else self.recall)
            distances, neighbors = approximation.search(points, width)
        return (neighbors if among is None else np.where(neighbors < 0, -1, among[neighbors])), distances

    def _approximation_of(self, among: np.ndarray, num_queries: int) -> Approximation | None:
        dim = self.vectors.shape[1]
        factory = EXACT if self.factory == EXACT else default_factory(len(among), dim, num_queries)
        if factory == EXACT:
            return None
        if self._part is None or not np.array_equal(self._part[0], among):
            self._part = None  # free the old one first, so that there are never two in memory
            self._part = among, approximate(self.vectors[among], self.metric, factory)
        return self._part[1]
