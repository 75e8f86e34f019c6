"""Measures the recall of a FAISS index, and chooses the search parameters with which its recall suffices."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..typing import Metric
from .exact_search import load_faiss, pair_distances, search_exactly

__all__ = [
    "RECALL_AT",
    "Sample",
    "choose_parameters",
]

#: Recall is the share of this many nearest neighbours that are found; others as near as the last of them count, too
RECALL_AT = 10

#: The recall that search parameters are chosen for
TARGET = 0.96

#: How much the recall has to exceed the target before the number of exact comparisons is reduced, which loses some
SLACK = 0.005

#: The most vectors that the search in a graph index visits per query
MAX_VISITED = 2**10

#: FAISS's names for the extent of a search: the number of cells, or of vectors visited in a graph index
_CELLS, _VISITED = "nprobe", "efSearch"

#: FAISS's name for the number of exact comparisons per requested neighbour, and the values that are tried
_REFINEMENT, _REFINEMENTS = "k_factor_rf", (1, 2, 4, 8, 16, 32, 64)

#: Distances that differ by less than this share are taken for equal
_ROUNDING = 1e-5


class Sample:
    """Vectors whose nearest neighbours are known."""

    def __init__(self, vectors: np.ndarray, metric: Metric, queries: np.ndarray) -> None:
        """Find the neighbours of the queries exactly.

        :param vectors: shape: (n, dim), dtype: float32, of unit length if the metric is the cosine; n > 0
        :param metric: the metric
        :param queries: shape: (m,), rows of the vectors
        """
        self.vectors, self.metric, self.queries = vectors, metric, queries
        # one more, since most vectors find themselves
        self.width = min(RECALL_AT + 1, len(vectors))
        _, neighbors = search_exactly(vectors[queries], vectors, self.width, metric)
        true = self._sorted_distances(neighbors)
        is_there = np.isfinite(true)
        self._count = is_there.sum()
        self._last = np.where(is_there, true, 0).max(axis=1, initial=0, keepdims=True)
        self._last += _ROUNDING * (self._last + true.mean(where=is_there) if self._count else 0)

    def recall(self, index: Any) -> float:
        """Measure the recall of an index.

        :param index: FAISS's index of all vectors
        :return: the share of the nearest neighbours that it finds, from 0 to 1
        """
        _, neighbors = index.search(self.vectors[self.queries], self.width)
        found = self._sorted_distances(neighbors) <= self._last
        return float(found.sum() / self._count) if self._count else 1.0

    def _sorted_distances(self, neighbors: np.ndarray) -> np.ndarray:
        """Compute the sorted distances of the nearest neighbours, without the queries themselves."""
        distances = pair_distances(self.vectors, self.queries, neighbors, self.metric)
        distances[neighbors == self.queries[:, None]] = np.inf
        return np.sort(distances, axis=1)[:, :RECALL_AT]


def choose_parameters(index: Any, sample: Sample) -> dict[str, int]:
    """Set an index's search parameters to the cheapest with which its recall suffices.

    :param index: FAISS's index, whose parameters are set to what is chosen; if no value suffices, to the best
    :param sample: what it is measured with
    :return: the values by FAISS's names, none if the index has none
    """
    faiss = load_faiss()
    space = faiss.ParameterSpace()
    space.initialize(index)
    names = {space.parameter_ranges.at(i).name for i in range(space.parameter_ranges.size())}

    def first_sufficient(name: str, values: Iterable[int], target: float) -> int:
        """Set a parameter to the first value with which the recall suffices."""
        best, best_recall = 0, -1.0
        for value in values:
            space.set_index_parameter(index, name, value)
            recall = sample.recall(index)
            if recall > best_recall:
                best, best_recall = value, recall
            if recall >= target:
                break
        space.set_index_parameter(index, name, best)
        return best

    chosen = {}
    if _REFINEMENT in names:
        space.set_index_parameter(index, _REFINEMENT, _REFINEMENTS[-1])
    if _CELLS in names:
        cells = faiss.extract_index_ivf(index).nlist
        chosen[_CELLS] = first_sufficient(_CELLS, _steps(cells), TARGET + SLACK)
    if _VISITED in names:
        chosen[_VISITED] = first_sufficient(_VISITED, _steps(MAX_VISITED), TARGET + SLACK)
    if _REFINEMENT in names:
        chosen[_REFINEMENT] = first_sufficient(_REFINEMENT, _REFINEMENTS, TARGET)
    return chosen


def _steps(most: int) -> list[int]:
    """List numbers, each about 1.4 times the one before it."""
    steps = {2**i for i in range(most.bit_length())} | {3 * 2**i for i in range(most.bit_length())}
    return [*sorted(step for step in steps if step < most), most]
