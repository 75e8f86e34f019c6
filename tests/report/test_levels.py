"""Scores and risks by level, against loops and sorted lists."""

from collections import Counter

import numpy as np
import pytest

from pykeen_negater import NegativePools
from pykeen_negater.report.examples import negative_relations
from pykeen_negater.report.levels import NUM_LEVELS, Levels, median
from pykeen_negater.triples.indexing import keys_to_triples

from ..cases import negatives_of


def test_counts_match_a_loop(judged: NegativePools):
    levels = Levels.count(judged, negative_relations(judged))
    scores, risks = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for _, (_, relation, _), i in negatives_of(judged):
        scores[relation, int(judged.hardness[i])] += 1
        risks[relation, int(judged.risk[i])] += 1
    triples = keys_to_triples(judged.suspected.numpy(), judged.num_entities, judged.num_relations)
    suspected = Counter(zip(triples[:, 1].tolist(), judged.suspected_risk.tolist(), strict=True))
    for counts, expected in (
        (levels.negatives_by_score, scores),
        (levels.negatives_by_risk, risks),
        (levels.suspected_by_risk, suspected),
    ):
        assert counts.shape == (judged.num_relations, NUM_LEVELS)
        found = {tuple(cell): int(counts[tuple(cell)]) for cell in np.argwhere(counts).tolist()}
        assert found == dict(expected)
    assert levels.num_negatives.sum() == len(judged)
    assert levels.num_suspected.tolist() == [
        sum(count for (relation, _), count in suspected.items() if relation == i) for i in range(judged.num_relations)
    ]


def test_levels_go_from_the_lowest_score_to_the_highest(judged: NegativePools):
    levels = Levels.count(judged, negative_relations(judged))
    low, high = judged.metadata["score_range"]
    assert levels.scores[0] == low
    assert levels.scores[-1] == pytest.approx(high)
    assert np.allclose(np.diff(levels.scores), (high - low) / 255)
    assert (np.diff(levels.risks) > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_median_is_the_lower_one_of_the_sorted_values(seed: int):
    generator = np.random.default_rng(seed)
    values, counts = np.sort(generator.normal(size=9)), generator.integers(4, size=9)
    every = sorted(np.repeat(values, counts).tolist())
    assert median(values, counts) == every[(len(every) - 1) // 2]


def test_nothing_has_no_median():
    assert median(np.arange(3.0), np.zeros(3, dtype=int)) is None
