"""Example triples: the hardest negatives, rejected candidates, and the corruptions that are most likely true."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..pools.codec import decode_hardness, decode_risk, score_range
from ..pools.negative_pools import NegativePools
from ..pools.outcomes import OUTCOMES
from ..triples.indexing import HEAD, RELATION, TAIL, keys_to_triples
from .phrases import Names, TripleText

__all__ = [
    "Example",
    "find_positives",
    "hardest_negatives",
    "likeliest_suspected",
    "negative_relations",
    "riskiest_rejected",
]

#: The number of negatives that are considered for each one that is shown, since some are similar
LOOKED_AT = 50


@dataclass(frozen=True)
class Example:
    """A negative beside the positive that it corrupts."""

    #: The id of the negative's relation
    relation: int

    negative: TripleText
    positive: TripleText

    #: The ranker's score; None if it is not known
    score: float | None

    #: Its risk, in multiples of that of a uniform corruption; None without a guard
    risk: float | None

    #: Why it is not a negative, one of :data:`~pykeen_negater.pools.outcomes.OUTCOMES`; None if it is one, or is
    #: suspected
    outcome: str | None = None


def negative_relations(pools: NegativePools) -> np.ndarray:
    """Find the relation of each negative.

    :param pools: the pools
    :return: shape: (num_negatives,)
    """
    sizes = np.diff(pools.offsets.numpy())
    triples = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations)
    relations = np.repeat(np.repeat(triples[:, RELATION], len(pools.sides)), sizes)
    sides = np.repeat(np.tile(pools.sides, pools.num_triples), sizes)
    return np.where(sides == RELATION, pools.replacements.numpy(), relations)


def hardest_negatives(
    pools: NegativePools, names: Names, relations: np.ndarray, per_relation: int, judged: bool
) -> list[Example]:
    """Choose the hardest negatives of each relation, each for another positive.

    :param pools: the pools
    :param names: their phrases
    :param relations: shape: (num_negatives,), the relation of each negative
    :param per_relation: the most of each relation
    :param judged: whether a guard has judged their risk
    :return: the examples by relation, hardest first
    """
    hardness, risks = pools.hardness.numpy(), decode_risk(pools.risk).numpy()
    chosen = _first_of_each(relations, -hardness.astype(np.int16), LOOKED_AT * per_relation)
    scores = decode_hardness(hardness[chosen], *score_range(pools.metadata))
    rows = np.searchsorted(pools.offsets.numpy(), chosen, side="right") - 1
    positions, side_numbers = np.divmod(rows, len(pools.sides))
    sides = np.array(pools.sides)[side_numbers]
    positives = keys_to_triples(pools.keys.numpy()[positions], pools.num_entities, pools.num_relations)
    negatives = positives.copy()
    negatives[np.arange(len(chosen)), sides] = pools.replacements.numpy()[chosen]
    distinct = pd.DataFrame(negatives).assign(positive=positions)
    distinct = distinct.drop_duplicates([0, 1, 2]).drop_duplicates([1, "positive"])
    return [
        Example(
            relation=int(negatives[i, RELATION]),
            negative=names.triple(negatives[i], int(sides[i])),
            positive=names.triple(positives[i], int(sides[i])),
            score=float(scores[i]),
            risk=float(risks[chosen[i]]) if judged else None,
        )
        for i in distinct.groupby(1, sort=True).head(per_relation).index
    ]


def riskiest_rejected(
    pools: NegativePools, names: Names, statistics: Mapping[str, Any], per_relation: int, judged: bool
) -> list[Example]:
    """List the rejected candidates that mining has noted.

    :param pools: the pools
    :param names: their phrases
    :param statistics: the statistics of the pools
    :param per_relation: the most of each relation
    :param judged: whether a guard has judged their risk
    :return: the examples by relation, riskiest first; empty for pools without any
    """
    noted = pd.DataFrame(statistics.get("rejected", {}))
    if noted.empty:
        return []
    triples = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations)
    examples = []
    for row in noted.groupby("relation", sort=True).head(per_relation).itertuples():
        positive = triples[row.positive]
        negative = positive.copy()
        negative[row.side] = row.replacement
        examples.append(
            Example(
                relation=int(row.relation),
                negative=names.triple(negative, row.side),
                positive=names.triple(positive, row.side),
                score=float(row.score),
                risk=float(row.risk) if judged else None,
                outcome=OUTCOMES[row.outcome],
            )
        )
    return examples


def likeliest_suspected(pools: NegativePools, names: Names, per_relation: int) -> list[Example]:
    """Choose the riskiest corruptions of each relation, each beside another training triple that it corrupts.

    :param pools: the pools
    :param names: their phrases
    :param per_relation: the most of each relation
    :return: the examples by relation, riskiest first
    """
    suspected = keys_to_triples(pools.suspected.numpy(), pools.num_entities, pools.num_relations)
    levels = pools.suspected_risk.numpy()
    chosen = _first_of_each(suspected[:, RELATION], -levels.astype(np.int16), LOOKED_AT * per_relation)
    triples = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations)
    positives, sides = find_positives(pools, suspected[chosen])
    found = pd.DataFrame({"relation": suspected[chosen, RELATION], "positive": positives})
    found = found[positives >= 0].drop_duplicates()
    risks = decode_risk(pools.suspected_risk).numpy()
    return [
        Example(
            relation=int(suspected[chosen[i], RELATION]),
            negative=names.triple(suspected[chosen[i]], int(sides[i])),
            positive=names.triple(triples[positives[i]], int(sides[i])),
            score=None,
            risk=float(risks[chosen[i]]),
        )
        for i in found.groupby("relation", sort=True).head(per_relation).index
    ]


def find_positives(pools: NegativePools, suspected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find training triples that differ from corruptions in the tail, or else in the head.

    :param pools: the pools
    :param suspected: shape: (n, 3)
    :return: a pair (the position of each one's triple, −1 where there is none; the side in which they differ), each of
        shape (n,)
    """
    triples = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations)
    by_tail, by_head = (_find_positives(triples, suspected, side, pools.num_entities) for side in (TAIL, HEAD))
    return np.where(by_tail >= 0, by_tail, by_head), np.where(by_tail >= 0, TAIL, HEAD)


def _find_positives(triples: np.ndarray, corrupted: np.ndarray, side: int, num_entities: int) -> np.ndarray:
    """Find a triple that differs from a corruption at most in one side.

    :param triples: shape: (n, 3)
    :param corrupted: shape: (m, 3)
    :param side: the column in which they may differ: 0 head, 2 tail
    :param num_entities: the number of entities
    :return: shape: (m,), the position of the first such triple; −1 where there is none
    """
    known, wanted = (rows[:, RELATION] * num_entities + rows[:, TAIL - side] for rows in (triples, corrupted))
    queries, first = np.unique(known, return_index=True)
    places = np.searchsorted(queries, wanted).clip(max=len(queries) - 1)
    return np.where(queries[places] == wanted, first[places], -1)


def _first_of_each(groups: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Find the members of each group with the lowest values.

    :param groups: shape: (n,), the group of each
    :param values: shape: (n,)
    :param count: the most of each group
    :return: their positions, by group, then value, then position
    """
    order = np.lexsort((values, groups))
    starts = np.searchsorted(groups[order], groups[order])
    return order[np.arange(len(order)) - starts < count]
