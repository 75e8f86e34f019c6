"""Corruptions that might be good negatives: a part of a known triple, replaced by something near it."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from class_resolver import ClassResolver

from .graphs import Graph
from .indexing import HEAD, RELATION, SIDES, TAIL, check_corruption_scheme, keys_to_triples, triples_to_keys
from .neighbors import NeighborIndex

__all__ = [
    "AnywhereCandidateGenerator",
    "CandidateGenerator",
    "Candidates",
    "IntersectCandidateGenerator",
    "RandomCandidateGenerator",
    "SlotCandidateGenerator",
    "candidate_generator_resolver",
]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Corruptions of a graph's triples, sorted by triple, then side, then distance."""

    graph: Graph

    #: Which of the graph's triples is corrupted; shape: (n,), dtype: int64
    positives: np.ndarray

    #: The column that is replaced: 0 head, 1 relation, 2 tail; shape: (n,), dtype: int8
    sides: np.ndarray

    #: What stands there instead; shape: (n,), dtype: int32
    replacements: np.ndarray

    #: The distance between the two; shape: (n,), dtype: float32
    distances: np.ndarray

    def __len__(self) -> int:
        return len(self.positives)

    @property
    def triples(self) -> np.ndarray:
        """The corrupted triples, in the order of the candidates; shape: (n, 3), dtype: int64."""
        triples = self.graph.triples[self.positives]
        triples[np.arange(len(self)), self.sides] = self.replacements
        return triples

    @cached_property
    def _unique(self) -> tuple[np.ndarray, np.ndarray]:
        keys = triples_to_keys(self.triples, self.graph.num_entities, self.graph.num_relations)
        unique, inverse = np.unique(keys, return_inverse=True)
        return unique, inverse

    @property
    def unique_triples(self) -> np.ndarray:
        """The corrupted triples, each once, sorted by key; shape: (m, 3), dtype: int64."""
        return keys_to_triples(self._unique[0], self.graph.num_entities, self.graph.num_relations)

    @property
    def unique_positions(self) -> np.ndarray:
        """The row of each candidate in :attr:`unique_triples`; shape: (n,)."""
        return self._unique[1]

    @cached_property
    def ranks(self) -> np.ndarray:
        """The rank of each candidate among those of the same triple and side, 0 for the nearest; shape: (n,)."""
        groups = self.positives * 3 + self.sides
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        return np.arange(len(self)) - np.repeat(starts, np.diff(starts, append=len(self)))

    def select(self, mask: np.ndarray) -> "Candidates":
        """Keep some candidates.

        :param mask: shape: (n,), dtype: bool
        :return: the others are gone
        """
        return Candidates(
            self.graph, self.positives[mask], self.sides[mask], self.replacements[mask], self.distances[mask]
        )

    def within_budget(self, max_unique: int | None) -> "Candidates":
        """Keep the nearest candidates of every triple, so that no more than a number of triples is to be scored.

        All triples get their nearest candidate before any gets its second nearest. Ties are broken by a fixed hash of
        the corruption, so that none is favoured for its place in the file.

        :param max_unique: > 0, the most *unique* corrupted triples; None for all
        :return: the candidates that remain
        """
        unique, inverse = self._unique
        if max_unique is None or len(unique) <= max_unique:
            return self
        best_rank = np.full(len(unique), np.iinfo(np.int64).max)
        np.minimum.at(best_rank, inverse, self.ranks)
        scattered = (unique.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
        affordable = np.zeros(len(unique), dtype=bool)
        affordable[np.lexsort((scattered, best_rank))[:max_unique]] = True
        return self.select(affordable[inverse])


class CandidateGenerator(ABC):
    """Proposes corruptions of every triple of a graph.

    A corruption replaces the head or the tail by one of its nearest entities, or the relation by one of its nearest
    relations, where relations are as near as the mean vectors of their heads and of their tails. Known triples are
    never proposed, nor is the triple's own head or tail.
    """

    def __init__(
        self,
        *,
        k: int = 32,
        corruption_scheme: Collection[str] = ("head", "tail"),
    ) -> None:
        """Choose how many and which.

        :param k: >= 1, the number of neighbours for each triple and side; clamped to as many as there are
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``
        :raises ValueError: if k is not positive, or there is no such side
        """
        if k < 1:
            raise ValueError(f"found k={k}, expected at least one neighbour.")
        self.k = k
        self.corruption_scheme = check_corruption_scheme(corruption_scheme)

    @abstractmethod
    def neighbors_in_slot(self, index: NeighborIndex, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find what may stand in for the entities of a slot.

        :param index: the index of all entities
        :param slot: shape: (n,), sorted, the entities that were seen in the slot
        :return: a pair (neighbors, distances), each of shape (n, k'), nearest first; −1 where there is none
        """

    def generate(self, graph: Graph, index: NeighborIndex) -> Candidates:
        """Propose corruptions.

        :param graph: the graph
        :param index: the index of its entities
        :return: the candidates
        :raises ValueError: if the index is one of another number of entities
        """
        if len(index) != graph.num_entities:
            raise ValueError(
                f"found an index of {len(index):,} vectors, expected one for each of the {graph.num_entities:,} "
                f"entities, in the order of their ids."
            )
        parts = []
        for name in self.corruption_scheme:
            side = SIDES[name]
            if side == RELATION:
                parts.append(self._corrupt_relations(graph, index))
            else:
                parts.extend(
                    self._corrupt_slot(graph, index, relation, side) for relation in range(graph.num_relations)
                )
        positives, sides, replacements, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
        corrupted = graph.triples[positives]
        corrupted[np.arange(len(positives)), sides] = replacements
        original = graph.triples[positives]
        is_entity = sides != RELATION
        # a head that is replaced by its own tail, or the other way round, says little
        valid = ~is_entity | ((replacements != original[:, HEAD]) & (replacements != original[:, TAIL]))
        valid &= ~graph.index.contains(torch.from_numpy(corrupted)).numpy()
        # distances are rounded for the order, so that noise in the last digit does not decide between equals
        order = np.lexsort((replacements, distances.round(6), sides, positives))
        order = order[valid[order]]
        return Candidates(
            graph=graph,
            positives=positives[order],
            sides=sides[order].astype(np.int8),
            replacements=replacements[order].astype(np.int32),
            distances=distances[order],
        )

    def _corrupt_slot(self, graph: Graph, index: NeighborIndex, relation: int, side: int) -> tuple[np.ndarray, ...]:
        positives = np.flatnonzero(graph.triples[:, RELATION] == relation)
        slot = graph.slot(relation, side)
        neighbors, distances = self.neighbors_in_slot(index, slot)
        rows = np.searchsorted(slot, graph.triples[positives, side])
        return _flatten(positives, side, neighbors[rows], distances[rows])

    def _corrupt_relations(self, graph: Graph, index: NeighborIndex) -> tuple[np.ndarray, ...]:
        signatures = NeighborIndex.build(relation_signatures(graph, index.vectors), index.metric)
        neighbors, distances = signatures.search(np.arange(graph.num_relations), self.k)
        relations = graph.triples[:, RELATION]
        return _flatten(np.arange(len(graph)), RELATION, neighbors[relations], distances[relations])


def relation_signatures(graph: Graph, vectors: np.ndarray) -> np.ndarray:
    """Describe relations by what they connect.

    :param graph: the graph
    :param vectors: shape: (num_entities, dim)
    :return: shape: (num_relations, 2 · dim), the mean vectors of the distinct heads and tails of each relation
    """
    signatures = np.zeros((graph.num_relations, 2 * vectors.shape[1]), dtype=np.float32)
    for relation in range(graph.num_relations):
        slots = (graph.slot(relation, HEAD), graph.slot(relation, TAIL))
        if len(slots[0]):
            signatures[relation] = np.concatenate([vectors[slot].mean(axis=0) for slot in slots])
    return signatures


def _flatten(
    positives: np.ndarray, side: int, neighbors: np.ndarray, distances: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    found = neighbors >= 0
    return (
        np.repeat(positives, neighbors.shape[1]).reshape(neighbors.shape)[found],
        np.full(found.sum(), side, dtype=np.int64),
        neighbors[found],
        distances[found].astype(np.float32),
    )


class SlotCandidateGenerator(CandidateGenerator):
    """Searches only the entities that were seen in the same slot of the relation.

    The restriction comes *before* the search, so that every triple gets k neighbours where the slot has as many.
    """

    # docstr-coverage: inherited
    def neighbors_in_slot(self, index: NeighborIndex, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: D102
        return index.search(slot, self.k, among=slot)


class RandomCandidateGenerator(CandidateGenerator):
    """Takes any entities that were seen in the same slot of the relation, near or not.

    Their text does not choose them, only the ranker and the guard do: the nearest of a slot are the hardest, but also
    those that are true most often.
    """

    # docstr-coverage: inherited
    def neighbors_in_slot(self, index: NeighborIndex, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: D102
        size = len(slot)
        if size < 2:
            return np.full((size, 1), -1), np.zeros((size, 1), dtype=np.float32)
        # the same for the same slot, whatever else is mined
        generator = np.random.default_rng(slot)
        count = min(self.k, size - 1)
        if count == size - 1:
            positions = np.arange(size)[:, None] + np.arange(1, size)
        else:
            # a step from the entity itself, never back to it; what is drawn twice counts once
            positions = np.arange(size)[:, None] + generator.integers(1, size, size=(size, count))
        neighbors = np.sort(slot[positions % size], axis=1)
        neighbors[:, 1:][neighbors[:, 1:] == neighbors[:, :-1]] = -1
        return neighbors, index.distances(slot, neighbors)


class IntersectCandidateGenerator(CandidateGenerator):
    """Searches all entities, then keeps those that were seen in the slot, as NegatER does [safavi2021]_.

    A triple gets at most k neighbours, and often none.
    """

    # docstr-coverage: inherited
    def neighbors_in_slot(self, index: NeighborIndex, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: D102
        neighbors, distances = index.search(slot, self.k)
        return np.where(np.isin(neighbors, slot), neighbors, -1), distances


class AnywhereCandidateGenerator(CandidateGenerator):
    """Searches all entities, whatever slot they were seen in."""

    # docstr-coverage: inherited
    def neighbors_in_slot(self, index: NeighborIndex, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: D102
        return index.search(slot, self.k)


#: Resolves candidate generators by name: ``random`` (default), ``slot``, ``intersect``, ``anywhere``
candidate_generator_resolver: ClassResolver[CandidateGenerator] = ClassResolver.from_subclasses(
    base=CandidateGenerator,  # type: ignore[type-abstract]
    default=RandomCandidateGenerator,
)
