"""Queries that triples answer: which tails a head has, and which heads a tail has."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .graphs import Graph
from .indexing import HEAD, RELATION, SIDES, TAIL, expand_ranges

__all__ = [
    "ENTITY_SIDES",
    "Queries",
]

#: The sides that can be asked for, and the column of the entity that is given
ENTITY_SIDES = {HEAD: TAIL, TAIL: HEAD}


@dataclass(frozen=True, eq=False)
class Queries:
    """The distinct queries of a graph, sorted by side, relation and entity, and their known answers."""

    graph: Graph

    #: The side that is asked for: 0 head, 2 tail; shape: (n,)
    sides: np.ndarray

    #: The relation of each query; shape: (n,)
    relations: np.ndarray

    #: The entity of each query; shape: (n,)
    entities: np.ndarray

    #: Where the known answers of each query start; shape: (n + 1,)
    offsets: np.ndarray

    #: The known answers of one query after the other, sorted; shape: (num_answers,)
    answers: np.ndarray

    @classmethod
    def from_graph(cls, graph: Graph, corruption_scheme: Collection[str] = ("head", "tail")) -> "Queries":
        """Collect the queries that a graph's triples answer.

        :param graph: the graph
        :param corruption_scheme: the sides to ask for; relations are not asked for
        :return: the queries
        """
        keys, answers = [], []
        for name in corruption_scheme:
            if SIDES[name] != RELATION:
                triples = graph.triples
                keys.append(_keys(graph, SIDES[name], triples[:, RELATION], triples[:, ENTITY_SIDES[SIDES[name]]]))
                answers.append(triples[:, SIDES[name]])
        key = np.concatenate([*keys, np.zeros(0, dtype=np.int64)])
        answer = np.concatenate([*answers, np.zeros(0, dtype=np.int64)])
        order = np.lexsort((answer, key))
        unique, starts = np.unique(key[order], return_index=True)
        slots, entities = np.divmod(unique, graph.num_entities)
        sides, relations = np.divmod(slots, graph.num_relations)
        return cls(graph, sides, relations, entities, np.append(starts, len(key)), answer[order])

    def __len__(self) -> int:
        return len(self.entities)

    @cached_property
    def _sorted_keys(self) -> np.ndarray:
        return _keys(self.graph, self.sides, self.relations, self.entities)

    def find(self, sides: np.ndarray | int, triples: np.ndarray) -> np.ndarray:
        """Find the queries that triples would answer.

        :param sides: shape: (m,), the side of each triple that is asked for, or the same for all
        :param triples: shape: (m, 3)
        :return: shape: (m,), the positions of the queries, −1 where there is none
        """
        entities = np.where(np.asarray(sides) == TAIL, triples[:, HEAD], triples[:, TAIL])
        wanted = _keys(self.graph, sides, triples[:, RELATION], entities)
        if not len(self):
            return np.full(len(wanted), -1)
        position = np.searchsorted(self._sorted_keys, wanted).clip(max=len(self) - 1)
        return np.where(self._sorted_keys[position] == wanted, position, -1)

    @property
    def num_answers(self) -> np.ndarray:
        """The number of known answers of each query; shape: (n,)."""
        return np.diff(self.offsets)

    def select(self, positions: np.ndarray) -> "Queries":
        """Keep some queries.

        :param positions: shape: (m,), increasing
        :return: these queries
        """
        counts = self.num_answers[positions]
        offsets = np.append(0, np.cumsum(counts))
        rows = expand_ranges(self.offsets[positions], counts)
        columns = (self.sides[positions], self.relations[positions], self.entities[positions])
        return Queries(self.graph, *columns, offsets, self.answers[rows])

    def chunks(self, size: int) -> Iterator[tuple[int, "Queries"]]:
        """Cut the queries into pieces of one side each.

        :param size: > 0, the most queries in a piece
        :yields: pairs (where the piece starts, the piece)
        """
        for side in (HEAD, TAIL):
            start, stop = np.searchsorted(self.sides, [side, side + 1])
            for first in range(start, stop, size):
                yield first, self.select(np.arange(first, min(first + size, stop)))


def _keys(graph: Graph, sides: np.ndarray | int, relations: np.ndarray, entities: np.ndarray) -> np.ndarray:
    # candidates store sides in a byte, which would overflow
    return (np.asarray(sides, dtype=np.int64) * graph.num_relations + relations) * graph.num_entities + entities
