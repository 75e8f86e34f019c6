"""Coverage against loops over the pools."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pykeen_negater import NegativePools
from pykeen_negater.report.coverage import Coverage

from ..cases import negatives_of


def test_what_is_measured_matches_a_loop(mined: NegativePools):
    # an empty pool for every third triple, so that some triples have nothing
    rows = mined.offsets.diff()
    is_kept = torch.arange(mined.num_triples).repeat_interleave(len(mined.sides)) % 3 > 0
    chosen = is_kept.repeat_interleave(rows)
    parts = {name: getattr(mined, name)[chosen] for name in ("replacements", "hardness", "risk")}
    offsets = torch.cat([torch.zeros(1, dtype=rows.dtype), (rows * is_kept).cumsum(dim=0)])
    pools = replace(mined, offsets=offsets, **parts, path=None)
    coverage = Coverage.measure(pools)
    sizes: dict[tuple[int, ...], list[int]] = {}
    for positive, negative, _ in negatives_of(pools):
        side = next(side for side in range(3) if positive[side] != negative[side])
        sizes.setdefault(positive, [0, 0, 0])[side] += 1
    totals = [sum(it) for it in sizes.values()]
    empty = pools.num_triples - len(sizes)
    assert empty >= pools.num_triples // 3
    assert coverage.sides == tuple(["head", "relation", "tail"][side] for side in pools.sides)
    assert sorted(map(tuple, coverage.sizes[coverage.sizes.sum(axis=1) > 0].tolist())) == sorted(
        tuple(it[side] for side in pools.sides) for it in sizes.values()
    )
    assert coverage.pool_size == 3
    assert coverage.share == len(sizes) / pools.num_triples
    assert coverage.num_empty == empty
    assert coverage.few == round(0.25 * 3 * len(pools.sides))
    assert coverage.num_short == empty + sum(total < coverage.few for total in totals)
    covered = coverage.covered_by_relation(pools.num_relations).tolist()
    assert covered == [sum(triple[1] == i for triple in sizes) for i in range(pools.num_relations)]
    assert coverage.triples_by_relation(pools.num_relations).sum() == pools.num_triples


def test_without_settings_the_fullest_pool_tells_the_size(mined: NegativePools):
    pools = replace(mined, metadata={}, path=None)
    assert Coverage.measure(pools).pool_size == int(mined.offsets.diff().max())


@pytest.mark.parametrize(("pool_size", "num_sides", "few"), [(1, 1, 1), (3, 2, 2), (32, 2, 16), (32, 3, 24)])
def test_few_is_a_quarter_of_what_there_may_be(pool_size: int, num_sides: int, few: int):
    sizes = np.zeros((1, num_sides), dtype=int)
    assert Coverage(sizes, ("head", "relation", "tail")[:num_sides], np.zeros(1, dtype=int), pool_size).few == few
