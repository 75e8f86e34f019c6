"""The default ranker, which trains small models instead of using a large language model."""

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from ..candidates.generators import Candidates
from ..scorers.probe import TRAINING as PROBE_TRAINING
from ..storage.cache import timed
from ..triples.queries import ENTITY_SIDES
from .base import Ranker, Scores
from .context import RankingContext
from .measurements import Measurements

__all__ = [
    "ProbeRanker",
]

#: The weight of the factorization beside the probe; chosen on hidden triples and validation triples of CoDEx-S
FACTORIZATION_WEIGHT = 0.3


class ProbeRanker(Ranker):
    """Scores candidates with a small model on frozen vectors, and a factorization of the graph.

    The score is the logit of :class:`pykeen_negater.scorers.probe.Probe`, plus a share of that of
    :class:`pykeen_negater.scorers.factorization.Factorization`: one knows the entities' meaning, the other which
    entities occur together. Both are trained in minutes and score millions of candidates in seconds. All candidates are
    accepted: rejecting those that are too likely true is left to the guard.
    """

    needs_vectors = True
    uses_scorers = True

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"training": asdict(PROBE_TRAINING), "factorization_weight": FACTORIZATION_WEIGHT}

    def score_triples(self, triples: np.ndarray, context: RankingContext) -> np.ndarray:
        """Score triples.

        :param triples: shape: (n, 3)
        :param context: the graph and vectors that the models are trained on
        :return: shape: (n,), higher is more plausible
        """
        models = {"probe": (context.probe, 1.0), "factorization": (context.factorization, FACTORIZATION_WEIGHT)}
        # a triple answers two queries, for its head and for its tail
        scores = []
        for name, (model, weight) in models.items():
            for side in ENTITY_SIDES:
                answers = context.once(f"answers, {name}, {side}", partial(model.encode_all_answers, side))
                scores.append(weight * model.score_triples(triples, side, answers))
        return np.sum(scores, axis=0) / len(ENTITY_SIDES)

    # docstr-coverage: inherited
    def prepare(self, context: RankingContext) -> Measurements:  # noqa: D102
        return context.prepare_scorers()

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:  # noqa: D102
        triples, durations = candidates.unique_triples, dict[str, float]()
        measured = self.prepare(context)  # before the clock runs
        with timed("score", durations):
            scores = self.score_triples(triples, context)
        accepted = np.ones(len(candidates), dtype=bool)
        return Scores(scores[candidates.unique_positions], accepted, measured + Measurements(durations))
