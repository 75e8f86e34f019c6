"""One run of mining: prepares what all shards share, mines the shards, and merges their pools."""

import importlib
import importlib.metadata
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..candidates.budgets import Budget
from ..candidates.generators import Proposals
from ..embeddings.neighbors import NeighborIndex
from ..guard.calibrated import Guard, GuardError
from ..guard.features import Answers, FeatureExtractor
from ..guard.hold_out import hold_out_triples
from ..guard.risks import to_answers
from ..pools.files import Vocabulary, write_pools
from ..pools.outcomes import OUTCOMES, explain_none
from ..pools.rejections import list_rejected
from ..rankers.context import RankingContext
from ..rankers.measurements import Measurements
from ..runtime.processes import Processes, main_process_first
from ..runtime.progress import Step, step
from ..storage.cache import fingerprint, make_folder, timed
from ..storage.checksummed_folders import checksummed_folder, find_checksummed
from ..triples.graphs import Graph
from ..triples.indexing import RELATION, SIDES, keys_to_triples
from ..triples.queries import Queries
from .merging import PoolMerger
from .shard_miner import ShardMiner
from .shard_pools import ShardPools
from .shards import Shards
from .task import MiningTask

__all__ = [
    "MiningRun",
]

logger = logging.getLogger(__name__)

_KEYS = "keys.npy"


@dataclass(frozen=True, eq=False)
class _Mined:
    """The results that are known once all shards are mined."""

    #: The measurements, without those in the shards' pools
    measured: Measurements

    #: The guard, if there is one
    guard: Guard | None

    #: The recall of the neighbour index, if it was measured
    recall: float | None


class MiningRun:
    """Mines the shards that an earlier run has not finished; several processes share them."""

    def __init__(self, task: MiningTask, processes: Processes) -> None:
        """Initialize the run.

        :param task: graph, settings, parts and cache
        :param processes: the processes that share the work; each of them makes such a run
        """
        self.task, self.processes = task, processes
        self.graph, self.settings = task.graph, task.settings
        #: The shards of the graph
        self.shards = Shards(task.graph)
        how = fingerprint({"versions": _versions(), "shard_size": self.shards.size})
        self.folder = task.cache.path("shards", f"{task.key}-{how}")

    def build(self, folder: Path) -> None:
        """Mine, as the main process, and write the pools.

        :param folder: an empty folder, which they are written to
        """
        # shards of other versions cannot be used
        for left in set(self.folder.parent.glob(f"{self.task.key}-*")) - {self.folder}:
            shutil.rmtree(left, ignore_errors=True)
        self._put_together(self.mine_shards(), folder)

    def mine_shards(self) -> _Mined:
        """Mine the shards of this process, and wait for the others.

        :return: the results that merging their pools needs
        """
        make_folder(self.folder)
        miner, measured = self._prepare()
        missing = [i for i in self.processes.split(len(self.shards)) if not find_checksummed(self._path(i))]
        for i in self._bar(missing, Step.MINE):
            miner.mine(i).save(self._path(i))
        mined = _Mined(measured, miner.guard, miner.proposals.recall)
        del miner  # whose files can only be removed when no process has them open
        self.processes.barrier()
        return mined

    def _path(self, shard: int) -> Path:
        return self.folder / str(shard)

    def _bar(self, shards: Sequence[int], name: str) -> Iterator[int]:
        """Go through shards with a progress bar over their triples."""
        sizes = [self.shards.num_triples(i) for i in shards]
        with step(name, sum(sizes), "triple") as bar:
            for i, size in zip(shards, sizes, strict=True):
                with bar.piece(size):
                    yield i

    def _prepare(self) -> tuple[ShardMiner, Measurements]:
        """Prepare what all shards share; the main process goes first, and the others find the results in the cache."""
        task, seed = self.task, self.settings.seed
        durations: dict[str, float] = {}
        guarded = self.settings.guard == "calibrated"
        # models for the guard must not have seen the hidden triples
        visible, hidden = hold_out_triples(self.graph, seed=seed) if guarded else (self.graph, self.graph.triples[:0])
        with main_process_first(self.processes):
            index, indexed = task.vectors.neighbor_index()
            vectors, encoded = task.vectors.encode(visible)
            with timed("candidates", durations):
                proposals = self._propose(self.graph, index, "all")
                chosen = self._choose(proposals)
        context = RankingContext(
            graph=visible,
            texts=task.all_texts,
            cache=task.cache,
            vectors=vectors,
            seed=seed,
            validation=task.validation,
            validation_negatives=task.validation_negatives,
            chosen=chosen,
            processes=self.processes,
        )
        measured = indexed + encoded + Measurements(durations)
        # a ranker with a budget lets the processes share the work
        with nullcontext() if task.ranker.expensive else main_process_first(self.processes):
            measured += task.ranker.prepare(context) or Measurements()
        guard = None
        if guarded:
            guard, measured_then = self._fit_guard(context, hidden)
            measured += measured_then
        return ShardMiner(task, self.shards, proposals, context, guard), measured

    def _propose(self, graph: Graph, index: NeighborIndex, name: str) -> Proposals:
        folder = self.folder / name
        make_folder(folder)
        return self.task.generator.propose(graph, index, folder, self.task.texts)

    def _choose(self, proposals: Proposals) -> np.ndarray | None:
        """Choose the corrupted triples that a ranker with a budget scores."""
        if not self.task.ranker.expensive:
            return None
        path = self.folder / "chosen"
        if not find_checksummed(path):
            budget = Budget(self.settings.max_candidates)
            for i in self._bar(range(len(self.shards)), Step.CHOOSE):
                budget.add(*proposals.candidates(self.shards.rows(i)).best_ranks())
            with checksummed_folder(path) as folder:
                np.save(folder / _KEYS, budget.keys, allow_pickle=False)
        keys = np.load(path / _KEYS, allow_pickle=False)
        return keys_to_triples(keys, self.graph.num_entities, self.graph.num_relations)

    def _fit_guard(self, context: RankingContext, hidden: np.ndarray) -> tuple[Guard | None, Measurements]:
        durations: dict[str, float] = {}
        with main_process_first(self.processes):
            measured = context.prepare_scorers()
            scorers = {"probe": context.probe, "factorization": context.factorization}
            index, indexed = self.task.vectors.index_of(context.graph)
            measured += indexed
            proposals = self._propose(context.graph, index, "visible")
        extractor = FeatureExtractor(context.graph, context.vectors, scorers, self.task.types)

        def propose(queries: Queries) -> Answers:
            """Propose the answers that mining the visible triples would propose."""
            shards, answers = Shards(context.graph), []
            for i in range(len(shards)):
                rows = {
                    side: rows if side == RELATION else rows[queries.find(side, context.graph.triples[rows]) >= 0]
                    for side, rows in shards.rows(i).items()
                }
                answers.append(to_answers(proposals.candidates(rows), queries)[0])
            return Answers(*(np.concatenate([getattr(x, name) for x in answers]) for name in ("queries", "entities")))

        with timed("guard", durations):
            try:
                guard = Guard.fit(extractor, hidden, propose, self.settings.seed)
            except GuardError as error:
                if self.processes.is_main:
                    logger.warning("Mining goes on without a guard. %s", error)
                return None, measured + Measurements(durations)
        return guard, measured + Measurements(durations, statistics={"guard": guard.report})

    def _put_together(self, mined: _Mined, folder: Path) -> None:
        """Write the pools of all shards."""
        paths = [self._path(i) for i in range(len(self.shards))]
        measured = sum(map(ShardPools.load_measured, paths), start=mined.measured)
        durations = dict(measured.durations)
        with timed("assemble", durations):
            num_sides, scratch = len(self.settings.corruption_scheme), self.folder / ".scratch"
            merger = PoolMerger(self.graph, num_sides, paths, scratch, self.settings.keep_scores)
        num_triples = np.bincount(self.graph.triples[:, RELATION], minlength=self.graph.num_relations)
        names = self.graph.relation_names or tuple(map(str, range(self.graph.num_relations)))
        none = explain_none(merger.outcomes, num_triples, names)
        if none is not None:
            logger.warning("%s", none)
        metadata = self._describe(measured, mined, merger)
        texts = self.task.texts
        vocabulary = Vocabulary(
            self.graph.entity_labels,
            self.graph.relation_labels,
            None if texts is None else texts.entities,
            None if texts is None else texts.relations,
        )
        folder.rmdir()  # writing replaces pools, and nothing else

        def write(path: Path) -> None:
            """Write the arrays."""
            with timed("assemble", durations):
                merger.write(path)

        write_pools(folder, write, metadata, vocabulary, durations)

    def _describe(self, measured: Measurements, mined: _Mined, merger: PoolMerger) -> dict[str, Any]:
        """Make the pools' metadata, see :mod:`pykeen_negater.pools.metadata`; what was measured is of all shards."""
        task, guard = self.task, mined.guard
        statistics = {
            "num_triples": len(self.graph),
            **measured.counts,
            "negatives": merger.num_negatives,
            "coverage": merger.coverage,
            "outcomes": dict(zip(OUTCOMES, merger.outcomes.T.tolist(), strict=True)),
            "rejected": list_rejected(merger.rejected),
            **({} if mined.recall is None else {"index_recall": round(mined.recall, 4)}),
            **measured.statistics,
        }
        guarded = (
            {}
            if guard is None
            else {
                "max_risk": guard.max_risk,
                "max_mined_risk": guard.max_mined_risk,
                "guard_skill": guard.skill,
                "accepted_risk": guard.accepted_risk,
            }
        )
        return {
            "num_entities": self.graph.num_entities,
            "num_relations": self.graph.num_relations,
            "sides": [SIDES[name] for name in self.settings.corruption_scheme],
            "vocabulary": self.graph.vocabulary,
            "score_range": list(merger.score_range),
            **guarded,
            "labelled": self.graph.entity_labels is not None,
            "fingerprint": task.key,
            "graph": self.graph.fingerprint,
            "settings": task.settings_identity,
            "language_models": task.language_models,
            "versions": _versions(),
            "statistics": statistics,
        }


def _versions() -> dict[str, str]:
    names = ("pykeen-negater", "pykeen", "torch", "transformers", "sentence-transformers")
    # by its module, since it comes under several names
    faiss = importlib.import_module("faiss").__version__
    return {**{name: importlib.metadata.version(name) for name in names}, "faiss": faiss}
