"""Compares triples by their texts: to a language model, entities or relations with the same name are the same."""

from collections.abc import Sequence

import numpy as np
import torch

from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, TAIL, TripleIndex
from .labels import find_alike
from .loading import Texts

__all__ = [
    "Readings",
    "find_readings",
]


class Readings:
    """Finds the triples that read like those of a graph, see :func:`~pykeen_negater.texts.labels.reading`."""

    def __init__(self, graph: Graph, texts: Texts, phrases: Sequence[str] = ()) -> None:
        """Find the entities and relations that read the same.

        :param graph: the graph, whose triples are the known ones
        :param texts: its texts, and maybe those of other entities after them
        :param phrases: further phrases, whose ids are after these
        """
        self._entities = find_alike([*texts.entities, *phrases])
        self._relations = find_alike(texts.relations)
        self._known = TripleIndex.from_triples(self._read(graph.triples), len(self._entities), graph.num_relations)

    @property
    def some_are_alike(self) -> bool:
        """Whether any two entities or relations read the same."""
        return any(np.any(first != np.arange(len(first))) for first in (self._entities, self._relations))

    def _read(self, triples: np.ndarray) -> np.ndarray:
        """Map ids that read the same to one id."""
        return np.stack(
            [self._entities[triples[:, HEAD]], self._relations[triples[:, RELATION]], self._entities[triples[:, TAIL]]],
            axis=1,
        )

    def are_known(self, triples: np.ndarray) -> np.ndarray:
        """Tell which triples read like known ones.

        :param triples: shape: (n, 3)
        :return: shape: (n,), dtype: bool
        """
        known: np.ndarray = self._known.contains(torch.from_numpy(self._read(triples))).numpy()
        return known

    def are_alike(self, triples: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Tell which triples read like others.

        :param triples: shape: (n, 3)
        :param others: shape: (n, 3)
        :return: shape: (n,), dtype: bool
        """
        alike: np.ndarray = np.all(self._read(triples) == self._read(others), axis=1)
        return alike

    def entities_are_alike(self, entities: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Tell which entities read like others.

        :param entities: shape: (n,)
        :param others: shape: (n,)
        :return: shape: (n,), dtype: bool
        """
        alike: np.ndarray = self._entities[entities] == self._entities[others]
        return alike


def find_readings(graph: Graph, texts: Texts | None) -> Readings | None:
    """Find the entities and relations of a graph that read the same.

    :param graph: the graph
    :param texts: its texts, and maybe those of other entities after them
    :return: the readings; None if no two entities or relations read the same, or there are no texts
    """
    readings = None if texts is None else Readings(graph, texts)
    return readings if readings is not None and readings.some_are_alike else None
