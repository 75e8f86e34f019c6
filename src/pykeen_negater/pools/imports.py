"""Imports negatives as pools: those that people have verified, or that another program has mined.

A list of negatives does not say which triple each one corrupts. Each is taken for a corruption of every training triple
that differs from it in one part only, so that ``(brazil, embassy, cuba)`` is drawn for ``(brazil, embassy, egypt)`` and
``(poland, embassy, cuba)`` alike. The guard does not assess these negatives: they are taken to be false.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from pykeen.triples import CoreTriplesFactory

from ..corruption.listed import read_negatives, read_scores
from ..runtime.random_state import pinned_defaults
from ..texts.loading import Texts
from ..triples.graph_sources import find_graph
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, TAIL
from .codec import encode_hardness
from .files import Vocabulary
from .negative_pools import NegativePools

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

__all__ = [
    "import_negatives",
    "pools_of",
]

logger = logging.getLogger(__name__)

_COLUMNS = (HEAD, RELATION, TAIL)


@pinned_defaults()
def import_negatives(
    path: str | Path,
    output: str | Path,
    *,
    dataset: "str | Dataset | None" = None,
    triples_factory: CoreTriplesFactory | None = None,
    keep_scores: bool = False,
) -> NegativePools:
    """Make pools of the negatives in a file, for ``negative_sampler_kwargs={"pools": ...}``.

    :param path: a tab-separated file with the columns head, relation, tail and optionally score, with or without a
        header, as :func:`~pykeen_negater.pools.exports.export` writes it. Entities and relations are named by their
        labels. The higher the score, the harder the negative; a negative without a score counts as one of the hardest.
    :param output: the folder that the pools are written to. Pools that are already there are replaced.
    :param dataset: a PyKEEN dataset or its name, whose training triples are taken
    :param triples_factory: the training triples, instead of a dataset
    :param keep_scores: whether to keep the scores exactly, as float32; else exports round them to 256 levels
    :return: the pools. Training triples among the negatives are left out, and so are negatives that share two parts
        with no training triple.
    :raises ValueError: if not exactly one of dataset and triples_factory is given, the triples have no labels, the file
        is malformed or names entities or relations that they lack, a score to keep exceeds float32, or no negative
        remains
    :raises FileNotFoundError: if there is no such file
    :raises FileExistsError: if the output exists, and holds no pools
    """
    path = Path(path)
    graph = find_graph(dataset, triples_factory)
    if graph.entity_names is None or graph.relation_names is None:
        raise ValueError(f"{path}: found labels for a graph without any, expected a TriplesFactory, which has labels.")
    texts = Texts(graph.entity_names, graph.relation_names)
    negatives = read_negatives(path, graph, texts)
    scores = read_scores(path, graph, texts, negatives)
    too_large = scores[np.abs(scores) > np.finfo(np.float32).max] if keep_scores else scores[:0]
    if len(too_large):
        raise ValueError(
            f"{path}: found the score {too_large[0]}, expected one that fits into float32. Rescale the scores, "
            f"or do not keep them."
        )
    pools = pools_of(graph, negatives, scores, keep_scores)
    pools.save(output, Vocabulary(graph.entity_labels, graph.relation_labels))
    return NegativePools.load(output)


def pools_of(graph: Graph, negatives: np.ndarray, scores: np.ndarray, keep_scores: bool = False) -> NegativePools:
    """Assign to each training triple the negatives that corrupt it.

    :param graph: the training triples
    :param negatives: shape: (n, 3), dtype: int64, each once, none of which is a training triple
    :param scores: shape: (n,), finite; the higher, the harder
    :param keep_scores: whether the pools have exact scores, too
    :return: the pools
    :raises ValueError: if no negative corrupts a training triple
    """
    if keep_scores:
        scores = scores.astype(np.float32)
    hardest_first = np.argsort(-scores, kind="stable")
    negatives, scores = negatives[hardest_first], scores[hardest_first]
    matches = {side: _match(graph, negatives, side) for side in _COLUMNS}
    sides = tuple(side for side, (positives, _) in matches.items() if len(positives))
    if not sides:
        raise ValueError(
            f"found {len(negatives):,} negatives, none of which shares two parts with a training triple; expected "
            f"corruptions of training triples."
        )
    rows = np.concatenate([matches[side][0] * len(sides) + i for i, side in enumerate(sides)])
    chosen = np.concatenate([matches[side][1] for side in sides])
    replacements = np.concatenate([negatives[matches[side][1], side] for side in sides])
    order = np.argsort(rows, kind="stable")
    unused = len(negatives) - len(np.unique(chosen))
    if unused:
        logger.warning(
            "%d of %d negatives share two parts with no training triple, and are left out.", unused, len(negatives)
        )
    low, high = float(scores[chosen].min()), float(scores[chosen].max())
    sizes = np.bincount(rows, minlength=len(graph) * len(sides))
    return NegativePools(
        keys=graph.index.keys,
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)])),
        replacements=torch.from_numpy(replacements[order].astype(np.int32)),
        hardness=torch.from_numpy(encode_hardness(scores[chosen[order]], low, high)),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        scores=torch.from_numpy(scores[chosen[order]]) if keep_scores else None,
        sides=sides,
        vocabulary=graph.vocabulary,
        metadata={
            "score_range": [low, high],
            "labelled": graph.entity_labels is not None,
            "graph": graph.fingerprint,
            "statistics": {
                "num_triples": len(graph),
                "negatives": len(rows),
                "coverage": float((sizes.reshape(len(graph), -1).sum(axis=1) > 0).mean()),
            },
        },
    )


def _match(graph: Graph, negatives: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the training triples that agree with negatives in all but one column.

    :param graph: the training triples
    :param negatives: shape: (n, 3)
    :param side: the column that may differ
    :return: a pair (positions of training triples, positions of negatives), each of shape (m,): first by training
        triple, then in the order of the negatives
    """
    first, second = (column for column in _COLUMNS if column != side)
    limit = max(graph.num_entities, graph.num_relations)
    wanted, given = (triples[:, first] * limit + triples[:, second] for triples in (graph.triples, negatives))
    order = np.argsort(given, kind="stable")
    starts, ends = (np.searchsorted(given[order], wanted, side=where) for where in ("left", "right"))
    sizes = ends - starts
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(np.arange(len(graph)), sizes), order[np.repeat(starts, sizes) + within]
