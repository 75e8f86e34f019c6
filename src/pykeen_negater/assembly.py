"""Candidates and their ranking become pools."""

from collections.abc import Collection

import numpy as np
import torch

from .candidates import Candidates
from .indexing import SIDES
from .pool_files import encode_risk
from .pools import NegativePools
from .ranking import Ranking
from .risks import Risks

__all__ = [
    "assemble_pools",
]


def assemble_pools(
    candidates: Candidates,
    ranking: Ranking,
    corruption_scheme: Collection[str],
    pool_size: int,
    risks: Risks | None = None,
    max_risk: float | None = None,
) -> NegativePools:
    """Keep the hardest accepted candidates of each triple and side.

    Equal scores are ordered by distance, so that the result is unique.

    :param candidates: n candidates
    :param ranking: their scores, and which are accepted
    :param corruption_scheme: the sides that have pools, in the order of a triple's columns
    :param pool_size: >= 1, how many to keep
    :param risks: the risk of the candidates; without a guard, they count as risky as uniform corruptions
    :param max_risk: candidates that are riskier than this leave their place to others
    :return: the pools
    """
    graph, sides = candidates.graph, tuple(SIDES[name] for name in corruption_scheme)
    if risks is None:
        risks = Risks.unknown(len(candidates))
    accepted = np.flatnonzero(ranking.accepted & (risks.candidates <= (np.inf if max_risk is None else max_risk)))
    order = accepted[
        np.lexsort((accepted, -ranking.scores[accepted], candidates.sides[accepted], candidates.positives[accepted]))
    ]
    rows = candidates.positives[order] * len(sides) + np.searchsorted(sides, candidates.sides[order])
    starts = np.searchsorted(rows, rows)
    kept = np.arange(len(rows)) - starts < pool_size
    order, rows = order[kept], rows[kept]
    scores = ranking.scores[order].astype(np.float64)
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 0.0)
    hardness = np.rint(255 * (scores - low) / (high - low)) if high > low else np.full(len(scores), 255.0)
    return NegativePools(
        keys=graph.index.keys,
        offsets=torch.from_numpy(np.searchsorted(rows, np.arange(len(graph) * len(sides) + 1))),
        replacements=torch.from_numpy(candidates.replacements[order]),
        hardness=torch.from_numpy(hardness.astype(np.uint8)),
        risk=encode_risk(risks.candidates[order]),
        suspects=torch.from_numpy(risks.suspects),
        suspect_risk=encode_risk(risks.suspect_risks),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        sides=sides,
        vocabulary=graph.vocabulary,
        metadata={"score_range": [low, high]},
    )
