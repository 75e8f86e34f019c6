"""Mines the triples of one shard, after what all shards share has been prepared."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..candidates.generators import Proposals
from ..guard.calibrated import Guard
from ..guard.risks import Risks, assess_risks
from ..rankers.base import Scores
from ..rankers.context import RankingContext
from ..rankers.measurements import Measurements
from ..storage.cache import timed
from ..triples.indexing import RELATION
from ..triples.queries import ENTITY_SIDES, Queries
from .shard_pools import ShardPools, assemble_shard
from .shards import Shards
from .task import MiningTask

__all__ = [
    "ShardMiner",
]


@dataclass(frozen=True, eq=False)
class ShardMiner:
    """Makes the pools of shards."""

    #: Graph, settings and ranker
    task: MiningTask

    #: The shards of the graph
    shards: Shards

    #: The candidates of all shards, in files
    proposals: Proposals

    #: The context that the ranker has prepared
    context: RankingContext

    #: The guard, if there is one
    guard: Guard | None

    @cached_property
    def _queries(self) -> Queries:
        return Queries.from_graph(self.task.graph)

    def mine(self, shard: int) -> ShardPools:
        """Make the pools of a shard.

        :param shard: its number
        :return: its pools, with measurements
        """
        settings, rows = self.task.settings, self.shards.rows(shard)
        context, durations = self.context, dict[str, float]()
        with timed("candidates", durations):
            proposed = self.proposals.candidates(rows)
            chosen = np.ones(len(proposed), bool) if context.chosen is None else self._is_chosen(proposed.keys)
            candidates = proposed.select(chosen)
        scores = self.task.ranker.score(candidates, context)
        counts = {"candidates": len(proposed) + len(proposed.alike), "candidates_within_budget": len(candidates)}
        measured, durations = Measurements(durations, counts) + scores.measured, {}
        if settings.guard is None:
            scores = Scores(scores.values, np.ones(len(candidates), dtype=bool))
        if self.guard is None:
            risks = Risks.unknown(len(candidates))
        else:
            with timed("risks", durations):
                own = [self._queries.find(side, self.task.graph.triples[rows[side]]) for side in ENTITY_SIDES]
                risks = assess_risks(self.guard, candidates, self._queries, np.unique(np.concatenate(own)))
        with timed("assemble", durations):
            pools = assemble_shard(
                candidates,
                scores,
                settings.corruption_scheme,
                settings.pool_size,
                risks,
                None if self.guard is None else self.guard.max_mined_risk,
                {"beyond_budget": proposed.triples[~chosen, RELATION], "reads_alike": proposed.alike},
            )
        return replace(pools, measured=measured + Measurements(durations))

    def _is_chosen(self, keys: np.ndarray) -> np.ndarray:
        chosen = self.context.chosen_keys
        position = np.searchsorted(chosen, keys).clip(max=len(chosen) - 1)
        return chosen[position] == keys if len(chosen) else np.zeros(len(keys), dtype=bool)
