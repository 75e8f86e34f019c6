"""From a graph to pools of negatives: the way of the data, step by step."""

import importlib
import importlib.metadata
import logging
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pykeen.triples import CoreTriplesFactory

from .assembly import assemble_pools
from .caching import Cache, array_digest, fingerprint, timed
from .candidates import CandidateGenerator, candidate_generator_resolver
from .encoders import Encoder, encoder_resolver
from .evidence import Answers, Evidence
from .graphs import Graph
from .guard import Guard, GuardError
from .hiding import hide_triples
from .language_models import find_language_model
from .mining_settings import MiningSettings
from .neighbors import NeighborIndex
from .planning import Plan, make_plan, max_candidates
from .pool_files import PoolsError, Vocabulary
from .pools import NegativePools
from .queries import Queries
from .rankers import ranker_resolver
from .ranking import Ranker, Ranking
from .ranking_context import RankingContext
from .resolving import find_class, make
from .risks import assess_risks, to_answers
from .seeding import preserved_random_state
from .texts import extend_texts, load_texts, texts_digest
from .types import load_types

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

__all__ = [
    "Miner",
    "find_graph",
    "mine",
]

logger = logging.getLogger(__name__)


class Miner:
    """Mines one graph with one collection of settings."""

    def __init__(
        self,
        graph: Graph,
        settings: MiningSettings,
        validation: np.ndarray | None = None,
        validation_negatives: np.ndarray | None = None,
        other_entities: Sequence[str] = (),
        cache: Cache | None = None,
    ) -> None:
        """Find texts and parts, so that whatever is wrong with the settings is said before any work is done.

        :param graph: the graph
        :param settings: how to mine it
        :param validation: shape: (n, 3), true triples for choosing thresholds; by default held-out training triples
        :param validation_negatives: shape: (n, 3), false triples for choosing thresholds; by default corruptions
        :param other_entities: the labels of the entities that only these triples hold, whose ids are after the graph's
        :param cache: where results are kept
        :raises ValueError: if a setting does not fit the graph
        :raises FileNotFoundError: if a file or a language model is missing
        """
        self.graph = graph
        self.settings = settings
        self.validation = validation
        self.validation_negatives = validation_negatives
        self.cache = cache or Cache()
        self.texts = load_texts(graph, settings.entity_text, settings.relation_text)
        #: The texts of the graph and of the other entities
        self.all_texts = self.texts and extend_texts(self.texts, other_entities, settings.entity_text)
        self.types = load_types(graph, settings.entity_types)
        self.encoder = self._make_encoder()
        self.generator: CandidateGenerator = find_class(
            "candidates", candidate_generator_resolver, settings.candidates
        )(k=settings.k, corruption_scheme=settings.corruption_scheme)
        self.ranker = self._make_ranker()

    def _make_encoder(self) -> Encoder:
        kwargs = self.settings.encoder_kwargs or {}
        name = self.settings.encoder or (None if self._reads_texts("model" in kwargs) else "structural")
        cls = find_class("encoder", encoder_resolver, name)
        self._check_texts("encoder", cls.needs_texts, encoder_resolver.normalize_cls(cls))
        return make("encoder", cls, kwargs)

    def _make_ranker(self) -> Ranker:
        kwargs = self.settings.ranker_kwargs or {}
        cls = find_class("ranker", ranker_resolver, self.settings.ranker)
        name = ranker_resolver.normalize_cls(cls)
        self._check_texts("ranker", cls.needs_texts, name)
        if self.settings.guard == "thresholds" and not cls.has_thresholds:
            raise ValueError(
                f"found guard='thresholds' with the ranker {name!r}, which has none. Choose the ranker 'thresholds', "
                f"or guard='calibrated'."
            )
        budget = {"max_training_triples": self.settings.max_training_triples, "seed": self.settings.seed}
        return make("ranker", cls, {**(budget if cls.expensive else {}), **kwargs})

    def _reads_texts(self, model_is_given: bool) -> bool:
        """Tell whether a default part can read texts; a missing default language model is no reason to fail."""
        return self.texts is not None and (model_is_given or find_language_model() is not None)

    def _check_texts(self, kind: str, needed: bool, name: str) -> None:
        if needed and self.texts is None:
            raise ValueError(
                f"found the {kind} {name!r}, which reads texts, for a graph without any. Pass entity_text=..., or "
                f"choose another {kind}."
            )

    def plan(self) -> Plan:
        """Say what mining is going to do, without doing it.

        :return: the most it can be
        """
        return make_plan(self.graph, self.settings, self.texts, self.encoder, self.ranker)

    @cached_property
    def key(self) -> str:
        """The fingerprint of everything that the pools depend on."""
        validation = (self.validation, self.validation_negatives)
        return fingerprint(
            {
                "graph": self.graph.fingerprint,
                "validation": [None if triples is None else array_digest(triples) for triples in validation],
                "all_texts": texts_digest(self.all_texts),
                "settings": self._settings_identity,
            }
        )

    @cached_property
    def _settings_identity(self) -> dict[str, Any]:
        settings = dict(vars(self.settings))
        for name in ("entity_text", "relation_text", "entity_types", "encoder_kwargs", "ranker_kwargs", "index"):
            del settings[name]
        return {
            **settings,
            "texts": texts_digest(self.texts),
            "types": None if self.types is None else array_digest(self.types.toarray()),
            "encoder": self._encoder_identity,
            "ranker": [ranker_resolver.normalize_inst(self.ranker), self.ranker.identify()],
        }

    def cached(self) -> NegativePools | None:
        """Find the pools in the cache.

        :return: the pools, or None if they are not there
        """
        path = self.cache.path("pools", self.key)
        if not path.is_dir():
            return None
        try:
            return NegativePools.load(path)
        except PoolsError as error:
            logger.warning("%s They are mined again.", error)
            self.cache.discard("pools", self.key)
            return None

    def mine(self) -> NegativePools:
        """Mine the pools, or take them from the cache.

        Random states are as before afterwards, and neither inference mode nor disabled gradients disturb fine-tuning.

        :return: the pools
        """
        pools = self.cached()
        index_missing = self.settings.index is not None and not Path(self.settings.index).exists()
        if pools is not None and not index_missing:
            return pools
        with preserved_random_state(), torch.inference_mode(mode=False), torch.enable_grad():
            if pools is not None:
                self._neighbor_index({})
                return pools
            logger.warning("Mining negatives, once; the result is cached. %s", self.plan())
            path, _ = self.cache.get_or_build("pools", self.key, self._build)
        return NegativePools.load(path)

    def _build(self, folder: Path) -> None:
        graph, seed = self.graph, self.settings.seed
        guarded = self.settings.guard == "calibrated"
        # what learns for the guard must not have seen what the guard is tested with
        visible, hidden = hide_triples(graph, seed=seed) if guarded else (graph, graph.triples[:0])
        durations: dict[str, float] = {}
        index = self._neighbor_index(durations)
        context = RankingContext(
            graph=visible,
            texts=self.all_texts,
            cache=self.cache,
            vectors=self._vectors(visible, durations),
            seed=seed,
            validation=self.validation,
            validation_negatives=self.validation_negatives,
            durations=durations,
        )
        with timed("candidates", durations):
            proposed = self.generator.generate(graph, index)
            candidates = proposed.within_budget(max_candidates(self.settings, self.ranker))
        ranking = self.ranker.rank(candidates, context)
        if self.settings.guard is None:
            ranking = Ranking(ranking.scores, np.ones(len(candidates), dtype=bool))
        guard = self._fit_guard(hidden, context) if guarded else None
        risks = None
        if guard is not None:
            with timed("risks", durations):
                risks = assess_risks(guard, candidates)
            context.statistics["guard"] = guard.report
        with timed("assemble", durations):
            pools = assemble_pools(
                candidates,
                ranking,
                self.settings.corruption_scheme,
                self.settings.pool_size,
                risks,
                None if guard is None else guard.max_mined_risk,
            )
        if guard is not None:
            pools.metadata |= {
                "max_risk": guard.max_risk,
                "max_mined_risk": guard.max_mined_risk,
                "guard_skill": guard.skill,
            }
        statistics = {
            "num_triples": len(self.graph),
            "candidates": len(proposed),
            "candidates_within_budget": len(candidates),
            "negatives": len(pools),
            "coverage": pools.coverage(torch.from_numpy(self.graph.triples)),
            **context.statistics,
        }
        pools.metadata |= {
            "labelled": self.graph.entity_labels is not None,
            "fingerprint": self.key,
            "graph": self.graph.fingerprint,
            "settings": self._settings_identity,
            "versions": _versions(),
            "statistics": statistics,
        }
        pools.durations = context.durations
        vocabulary = Vocabulary(
            self.graph.entity_labels,
            self.graph.relation_labels,
            None if self.texts is None else self.texts.entities,
            None if self.texts is None else self.texts.relations,
        )
        folder.rmdir()  # saving replaces pools, and nothing else
        pools.save(folder, vocabulary)

    def _fit_guard(self, hidden: np.ndarray, context: RankingContext) -> Guard | None:
        witnesses = {"probe": context.probe, "factorization": context.factorization}
        evidence = Evidence(context.graph, context.vectors, witnesses, self.types)
        index = NeighborIndex.build(context.vectors, self.settings.metric, self.settings.index_factory)

        def propose(queries: Queries) -> Answers:
            """Propose what mining the visible triples would."""
            return to_answers(self.generator.generate(context.graph, index), queries)[0]

        with timed("guard", context.durations):
            try:
                return Guard.fit(evidence, hidden, propose, self.settings.seed)
            except GuardError as error:
                logger.warning("Mining goes on without a guard. %s", error)
                return None

    def _neighbor_index(self, durations: dict[str, float]) -> NeighborIndex:
        settings, path = self.settings, None if self.settings.index is None else Path(self.settings.index)
        source = self._vectors_key(self.graph)
        if path is not None and path.exists():
            index = NeighborIndex.load(path)
            found = {"metric": index.metric, "index_factory": index.factory, "source": index.source}
            expected = {"metric": settings.metric, "index_factory": settings.index_factory, "source": source}
            if found != expected:
                raise ValueError(
                    f"found a neighbour index at {path} that was made for {found}, expected {expected}: another graph, "
                    f"encoder or metric. Choose another path for this one."
                )
            return index

        vectors = self._vectors(self.graph, durations)
        with timed("index", durations):
            index = NeighborIndex.build(vectors, settings.metric, settings.index_factory, source)
        if path is not None:
            index.save(path)
        return index

    def _vectors_key(self, graph: Graph) -> str:
        inputs = texts_digest(self.texts) if self.encoder.needs_texts else graph.fingerprint
        return fingerprint({"encoder": self._encoder_identity, "inputs": inputs})

    def _vectors(self, graph: Graph, durations: dict[str, float]) -> np.ndarray:
        def encode(folder: Path) -> None:
            """Fill a folder of the cache with the entities' vectors."""
            with timed("encode", durations):
                vectors = self.encoder.encode(graph, self.texts)
            np.save(folder / "vectors.npy", vectors, allow_pickle=False)

        folder, _ = self.cache.get_or_build("vectors", self._vectors_key(graph), encode)
        return np.load(folder / "vectors.npy", allow_pickle=False)

    @cached_property
    def _encoder_identity(self) -> list[Any]:
        return [encoder_resolver.normalize_inst(self.encoder), self.encoder.identify()]


def _versions() -> dict[str, str]:
    names = ("pykeen-negater", "pykeen", "torch", "transformers", "sentence-transformers")
    # by its module, since it comes under several names
    faiss = importlib.import_module("faiss").__version__
    return {**{name: importlib.metadata.version(name) for name in names}, "faiss": faiss}


def find_graph(dataset: "str | Dataset | None" = None, triples_factory: CoreTriplesFactory | None = None) -> Graph:
    """Find the training triples.

    :param dataset: a PyKEEN dataset or its name, of which the training triples are taken
    :param triples_factory: the training triples
    :return: the graph
    :raises ValueError: if not exactly one of them is given, or the graph is empty
    """
    if (dataset is None) == (triples_factory is None):
        raise ValueError("expected either a dataset or a triples_factory, and not both.")
    from pykeen.datasets import get_dataset  # not above, see _plugin

    factory = triples_factory if triples_factory is not None else get_dataset(dataset=dataset).training
    return Graph.from_factory(factory)


def mine(
    *,
    dataset: "str | Dataset | None" = None,
    triples_factory: CoreTriplesFactory | None = None,
    validation: CoreTriplesFactory | None = None,
    validation_negatives: CoreTriplesFactory | None = None,
    **settings: Any,
) -> NegativePools:
    """Mine negatives for the training triples of a graph.

    Nothing but the training triples is used, unless validation triples are given. Every step is cached.

    :param dataset: a PyKEEN dataset or its name
    :param triples_factory: the training triples, instead of a dataset
    :param validation: true triples that thresholds are chosen with, with the same ids. By default, some training
        triples are held out from fine-tuning.
    :param validation_negatives: false triples that thresholds are chosen with, with the same ids. By default,
        corruptions of the true ones.
    :param settings: the fields of :class:`pykeen_negater.mining_settings.MiningSettings`
    :return: the pools, which can be saved and passed to the sampler
    :raises ValueError: if a setting is unknown or does not fit the graph
    :raises FileNotFoundError: if a file or a language model is missing
    """
    unknown = set(settings) - {field.name for field in fields(MiningSettings)}
    if unknown:
        names = ", ".join(field.name for field in fields(MiningSettings))
        raise ValueError(f"found the setting(s) {', '.join(sorted(unknown))}, expected some of: {names}.")
    return Miner(
        find_graph(dataset, triples_factory),
        MiningSettings(**settings),
        validation=None if validation is None else validation.mapped_triples.numpy(),
        validation_negatives=None if validation_negatives is None else validation_negatives.mapped_triples.numpy(),
    ).mine()
