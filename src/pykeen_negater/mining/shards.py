"""Shards: pieces of a graph that are mined one after the other, or by several processes."""

import numpy as np

from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, TAIL

__all__ = [
    "SHARD_SIZE",
    "Shards",
]

#: The number of triples of a shard on each side; not a setting, so that what is computed together follows from the
#: data, and equal inputs give equal pools.
SHARD_SIZE = 8_192


class Shards:
    """Cuts the triples of each side into pieces, in the order of the queries that they answer.

    Triples that answer the same query come one after the other, so that a query is in one shard or a few.
    """

    def __init__(self, graph: Graph) -> None:
        """Order the triples by side.

        :param graph: the graph
        """
        self._num_triples = len(graph)
        #: The number of triples of a shard on each side
        self.size = SHARD_SIZE
        heads, relations, tails = graph.triples.T
        self._orders = {
            HEAD: np.lexsort((heads, tails, relations)),
            RELATION: np.arange(len(graph)),
            TAIL: np.lexsort((tails, heads, relations)),
        }

    def __len__(self) -> int:
        return -(-self._num_triples // self.size)

    def num_triples(self, shard: int) -> int:
        """Count the triples of a shard.

        :param shard: its number
        :return: the number of triples of each side, in [1, :data:`SHARD_SIZE`]
        """
        return min(self.size, self._num_triples - shard * self.size)

    def rows(self, shard: int) -> dict[int, np.ndarray]:
        """Get the triples of a shard.

        :param shard: its number
        :return: by side, the triples to corrupt there; shape: (n,), n <= :data:`SHARD_SIZE`
        """
        start = shard * self.size
        return {side: order[start : start + self.size] for side, order in self._orders.items()}
