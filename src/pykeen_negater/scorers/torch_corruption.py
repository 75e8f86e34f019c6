"""Corrupts batches while a scorer is trained."""

import torch

from ..triples.graphs import Graph
from ..triples.indexing import RELATION
from ..triples.queries import ENTITY_SIDES

__all__ = [
    "TorchCorruptor",
]


class TorchCorruptor:
    """Corrupts one side of batches at random, half of the time with entities that occur in the relation's slot."""

    def __init__(self, graph: Graph, count: int) -> None:
        """Prepare to corrupt a graph's triples.

        :param graph: the graph, whose triples are the known ones
        :param count: > 0, the number of corruptions of each triple
        """
        self.num_entities = graph.num_entities
        self.count = count
        self.index = graph.index
        self.slots = {side: tuple(map(torch.from_numpy, graph.slots[side])) for side in ENTITY_SIDES}

    def __call__(self, triples: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Corrupt triples of the graph.

        :param triples: shape: (n, 3)
        :param side: the column to replace: 0 head, 2 tail
        :return: a pair (the replacements, whether they make no known triple), each of shape
            (n, count)
        """
        device, triples = triples.device, triples.cpu()
        offsets, entities = self.slots[side]
        starts, ends = (offsets[triples[:, RELATION] + i].unsqueeze(dim=1) for i in (0, 1))
        shape = len(triples), self.count
        in_slot = entities[starts + (torch.rand(shape) * (ends - starts)).long()]
        drawn = torch.where(torch.rand(shape) < 0.5, in_slot, torch.randint(self.num_entities, shape))
        corrupted = triples.unsqueeze(dim=1).repeat(1, self.count, 1)
        corrupted[..., side] = drawn
        return drawn.to(device), ~self.index.contains(corrupted).to(device)
