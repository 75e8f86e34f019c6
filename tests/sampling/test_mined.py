"""Draws from pools, against pools that are looked up the slow way."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater.sampling.mined import HardNegatives, has_inverses, without_inverse
from pykeen_negater.triples.graphs import Graph

from .cases import NUM_NEGATIVES, largest_pool, make_pools, make_sampler, mark_random, pool_of, with_inverse


@pytest.mark.parametrize("sides", [(0, 2), (0,), (0, 1, 2), (1,)])
@pytest.mark.parametrize("strategy", ["uniform", "top", "softmax"])
def test_a_positive_has_negatives_from_its_pool_or_from_the_base(
    nations: TriplesFactory,
    graph: Graph,
    strategy: str,
    sides: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
):
    pools = make_pools(graph, sides)
    scheme = [("head", "relation", "tail")[side] for side in sides]
    sampler = make_sampler(nations, pools, hard_fraction=0.5, strategy=strategy, corruption_scheme=scheme)
    mark_random(sampler, monkeypatch)
    torch.manual_seed(0)
    negatives = sampler.corrupt_batch(nations.mapped_triples)
    mined, covered = 0, 0
    for (head, relation, tail), drawn in zip(nations.mapped_triples.tolist(), negatives.tolist(), strict=True):
        allowed = {entry for entries in pool_of(pools, [head, relation, tail], (0, 1, 2)) for entry, _ in entries}
        covered += bool(allowed)
        if drawn != [[-1, relation, tail]] * NUM_NEGATIVES:
            assert {tuple(negative) for negative in drawn} <= allowed
            mined += 1
    assert mined / covered == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("scheme", [("head",), ("tail",), ("h", "t"), ("h", "r", "t")])
@pytest.mark.parametrize("inverse", [False, True])
def test_corruption_scheme_and_inverse_triples(
    nations: TriplesFactory, graph: Graph, scheme: tuple[str, ...], inverse: bool
):
    pools = make_pools(graph, (0, 1, 2))
    sampler = make_sampler(nations, pools, hard_fraction=1.0, corruption_scheme=scheme, inverse=inverse)
    columns = tuple({"h": 0, "r": 1, "t": 2}[side[0]] for side in scheme)
    positives = with_inverse(nations.mapped_triples) if inverse else nations.mapped_triples
    negatives = sampler.corrupt_batch(positives)
    for positive, drawn in zip(positives.tolist(), negatives.tolist(), strict=True):
        if not inverse:
            pool = pool_of(pools, positive, columns)
            allowed = {entry for entries in pool for entry, _ in entries}
        elif positive[1] % 2 == 0:
            pool = pool_of(pools, [positive[0], positive[1] // 2, positive[2]], columns)
            allowed = {(h, 2 * r, t) for entries in pool for (h, r, t), _ in entries}
        else:
            mirrored = tuple(2 - column for column in columns)
            pool = pool_of(pools, [positive[2], positive[1] // 2, positive[0]], mirrored)
            allowed = {(t, 2 * r + 1, h) for entries in pool for (h, r, t), _ in entries}
        if allowed:
            assert {tuple(negative) for negative in drawn} <= allowed
        for negative in drawn:
            changed = [column for column in range(3) if negative[column] != positive[column]]
            assert set(changed) <= set(columns)


def test_uniform_draws_all_of_a_pool_alike(nations: TriplesFactory, graph: Graph):
    pools = make_pools(graph)
    sampler = make_sampler(nations, pools, hard_fraction=1.0, num_negs_per_pos=6000)
    positive, pool = largest_pool(nations, pools)
    torch.manual_seed(0)
    counts = Counter(map(tuple, sampler.corrupt_batch(positive.unsqueeze(0))[0].tolist()))
    expected = Counter(entry for entries in pool for entry, _ in entries)
    total = sum(expected.values())
    assert set(counts) == set(expected)
    for entry, times in expected.items():
        assert counts[entry] / 6000 == pytest.approx(times / total, abs=0.03)


def test_softmax_draws_by_hardness(nations: TriplesFactory, graph: Graph):
    pools, temperature = make_pools(graph), 0.2
    sampler = make_sampler(
        nations, pools, hard_fraction=1.0, num_negs_per_pos=6000, strategy="softmax", temperature=temperature
    )
    positive, pool = largest_pool(nations, pools)
    weights = Counter()
    for entry, hardness in itertools.chain.from_iterable(pool):
        weights[entry] += math.exp(hardness / 255 / temperature)
    torch.manual_seed(0)
    counts = Counter(map(tuple, sampler.corrupt_batch(positive.unsqueeze(0))[0].tolist()))
    for entry, weight in weights.items():
        assert counts[entry] / 6000 == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_top_takes_the_hardest_of_each_side_in_order(nations: TriplesFactory, graph: Graph):
    pools = make_pools(graph)
    sampler = make_sampler(nations, pools, hard_fraction=1.0, strategy="top", num_negs_per_pos=4)
    negatives = sampler.corrupt_batch(nations.mapped_triples)
    for positive, drawn in zip(nations.mapped_triples.tolist(), negatives.tolist(), strict=True):
        # four negatives from two sides: the first two of each
        window = [entry for entries in pool_of(pools, positive, (0, 2)) for entry, _ in entries[:2]]
        if window:
            rotations = [[window[(start + j) % len(window)] for j in range(4)] for start in range(len(window))]
            assert [tuple(negative) for negative in drawn] in rotations


def test_top_favours_no_side(nations: TriplesFactory, graph: Graph):
    pools = make_pools(graph)
    sampler = make_sampler(nations, pools, hard_fraction=1.0, strategy="top", num_negs_per_pos=1)
    sizes = pools.rows(nations.mapped_triples.numpy())[1]
    both = nations.mapped_triples[(sizes > 0).all(axis=1)].repeat(5, 1)
    torch.manual_seed(0)
    replaced_heads = (sampler.corrupt_batch(both)[:, 0, 0] != both[:, 0]).float().mean()
    assert float(replaced_heads) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("temperature", [1e-4, 1e-307, 5e-324])
def test_low_temperature_takes_the_hardest(nations: TriplesFactory, graph: Graph, temperature: float):
    pools = make_pools(graph)
    sampler = make_sampler(nations, pools, hard_fraction=1.0, strategy="softmax", temperature=temperature)
    negatives = sampler.corrupt_batch(nations.mapped_triples)
    for positive, drawn in zip(nations.mapped_triples.tolist(), negatives.tolist(), strict=True):
        entries = list(itertools.chain.from_iterable(pool_of(pools, positive, (0, 2))))
        if entries:
            hardest = max(hardness for _, hardness in entries)
            assert set(map(tuple, drawn)) <= {entry for entry, hardness in entries if hardness == hardest}


def test_high_temperature_draws_all_alike(nations: TriplesFactory, graph: Graph):
    sampler = make_sampler(
        nations, make_pools(graph), hard_fraction=1.0, num_negs_per_pos=6000, strategy="softmax", temperature=1e308
    )
    positive, pool = largest_pool(nations, sampler.pools)
    torch.manual_seed(0)
    counts = Counter(map(tuple, sampler.corrupt_batch(positive.unsqueeze(0))[0].tolist()))
    expected = Counter(entry for entries in pool for entry, _ in entries)
    for entry, times in expected.items():
        assert counts[entry] / 6000 == pytest.approx(times / sum(expected.values()), abs=0.03)


def test_inverse_triples_are_turned_round_one_by_one(nations: TriplesFactory):
    triples = with_inverse(nations.mapped_triples).numpy()
    real, inverse = without_inverse(triples)
    for row, (head, relation, tail) in enumerate(triples.tolist()):
        assert inverse[row] == relation % 2
        expected = [tail, relation // 2, head] if relation % 2 else [head, relation // 2, tail]
        assert real[row].tolist() == expected


@pytest.mark.parametrize(
    ("triples", "num_relations", "expected"),
    [
        ([[0, 0, 1], [1, 1, 0]], 2, True),
        ([[0, 0, 0], [0, 1, 0]], 2, True),
        # one has no inverse, or it is none
        ([[0, 0, 1], [1, 1, 0], [0, 0, 2]], 2, False),
        ([[0, 0, 1], [0, 1, 1]], 2, False),
        ([[0, 0, 1], [1, 1, 0]], 3, False),
        ([], 2, False),
    ],
)
def test_inverse_triples_are_told_from_others(triples: list, num_relations: int, expected: bool):
    assert has_inverses(np.array(triples, dtype=np.int64).reshape(-1, 3), num_relations) == expected


def test_what_has_negatives_is_covered(nations: TriplesFactory, graph: Graph):
    pools = make_pools(graph)
    negatives = HardNegatives(pools, ("tail",), False, "uniform", 1.0)
    triples = np.concatenate([graph.triples, [[0, 54, 0], [13, 0, 13]]])
    expected = [any(pool_of(pools, triple, (2,))) for triple in triples.tolist()]
    assert 0 < sum(expected) < len(triples)
    assert negatives.covers(triples).tolist() == expected
    drawn, has_any = negatives.draw(triples, 3)
    assert has_any.tolist() == expected
    assert drawn.shape == (sum(expected), 3, 3)
