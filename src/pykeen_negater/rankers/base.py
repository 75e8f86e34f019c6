"""The base classes of rankers, which decide how hard a candidate is as a negative, and whether it is one at all."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..candidates.generators import Candidates
from ..texts.loading import Texts
from ..triples.graphs import Graph
from .context import RankingContext
from .measurements import Measurements

__all__ = [
    "BudgetedRanker",
    "Ranker",
    "Scores",
]


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores that a ranker gives to candidates."""

    #: How hard each candidate is, the higher, the harder; shape: (n,), dtype: float32, finite
    values: np.ndarray

    #: Whether each candidate may be used as a negative; shape: (n,), dtype: bool
    accepted: np.ndarray

    #: What was measured while scoring, if something was
    measured: Measurements = field(default_factory=Measurements)


class Ranker(ABC):
    """Decides which candidates are negatives, and how hard they are."""

    #: Whether the ranker reads texts
    needs_texts: ClassVar[bool] = False

    #: Whether the ranker reads the entities' vectors, :attr:`.RankingContext.vectors`
    needs_vectors: ClassVar[bool] = False

    #: Whether the ranker scores with :attr:`.RankingContext.probe` and :attr:`.RankingContext.factorization`
    uses_scorers: ClassVar[bool] = False

    #: Whether scoring a candidate is so slow that their number is limited
    expensive: ClassVar[bool] = False

    #: Whether the ranker accepts only what is below a threshold
    has_thresholds: ClassVar[bool] = False

    #: The folder or name of the language model that reads the texts, which the metadata of pools names, if there is one
    language_model: str | None = None

    @abstractmethod
    def identify(self) -> dict[str, Any]:
        """Describe everything that the scores depend on apart from graph, texts and candidates.

        :return: a JSON-native description
        """

    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> dict[str, float]:
        """Estimate how long scoring takes here.

        :param graph: the graph
        :param texts: its texts
        :param num_candidates: the number of unique candidates
        :return: seconds by step
        """
        return {}

    def prepare(self, context: RankingContext) -> Measurements | None:
        """Do what is done once for all candidates, such as training. By default, do nothing.

        :param context: graph, texts and the cache, in which the result is kept
        :return: the measurements; None if there are none
        """
        return None

    @abstractmethod
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:
        """Score candidates; the score of one does not depend on the others.

        :param candidates: n candidates, some or all of those of the graph
        :param context: graph, texts and cache
        :return: their scores, and which are accepted
        """


class BudgetedRanker(Ranker):
    """A slow ranker, for which corrupted triples are chosen first, and then scored, each once.

    Such a ranker takes ``max_training_triples`` and ``seed``.
    """

    expensive = True

    @abstractmethod
    def score_triples(self, triples: np.ndarray, context: RankingContext) -> Scores:
        """Score corrupted triples, or load their scores from the cache.

        :param triples: shape: (n, 3), sorted by key
        :param context: graph, texts and cache
        :return: their scores, and which are accepted
        """

    # docstr-coverage: inherited
    def prepare(self, context: RankingContext) -> Measurements | None:  # noqa: D102
        return None if context.chosen is None else self._score_chosen(context.chosen, context)[1]

    def _score_chosen(self, chosen: np.ndarray, context: RankingContext) -> tuple[Scores, Measurements]:
        def score() -> tuple[Scores, Measurements]:
            """Score them all."""
            scores = self.score_triples(chosen, context)
            return scores, scores.measured

        return context.once_measured((self, "scores"), score)

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:  # noqa: D102
        if context.chosen is None:
            scores, positions = self.score_triples(candidates.unique_triples, context), candidates.unique_positions
            measured = scores.measured
        else:
            scores, measured = self._score_chosen(context.chosen, context)
            positions = np.searchsorted(context.chosen_keys, candidates.keys)
        return Scores(scores.values[positions], scores.accepted[positions], measured)
