"""The context of rankers and the guard: the graph, texts, vectors and cache, and the scorers trained on them."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ..runtime.processes import Processes
from ..runtime.progress import Step
from ..scorers.base import DotProductScorer, Training
from ..scorers.cached import train_or_load
from ..scorers.factorization import Factorization
from ..scorers.factorization import training_of as factorization_training_of
from ..scorers.probe import Probe
from ..scorers.probe import training_of as probe_training_of
from ..storage.cache import Cache, array_digest
from ..texts.loading import Texts
from ..triples.graphs import Graph
from ..triples.indexing import triples_to_keys
from .measurements import Measurements

__all__ = [
    "RankingContext",
]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class RankingContext:
    """The graph, texts, vectors and cache that rankers use, and the scorers trained on them."""

    #: The triples for training: without those that are hidden for the guard
    graph: Graph

    #: The texts of the graph, and of further entities in validation triples, if there are texts
    texts: Texts | None

    #: The cache that results are kept in
    cache: Cache

    #: The vectors of the entities, made without the hidden triples; shape: (num_entities, dim)
    vectors: np.ndarray

    #: The seed
    seed: int = 0

    #: True validation triples, if there are any besides the training triples; shape: (n, 3). Entities that the
    #: graph lacks have ids after the graph's.
    validation: np.ndarray | None = None

    #: False validation triples; shape: (n, 3)
    validation_negatives: np.ndarray | None = None

    #: The corrupted triples that a :class:`~pykeen_negater.rankers.base.BudgetedRanker` scores, sorted by key; if None,
    #: those of the candidates at hand. Shape: (n, 3)
    chosen: np.ndarray | None = None

    #: The processes that share the work
    processes: Processes = field(default_factory=Processes)

    #: The results of :meth:`once`, by name
    _computed: dict[Hashable, Any] = field(default_factory=dict, init=False)

    def once(self, name: Hashable, compute: Callable[[], T]) -> T:
        """Compute something the first time that it is needed, and keep it.

        :param name: its name, with what it belongs to unless that is the whole context
        :param compute: computes it
        :return: the result
        """
        if name not in self._computed:
            self._computed[name] = compute()
        return self._computed[name]

    def once_measured(self, name: Hashable, compute: Callable[[], tuple[T, Measurements]]) -> tuple[T, Measurements]:
        """Compute something the first time that it is needed, keep it, and return the measurements only then.

        :param name: its name, with what it belongs to unless that is the whole context
        :param compute: computes it, and measures the computation
        :return: a pair (the result; the measurements, which are empty if it was kept from before)
        """
        measured = Measurements()

        def compute_and_measure() -> T:
            """Put aside the measurements."""
            nonlocal measured
            result, measured = compute()
            return result

        return self.once(name, compute_and_measure), measured

    @property
    def required_texts(self) -> Texts:
        """The texts.

        :raises ValueError: if there are none
        """
        if self.texts is None:
            raise ValueError("found a graph without texts, expected some for a ranker that reads them.")
        return self.texts

    @property
    def chosen_keys(self) -> np.ndarray:
        """The keys of the chosen triples, sorted; shape: (m,), dtype: int64."""
        return self.once("chosen keys", self._compute_chosen_keys)

    def _compute_chosen_keys(self) -> np.ndarray:
        return triples_to_keys(np.asarray(self.chosen), self.graph.num_entities, self.graph.num_relations)

    @property
    def probe(self) -> Probe:
        """The probe, trained on the graph or loaded from the cache."""
        return self._prepare_probe()[0]

    def _prepare_probe(self) -> tuple[Probe, Measurements]:
        return self.once_measured("probe", self._find_probe)

    def _find_probe(self) -> tuple[Probe, Measurements]:
        probe = Probe(self.graph, self.vectors)
        return probe, self._train("probe", probe, probe_training_of(self.graph), array_digest(self.vectors))

    @property
    def factorization(self) -> Factorization:
        """The factorization of the graph, trained or loaded from the cache."""
        return self._prepare_factorization()[0]

    def _prepare_factorization(self) -> tuple[Factorization, Measurements]:
        return self.once_measured("factorization", self._find_factorization)

    def _find_factorization(self) -> tuple[Factorization, Measurements]:
        factorization = Factorization(self.graph)
        training = factorization_training_of(self.graph)
        return factorization, self._train("factorization", factorization, training, None)

    def prepare_scorers(self) -> Measurements:
        """Train :attr:`probe` and :attr:`factorization`, or take them from the cache, if they are not there yet.

        :return: how long training took
        """
        return self._prepare_probe()[1] + self._prepare_factorization()[1]

    def _train(self, name: str, scorer: DotProductScorer, training: Training, inputs: str | None) -> Measurements:
        step = Step[name.upper()]
        return Measurements(
            train_or_load(scorer, self.graph, training, self.cache, name=name, step=step, inputs=inputs, seed=self.seed)
        )
