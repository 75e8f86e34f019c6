"""What a ranker is: it tells how hard a candidate is as a negative, and whether it is one at all."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .candidates import Candidates
from .graphs import Graph
from .ranking_context import RankingContext
from .texts import Texts

__all__ = [
    "Ranker",
    "Ranking",
]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The ranker's verdict on candidates."""

    #: How hard each candidate is, the higher, the harder; shape: (n,), dtype: float32, finite
    scores: np.ndarray

    #: Whether each candidate may be used as a negative; shape: (n,), dtype: bool
    accepted: np.ndarray


class Ranker(ABC):
    """Decides which candidates are negatives, and how hard they are."""

    #: Whether the ranker reads texts
    needs_texts: ClassVar[bool] = False

    #: Whether scoring a candidate is so slow that their number is limited. Such a ranker takes ``max_training_triples``
    #: and ``seed``.
    expensive: ClassVar[bool] = False

    #: Whether the ranker accepts only what is below a threshold
    has_thresholds: ClassVar[bool] = False

    @abstractmethod
    def identify(self) -> dict[str, Any]:
        """Describe everything that the ranking depends on apart from graph, texts and candidates.

        :return: a JSON-native description
        """

    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> float:
        """Estimate how long ranking takes here.

        :param graph: the graph
        :param texts: its texts
        :param num_candidates: the number of unique candidates
        :return: seconds
        """
        return 0.0

    @abstractmethod
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:
        """Rank candidates.

        :param candidates: n candidates
        :param context: graph, texts and cache
        :return: their scores, and which are accepted
        """
