"""Where does a model rank well? PyKEEN's ranking metrics by how near the answer is in training, and how frequent."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import scipy.sparse
import torch
from pykeen.models import Model
from torch import Tensor

from ..runtime.random_state import pinned_defaults
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, TAIL
from ..triples.queries import ENTITY_SIDES
from .query_ranks import QUERY_SIDES, check_triples, rank_queries

__all__ = [
    "FARTHEST",
    "count_degrees",
    "count_hops",
    "describe_queries",
    "evaluate_strata",
]

#: The largest number of hops that is told from larger ones
FARTHEST = 3

#: The values of hits
_KS = (1, 3, 10)


@pinned_defaults()
def evaluate_strata(
    model: Model, training: Tensor, triples: Tensor, known: Tensor | None = None, use_tqdm: bool = True
) -> pd.DataFrame:
    """Evaluate a model by strata of queries; there are two for each triple, one for its head and one for its tail.

    The strata are:

    - ``all``: all queries, with the metrics of PyKEEN's evaluator.
    - ``reach``: the answer is 1, 2 or 3 hops away from the query's entity in the training graph, whose triples lead
      both ways and whatever their relation; ``within 3`` are these together, ``beyond 3`` the others. An entity that
      answers a query of its own is 1 hop away.
    - ``degree``: the answers by the number of training triples that they are in: the ``tail`` is the third of the
      queries with the rarest answers, the ``head`` that with the most frequent ones. Answers of the same degree are in
      the same stratum, the rarer of two, so that the ``head`` may have less than a third, or none.
    - ``side``: the ``head`` or the ``tail`` is asked for.

    :param model: the model, which is in evaluation mode afterwards
    :param training: shape: (t, 3), t > 0, the triples that it was trained on, without inverse ones
    :param triples: shape: (n, 3), n > 0, the triples to evaluate
    :param known: shape: (m, 3), further true triples: what makes one of these, of the training or of the evaluated
        triples is no candidate
    :param use_tqdm: whether to show a progress bar
    :return: a row for each stratum, with its group, its number of queries, and PyKEEN's filtered metrics with realistic
        ranks: ``mrr``, ``hits_at_1``, ``hits_at_3`` and ``hits_at_10``; the first two also without the query's own
        entity among the candidates, ``mrr_without_self`` and ``hits_at_1_without_self``. All are in [0, 1]; NaN where
        there are no queries.
    :raises ValueError: if there are no triples, an id is out of the model's range, or the score of an answer is not
        finite
    """
    queries = describe_queries(model, training, triples, known, use_tqdm)
    rows = []
    for group, stratum, chosen in _strata(queries):
        row = {"group": group, "stratum": stratum, "queries": int(chosen.sum())}
        ranks = queries["rank"][chosen]
        row["mrr"] = (1 / ranks).mean()
        row |= {f"hits_at_{k}": (ranks <= k).mean() for k in _KS}
        others = queries["rank_without_self"][chosen]
        row |= {"mrr_without_self": (1 / others).mean(), "hits_at_1_without_self": (others <= 1).mean()}
        rows.append(row)
    return pd.DataFrame(rows)


def _strata(queries: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """List the strata: the group, the name, and which queries belong to it."""
    yield "all", "all", np.ones(len(queries), dtype=bool)
    hops = queries["hops"].to_numpy().clip(min=1)
    for count in range(1, FARTHEST + 1):
        yield "reach", str(count), hops == count
    yield "reach", f"within {FARTHEST}", hops <= FARTHEST
    yield "reach", f"beyond {FARTHEST}", hops > FARTHEST
    degrees = queries["degree"].to_numpy()
    lower, upper = np.quantile(degrees, [1 / 3, 2 / 3], method="inverted_cdf")
    yield "degree", "tail", degrees <= lower
    yield "degree", "middle", (degrees > lower) & (degrees <= upper)
    yield "degree", "head", degrees > upper
    for side in QUERY_SIDES.values():
        yield "side", side, (queries["side"] == side).to_numpy()


@pinned_defaults()
def describe_queries(
    model: Model, training: Tensor, triples: Tensor, known: Tensor | None = None, use_tqdm: bool = True
) -> pd.DataFrame:
    """Rank the answer to each query, and tell what strata are made of.

    :param model: the model, which is in evaluation mode afterwards
    :param training: shape: (t, 3), t > 0, the triples that it was trained on, without inverse ones
    :param triples: shape: (n, 3), n > 0, the triples to evaluate
    :param known: shape: (m, 3), further true triples, see :func:`evaluate_strata`
    :param use_tqdm: whether to show a progress bar
    :return: two rows for each triple, its head first: the ids ``head``, ``relation`` and ``tail``, the ``side`` that is
        asked for, the ``rank`` of the answer, its ``rank_without_self``, the ``hops`` from the query's entity to the
        answer, 4 for more than 3, and the ``degree`` of the answer
    :raises ValueError: as :func:`evaluate_strata`
    """
    check_triples("training", training, model)
    check_triples("triples", triples, model)
    training, triples = training.cpu(), triples.cpu()
    graph = Graph.from_triples(training, model.num_entities, model.num_real_relations)
    others = training if known is None else torch.cat([training, known.cpu()])

    def is_other(start: int, batch: Tensor, side: int, num_entities: int) -> Tensor:
        """Leave out the query's own entity."""
        stays = torch.ones(len(batch), num_entities, dtype=torch.bool, device=batch.device)
        return stays.scatter_(1, batch[:, ENTITY_SIDES[side], None], False)

    ranks = rank_queries(model, triples, others, is_other, use_tqdm)
    ids, sides = triples.numpy(), list(QUERY_SIDES)
    repeated = np.repeat(ids, len(sides), axis=0)
    return pd.DataFrame(
        {
            "head": repeated[:, HEAD],
            "relation": repeated[:, RELATION],
            "tail": repeated[:, TAIL],
            "side": np.tile(list(QUERY_SIDES.values()), len(ids)),
            "rank": ranks.full.ravel(),
            "rank_without_self": ranks.restricted.ravel(),
            "hops": np.repeat(count_hops(graph, ids[:, HEAD], ids[:, TAIL]), len(sides)),
            "degree": count_degrees(graph)[ids[:, sides]].ravel(),
        }
    )


def count_degrees(graph: Graph) -> np.ndarray:
    """Count the triples that each entity is in; a loop counts twice.

    :param graph: the graph
    :return: shape: (num_entities,)
    """
    return np.bincount(graph.triples[:, [HEAD, TAIL]].ravel(), minlength=graph.num_entities)


def count_hops(graph: Graph, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Count the hops between entities in a graph whose triples lead both ways.

    Balls of two and three hops are large where there are hubs, and no list of them is kept: what is near one end is
    marked, and looked for from the other end, the one with fewer entities two hops away.

    :param graph: the graph
    :param sources: shape: (n,), entities
    :param targets: shape: (n,), entities
    :return: shape: (n,), from 0 for the same entity to 3, and 4 for more, or where there is no way
    """
    size = graph.num_entities
    heads, tails = graph.triples[:, HEAD], graph.triples[:, TAIL]
    ends = np.divmod(np.unique(np.concatenate([heads * size + tails, tails * size + heads])), size)
    edges = scipy.sparse.csr_array((np.ones(len(ends[0]), dtype=bool), ends), shape=(size, size))
    num_paths = np.bincount(ends[0], weights=np.diff(edges.indptr)[ends[1]], minlength=size)
    pairs, inverse = np.unique(sources * size + targets, return_inverse=True)
    hops, is_near = np.empty(len(pairs), dtype=np.int64), np.zeros(size, dtype=bool)

    def neighbors(entity: int) -> np.ndarray:
        """List the entities that are one hop away."""
        return edges.indices[edges.indptr[entity] : edges.indptr[entity + 1]]

    for i, (one, other) in enumerate(zip(*np.divmod(pairs, size), strict=True)):
        if num_paths[one] < num_paths[other]:
            one, other = other, one
        near, ahead = neighbors(one), neighbors(other)
        is_near[near] = True
        if one == other:
            hops[i] = 0
        elif is_near[other]:
            hops[i] = 1
        elif is_near[ahead].any():
            hops[i] = 2
        else:
            hops[i] = FARTHEST + 1 - is_near[edges[ahead].indices].any()
        is_near[near] = False
    return hops[inverse]
