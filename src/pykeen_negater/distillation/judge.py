"""The judge: how likely each entity is the answer to a query, by the graph and the entities' texts together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from ..guard.hold_out import hold_out_triples
from ..mining.vectors import EntityVectors
from ..runtime.progress import Step
from ..scorers.base import DotProductScorer
from ..scorers.cached import train_or_load
from ..scorers.factorization import Factorization
from ..scorers.factorization import training_of as factorization_training_of
from ..scorers.probe import AnswerProbe, answer_training_of
from ..storage.cache import Cache, array_digest, fingerprint
from ..triples.graphs import Graph
from ..triples.indexing import RELATION
from ..triples.queries import ENTITY_SIDES, Queries

__all__ = [
    "Judge",
    "find_judge",
    "fit_weights",
]

#: The most scores of each scorer and side that weights are fitted to, and the most hidden triples
MAX_SCORES, MAX_HIDDEN = 2**24, 1_000

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


def fit_weights(scorers: Sequence[DotProductScorer], graph: Graph, hidden: np.ndarray, seed: int = 0) -> list[float]:
    """Weight scorers so that the answers of hidden triples are as likely as possible among all entities.

    This is a conditional logit model without an intercept: its likelihood has one maximum.

    :param scorers: scorers trained on the graph
    :param graph: the graph, without the hidden triples; its known answers are left out
    :param hidden: shape: (n, 3)
    :param seed: the seed of the choice, where there are many hidden triples
    :return: the weight of each scorer, >= 0; all alike if nothing is hidden
    """
    count = min(len(hidden), MAX_HIDDEN, max(1, MAX_SCORES // graph.num_entities))
    if not count:
        return [1 / len(scorers)] * len(scorers)
    triples = hidden[np.random.default_rng(seed).permutation(len(hidden))[:count]]
    queries = Queries.from_graph(graph)
    parts = [_scores(scorers, queries, triples, side) for side in ENTITY_SIDES]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the cross-entropy of the hidden answers, and its gradient."""
        weight = torch.tensor(weights, dtype=torch.float32, requires_grad=True)
        total = torch.stack(
            [
                nn.functional.cross_entropy((weight[:, None, None] * scores).sum(dim=0) + known, target)
                for scores, known, target in parts
            ]
        ).mean()
        total.backward()
        return total.item(), weight.grad.double().numpy()  # type: ignore[union-attr]

    start = np.full(len(scorers), 1 / len(scorers))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(scorers))
    return [float(weight) for weight in found.x]


def _scores(
    scorers: Sequence[DotProductScorer], queries: Queries, triples: np.ndarray, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Score all answers to the queries of one side.

    :return: a triple (scores; shape: (num_scorers, n, num_entities). −∞ for known answers, else 0; shape: (n,
        num_entities). The right answers; shape: (n,))
    """
    columns = torch.from_numpy(triples)
    given, relations = columns[:, ENTITY_SIDES[side]], columns[:, RELATION]
    with torch.no_grad():
        scores = [it.encode_queries(given, relations, side) @ it.encode_all_answers(side).T for it in scorers]
    known = torch.zeros_like(scores[0])
    for row, query in enumerate(queries.find(np.full(len(triples), side), triples).tolist()):
        if query >= 0:
            known[row, queries.answers[queries.offsets[query] : queries.offsets[query + 1]]] = -torch.inf
    # what is asked for is not known, even if the graph has it
    known.scatter_(1, columns[:, side : side + 1], 0.0)
    return torch.stack(scores), known, columns[:, side]


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
        weights = fit_weights(scorers, visible, hidden, seed)
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
