"""Budgets against sorting everything at once."""

import numpy as np
import pytest

from pykeen_negater.candidates import budgets
from pykeen_negater.candidates.budgets import Budget

from ..cases import within_budget
from .conftest import plain_candidates


def test_budget_none_or_large_keeps_all(candidates):
    total = len(candidates.unique_triples)
    for budget in (None, total, total + 1):
        assert plain_candidates(within_budget(candidates, budget)) == plain_candidates(candidates)


def test_budget_keeps_the_contract(candidates):
    plain = plain_candidates(candidates)
    best_rank: dict[tuple[int, ...], int] = {}
    for triple, _, rank in plain:
        best_rank[triple] = min(rank, best_rank.get(triple, rank))
    previous: set[tuple[int, ...]] = set()
    for budget in range(1, len(best_rank)):
        kept = within_budget(candidates, budget)
        kept_triples = {triple for triple, _, _ in plain_candidates(kept)}
        # the budget is a limit, and is used up
        assert len(kept_triples) == budget == len(kept.unique_triples)
        # all candidates of an affordable triple stay, in their order
        expected = [(triple, group) for triple, group, _ in plain if triple in kept_triples]
        assert [(triple, group) for triple, group, _ in plain_candidates(kept)] == expected
        # nobody gets a second nearest before all first nearest
        dropped = set(best_rank) - kept_triples
        assert max(best_rank[triple] for triple in kept_triples) <= min(best_rank[triple] for triple in dropped)
        # a larger budget only adds
        assert previous < kept_triples
        previous = kept_triples


def test_budget_does_not_favour_the_start_of_the_file(candidates):
    firsts = sorted({triple for triple, _, rank in plain_candidates(candidates) if rank == 0})
    kept = sorted(map(tuple, within_budget(candidates, len(firsts) // 2).unique_triples.tolist()))
    assert set(kept) < set(firsts)
    assert kept != firsts[: len(kept)]
    assert any(triple in kept for triple in firsts[len(firsts) // 2 :])


@pytest.mark.parametrize("min_merged", [1, 7, 10**6])
@pytest.mark.parametrize("max_triples", [None, 1, 20, 10_000])
def test_what_comes_piece_by_piece_is_what_comes_at_once(max_triples, min_merged, monkeypatch):
    monkeypatch.setattr(budgets, "MIN_MERGED", min_merged)
    generator = np.random.default_rng(0)
    keys, ranks = generator.integers(60, size=300), generator.integers(5, size=300)
    best: dict[int, int] = {}
    for key, rank in zip(keys.tolist(), ranks.tolist(), strict=True):
        best[key] = min(rank, best.get(key, rank))

    def order(key: int) -> tuple[int, int]:
        return best[key], (key * 0x9E3779B97F4A7C15 % 2**64) >> 32

    expected = sorted(sorted(best, key=order)[:max_triples])
    for pieces in (1, 2, 40):
        budget = Budget(max_triples)
        for part in np.array_split(np.arange(300), pieces):
            budget.add(keys[part], ranks[part])
        assert budget.keys.tolist() == expected
        # and still when it is asked again
        assert budget.keys.dtype == np.int64
        assert budget.keys.tolist() == expected


def test_a_budget_of_nothing_has_no_keys():
    assert Budget(3).keys.tolist() == []
