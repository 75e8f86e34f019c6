"""One run of mining: what is global is prepared, the shards are mined, and their pools put together."""

import importlib
import importlib.metadata
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..candidates.budgets import Budget
from ..candidates.generators import CandidateGenerator, Proposals
from ..embeddings.neighbors import NeighborIndex
from ..guard.calibrated import Guard, GuardError
from ..guard.features import Answers, Evidence
from ..guard.hold_out import hide_triples
from ..guard.risks import Risks, assess_risks, to_answers
from ..pools.files import Vocabulary, write_pools
from ..pools.outcomes import OUTCOMES, explain_none
from ..pools.rejections import list_rejected
from ..rankers.base import Ranker, Ranking
from ..rankers.context import RankingContext
from ..runtime.processes import Processes, main_first
from ..runtime.progress import Step, step
from ..storage.cache import Cache, fingerprint, make_folder, timed
from ..storage.checksummed_folders import find_sealed, sealed_folder
from ..texts.loading import Texts
from ..triples.graphs import Graph
from ..triples.indexing import RELATION, SIDES, keys_to_triples
from ..triples.queries import ENTITY_SIDES, Queries
from .merging import Assembly
from .settings import MiningSettings
from .shard_pools import PartialPools, assemble_shard
from .shards import Shards
from .vectors import EntityVectors

__all__ = [
    "MiningRun",
    "MiningTask",
]

logger = logging.getLogger(__name__)

_KEYS = "keys.npy"


@dataclass(frozen=True, eq=False)
class MiningTask:
    """What a run of mining needs."""

    #: The graph to mine
    graph: Graph

    #: How to mine it
    settings: MiningSettings

    #: Its texts, if it has some
    texts: Texts | None

    #: The texts of the graph and of other entities, which only the validation triples hold
    all_texts: Texts | None

    #: The types of entities; shape: (num_entities, num_types)
    types: csr_array | None

    #: The entities as vectors, and the index of their neighbours
    vectors: EntityVectors

    #: What proposes candidates
    generator: CandidateGenerator

    #: What scores them
    ranker: Ranker

    #: True triples for choosing thresholds, if some are given; shape: (n, 3)
    validation: np.ndarray | None

    #: False triples for choosing thresholds, if some are given; shape: (n, 3)
    validation_negatives: np.ndarray | None

    #: Where results are kept
    cache: Cache

    #: The fingerprint of everything that the pools depend on
    key: str

    #: The settings, and identities of what they name; JSON-native
    settings_identity: Mapping[str, Any]

    #: The public names of the language models that read the texts
    language_models: Sequence[str]


class MiningRun:
    """Mines the shards that an earlier run has not finished; several processes share them."""

    def __init__(self, task: MiningTask, processes: Processes) -> None:
        """Say what is to be mined.

        :param task: graph, settings, parts and cache
        :param processes: the processes that share the work; each of them makes such a run
        """
        self.task, self.processes = task, processes
        self.graph, self.settings = task.graph, task.settings
        #: The seconds by step, without those of the shards
        self.durations: dict[str, float] = {}
        how = fingerprint({"versions": _versions(), "shard_size": self.shards.size})
        self.folder = task.cache.path("shards", f"{task.key}-{how}")

    @cached_property
    def shards(self) -> Shards:
        """The shards of the graph."""
        return Shards(self.graph)

    def build(self, folder: Path) -> None:
        """Mine, as the main process, and write the pools.

        :param folder: an empty folder, which they are written to
        """
        # what other versions have left can't be gone on with
        for left in set(self.folder.parent.glob(f"{self.task.key}-*")) - {self.folder}:
            shutil.rmtree(left, ignore_errors=True)
        self.mine_shards()
        self._put_together(folder)

    def mine_shards(self) -> None:
        """Mine the shards that are dealt to this process, and wait for the others."""
        make_folder(self.folder)
        self._prepare()
        missing = [i for i in self.processes.deal(len(self.shards)) if not find_sealed(self._path(i))]
        for i in self._bar(missing, Step.MINE):
            self._mine_shard(i).save(self._path(i))
        del self.proposals  # whose files can only be removed when no process has them open
        self.processes.meet()

    def _path(self, shard: int) -> Path:
        return self.folder / str(shard)

    def _bar(self, shards: Sequence[int], name: str) -> Iterator[int]:
        """Go through shards and show how many of their triples are left."""
        sizes = [self.shards.num_triples(i) for i in shards]
        with step(name, sum(sizes), "triple") as bar:
            for i, size in zip(shards, sizes, strict=True):
                with bar.piece(size):
                    yield i

    def _prepare(self) -> None:
        """Do what concerns all shards; the main process goes first, and the others find the results in the cache."""
        task, seed = self.task, self.settings.seed
        guarded = self.settings.guard == "calibrated"
        # what learns for the guard must not have seen what the guard is tested with
        visible, hidden = hide_triples(self.graph, seed=seed) if guarded else (self.graph, self.graph.triples[:0])
        with main_first(self.processes):
            index = task.vectors.neighbor_index(self.durations)
            vectors, halved = task.vectors.encode(visible, self.durations)
            with timed("candidates", self.durations):
                self.proposals = self._propose(self.graph, index, "all")
            self.recall = self.proposals.recall
            chosen = self._choose()
        self.context = RankingContext(
            graph=visible,
            texts=task.all_texts,
            cache=task.cache,
            vectors=vectors,
            seed=seed,
            validation=task.validation,
            validation_negatives=task.validation_negatives,
            chosen=chosen,
            processes=self.processes,
            durations=self.durations,
        )
        self.context.note_halved("encoder_batches_halved", halved)
        # a ranker with a budget lets the processes share the work
        with nullcontext() if task.ranker.expensive else main_first(self.processes):
            task.ranker.prepare(self.context)
        self.guard = self._fit_guard(hidden) if guarded else None
        # from here on, the clock is that of a shard
        self.durations = dict(self.context.durations)

    def _propose(self, graph: Graph, index: NeighborIndex, name: str) -> Proposals:
        folder = self.folder / name
        make_folder(folder)
        return self.task.generator.propose(graph, index, folder, self.task.texts)

    def _choose(self) -> np.ndarray | None:
        """Choose the corrupted triples that a ranker with a budget scores."""
        if not self.task.ranker.expensive:
            return None
        path = self.folder / "chosen"
        if not find_sealed(path):
            budget = Budget(self.settings.max_candidates)
            with timed("candidates", self.durations):
                for i in self._bar(range(len(self.shards)), Step.CHOOSE):
                    budget.add(*self.proposals.candidates(self.shards.rows(i)).best_ranks())
            with sealed_folder(path) as folder:
                np.save(folder / _KEYS, budget.keys, allow_pickle=False)
        keys = np.load(path / _KEYS, allow_pickle=False)
        return keys_to_triples(keys, self.graph.num_entities, self.graph.num_relations)

    def _fit_guard(self, hidden: np.ndarray) -> Guard | None:
        context = self.context
        with main_first(self.processes):
            witnesses = {"probe": context.probe, "factorization": context.factorization}
            index = self.task.vectors.index_of(context.graph, self.durations)
            proposals = self._propose(context.graph, index, "visible")
        evidence = Evidence(context.graph, context.vectors, witnesses, self.task.types)

        def propose(queries: Queries) -> Answers:
            """Propose what mining the visible triples would."""
            shards, answers = Shards(context.graph), []
            for i in range(len(shards)):
                rows = {
                    side: rows if side == RELATION else rows[queries.find(side, context.graph.triples[rows]) >= 0]
                    for side, rows in shards.rows(i).items()
                }
                answers.append(to_answers(proposals.candidates(rows), queries)[0])
            return Answers(*(np.concatenate([getattr(x, name) for x in answers]) for name in ("queries", "entities")))

        with timed("guard", self.durations):
            try:
                guard = Guard.fit(evidence, hidden, propose, self.settings.seed)
            except GuardError as error:
                if self.processes.is_main:
                    logger.warning("Mining goes on without a guard. %s", error)
                return None
        context.statistics["guard"] = guard.report
        return guard

    @cached_property
    def _queries(self) -> Queries:
        return Queries.from_graph(self.graph)

    def _mine_shard(self, shard: int) -> PartialPools:
        context, rows = self.context, self.shards.rows(shard)
        durations = context.durations
        durations.clear()
        context.counts.clear()
        with timed("candidates", durations):
            proposed = self.proposals.candidates(rows)
            chosen = np.ones(len(proposed), bool) if context.chosen is None else self._is_chosen(proposed.keys)
            candidates = proposed.select(chosen)
        ranking = self.task.ranker.rank(candidates, context)
        if self.settings.guard is None:
            ranking = Ranking(ranking.scores, np.ones(len(candidates), dtype=bool))
        if self.guard is None:
            risks = Risks.unknown(len(candidates))
        else:
            with timed("risks", durations):
                own = [self._queries.find(side, self.graph.triples[rows[side]]) for side in ENTITY_SIDES]
                risks = assess_risks(self.guard, candidates, self._queries, np.unique(np.concatenate(own)))
        with timed("assemble", durations):
            pools = assemble_shard(
                candidates,
                ranking,
                self.settings.corruption_scheme,
                self.settings.pool_size,
                risks,
                None if self.guard is None else self.guard.max_mined_risk,
                {"beyond_budget": proposed.triples[~chosen, RELATION], "reads_alike": proposed.alike},
            )
        return replace(
            pools,
            counts={
                "candidates": len(proposed) + len(proposed.alike),
                "candidates_within_budget": len(candidates),
                **context.counts,
            },
            durations=dict(durations),
        )

    def _is_chosen(self, keys: np.ndarray) -> np.ndarray:
        chosen = self.context.chosen_keys
        position = np.searchsorted(chosen, keys).clip(max=len(chosen) - 1)
        return chosen[position] == keys if len(chosen) else np.zeros(len(keys), dtype=bool)

    def _put_together(self, folder: Path) -> None:
        """Write the pools of all shards."""
        task, guard, context = self.task, self.guard, self.context
        paths = [self._path(i) for i in range(len(self.shards))]
        counts: dict[str, int] = {}
        for path in paths:
            report = PartialPools.load_report(path)
            for total, part in ((counts, report["counts"]), (self.durations, report["durations"])):
                for name, value in part.items():
                    total[name] = total.get(name, 0) + value
        sides = [SIDES[name] for name in self.settings.corruption_scheme]
        with timed("assemble", self.durations):
            assembly = Assembly(self.graph, len(sides), paths, self.folder / ".scratch")
        num_triples = np.bincount(self.graph.triples[:, RELATION], minlength=self.graph.num_relations)
        names = self.graph.relation_names or tuple(map(str, range(self.graph.num_relations)))
        none = explain_none(assembly.outcomes, num_triples, names)
        if none is not None:
            logger.warning("%s", none)
        statistics = {
            "num_triples": len(self.graph),
            **counts,
            "negatives": assembly.num_negatives,
            "coverage": assembly.coverage,
            "outcomes": dict(zip(OUTCOMES, assembly.outcomes.T.tolist(), strict=True)),
            "rejected": list_rejected(assembly.rejected),
            **({} if self.recall is None else {"index_recall": round(self.recall, 4)}),
            **context.statistics,
        }
        guarded = (
            {}
            if guard is None
            else {
                "max_risk": guard.max_risk,
                "max_mined_risk": guard.max_mined_risk,
                "guard_skill": guard.skill,
            }
        )
        metadata = {
            "num_entities": self.graph.num_entities,
            "num_relations": self.graph.num_relations,
            "sides": sides,
            "vocabulary": self.graph.vocabulary,
            "score_range": list(assembly.score_range),
            **guarded,
            "labelled": self.graph.entity_labels is not None,
            "fingerprint": task.key,
            "graph": self.graph.fingerprint,
            "settings": task.settings_identity,
            "language_models": task.language_models,
            "versions": _versions(),
            "statistics": statistics,
        }
        vocabulary = Vocabulary(
            self.graph.entity_labels,
            self.graph.relation_labels,
            None if task.texts is None else task.texts.entities,
            None if task.texts is None else task.texts.relations,
        )
        folder.rmdir()  # writing replaces pools, and nothing else

        def write(path: Path) -> None:
            """Write the arrays."""
            with timed("assemble", self.durations):
                assembly.write(path)

        write_pools(folder, write, metadata, vocabulary, self.durations)


def _versions() -> dict[str, str]:
    names = ("pykeen-negater", "pykeen", "torch", "transformers", "sentence-transformers")
    # by its module, since it comes under several names
    faiss = importlib.import_module("faiss").__version__
    return {**{name: importlib.metadata.version(name) for name in names}, "faiss": faiss}
