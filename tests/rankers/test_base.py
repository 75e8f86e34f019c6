"""What is promised of rankers with a budget: each triple is judged once, whatever the candidates at hand."""

from dataclasses import replace

import numpy as np
import pytest

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.rankers.base import BudgetedRanker, Ranker, Scores
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.measurements import Measurements


class _Plain(Ranker):
    """Does nothing that it need not do."""

    def identify(self) -> dict[str, object]:
        """Have no settings."""
        return {}

    def score(self, candidates: Candidates, context: RankingContext) -> Scores:
        """Take all for equally hard."""
        return Scores(np.zeros(len(candidates), dtype=np.float32), np.ones(len(candidates), dtype=bool))


class _Odd(BudgetedRanker):
    """Accepts triples with an odd sum of ids, and scores by that sum; notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def identify(self) -> dict[str, object]:
        """Have no settings."""
        return {}

    def score_triples(self, triples: np.ndarray, context: RankingContext) -> Scores:
        """Judge by the sum."""
        self.asked.append(triples)
        measured = Measurements(counts={"asked": len(triples)})
        return Scores(triples.sum(axis=1).astype(np.float32), triples.sum(axis=1) % 2 == 1, measured)


def corrupted(candidates: Candidates) -> list[list[int]]:
    """Write out the corrupted triples of candidates, one by one."""
    triples = []
    for i in range(len(candidates)):
        triple = candidates.graph.triples[candidates.positives[i]].tolist()
        triple[candidates.sides[i]] = int(candidates.replacements[i])
        triples.append(triple)
    return triples


def check(scores: Scores, candidates: Candidates) -> None:
    """Compare a ranking with sums."""
    sums = [sum(triple) for triple in corrupted(candidates)]
    assert scores.values.tolist() == sums
    assert scores.accepted.tolist() == [value % 2 == 1 for value in sums]


def test_by_default_nothing_is_needed(candidates: Candidates, context: RankingContext):
    ranker = _Plain()
    assert ranker.prepare(context) is None
    assert ranker.score(candidates, context).measured == Measurements()
    assert ranker.estimate(context.graph, context.texts, 1_000) == {}
    assert (ranker.needs_texts, ranker.expensive, ranker.has_thresholds) == (False, False, False)
    assert _Odd().expensive


def test_each_triple_of_the_candidates_is_judged_once(candidates: Candidates, context: RankingContext):
    ranker = _Odd()
    assert ranker.prepare(context) is None
    assert ranker.asked == []
    scores = ranker.score(candidates, context)
    check(scores, candidates)
    assert scores.measured == Measurements(counts={"asked": len(candidates.unique_triples)})
    (asked,) = map(np.ndarray.tolist, ranker.asked)
    assert sorted(asked) == sorted(map(list, set(map(tuple, corrupted(candidates)))))


def test_what_is_chosen_is_judged_once_for_all_shards(candidates: Candidates, context: RankingContext):
    ranker = _Odd()
    chosen = replace(context, chosen=candidates.unique_triples)
    assert ranker.prepare(chosen) == Measurements(counts={"asked": len(candidates.unique_triples)})
    assert len(ranker.asked) == 1
    for part in (0, 1, 2):
        some = candidates.select(np.arange(len(candidates)) % 3 == part)
        scores = ranker.score(some, chosen)
        check(scores, some)
        # that was told by what prepared it
        assert scores.measured == Measurements()
    assert len(ranker.asked) == 1
    # another ranker has another verdict
    other = _Odd()
    other.prepare(chosen)
    assert len(other.asked) == 1


def test_abstract_rankers_cannot_be_made():
    for cls in (Ranker, BudgetedRanker):
        with pytest.raises(TypeError, match="abstract"):
            cls()
