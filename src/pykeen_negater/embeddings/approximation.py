"""Approximate indices of FAISS: their choice, their search parameters and their recall [douze2024]_.

By default, vectors are put into cells, about as many as the square root of their number, and a search looks into some
of them. There, it compares four bits for every few dimensions, and then compares the vectors that seem near exactly
[andre2015]_. Unlike graphs such as HNSW, such an index is the same with any number of threads.

.. [douze2024] Douze et al. (2024) The Faiss library. arXiv 2401.08281.
.. [andre2015] André, Kermarrec and Le Scouarnec (2015) Cache locality is not enough: high-performance nearest neighbor
   search with product quantization fast scan. VLDB 9(4).
"""

import json
import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..typing import Metric
from .exact_search import faiss_metric, has_gpu, load_faiss
from .index_tuning import RECALL_AT, Sample, choose_parameters

__all__ = [
    "EXACT",
    "Approximation",
    "approximate",
    "cells_factory",
    "check_factory",
    "default_factory",
]

logger = logging.getLogger(__name__)

#: The factory string of an exact index
EXACT = "Flat"

#: The most vectors for which the neighbours of all are searched exactly by default. At 384 dimensions, this takes half
#: a minute on one core, several times as long as with an approximate index, see benchmarks/neighbors.py
EXACT_UP_TO = 2**15

#: The same where vectors are compared on a GPU
EXACT_ON_GPU_UP_TO = 2**22

#: The recall below which a warning is logged
ACCEPTABLE = 0.95

#: The number of vectors that parameters are chosen with, and of others that recall is measured with
SAMPLE = 500

#: The number of training vectors per cell, and the number of rounds of training
_VECTORS_PER_CELL, _ROUNDS = 64, 5

#: The errors that FAISS raises for an index that it cannot make
_FAILURES = (RuntimeError, TypeError, MemoryError)

#: Patterns of factory strings at which FAISS crashes or fails late, and what is wrong with them
_CRASHING = {r"(?<!\d)0+(?!\d)": "a number is 0", r"(HNSW|NSG)0*1(?!\d)": "a graph needs at least 2 neighbours"}

#: The indices that several threads build differently each time
_RACING = ("HNSW", "NSG")

_INDEX_FILE, _REPORT_FILE = "index.faiss", "approximation.json"


def default_factory(size: int, dim: int, num_queries: int | None = None) -> str:
    """Choose an index: an exact one as long as it takes no longer than searching all of ``EXACT_UP_TO`` vectors.

    :param size: >= 0, the number of vectors
    :param dim: > 0, their dimension
    :param num_queries: >= 0, the number of queries; by default, one for each vector
    :return: FAISS's factory string

    >>> default_factory(2_000, 384)
    'Flat'
    """
    limit = EXACT_ON_GPU_UP_TO if has_gpu() else EXACT_UP_TO
    is_cheap = size * (size if num_queries is None else num_queries) <= limit**2
    return EXACT if is_cheap else cells_factory(size, dim)


def cells_factory(size: int, dim: int) -> str:
    """Choose an approximate index.

    :param size: > 0, the number of vectors
    :param dim: > 0, their dimension
    :return: FAISS's factory string

    >>> cells_factory(1_000_000, 384)
    'IVF1024,PQ96x4fs,RFlat'
    """
    cells = 2 ** round(math.log2(size) / 2)
    dims_per_code = next(part for part in (4, 3, 2, 1) if dim % part == 0)
    return f"IVF{cells},PQ{dim // dims_per_code}x4fs,RFlat"


def check_factory(factory: str, dim: int, metric: Metric) -> None:
    """Check that FAISS can make an index.

    :param factory: the factory string
    :param dim: > 0, the dimension of the vectors
    :param metric: the metric
    :raises ValueError: if it cannot
    """
    _create(factory, dim, metric)


def _create(factory: str, dim: int, metric: Metric) -> Any:
    """Create an empty index."""
    kind = f"of dimension {dim}"
    wrong = next((reason for pattern, reason in _CRASHING.items() if re.search(pattern, str(factory))), None)
    if wrong is not None:
        raise _unsuitable(factory, kind, wrong)
    try:
        return load_faiss().index_factory(dim, factory, faiss_metric(metric))
    except _FAILURES as error:
        raise _unsuitable(factory, kind, _explain(error)) from error


@dataclass(frozen=True, eq=False)
class Approximation:
    """An index that finds most of the nearest neighbours."""

    #: The index of FAISS, with its search parameters set
    index: Any

    #: The share of the ten nearest neighbours that it finds, measured on a sample; from 0 to 1
    recall: float

    @property
    def shape(self) -> tuple[int, int]:
        """The number of vectors and their dimension."""
        return self.index.ntotal, self.index.d

    def search(self, points: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest of all vectors.

        :param points: shape: (n, dim), dtype: float32
        :param width: > 0, the number of vectors to find
        :return: shapes as those of :func:`~pykeen_negater.embeddings.exact_search.search_exactly`; −1 where none was
            found
        """
        distances, neighbors = self.index.search(points, width)
        return distances, neighbors

    def write(self, folder: Path) -> None:
        """Write the index and its recall.

        :param folder: the folder to write to
        """
        load_faiss().write_index(self.index, str(folder / _INDEX_FILE))
        folder.joinpath(_REPORT_FILE).write_text(json.dumps({"recall": self.recall}), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Approximation":
        """Read an index that was written.

        :param folder: where it was written to; its files have to be undamaged, which FAISS relies on
        :return: the same
        """
        report = json.loads(folder.joinpath(_REPORT_FILE).read_text(encoding="utf-8"))
        return cls(load_faiss().read_index(str(folder / _INDEX_FILE)), **report)


def approximate(vectors: np.ndarray, metric: Metric, factory: str) -> Approximation:
    """Build an index, choose its search parameters, and measure its recall; the number of threads makes no difference.

    Parameters are chosen with a sample of the vectors, and recall is measured with another one if there are enough
    vectors.

    :param vectors: shape: (n, dim), dtype: float32, of unit length if the metric is the cosine; n > 0
    :param metric: the metric
    :param factory: FAISS's factory string
    :return: the index and its recall
    :raises ValueError: if FAISS does not know the factory string, or the index needs more vectors
    """
    faiss = load_faiss()
    index = _create(factory, vectors.shape[1], metric)
    try:
        if factory == cells_factory(*vectors.shape):
            training = faiss.extract_index_ivf(index).cp
            training.max_points_per_centroid, training.niter = _VECTORS_PER_CELL, _ROUNDS
        with _one_thread() if any(name in factory for name in _RACING) else nullcontext():
            index.train(vectors)
            index.add(vectors)
        # some unsuitable indices fail only when they are searched
        index.search(vectors[:1], 1)
    except _FAILURES as error:
        raise _unsuitable(factory, f"as many as {len(vectors):,}", _explain(error)) from error
    order = np.random.default_rng(0).permutation(len(vectors))
    parameters = choose_parameters(index, Sample(vectors, metric, order[:SAMPLE]))
    recall = Sample(vectors, metric, order[-SAMPLE:]).recall(index)
    logger.log(
        logging.INFO if recall >= ACCEPTABLE else logging.WARNING,
        "The index %s (%s) finds %.1f %% of the %d nearest of %s vectors.",
        factory,
        ", ".join(f"{name}={value}" for name, value in parameters.items()) or "no parameters",
        100 * recall,
        RECALL_AT,
        f"{len(vectors):,}",
    )
    return Approximation(index, recall)


def _explain(error: Exception) -> str:
    """Get the message of an error of FAISS, without the place in its source."""
    return re.sub(r"^Error in .* at [^ ]*:\d+: (Error: '.*' failed: )?", "", str(error).partition("\n")[0])


def _unsuitable(factory: str, kind: str, reason: str) -> ValueError:
    return ValueError(
        f"found index_factory={factory!r} for vectors, {kind}, expected a factory string of FAISS that suits them, "
        f"such as Flat, HNSW32 or IVF1024,Flat ({reason})."
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    faiss = load_faiss()
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
