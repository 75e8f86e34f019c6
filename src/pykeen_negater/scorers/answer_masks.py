"""Which of the answers that a batch shares are known, and which occur in the relation's slot."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..triples.graphs import Graph
from ..triples.indexing import RELATION, expand_ranges
from ..triples.queries import Queries

__all__ = [
    "AnswerMasks",
]


class AnswerMasks:
    """Marks answers to the queries of a graph's triples."""

    def __init__(self, graph: Graph) -> None:
        """Prepare to mark answers.

        :param graph: the graph, whose triples are the known ones
        """
        self.graph = graph

    @cached_property
    def queries(self) -> Queries:
        """The queries of the graph, and their known answers."""
        return Queries.from_graph(self.graph)

    def __call__(self, triples: Tensor, side: int, answers: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mark answers to the queries that triples answer.

        :param triples: shape: (n, 3), triples of the graph
        :param side: the side that is asked for: 0 head, 2 tail
        :param answers: shape: (m,), distinct entities, or None for all of them
        :return: a pair (whether each answer is a known one; whether it occurs in the slot of the relation), each of
            shape (n, m)
        """
        columns = np.arange(self.graph.num_entities)
        if answers is not None:
            columns[:] = -1
            columns[answers.cpu().numpy()] = np.arange(len(answers))
        rows = triples.cpu().numpy()
        known = _mark(self.queries.offsets, self.queries.answers, self.queries.find(side, rows), columns)
        relations, inverse = np.unique(rows[:, RELATION], return_inverse=True)
        in_slot = _mark(*self.graph.slots[side], relations, columns)[inverse]
        return known.to(triples.device), in_slot.to(triples.device)


def _mark(offsets: np.ndarray, entities: np.ndarray, groups: np.ndarray, columns: np.ndarray) -> Tensor:
    """Mark the entities of groups that lie one after the other.

    :param offsets: shape: (num_groups + 1,), where each group starts
    :param entities: shape: (num_members,)
    :param groups: shape: (n,), groups
    :param columns: shape: (num_entities,), the column of each entity, −1 for none
    :return: shape: (n, 1 + the last column)
    """
    counts = np.diff(offsets)[groups]
    members = entities[expand_ranges(offsets[groups], counts)]
    rows, column = np.repeat(np.arange(len(groups)), counts), columns[members]
    marked = np.zeros((len(groups), columns.max() + 1), dtype=bool)
    marked[rows[column >= 0], column[column >= 0]] = True
    return torch.from_numpy(marked)
