"""Features of answers: the input of the guard's risk model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import normalize

from ..runtime.progress import Step, step
from ..scorers.base import DotProductScorer
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, TAIL, expand_ranges
from ..triples.queries import ENTITY_SIDES, Queries

__all__ = [
    "TOP_K",
    "Answers",
    "FeatureExtractor",
]

#: The number of most likely answers to each query that a scorer adds; lower ranks count as this one
TOP_K = 64

#: The most scores that are held at once
MAX_SCORES = 2**24


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to queries, some of which are true."""

    #: The position of each answer's query; shape: (n,)
    queries: np.ndarray

    #: The answers; shape: (n,)
    entities: np.ndarray

    def __len__(self) -> int:
        return len(self.queries)

    def keys(self, num_entities: int) -> np.ndarray:
        """Combine query and entity of each answer into one number.

        :param num_entities: the number of entities
        :return: shape: (n,)
        """
        return self.queries * num_entities + self.entities

    @classmethod
    def from_keys(cls, keys: np.ndarray, num_entities: int) -> "Answers":
        """Make answers from their :meth:`keys`.

        :param keys: shape: (n,)
        :param num_entities: the number of entities
        :return: n answers
        """
        return cls(*np.divmod(keys, num_entities))


class FeatureExtractor:
    """Turns answers to queries into features.

    Everything comes from the graph that the scorers were trained on, so that triples hidden from it stay hidden.
    """

    def __init__(
        self, graph: Graph, vectors: np.ndarray, scorers: Mapping[str, DotProductScorer], types: csr_array | None = None
    ) -> None:
        """Choose the graph, the vectors and the scorers.

        :param graph: the graph, without the hidden triples
        :param vectors: shape: (num_entities, dim), near each other for similar entities
        :param scorers: the scorers trained on that graph, by name
        :param types: shape: (num_entities, num_types), ones where an entity has a type
        """
        self.graph = graph
        self.vectors = normalize(torch.as_tensor(vectors, dtype=torch.float32))
        self.scorers = dict(scorers)
        self.types = types
        self._type_shares = {} if types is None else self._slot_types(types)

    @property
    def names(self) -> list[str]:
        """The names of the features, in order."""
        parts = ("score", "log-probability", "log-rank")
        names = [f"{part} of the {name}" for name in self.scorers for part in parts]
        names += ["similarity to a known answer", "in the slot", "log-number of known answers"]
        names += ["mean log-number of answers of such queries", "log-size of the slot"]
        names += ["log-degree of the answer", "log-degree of the entity"]
        return names if self.types is None else [*names, "share of the slot with a type of the answer's"]

    def in_top_k(self, features: np.ndarray) -> np.ndarray:
        """Tell which answers are among the most likely of a scorer, see :data:`TOP_K`.

        :param features: shape: (n, num_features)
        :return: shape: (n,), dtype: bool
        """
        ranks = [i for i, name in enumerate(self.names) if name.startswith("log-rank")]
        last = np.float32(np.log1p(min(TOP_K, self.graph.num_entities)))
        return np.any(features[:, ranks] < last, axis=1)

    @cached_property
    def _log_degrees(self) -> np.ndarray:
        return np.log1p(np.bincount(self.graph.triples[:, [HEAD, TAIL]].ravel(), minlength=self.graph.num_entities))

    @cached_property
    def _in_slot(self) -> dict[int, np.ndarray]:
        """The sorted keys of the entities that occur in the slots of a side."""
        keys = {}
        for side in ENTITY_SIDES:
            offsets, entities = self.graph.slots[side]
            keys[side] = np.repeat(np.arange(self.graph.num_relations), np.diff(offsets)) * self.graph.num_entities
            keys[side] += entities
        return keys

    @cached_property
    def _encoded_answers(self) -> dict[tuple[str, int], Tensor]:
        """All entities as answers, by scorer and side."""
        with torch.no_grad():
            return {
                (name, side): scorer.encode_answers(side)
                for name, scorer in self.scorers.items()
                for side in ENTITY_SIDES
            }

    @cached_property
    def queries(self) -> Queries:
        """The queries of the graph."""
        return Queries.from_graph(self.graph)

    @cached_property
    def _answers_per_query(self) -> dict[int, np.ndarray]:
        """The mean logarithm of the number of answers to the queries of a side and relation."""
        queries, means = self.queries, {}
        for side in ENTITY_SIDES:
            here = queries.sides == side
            relations, values = queries.relations[here], np.log1p(queries.num_answers[here])
            sums = np.bincount(relations, values, minlength=self.graph.num_relations)
            means[side] = sums / np.bincount(relations, minlength=self.graph.num_relations).clip(min=1)
        return means

    def _slot_types(self, types: csr_array) -> dict[int, np.ndarray]:
        """Compute the share of each slot that has each type."""
        shares = {}
        for side in ENTITY_SIDES:
            slots = [types[self.graph.slot(relation, side)] for relation in range(self.graph.num_relations)]
            shares[side] = np.stack([slot.sum(axis=0) / max(slot.shape[0], 1) for slot in slots])
        return shares

    def extract(self, queries: Queries, requested: Answers, include_top_k: bool) -> tuple[Answers, np.ndarray]:
        """Compute the features of answers.

        :param queries: the queries, whose known answers are left out of rankings
        :param requested: answers to them that are not known
        :param include_top_k: whether the most likely answers of each scorer are added
        :return: a pair (answers sorted by query and entity, their features of shape (n, num_features), float32)
        """
        size = max(1, MAX_SCORES // self.graph.num_entities)
        wanted = np.unique(requested.keys(self.graph.num_entities))
        keys, features = [np.zeros(0, dtype=np.int64)], [np.zeros((0, len(self.names)), dtype=np.float32)]
        with step(Step.FEATURES, len(queries), "query") as advance:
            for first, chunk in queries.chunks(size):
                low, high = np.searchsorted(wanted, np.array([first, first + len(chunk)]) * self.graph.num_entities)
                answers, values = self._extract(
                    chunk, wanted[low:high] - first * self.graph.num_entities, include_top_k
                )
                keys.append(answers + first * self.graph.num_entities)
                features.append(values)
                advance(len(chunk))
        return Answers.from_keys(np.concatenate(keys), self.graph.num_entities), np.concatenate(features)

    def _extract(self, queries: Queries, wanted: np.ndarray, include_top_k: bool) -> tuple[np.ndarray, np.ndarray]:
        num_entities = self.graph.num_entities
        known = np.repeat(np.arange(len(queries)), queries.num_answers), queries.answers
        scores, tops = [], []
        side = int(queries.sides[0])
        for name, scorer in self.scorers.items():
            score = scorer.score(queries, self._encoded_answers[name, side])
            score[known] = -torch.inf
            scores.append(score)
            tops.append(score.topk(min(TOP_K, num_entities), dim=1))
        if include_top_k:
            firsts = torch.arange(len(queries)).unsqueeze(dim=1) * num_entities
            likely = [(firsts + top.indices)[top.values > -torch.inf].numpy() for top in tops]
            wanted = np.unique(np.concatenate([wanted, *likely]))
        rows, entities = np.divmod(wanted, num_entities)
        columns = []
        for score, top in zip(scores, tops, strict=True):
            columns += _describe(score, top.values, torch.from_numpy(rows), torch.from_numpy(entities))
        columns.append(self._similarity(queries, rows, entities))
        relations = queries.relations[rows]
        slot_sizes = np.diff(self.graph.slots[side][0])
        slot_keys = relations * num_entities + entities
        position = np.searchsorted(self._in_slot[side], slot_keys).clip(max=len(self._in_slot[side]) - 1)
        columns += [
            self._in_slot[side][position] == slot_keys,
            np.log1p(queries.num_answers)[rows],
            self._answers_per_query[side][relations],
            np.log1p(slot_sizes)[relations],
            self._log_degrees[entities],
            self._log_degrees[queries.entities[rows]],
        ]
        if self.types is not None:
            columns.append(_highest_share(self.types, self._type_shares[side], entities, relations))
        return wanted, np.stack(columns, axis=1).astype(np.float32)

    def _similarity(self, queries: Queries, rows: np.ndarray, entities: np.ndarray) -> np.ndarray:
        """Compute the similarity of answers to the most similar known answer of their query."""
        nearest = np.zeros(len(rows), dtype=np.float32)
        bounds = np.searchsorted(rows, np.arange(len(queries) + 1))
        for i in range(len(queries)):
            if bounds[i] < bounds[i + 1]:
                known = self.vectors[queries.answers[queries.offsets[i] : queries.offsets[i + 1]]]
                here = slice(bounds[i], bounds[i + 1])
                nearest[here] = (self.vectors[entities[here]] @ known.T).amax(dim=1).numpy()
        return nearest


def _describe(scores: Tensor, top: Tensor, rows: Tensor, entities: Tensor) -> list[np.ndarray]:
    """Compute the score, log-probability and log-rank of answers with one scorer."""
    score = scores[rows, entities]
    probability = score - scores.logsumexp(dim=1)[rows]
    # values descend, so that their negatives are sorted
    rank = torch.searchsorted(-top[rows], -score.unsqueeze(dim=1)).squeeze(dim=1)
    return [score.numpy(), probability.numpy(), torch.log1p(rank).numpy()]


def _highest_share(types: csr_array, shares: np.ndarray, entities: np.ndarray, relations: np.ndarray) -> np.ndarray:
    """Compute for each answer the largest share of its slot that has the same type, over the answer's types.

    :param types: shape: (num_entities, num_types)
    :param shares: shape: (num_relations, num_types)
    :param entities: shape: (n,)
    :param relations: shape: (n,)
    :return: shape: (n,), 0 where an entity has no type
    """
    counts = np.diff(types.indptr)[entities]
    rows = np.repeat(np.arange(len(entities)), counts)
    positions = expand_ranges(types.indptr[entities], counts)
    highest = np.zeros(len(entities))
    np.maximum.at(highest, rows, shares[relations[rows], types.indices[positions]])
    return highest
