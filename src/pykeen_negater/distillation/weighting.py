"""How much each of several models counts, so that the answers of unseen triples are as likely as possible."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..triples.graphs import Graph
from ..triples.indexing import RELATION
from ..triples.queries import ENTITY_SIDES, Queries

__all__ = [
    "AnswerScores",
    "fit_weights",
]

#: Scores all answers to queries: from the entities that are given, shape (n,), the relations, shape (n,), and the side
#: that is asked for, 0 head or 2 tail, to scores of shape (n, num_entities)
AnswerScores = Callable[[Tensor, Tensor, int], Tensor]

#: The most scores of each model and side that weights are fitted to, and the most triples
MAX_SCORES, MAX_TRIPLES = 2**24, 1_000


def fit_weights(models: Sequence[AnswerScores], graph: Graph, unseen: np.ndarray, seed: int = 0) -> list[float]:
    """Weight models so that the answers of unseen triples are as likely as possible among all entities.

    This is a conditional logit model without an intercept: its likelihood has one maximum.

    :param models: models that have not seen these triples
    :param graph: the known triples, whose answers are left out
    :param unseen: shape: (n, 3)
    :param seed: the seed of the choice, where there are many unseen triples
    :return: the weight of each model, >= 0; all alike if there are no unseen triples
    """
    count = min(len(unseen), MAX_TRIPLES, max(1, MAX_SCORES // graph.num_entities))
    if not count:
        return [1 / len(models)] * len(models)
    triples = unseen[np.random.default_rng(seed).permutation(len(unseen))[:count]]
    queries = Queries.from_graph(graph)
    parts = [_scores(models, queries, triples, side) for side in ENTITY_SIDES]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the cross-entropy of the unseen answers, and its gradient."""
        weight = torch.tensor(weights, dtype=torch.float32, requires_grad=True)
        total = torch.stack(
            [
                cross_entropy((weight[:, None, None] * scores).sum(dim=0) + known, target)
                for scores, known, target in parts
            ]
        ).mean()
        total.backward()
        return total.item(), weight.grad.double().numpy()  # type: ignore[union-attr]

    start = np.full(len(models), 1 / len(models))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(models))
    return [float(weight) for weight in found.x]


def _scores(
    models: Sequence[AnswerScores], queries: Queries, triples: np.ndarray, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Score all answers to the queries of one side.

    :return: a triple (scores; shape: (num_models, n, num_entities). −∞ for known answers, else 0; shape: (n,
        num_entities). The right answers; shape: (n,))
    """
    columns = torch.from_numpy(triples)
    with torch.no_grad():
        scores = [it(columns[:, ENTITY_SIDES[side]], columns[:, RELATION], side).cpu() for it in models]
    known = torch.zeros_like(scores[0])
    for row, query in enumerate(queries.find(np.full(len(triples), side), triples).tolist()):
        if query >= 0:
            known[row, queries.answers[queries.offsets[query] : queries.offsets[query + 1]]] = -torch.inf
    # what is asked for is not known, even if the graph has it
    known.scatter_(1, columns[:, side : side + 1], 0.0)
    return torch.stack(scores), known, columns[:, side]
