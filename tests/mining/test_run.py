"""What mining counts."""

from collections import Counter

from pykeen_negater import NegativePools
from pykeen_negater.pools.outcomes import OUTCOMES

from ..cases import negatives_of


def test_mining_counts_every_candidate(nations_pools: NegativePools):
    statistics = nations_pools.metadata["statistics"]
    outcomes = statistics["outcomes"]
    assert set(outcomes) == set(OUTCOMES)
    assert sum(map(sum, outcomes.values())) == statistics["candidates"]
    assert sum(outcomes["kept"]) == len(nations_pools)
    assert sum(outcomes["crowded_out"]) > 0
    by_relation = Counter(negative[1] for _, negative, _ in negatives_of(nations_pools))
    assert outcomes["kept"] == [by_relation[i] for i in range(nations_pools.num_relations)]
