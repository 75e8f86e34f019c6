"""Estimates how long the guard takes, from a few queries and models that may be untrained."""

import time
from collections.abc import Mapping

import numpy as np

from ..guard.calibrated import FOLDS, MAX_QUERIES, RANDOM_ANSWERS
from ..guard.features import TOP_K, Answers, FeatureExtractor
from ..guard.risk_model import RiskModelCost
from ..runtime.progress import Progress, Step
from ..scorers.base import DotProductScorer
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, TAIL
from ..triples.queries import Queries
from .settings import MiningSettings

__all__ = [
    "estimate_guard",
]

#: The number of queries that are timed, and the approximate number of answers that the risk model is timed with
TIMED_QUERIES, TIMED_ANSWERS = 100, 40_000

#: The typical number of answers that are among the most likely of any scorer, in multiples of :data:`TOP_K`
TOGETHER = 1.4


def estimate_guard(
    graph: Graph, part: Graph, settings: MiningSettings, vectors: np.ndarray, scorers: Mapping[str, DotProductScorer]
) -> dict[Step, float]:
    """Estimate how long it takes to fit the guard, and to compute the risks of all candidates.

    :param graph: the graph
    :param part: the graph or, if it is large, a part of it
    :param settings: the settings of mining
    :param vectors: shape: (number of entities of the part, dim)
    :param scorers: models of the part, trained or not
    :return: the seconds by step
    """
    queries, timed = Queries.from_graph(graph), Queries.from_graph(part)
    extractor = FeatureExtractor(part, vectors, scorers)
    seconds, features = _time_queries(extractor, timed)
    # all entities are scored for each query
    seconds *= graph.num_entities / part.num_entities
    sample = np.resize(features, (max(min(TIMED_ANSWERS, 2 * len(features)), 10), features.shape[1]))
    cost = RiskModelCost.measure(sample)
    mined, num_fitted = _answers(queries, settings), min(len(queries), MAX_QUERIES)
    fitted = num_fitted * (float(mined.mean()) + RANDOM_ANSWERS)
    # a model of all folds, and for each fold a model of the others
    models = 1 + (FOLDS - 1)
    return {
        Step.FEATURES: num_fitted * seconds,
        Step.GUARD: fitted * (models * cost.fit + cost.predict),
        Step.MINE: len(queries) * seconds + float(mined.sum()) * cost.predict,
    }


def _time_queries(extractor: FeatureExtractor, queries: Queries) -> tuple[float, np.ndarray]:
    """Measure the seconds per query, and keep the features for timing the risk model."""
    # the same number of each side, and twice, since the first time is slower
    sizes = [int(np.sum(queries.sides == side)) for side in (HEAD, TAIL)]
    chosen = [
        start + np.unique(np.linspace(0, size - 1, min(size, TIMED_QUERIES), dtype=np.int64))
        for start, size in zip((0, sizes[0]), sizes, strict=True)
        if size
    ]
    sample = queries.select(np.concatenate(chosen))
    none = np.zeros(0, dtype=np.int64)
    with Progress(show=False).running():
        extractor.extract(sample.select(np.arange(0, len(sample), 10)), Answers(none, none), include_top_k=True)
        start = time.perf_counter()
        _, features = extractor.extract(sample, Answers(none, none), include_top_k=True)
    return (time.perf_counter() - start) / len(sample), features


def _answers(queries: Queries, settings: MiningSettings) -> np.ndarray:
    """Estimate how many answers to each query are proposed, or among a scorer's most likely ones; shape: (n,)."""
    graph, known = queries.graph, queries.num_answers
    sizes = {side: np.diff(graph.slots[side][0]) for side in (HEAD, TAIL)}
    slot = np.where(queries.sides == HEAD, sizes[HEAD][queries.relations], sizes[TAIL][queries.relations])
    if settings.candidates == "anywhere":
        slot = np.full(len(queries), graph.num_entities)
    # each triple proposes some answers from a slot, which other triples may propose, too
    share = 1 - (1 - np.minimum(settings.k / slot, 1)) ** known
    proposed = np.maximum(slot - known, 0) * share
    unknown = graph.num_entities - known
    in_top_k = np.minimum(TOGETHER * TOP_K, unknown)
    # a scorer's most likely answers are in the slot, if it is large enough
    both = share * np.minimum(in_top_k, np.maximum(slot - known, 0))
    return np.minimum(proposed + in_top_k - both, unknown)
