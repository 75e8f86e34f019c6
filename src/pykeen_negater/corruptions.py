"""Random corruptions, as labelled examples for a language model."""

import numpy as np
import torch

from .graphs import Graph
from .indexing import RELATION
from .queries import ENTITY_SIDES

__all__ = [
    "TorchCorruptor",
    "corrupt_at_random",
]

#: How often a corruption that turns out to be a known triple is drawn again
ATTEMPTS = 5


def corrupt_at_random(
    graph: Graph, triples: np.ndarray, side: int, in_slot_share: float, generator: np.random.Generator
) -> np.ndarray:
    """Corrupt triples at random, in their slot or anywhere, and never into a known triple.

    :param graph: the graph, whose triples are the known ones
    :param triples: shape: (n, 3), the triples to corrupt
    :param side: the column to replace: 0 head, 1 relation, 2 tail
    :param in_slot_share: in [0, 1], the probability that the replacement is one of the entities seen in the relation's
        slot, rather than any entity. Relations are always replaced by any relation.
    :param generator: the source of randomness
    :return: shape: (m, 3) with m ≤ n, the corruptions; what still was a known triple after some attempts is left out
    """
    corrupted = triples.copy()
    pending = np.arange(len(triples))
    for _ in range(ATTEMPTS):
        corrupted[pending, side] = _replacements(graph, triples[pending], side, in_slot_share, generator)
        unchanged = corrupted[pending, side] == triples[pending, side]
        known = graph.index.contains(torch.from_numpy(corrupted[pending])).numpy()
        pending = pending[known | unchanged]
        if not len(pending):
            break
    return np.delete(corrupted, pending, axis=0)


def _replacements(
    graph: Graph, triples: np.ndarray, side: int, in_slot_share: float, generator: np.random.Generator
) -> np.ndarray:
    if side == RELATION:
        return generator.integers(graph.num_relations, size=len(triples))
    anywhere = generator.integers(graph.num_entities, size=len(triples))
    offsets, entities = graph.slots[side]
    starts, sizes = offsets[triples[:, RELATION]], np.diff(offsets)[triples[:, RELATION]]
    in_slot = (generator.random(len(triples)) < in_slot_share) & (sizes > 0)
    positions = starts + (generator.random(len(triples)) * sizes).astype(np.int64)
    return np.where(in_slot, entities[np.minimum(positions, len(entities) - 1)], anywhere)


class TorchCorruptor:
    """Corrupts one side of batches at random, half of the times by what was seen in the relation's slot."""

    def __init__(self, graph: Graph, count: int) -> None:
        """Prepare.

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
        :return: a pair (the entities that stand there instead, whether these make no known triple), each of shape
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
