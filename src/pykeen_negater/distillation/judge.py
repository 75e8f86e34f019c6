"""The judge: how likely each entity is the answer to a query, by the graph and the entities' texts together."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from ..guard.hold_out import hold_out_triples
from ..mining.miner import Miner
from ..mining.settings import MiningSettings
from ..mining.vectors import EntityVectors
from ..runtime.progress import Progress, Step
from ..runtime.random_state import preserved_random_state
from ..scorers.base import DotProductScorer
from ..scorers.cached import train_or_load
from ..scorers.factorization import Factorization
from ..scorers.factorization import training_of as factorization_training_of
from ..scorers.probe import AnswerProbe, answer_training_of
from ..storage.cache import Cache, array_digest, fingerprint
from ..triples.graphs import Graph
from ..triples.queries import ENTITY_SIDES
from .weighting import fit_weights

__all__ = [
    "Judge",
    "find_judge",
    "judge_of",
]

logger = logging.getLogger(__name__)

_WEIGHTS = "weights.json"


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores all answers to queries by a weighted sum of scorers; the softmax of its scores are probabilities."""

    #: The scorers, on the device of :attr:`answers`
    scorers: Sequence[DotProductScorer]

    #: The weight of each scorer, >= 0
    weights: Sequence[float]

    #: The entities as answers, by the side that is asked for: 0 head, 2 tail; shape: (num_entities, dim)
    answers: dict[int, Tensor]

    @classmethod
    def of(cls, scorers: Sequence[DotProductScorer], weights: Sequence[float], device: torch.device) -> "Judge":
        """Make a judge, with all answers encoded once.

        :param scorers: trained scorers of the same graph; moved to the device
        :param weights: the weight of each
        :param device: where to judge
        :return: the judge
        """
        for scorer in scorers:
            scorer.to(device)
        answers = {side: torch.cat([it.encode_all_answers(side) for it in scorers], dim=1) for side in ENTITY_SIDES}
        return cls(scorers, weights, answers)

    @torch.no_grad()
    def score(self, entities: Tensor, relations: Tensor, side: int) -> Tensor:
        """Score all answers to queries.

        :param entities: shape: (n,), the entities that are given
        :param relations: shape: (n,)
        :param side: the side that is asked for: 0 head, 2 tail
        :return: shape: (n, num_entities)
        """
        encoded = [
            weight * scorer.encode_queries(entities, relations, side)
            for weight, scorer in zip(self.weights, self.scorers, strict=True)
        ]
        return torch.cat(encoded, dim=1) @ self.answers[side].T


def judge_of(factory: CoreTriplesFactory, mining: Mapping[str, Any], device: torch.device) -> Judge:
    """Train a judge of training triples and their texts, or load it from the cache; the log says what it goes by.

    :param factory: the training triples; inverse ones are left out
    :param mining: settings of mining, see :class:`pykeen_negater.mining.settings.MiningSettings`: what texts there are,
        how they are encoded, and the seed
    :param device: where it is going to judge
    :return: the judge
    :raises ValueError: if a setting does not fit the triples
    """
    miner = Miner(Graph.from_factory(factory), MiningSettings(**mining))
    with preserved_random_state(), torch.inference_mode(mode=False), torch.enable_grad(), Progress().running():
        judge = find_judge(miner.vectors, miner.cache, miner.settings.seed, device)
    logger.warning(
        "The judge goes by the graph (weight %.2f) and by its entities' %s (weight %.2f).",
        judge.weights[0],
        "texts" if miner.encoder.needs_texts else "places in it",
        judge.weights[1],
    )
    return judge


def find_judge(vectors: EntityVectors, cache: Cache, seed: int, device: torch.device) -> Judge:
    """Train a judge of a graph, or load it from the cache.

    Its scorers are trained twice: without some hidden triples, which the weights are fitted to, and with all triples.

    :param vectors: the graph and its entities' vectors
    :param cache: the cache
    :param seed: the seed
    :param device: where it is going to judge
    :return: the judge
    """
    encoded, _ = vectors.encode(vectors.graph)

    def build(folder: Path) -> None:
        """Fit the weights."""
        visible, hidden = hold_out_triples(vectors.graph, seed=seed)
        scorers = _train(visible, vectors.encode(visible)[0], cache, seed)
        alone = [Judge.of([scorer], [1.0], torch.device("cpu")).score for scorer in scorers]
        weights = fit_weights(alone, visible, hidden, seed)
        folder.joinpath(_WEIGHTS).write_text(json.dumps(weights), encoding="utf-8")

    scorers = _train(vectors.graph, encoded, cache, seed)
    key = fingerprint({"graph": vectors.graph.fingerprint, "vectors": array_digest(encoded), "seed": seed})
    weights, _ = cache.read_or_build(
        "judges", key, build, lambda folder: json.loads(folder.joinpath(_WEIGHTS).read_text(encoding="utf-8"))
    )
    return Judge.of(scorers, weights, device)


def _train(graph: Graph, vectors: np.ndarray, cache: Cache, seed: int) -> list[DotProductScorer]:
    factorization, probe = Factorization(graph), AnswerProbe(graph, vectors)
    train_or_load(
        factorization,
        graph,
        factorization_training_of(graph),
        cache,
        name="factorization",
        step=Step.FACTORIZATION,
        seed=seed,
    )
    train_or_load(
        probe,
        graph,
        answer_training_of(graph),
        cache,
        name="answer probe",
        step=Step.PROBE,
        inputs=array_digest(vectors),
        seed=seed,
    )
    return [factorization, probe]
