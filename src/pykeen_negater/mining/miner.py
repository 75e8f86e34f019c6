"""Mines pools of negatives from a graph, step by step."""

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pykeen.triples import CoreTriplesFactory

from ..candidates.generators import CandidateGenerator, candidate_generator_resolver
from ..embeddings.encoders import Encoder, SentenceTransformerEncoder, encoder_resolver
from ..embeddings.listed_neighbors import ListedNeighbors, UnusedEncoder, read_neighbors
from ..pools.files import PoolsError
from ..pools.negative_pools import NegativePools
from ..rankers.base import Ranker
from ..rankers.resolver import ranker_resolver
from ..runtime.processes import Processes, single_process
from ..runtime.progress import Progress, Step
from ..runtime.random_state import pinned_defaults, preserved_random_state
from ..scorers.probe import TRAINING as PROBE_TRAINING
from ..storage.cache import Cache, array_digest, fingerprint
from ..texts.language_models import find_language_model, public_name
from ..texts.loading import extend_texts, load_texts, texts_digest
from ..triples.entity_types import load_types
from ..triples.graph_sources import find_graph
from ..triples.graphs import Graph
from ..triples.held_out import digest_held_out
from ..typing import ENCODERS, RANKERS
from ..utils.limits import tell_shortage, warn_of_little_memory
from ..utils.resolving import find_class, make
from ..utils.spelling import check_known
from .planning import Plan, make_plan
from .run import MiningRun
from .settings import MiningSettings
from .task import MiningTask
from .vectors import EntityVectors

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

__all__ = [
    "Miner",
    "mine",
]

logger = logging.getLogger(__name__)


class Miner:
    """Mines one graph with one set of settings."""

    @pinned_defaults()
    def __init__(
        self,
        graph: Graph,
        settings: MiningSettings,
        validation: np.ndarray | None = None,
        validation_negatives: np.ndarray | None = None,
        other_entities: Sequence[str] = (),
        cache: Cache | None = None,
    ) -> None:
        """Load texts and make the parts, so that wrong settings raise errors before any work is done.

        :param graph: the graph
        :param settings: the settings of mining
        :param validation: shape: (n, 3), true triples for choosing thresholds; by default held-out training triples
        :param validation_negatives: shape: (n, 3), false triples for choosing thresholds; by default corruptions
        :param other_entities: the labels of entities that only these triples have, whose ids are after the graph's
        :param cache: the cache that results are kept in
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
        self.generator: CandidateGenerator = find_class(
            "candidates", candidate_generator_resolver, settings.candidates
        )(k=settings.k, corruption_scheme=settings.corruption_scheme)
        self.ranker = self._make_ranker()
        #: The neighbours that were read from a file, if there is one
        self.listed = self._read_neighbors()
        self.encoder = self._make_encoder()
        #: The entities as vectors, and the index of their neighbours
        self.vectors = EntityVectors(
            graph, self.texts, settings, self.encoder, self.listed, self.generator.searches_all, self.cache
        )
        if validation is not None and not self.ranker.expensive:
            logger.warning(
                "The ranker %s has no use for validation triples: it neither fine-tunes nor chooses thresholds.",
                ranker_resolver.normalize_inst(self.ranker),
            )

    def _read_neighbors(self) -> ListedNeighbors | None:
        settings = self.settings
        if settings.neighbor_file is None:
            return None
        if not self.generator.searches:
            raise ValueError(
                f"found neighbor_file with candidates={settings.candidates!r}, which takes no neighbours, expected "
                f"'intersect', 'slot' or 'anywhere'."
            )
        if "relation" in settings.corruption_scheme:
            raise ValueError(
                "found neighbor_file, which holds no neighbours of relations, with a corruption_scheme with 'relation'."
                " Leave it out."
            )
        if settings.index is not None:
            raise ValueError("found both neighbor_file and index, expected one of them.")
        return read_neighbors(Path(settings.neighbor_file), self.graph, self.texts, settings.k)

    def _make_encoder(self) -> Encoder:
        needs_vectors = self.settings.guard == "calibrated" or self.ranker.needs_vectors
        if self.listed is not None and not needs_vectors:
            return UnusedEncoder()
        kwargs = self.settings.encoder_kwargs or {}
        name = self.settings.encoder or (None if self._reads_texts("model" in kwargs) else "structural")
        cls = find_class("encoder", encoder_resolver, name, ENCODERS)
        self._check_texts("encoder", cls.needs_texts, encoder_resolver.normalize_cls(cls))
        return make("encoder", cls, kwargs)

    def _make_ranker(self) -> Ranker:
        kwargs = self.settings.ranker_kwargs or {}
        cls = find_class("ranker", ranker_resolver, self.settings.ranker, RANKERS)
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
        """Tell whether a default part can read texts; without the default language model, others are chosen."""
        return self.texts is not None and (model_is_given or find_language_model() is not None)

    def _check_texts(self, kind: str, needed: bool, name: str) -> None:
        if needed and self.texts is None:
            raise ValueError(
                f"found the {kind} {name!r}, which reads texts, for a graph without any. Pass entity_text=..., or "
                f"choose another {kind}."
            )

    def plan(self, num_processes: int = 1) -> Plan:
        """Estimate what mining is going to do.

        :param num_processes: > 0, the number of processes that share the work
        :return: the plan, with upper limits
        """
        return make_plan(self.graph, self.settings, self.texts, self.encoder, self.ranker, num_processes)

    @cached_property
    def key(self) -> str:
        """The fingerprint of everything that the pools depend on."""
        return fingerprint(
            {
                "graph": self.graph.fingerprint,
                "validation": digest_held_out(self.validation, self.validation_negatives),
                "all_texts": texts_digest(self.all_texts),
                "settings": self.settings_identity,
            }
        )

    @cached_property
    def settings_identity(self) -> dict[str, Any]:
        """The settings, with the files and models that they name identified by content; JSON-native."""
        settings = dict(vars(self.settings))
        for name in ("entity_text", "relation_text", "entity_types", "encoder_kwargs", "ranker_kwargs", "index"):
            del settings[name]
        settings["neighbor_file"] = self.listed and self.listed.digest
        if not settings["keep_scores"]:
            del settings["keep_scores"]  # pools without exact scores are those of versions without this setting
        return {
            **settings,
            **({"scorers": asdict(PROBE_TRAINING)} if settings["guard"] == "calibrated" else {}),
            "texts": texts_digest(self.texts),
            "types": None if self.types is None else array_digest(self.types.toarray()),
            "encoder": self.vectors.identity,
            "ranker": [ranker_resolver.normalize_inst(self.ranker), self.ranker.identify()],
        }

    @property
    def language_models(self) -> list[str]:
        """The public names of the language models that read the texts, of those that have one."""
        encoder = self.encoder.model if isinstance(self.encoder, SentenceTransformerEncoder) else None
        names = [encoder, self.ranker.language_model]
        return sorted({public for name in names if name and (public := public_name(name))})

    @property
    def task(self) -> MiningTask:
        """Everything that a run of mining needs."""
        return MiningTask(
            graph=self.graph,
            settings=self.settings,
            texts=self.texts,
            all_texts=self.all_texts,
            types=self.types,
            vectors=self.vectors,
            generator=self.generator,
            ranker=self.ranker,
            validation=self.validation,
            validation_negatives=self.validation_negatives,
            cache=self.cache,
            key=self.key,
            settings_identity=self.settings_identity,
            language_models=self.language_models,
        )

    def cached(self) -> NegativePools | None:
        """Find the pools in the cache.

        All of their files are compared with their checksums, which takes about a second per GiB.

        :return: the pools, or None if they are not there, or damaged, in which case the log says so
        """
        pools, damage = self._find()
        if pools is None and self.cache.path("pools", self.key).is_dir():
            logger.warning(
                "%s is damaged: %s. It is not used; mining makes it again.", self.cache.path("pools", self.key), damage
            )
        return pools

    def _find(self) -> tuple[NegativePools | None, str | None]:
        """Find the pools in the cache, and what is wrong with them, if anything."""
        damage = self.cache.find_damage("pools", self.key)
        if damage is not None:
            return None, damage
        try:
            pools = NegativePools.load(self.cache.path("pools", self.key))
        except PoolsError as error:
            return None, str(error)
        self.cache.remove_leftovers("pools", self.key, self._leftovers)
        return pools, None

    @property
    def _leftovers(self) -> str:
        """The pattern of folders in the cache that are not needed once there are pools."""
        return f"shards/{self.key}-*"

    def _announce(self, num_processes: int) -> Mapping[Step, float] | None:
        """Say what is going to be mined, and estimate its steps, which takes seconds, unless nobody would see it."""
        if not (logger.isEnabledFor(logging.WARNING) or sys.stderr.isatty()):
            return None
        plan = self.plan(num_processes)
        logger.warning("Mining negatives, once; the result is cached. %s", plan)
        return plan.steps

    @pinned_defaults()
    def mine(self, processes: Processes | None = None) -> NegativePools:
        """Mine the pools, or load them from the cache; shards that an interrupted run has finished are not mined again.

        Random states are restored afterwards, and neither inference mode nor disabled gradients disturb fine-tuning.

        :param processes: the processes that share the work, all of which have to call this; by default this one alone
        :return: the pools
        :raises OSError: if the cache cannot be written to, or no more files can be opened
        :raises MemoryError: if memory does not suffice
        :raises pykeen_negater.utils.limits.ThreadsError: if no more threads can be started
        :raises ValueError: if the processes do not see the same cache
        """
        processes = processes or Processes()
        processes.check_shared(self.cache.root)
        pools, _ = self._find() if processes.is_main else (None, None)
        index_missing = self.settings.index is not None and not Path(self.settings.index).exists()
        with (
            tell_shortage(),
            single_process(),
            preserved_random_state(),
            torch.inference_mode(mode=False),
            torch.enable_grad(),
        ):
            if index_missing and pools is not None and processes.is_main:
                self.vectors.neighbor_index()
            if processes.broadcast("" if pools is None else "cached") == "cached":
                return NegativePools.load(self.cache.path("pools", self.key)) if pools is None else pools
            warn_of_little_memory()
            run = MiningRun(self.task, processes)
            if processes.is_main:

                def build(folder: Path) -> None:
                    """Mine together with the other processes, while no other run is mining the same."""
                    estimates = self._announce(processes.count)
                    processes.broadcast("mine")
                    with Progress(estimates).running():
                        run.build(folder)

                pools, is_new = self.cache.read_or_build("pools", self.key, build, NegativePools.load, self._leftovers)
                if not is_new:
                    processes.broadcast("mined meanwhile")
            elif processes.broadcast("") == "mine":
                with Progress(show=False).running():
                    run.mine_shards()
            processes.barrier()
        return NegativePools.load(self.cache.path("pools", self.key)) if pools is None else pools


@pinned_defaults()
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
    :param settings: the fields of :class:`pykeen_negater.mining.settings.MiningSettings`
    :return: the pools, which can be saved and passed to the sampler
    :raises ValueError: if a setting is unknown or does not fit the graph
    :raises FileNotFoundError: if a file or a language model is missing
    """
    check_known("setting", settings, MiningSettings.__dataclass_fields__)
    pools = Miner(
        find_graph(dataset, triples_factory),
        MiningSettings(**settings),
        validation=None if validation is None else validation.mapped_triples.numpy(),
        validation_negatives=None if validation_negatives is None else validation_negatives.mapped_triples.numpy(),
    ).mine()
    if isinstance(dataset, str):
        pools.metadata["dataset"] = dataset
    return pools
