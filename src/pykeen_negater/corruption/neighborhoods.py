"""Corruptions with entities that are a few hops away in the graph."""

import numpy as np
from scipy.sparse import csr_array

from ..texts.readings import Readings
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, TAIL
from ..triples.queries import ENTITY_SIDES
from .corruptions import InSlotFallbackCorruptor

__all__ = [
    "NeighborhoodCorruptor",
    "adjacency",
    "draw_within_hops",
]

#: The most pairs of entities that are held at once
MAX_PAIRS = 2**22


def adjacency(graph: Graph) -> csr_array:
    """Connect the heads and tails of triples.

    :param graph: the graph
    :return: shape: (num_entities, num_entities), dtype: bool, symmetric, every entity being its own neighbour
    """
    heads, tails, everyone = graph.triples[:, HEAD], graph.triples[:, TAIL], np.arange(graph.num_entities)
    rows, columns = np.concatenate([heads, tails, everyone]), np.concatenate([tails, heads, everyone])
    shape = (graph.num_entities, graph.num_entities)
    # duplicates are merged with "or"
    return csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=shape)


def draw_within_hops(
    neighbors: csr_array, anchors: np.ndarray, excluded: np.ndarray, k: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw entities within some hops of others, each with the same probability.

    :param neighbors: shape: (num_entities, num_entities), see :func:`adjacency`
    :param anchors: shape: (n,), the entities to start from
    :param excluded: shape: (n,), for each anchor an entity that is not drawn; neither is the anchor itself
    :param k: >= 1, the most hops
    :param generator: the source of randomness
    :return: shape: (n,), the drawn entities; the excluded one where there is no other
    """
    num_entities = neighbors.shape[0]
    numbers = generator.random(len(anchors))
    drawn = excluded.copy()
    unique, groups = np.unique(anchors, return_inverse=True)
    order = np.argsort(groups, kind="stable")
    # chunks are small enough that even full rows fit
    size = max(1, MAX_PAIRS // num_entities)
    for start in range(0, len(unique), size):
        chunk = unique[start : start + size]
        members = order[slice(*np.searchsorted(groups[order], [start, start + size]))]
        reached = neighbors[chunk]
        for _ in range(k - 1):
            reached = reached @ neighbors
        rows = np.repeat(np.arange(len(chunk)), np.diff(reached.indptr))
        others = reached.indices != chunk[rows]
        # the pairs of an anchor and an entity that it reaches, sorted
        pairs = np.sort(rows[others] * num_entities + reached.indices[others])
        if not len(pairs):
            continue
        row = groups[members] - start
        first, last = np.searchsorted(pairs, [row * num_entities, (row + 1) * num_entities])
        hole = np.searchsorted(pairs, row * num_entities + excluded[members])
        has_hole = (hole < last) & (pairs[np.minimum(hole, len(pairs) - 1)] % num_entities == excluded[members])
        choices = last - first - has_hole
        position = first + (numbers[members] * choices).astype(np.int64)
        position += has_hole & (position >= hole)
        some = choices > 0
        drawn[members[some]] = pairs[position[some]] % num_entities
    return drawn


class NeighborhoodCorruptor(InSlotFallbackCorruptor):
    """Replaces a head by an entity that is near the tail in the graph, and a tail by one that is near the head."""

    def __init__(self, graph: Graph, k: int, readings: Readings | None = None) -> None:
        """Build the adjacency matrix.

        :param graph: the graph
        :param k: >= 1, the most hops
        :param readings: how triples read; if None, all names differ
        """
        super().__init__(graph, readings)
        self.k = k
        self._neighbors = adjacency(graph)

    # docstr-coverage: inherited
    def propose(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:  # noqa: D102
        return draw_within_hops(self._neighbors, triples[:, ENTITY_SIDES[side]], triples[:, side], self.k, generator)
