"""Candidate generators, which replace a part of a known triple by something near it, or from the same slot."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from class_resolver import ClassResolver

from ..embeddings.approximation import EXACT
from ..embeddings.neighbors import NeighborIndex
from ..texts.loading import Texts
from ..texts.readings import Readings, find_readings
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, SIDES, TAIL, check_corruption_scheme, keys_to_triples, triples_to_keys
from .neighbor_tables import fill_table, keep_table

__all__ = [
    "AnywhereCandidateGenerator",
    "CandidateGenerator",
    "Candidates",
    "IntersectCandidateGenerator",
    "Proposals",
    "RandomCandidateGenerator",
    "SlotCandidateGenerator",
    "candidate_generator_resolver",
]

#: The number of entities of a slot whose neighbours are searched at once
BLOCK_SIZE = 2**16


@dataclass(frozen=True, eq=False)
class Candidates:
    """Corruptions of a graph's triples, sorted by triple, then side, then distance."""

    graph: Graph

    #: Which of the graph's triples is corrupted; shape: (n,), dtype: int64
    positives: np.ndarray

    #: The column that is replaced: 0 head, 1 relation, 2 tail; shape: (n,), dtype: int8
    sides: np.ndarray

    #: The id that replaces it; shape: (n,), dtype: int32
    replacements: np.ndarray

    #: The distance between the original and the replacement; shape: (n,), dtype: float32
    distances: np.ndarray

    #: The relations of the corruptions that were left out because they read like a known triple, or like a triple of an
    #: entity with itself; shape: (m,), dtype: int64
    alike: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

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
        :return: these candidates
        """
        columns = {name: getattr(self, name)[mask] for name in ("positives", "sides", "replacements", "distances")}
        return replace(self, **columns)

    @property
    def keys(self) -> np.ndarray:
        """The keys of the corrupted triples, in the order of the candidates; shape: (n,), dtype: int64."""
        return self._unique[0][self._unique[1]]

    def best_ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """Find the best rank of each corrupted triple among its candidates.

        :return: a pair (the keys of the corrupted triples, each once, sorted; their ranks), each of shape (m,)
        """
        unique, inverse = self._unique
        ranks = np.full(len(unique), np.iinfo(np.int64).max)
        np.minimum.at(ranks, inverse, self.ranks)
        return unique, ranks


class CandidateGenerator(ABC):
    """Proposes corruptions of every triple of a graph.

    A corruption replaces the head or the tail by one of its nearest entities, or the relation by one of its nearest
    relations, where the distance of relations is that between the mean vectors of their heads and of their tails. Known
    triples are never proposed, nor are loops, in which head and tail are the same. Where there are texts, neither are
    corruptions that read like either.
    """

    #: Whether neighbours are searched, and not drawn
    searches: ClassVar[bool] = True

    #: Whether neighbours are searched among all entities
    searches_all: ClassVar[bool] = False

    def __init__(
        self,
        *,
        k: int = 32,
        corruption_scheme: Collection[str] = ("head", "tail"),
    ) -> None:
        """Choose the number of neighbours and the sides.

        :param k: >= 1, the number of neighbours for each triple and side; clamped to as many as there are
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``
        :raises ValueError: if k is not positive, or there is no such side
        """
        if k < 1:
            raise ValueError(f"found k={k}, expected at least one neighbour.")
        self.k = k
        self.corruption_scheme = check_corruption_scheme(corruption_scheme)

    @abstractmethod
    def neighbors_in_slot(self, index: NeighborIndex, slot: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Find replacements for the entities of a slot, tens of thousands of entities at a time.

        :param index: the index of all entities
        :param slot: shape: (n,), sorted, the entities that occur in the slot
        :yields: pairs (neighbors, distances), each of shape (m, k') with k' <= k, nearest first; −1 where there is none
        """

    def generate(self, graph: Graph, index: NeighborIndex) -> Candidates:
        """Propose corruptions of all triples.

        :param graph: the graph
        :param index: the index of its entities
        :return: the candidates
        :raises ValueError: if the index is one of another number of entities
        """
        rows = np.arange(len(graph))
        return self.propose(graph, index).candidates({SIDES[name]: rows for name in self.corruption_scheme})

    def propose(
        self, graph: Graph, index: NeighborIndex, folder: Path | None = None, texts: Texts | None = None
    ) -> "Proposals":
        """Find replacements for each entity in each slot, and for each relation, once for all triples.

        :param graph: the graph
        :param index: the index of its entities
        :param folder: the folder in which neighbours are kept, and from which they are read if they are there. If None,
            they are kept in memory.
        :param texts: the graph's texts; entities with the same name are left out of each other's candidates. If None,
            all names differ.
        :return: the proposals, from which candidates are made
        :raises ValueError: if the index is one of another number of entities
        """
        if len(index) != graph.num_entities:
            raise ValueError(
                f"found an index of {len(index):,} vectors, expected one for each of the {graph.num_entities:,} "
                f"entities, in the order of their ids."
            )
        tables, recalls = {}, []
        for name in self.corruption_scheme:
            side = SIDES[name]
            blocks = self._relation_blocks(graph, index) if side == RELATION else self._slot_blocks(graph, index, side)
            size = graph.num_relations if side == RELATION else len(graph.slots[side][1])
            width = min(self.k, max(graph.num_entities, graph.num_relations))
            if folder is None:
                tables[side], recall = fill_table(size, width, blocks), index.recall
            else:
                tables[side], recall = keep_table(folder / name, size, width, blocks, lambda: index.recall)
            recalls.append(recall)
        recall = min((recall for recall in recalls if recall is not None), default=None)
        return Proposals(graph, tables, recall, find_readings(graph, texts))

    def _slot_blocks(self, graph: Graph, index: NeighborIndex, side: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for relation in range(graph.num_relations):
            yield from self.neighbors_in_slot(index, graph.slot(relation, side))

    def _relation_blocks(self, graph: Graph, index: NeighborIndex) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        signatures = NeighborIndex.build(relation_signatures(graph, index.vectors), index.metric, EXACT)
        yield signatures.search(np.arange(graph.num_relations), self.k)


class Proposals:
    """Replacements for each entity in each slot, and for each relation, which give the candidates of any triples."""

    def __init__(
        self,
        graph: Graph,
        tables: Mapping[int, np.ndarray],
        recall: float | None = None,
        readings: Readings | None = None,
    ) -> None:
        """Wrap the tables of neighbours.

        :param graph: the graph
        :param tables: by side, for each entity in each slot, in the order of
            :attr:`~pykeen_negater.triples.graphs.Graph.slots`, or for each relation its neighbours, see
            :func:`~pykeen_negater.candidates.neighbor_tables.fill_table`
        :param recall: the least recall of the approximate indices that were searched for them; None if there was none
        :param readings: how the graph's triples read; None if no two entities or relations read the same
        """
        self.graph = graph
        self.readings = readings
        self.tables = tables
        self.recall = recall
        self._members = {
            side: np.repeat(np.arange(graph.num_relations), np.diff(offsets)) * graph.num_entities + entities
            for side, (offsets, entities) in graph.slots.items()
            if side in tables
        }

    def candidates(self, rows: Mapping[int, np.ndarray]) -> Candidates:
        """Propose corruptions.

        :param rows: by side, the triples to corrupt there, of any number; sides without a table of neighbours are
            skipped
        :return: the candidates
        """
        graph = self.graph
        parts = [self._corrupt(side, rows[side]) for side in self.tables if side in rows]
        positives, sides, replacements, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
        original = graph.triples[positives]
        corrupted = original.copy()
        corrupted[np.arange(len(positives)), sides] = replacements
        is_entity = sides != RELATION
        # loops are left out: a head replaced by its own tail, or the other way round
        valid = ~is_entity | ((replacements != original[:, HEAD]) & (replacements != original[:, TAIL]))
        valid &= ~graph.index.contains(torch.from_numpy(corrupted)).numpy()
        alike = valid & self._reads_alike(corrupted, is_entity)
        valid &= ~alike
        # sort by rounded distances, so that noise in the last digit does not order equals
        order = np.lexsort((replacements, distances.round(6), sides, positives))
        order = order[valid[order]]
        return Candidates(
            graph=graph,
            positives=positives[order],
            sides=sides[order].astype(np.int8),
            replacements=replacements[order].astype(np.int32),
            distances=distances[order],
            alike=corrupted[alike, RELATION],
        )

    def _reads_alike(self, corrupted: np.ndarray, is_entity: np.ndarray) -> np.ndarray:
        """Tell which corruptions read like a known triple, or whose new head or tail reads like the other one."""
        if self.readings is None:
            return np.zeros(len(corrupted), dtype=bool)
        ends = self.readings.entities_are_alike(corrupted[:, HEAD], corrupted[:, TAIL])
        return self.readings.are_known(corrupted) | (is_entity & ends)

    def _corrupt(self, side: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        triples = self.graph.triples[rows]
        position = triples[:, RELATION]
        if side != RELATION:
            position = np.searchsorted(self._members[side], position * self.graph.num_entities + triples[:, side])
        # many triples share an entity in a slot, whose row is read once
        unique, inverse = np.unique(position, return_inverse=True)
        found = self.tables[side][unique][inverse]
        neighbors = found["neighbor"]
        is_there = neighbors >= 0
        return (
            np.repeat(rows, neighbors.shape[1]).reshape(neighbors.shape)[is_there],
            np.full(is_there.sum(), side, dtype=np.int64),
            neighbors[is_there],
            found["distance"][is_there],
        )


def relation_signatures(graph: Graph, vectors: np.ndarray) -> np.ndarray:
    """Describe relations by the vectors of the entities that they connect.

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


def _blocks(slot: np.ndarray) -> Iterator[np.ndarray]:
    return (slot[start : start + BLOCK_SIZE] for start in range(0, len(slot), BLOCK_SIZE))


class SlotCandidateGenerator(CandidateGenerator):
    """Searches only the entities that occur in the same slot of the relation.

    The restriction comes *before* the search, so that every triple gets k neighbours if the slot has that many.
    """

    # docstr-coverage: inherited
    def neighbors_in_slot(  # noqa: D102
        self, index: NeighborIndex, slot: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (index.search(block, self.k, among=slot) for block in _blocks(slot))


class RandomCandidateGenerator(CandidateGenerator):
    """Draws entities that occur in the same slot of the relation, near or not.

    Distances do not matter, so that the choice is left to the ranker and the guard: the nearest of a slot are the
    hardest, but also true most often.
    """

    searches = False

    # docstr-coverage: inherited
    def neighbors_in_slot(  # noqa: D102
        self, index: NeighborIndex, slot: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        size = len(slot)
        if size == 1:
            yield np.full((1, 1), -1), np.zeros((1, 1), dtype=np.float32)
            return
        # seeded by the slot, so that its draws do not depend on the others
        generator = np.random.default_rng(slot)
        for start in range(0, size, BLOCK_SIZE):
            block = np.arange(start, min(start + BLOCK_SIZE, size))[:, None]
            if size <= self.k + 1:
                positions = block + np.arange(1, size)
            else:
                # steps from the entity itself, never back to it; repeated draws count once
                positions = block + generator.integers(1, size, size=(len(block), self.k))
            neighbors = np.sort(slot[positions % size], axis=1)
            neighbors[:, 1:][neighbors[:, 1:] == neighbors[:, :-1]] = -1
            yield neighbors, index.distances(slot[block[:, 0]], neighbors)


class IntersectCandidateGenerator(CandidateGenerator):
    """Searches all entities, then keeps those that occur in the slot, as NegatER does [safavi2021]_.

    A triple gets at most k neighbours, and often none.
    """

    searches_all = True

    # docstr-coverage: inherited
    def neighbors_in_slot(  # noqa: D102
        self, index: NeighborIndex, slot: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for block in _blocks(slot):
            neighbors, distances = index.search(block, self.k)
            yield np.where(np.isin(neighbors, slot), neighbors, -1), distances


class AnywhereCandidateGenerator(CandidateGenerator):
    """Searches all entities, whatever slots they occur in."""

    searches_all = True

    # docstr-coverage: inherited
    def neighbors_in_slot(  # noqa: D102
        self, index: NeighborIndex, slot: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (index.search(block, self.k) for block in _blocks(slot))


#: Resolves candidate generators by name: ``random`` (default), ``slot``, ``intersect``, ``anywhere``
candidate_generator_resolver: ClassResolver[CandidateGenerator] = ClassResolver.from_subclasses(
    base=CandidateGenerator,  # type: ignore[type-abstract]
    default=RandomCandidateGenerator,
)
