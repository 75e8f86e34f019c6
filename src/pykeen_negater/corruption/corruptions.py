"""Corruptors, which draw corruptions of triples, and random corruptions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
import torch

from ..texts.readings import Readings
from ..triples.graphs import Graph
from ..triples.indexing import RELATION, SIDES

__all__ = [
    "ATTEMPTS",
    "Corruptor",
    "InSlotFallbackCorruptor",
    "RandomCorruptor",
    "corrupt_at_random",
    "refuses_known",
]

#: The number of times that a corruption that is a known triple is drawn again
ATTEMPTS = 5


def corrupt_at_random(
    graph: Graph,
    triples: np.ndarray,
    side: int,
    in_slot_share: float,
    generator: np.random.Generator,
    readings: Readings | None = None,
) -> np.ndarray:
    """Corrupt triples at random, within their slot or anywhere, and never into a known triple.

    :param graph: the graph, whose triples are the known ones
    :param triples: shape: (n, 3), the triples to corrupt
    :param side: the column to replace: 0 head, 1 relation, 2 tail
    :param in_slot_share: in [0, 1], the probability that the replacement is drawn from the entities that occur in the
        relation's slot, rather than from all. Relations are always replaced by any relation.
    :param generator: the source of randomness
    :param readings: how triples read, for a language model: corruptions that read like a known triple count as known
    :return: shape: (m, 3) with m ≤ n, the corruptions, without those that are still known triples after several
        attempts
    """

    def propose(rows: np.ndarray) -> np.ndarray:
        """Draw random replacements."""
        return _replacements(graph, rows, side, in_slot_share, generator)

    def refuses(corrupted: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Refuse known triples."""
        return refuses_known(graph, corrupted, rows, readings)

    return _redraw(triples, side, [propose], refuses)


def refuses_known(
    graph: Graph, corrupted: np.ndarray, triples: np.ndarray, readings: Readings | None = None
) -> np.ndarray:
    """Tell which corruptions cannot be negatives.

    :param graph: the graph, whose triples are the known ones
    :param corrupted: shape: (n, 3)
    :param triples: shape: (n, 3), the triples that were corrupted
    :param readings: how triples read; if None, all names differ
    :return: shape: (n,), dtype: bool, whether a corruption is a known triple, or equal to the triple that was corrupted
    """
    if readings is not None:
        return readings.are_known(corrupted) | readings.are_alike(corrupted, triples)
    return graph.index.contains(torch.from_numpy(corrupted)).numpy() | (corrupted == triples).all(axis=1)


def _redraw(
    triples: np.ndarray,
    side: int,
    proposals: list[Callable[[np.ndarray], np.ndarray]],
    refuses: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Replace a side until nothing is refused; each way to propose is tried a few times, one after the other."""
    corrupted = triples.copy()
    pending = np.arange(len(triples))
    for propose in proposals:
        for _ in range(ATTEMPTS):
            if not len(pending):
                return corrupted
            corrupted[pending, side] = propose(triples[pending])
            pending = pending[refuses(corrupted[pending], triples[pending])]
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


class Corruptor(ABC):
    """Draws the negatives that a language model is trained with."""

    #: Texts that are not those of entities: the first belongs to the id ``num_entities``, and so on
    extra_texts: tuple[str, ...] = ()

    def __init__(self, graph: Graph, readings: Readings | None = None) -> None:
        """Prepare.

        :param graph: the graph, whose triples are the known ones
        :param readings: how triples read; if None, all names differ
        """
        self.graph = graph
        self.readings = readings

    @abstractmethod
    def corrupt(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
        """Corrupt triples.

        :param triples: shape: (n, 3), triples of the graph
        :param side: the column to replace: 0 head, 1 relation, 2 tail
        :param generator: the source of randomness
        :return: shape: (m, 3) with m ≤ n, the corruptions, none of which is a known triple or reads like one; an entity
            from ``num_entities`` on is one of :attr:`~pykeen_negater.corruption.corruptions.Corruptor.extra_texts`
        """

    def draw(
        self, triples: np.ndarray, corruptions: Mapping[str, int], epoch: int, generator: np.random.Generator
    ) -> np.ndarray:
        """Draw the negatives of an epoch.

        :param triples: shape: (n, 3), triples of the graph
        :param corruptions: the number of corruptions of each side (``head``, ``relation``, ``tail``) per triple
        :param epoch: >= 0, the number of the epoch
        :param generator: the source of randomness
        :return: shape: (m, 3), m ≤ n · number of corruptions, see
            :meth:`~pykeen_negater.corruption.corruptions.Corruptor.corrupt`
        """
        drawn = [
            self.corrupt(triples, SIDES[side], generator) for side, count in corruptions.items() for _ in range(count)
        ]
        return np.concatenate(drawn)


class RandomCorruptor(Corruptor):
    """Draws the replacement of an entity from its slot, or from anywhere."""

    def __init__(self, graph: Graph, in_slot_share: float, readings: Readings | None = None) -> None:
        """Prepare.

        :param graph: the graph
        :param in_slot_share: see :func:`corrupt_at_random`
        :param readings: how triples read; if None, all names differ
        """
        super().__init__(graph, readings)
        self.in_slot_share = in_slot_share

    # docstr-coverage: inherited
    def corrupt(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:  # noqa: D102
        return corrupt_at_random(self.graph, triples, side, self.in_slot_share, generator, self.readings)


class InSlotFallbackCorruptor(Corruptor):
    """Proposes replacements for entities, and falls back to their slot where no proposal makes a negative."""

    @abstractmethod
    def propose(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
        """Propose replacements of entities.

        :param triples: shape: (n, 3)
        :param side: the column to replace: 0 head, 2 tail
        :param generator: the source of randomness
        :return: shape: (n,), the replacements; the present entity where there is none
        """

    # docstr-coverage: inherited
    def corrupt(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:  # noqa: D102
        def propose(rows: np.ndarray) -> np.ndarray:
            """Propose this corruptor's own replacements."""
            return self.propose(rows, side, generator)

        def fall_back(rows: np.ndarray) -> np.ndarray:
            """Propose entities that occur in the slot, or any relation."""
            return _replacements(self.graph, rows, side, 1.0, generator)

        def refuses(corrupted: np.ndarray, rows: np.ndarray) -> np.ndarray:
            """Refuse known triples."""
            return refuses_known(self.graph, corrupted, rows, self.readings)

        return _redraw(triples, side, [fall_back] if side == RELATION else [propose, fall_back], refuses)
