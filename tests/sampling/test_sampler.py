"""Tests for the sampler: each strategy against an oracle, PyKEEN's promises, and where pools come from."""

import dataclasses
import itertools
import math
import pickle

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.sampling import BasicNegativeSampler, NegativeSampler, negative_sampler_resolver
from pykeen.sampling.filtering import BloomFilterer, PythonSetFilterer, filterer_resolver
from pykeen.triples import TriplesFactory
from torch.utils.data import DataLoader

from pykeen_negater import NegatERNegativeSampler, NegativePools, PoolsError, mine
from pykeen_negater.pools.codec import encode_risk
from pykeen_negater.sampling.filtering import ExactFilterer
from pykeen_negater.sampling.mined import without_inverse
from pykeen_negater.triples.graphs import Graph

from .cases import NUM_NEGATIVES, guarded, make_pools, make_sampler, mark_random, pool_of, sampler_triples, with_inverse


class _Custom(NegativeSampler):
    """A sampler that takes no corruption scheme."""

    def corrupt_batch(self, positive_batch: torch.Tensor) -> torch.Tensor:
        """Corrupt nothing."""
        return positive_batch.unsqueeze(dim=-2).repeat_interleave(self.num_negs_per_pos, dim=-2)


@pytest.mark.parametrize("hard_fraction", [0.0, 0.05, 0.3, 0.5, 1.0])
def test_share_of_mined_negatives(
    nations: TriplesFactory, graph: Graph, hard_fraction: float, monkeypatch: pytest.MonkeyPatch
):
    sampler = make_sampler(nations, make_pools(graph), hard_fraction=hard_fraction, num_negs_per_pos=3)
    covered = nations.mapped_triples[sampler.pools.rows(nations.mapped_triples.numpy())[1].any(axis=1)].repeat(20, 1)
    mark_random(sampler, monkeypatch)
    torch.manual_seed(0)
    mined = (sampler.corrupt_batch(covered)[..., 0] >= 0).float()
    assert float(mined.mean()) == pytest.approx(hard_fraction, abs=0.01)
    assert torch.equal(mined.amin(dim=1), mined.amax(dim=1))


@pytest.mark.usefixtures("_symmetric_loops")
@pytest.mark.parametrize(("hard_fraction", "loop_fraction"), [(0.0, 0.0), (0.0, 0.2), (0.3, 0.2), (0.9, 0.4)])
def test_share_of_loops(
    nations: TriplesFactory,
    graph: Graph,
    hard_fraction: float,
    loop_fraction: float,
    monkeypatch: pytest.MonkeyPatch,
):
    sampler = make_sampler(
        nations, make_pools(graph), hard_fraction=hard_fraction, loop_fraction=loop_fraction, num_negs_per_pos=3
    )
    covered = nations.mapped_triples[sampler.pools.rows(nations.mapped_triples.numpy())[1].any(axis=1)].repeat(20, 1)
    mark_random(sampler, monkeypatch)
    torch.manual_seed(0)
    negatives = sampler.corrupt_batch(covered)
    # the pools of this graph are random, and have a few loops, too
    is_loop = (negatives[..., 0] == negatives[..., 2]).float().mean()
    is_random = (negatives[..., 0] == -1).float().mean()
    assert float(is_loop) == pytest.approx(loop_fraction, abs=0.02 + 0.1 * hard_fraction)
    assert float(is_random) == pytest.approx((1 - hard_fraction) * (1 - loop_fraction), abs=0.01)


@pytest.mark.usefixtures("_symmetric_loops")
@pytest.mark.parametrize(("count", "share"), [(1, 0.012), (16, 0.003)])
def test_default_share_of_loops_depends_on_the_number_of_negatives(
    nations: TriplesFactory, graph: Graph, count: int, share: float, monkeypatch: pytest.MonkeyPatch
):
    sampler = make_sampler(nations, make_pools(graph), hard_fraction=0.0, loop_fraction=None, num_negs_per_pos=count)
    mark_random(sampler, monkeypatch)
    torch.manual_seed(0)
    negatives = sampler.corrupt_batch(nations.mapped_triples.repeat(10, 1))
    assert float((negatives[..., 0] >= 0).float().mean()) == pytest.approx(share, abs=0.002)


@pytest.mark.usefixtures("_symmetric_loops")
def test_loops_need_no_pools(nations: TriplesFactory):
    sampler = make_sampler(nations, None, mine="never", k=7, loop_fraction=1.0)
    negatives = sampler.corrupt_batch(nations.mapped_triples)
    assert sampler.pools is None
    assert (negatives[..., 0] == negatives[..., 2]).all()


@pytest.mark.parametrize("base", ["basic", "bernoulli", "pseudotyped"])
def test_without_hard_negatives_it_is_the_base_sampler(nations: TriplesFactory, graph: Graph, base: str):
    sampler = make_sampler(nations, make_pools(graph), hard_fraction=0.0, base_sampler=base)
    alone = negative_sampler_resolver.make(base, mapped_triples=nations.mapped_triples, num_negs_per_pos=NUM_NEGATIVES)
    torch.manual_seed(0)
    expected, _ = alone.sample(nations.mapped_triples[:32])
    torch.manual_seed(0)
    actual, mask = sampler.sample(nations.mapped_triples[:32])
    assert torch.equal(actual, expected)
    assert mask is None


@pytest.mark.parametrize("base", ["basic", "bernoulli", "pseudotyped"])
@pytest.mark.parametrize("shape", [(1,), (5,), (2, 3)])
def test_any_leading_shape(nations: TriplesFactory, graph: Graph, base: str, shape: tuple[int, ...]):
    sampler = make_sampler(nations, make_pools(graph), hard_fraction=0.5, base_sampler=base)
    positives = nations.mapped_triples[: math.prod(shape)].view(*shape, 3)
    negatives = sampler.corrupt_batch(positives)
    assert negatives.shape == (*shape, NUM_NEGATIVES, 3)
    assert negatives.dtype == torch.long
    assert negatives.is_contiguous()


@pytest.mark.parametrize("filterer", [None, *filterer_resolver.options])
@pytest.mark.parametrize("inverse", [False, True])
def test_pykeens_promises(nations: TriplesFactory, graph: Graph, filterer: str | None, inverse: bool):
    sampler = make_sampler(nations, known_free(), filterer=filterer, hard_fraction=0.5, inverse=inverse)
    known = set(map(tuple, (with_inverse(nations.mapped_triples) if inverse else nations.mapped_triples).tolist()))
    for positives in (sorted_batch(known, 64), sorted_batch(known, 1)):
        negatives, mask = sampler.sample(positives)
        assert negatives.shape == (len(positives), NUM_NEGATIVES, 3)
        assert negatives.min() >= 0
        assert negatives[..., [0, 2]].max() < nations.num_entities
        assert negatives[..., 1].max() < sampler.num_relations
        if filterer is None:
            assert mask is None
            assert (negatives != positives.unsqueeze(1)).any(dim=-1).all()
        else:
            assert mask.dtype == torch.bool
            assert mask.shape == negatives.shape[:-1]
            assert mask.any()
            assert not known.intersection(map(tuple, negatives[mask].tolist()))
            # most of what was a known triple has been drawn again
            assert mask.float().mean() > 0.9


def test_filtered_exactly_by_default(nations: TriplesFactory, graph: Graph):
    """What is drawn is what a Python set would have drawn."""
    drawn = []
    for kwargs in ({"filtered": True}, {"filterer": "python-set"}):
        sampler = make_sampler(nations, make_pools(graph), hard_fraction=0.5, **kwargs)
        torch.manual_seed(0)
        drawn.append(sampler.sample(nations.mapped_triples))
        assert isinstance(sampler.filterer, PythonSetFilterer if "filterer" in kwargs else ExactFilterer)
    assert all(map(torch.equal, *drawn))


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("knows_more", [False, True])
def test_what_the_guard_has_looked_up_is_not_asked_for_again(
    nations: TriplesFactory, graph: Graph, knows_more: bool, inverse: bool
):
    """Where the filterer knows no more than the pools, few negatives are left to ask for; the mask is exact."""
    positives = sampler_triples(nations, inverse)
    held_out = Nations().testing.mapped_triples
    more = torch.cat([positives, with_inverse(held_out) if inverse else held_out]) if knows_more else positives
    known = set(map(tuple, more.tolist()))
    sampler = make_sampler(
        nations,
        guarded(make_pools(graph).without(graph.index), held_out[:0], np.ones(0)),
        hard_fraction=0.5,
        loop_fraction=0.05,
        inverse=inverse,
        filtered=True,
        filterer=ExactFilterer(more),
    )
    asked = []
    contains = sampler.filterer.contains
    sampler.filterer.contains = lambda batch: asked.append(len(batch)) or contains(batch)
    torch.manual_seed(0)
    negatives, mask = sampler.sample(positives)
    assert mask.tolist() == [[tuple(triple) not in known for triple in row] for row in negatives.tolist()]
    assert (asked[0] == mask.numel()) == knows_more
    assert mask.float().mean() > 0.99


def test_parameters_without_a_filterer_are_those_of_pykeens_default(nations: TriplesFactory, graph: Graph):
    sampler = make_sampler(nations, make_pools(graph), filtered=True, filterer_kwargs={"error_rate": 0.01})
    assert isinstance(sampler.filterer, BloomFilterer)
    assert sampler.filterer.error_rate == 0.01
    assert make_sampler(nations, make_pools(graph)).filterer is None


def known_free() -> NegativePools:
    """Make pools without known triples, as mining does."""
    return mine(dataset="nations", encoder="structural", ranker="similarity")


def sorted_batch(known: set[tuple[int, ...]], size: int) -> torch.Tensor:
    """Take some known triples."""
    return torch.tensor(sorted(known)[:size])


def test_a_batch_is_never_masked_as_a_whole():
    # all possible triples are known
    triples = torch.cartesian_prod(torch.arange(3), torch.arange(2), torch.arange(3))
    graph = Graph.from_triples(triples, 3, 2)
    empty = NegativePools(
        keys=graph.index.keys,
        offsets=torch.zeros(2 * len(graph) + 1, dtype=torch.long),
        replacements=torch.empty(0, dtype=torch.int32),
        hardness=torch.empty(0, dtype=torch.uint8),
        num_entities=3,
        num_relations=2,
        sides=(0, 2),
        vocabulary=graph.vocabulary,
    )
    sampler = NegatERNegativeSampler(mapped_triples=triples, pools=empty, filterer="pythonset", hard_fraction=0.5)
    _, mask = sampler.sample(triples)
    assert mask.sum() == 1


def test_unknown_triples_get_the_negatives_of_the_base(
    nations: TriplesFactory, graph: Graph, monkeypatch: pytest.MonkeyPatch
):
    sampler = make_sampler(nations, make_pools(graph), hard_fraction=1.0)
    every = torch.cartesian_prod(torch.arange(14), torch.arange(55), torch.arange(14))
    unknown = every[~graph.index.contains(every)]
    mark_random(sampler, monkeypatch)
    assert (sampler.corrupt_batch(unknown)[..., 0] == -1).all()


def test_pools_from_a_folder(nations: TriplesFactory, graph: Graph, tmp_path):
    path = make_pools(graph).save(tmp_path / "nations.pools")
    from_path = make_sampler(nations, str(path), hard_fraction=0.5)
    torch.manual_seed(0)
    expected = make_sampler(nations, make_pools(graph), hard_fraction=0.5).corrupt_batch(nations.mapped_triples)
    torch.manual_seed(0)
    assert torch.equal(from_path.corrupt_batch(nations.mapped_triples), expected)
    assert torch.equal(pickle.loads(pickle.dumps(from_path)).pools.replacements, from_path.pools.replacements)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_draw_from_the_same_pools(nations: TriplesFactory, graph: Graph, tmp_path, context: str):
    from pykeen.triples import BatchedSLCWAInstances

    path = make_pools(graph).save(tmp_path / "nations.pools")
    instances = BatchedSLCWAInstances.from_triples_factory(
        nations,
        batch_size=32,
        negative_sampler="negater",
        negative_sampler_kwargs={
            "pools": str(path),
            "hard_fraction": 1.0,
            "loop_fraction": 0.0,
            "num_negs_per_pos": 4,
        },
    )
    loader = DataLoader(instances, batch_size=None, num_workers=2, multiprocessing_context=context)
    pools = NegativePools.load(path)
    draws = set()
    for batch in itertools.islice(loader, 6):
        draws.add(tuple(batch["negatives"].flatten().tolist()))
        for positive, drawn in zip(batch["positives"].tolist(), batch["negatives"].tolist(), strict=True):
            allowed = {entry for entries in pool_of(pools, positive, (0, 2)) for entry, _ in entries}
            if allowed:
                assert {tuple(negative) for negative in drawn} <= allowed
    assert len(draws) == 6


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"hard_fraction": 1.5}, ValueError, r"found hard_fraction=1.5, expected a share in \[0, 1\]"),
        ({"loop_fraction": -0.1}, ValueError, r"found loop_fraction=-0.1, expected a share in \[0, 1\]"),
        ({"strategy": "best"}, ValueError, "found strategy='best', expected one of uniform, top, softmax"),
        ({"temperature": 0.0}, ValueError, "found temperature=0.0, expected a positive number"),
        ({"temperature": math.nan}, ValueError, "found temperature=nan, expected a positive number"),
        ({"temperature": math.inf}, ValueError, "found temperature=inf, expected a positive number"),
        ({"temperature": "cold"}, ValueError, "found temperature='cold', expected a positive number"),
        ({"hard_fraction": "half"}, ValueError, r"found hard_fraction='half', expected a share in \[0, 1\]"),
        ({"hard_fraction": math.nan}, ValueError, r"found hard_fraction=nan, expected a share in \[0, 1\]"),
        ({"loop_fraction": 2}, ValueError, r"found loop_fraction=2, expected a share in \[0, 1\]"),
        ({"max_risk": 0.0}, ValueError, "found max_risk=0.0, expected a positive number, or None"),
        ({"max_risk": "low"}, ValueError, "found max_risk='low', expected a positive number, or None"),
        ({"num_negs_per_pos": 0}, ValueError, "found num_negs_per_pos=0, expected a whole number of 1 or more"),
        ({"num_negs_per_pos": -1}, ValueError, "found num_negs_per_pos=-1, expected a whole number of 1 or more"),
        ({"num_negs_per_pos": 2.5}, ValueError, "found num_negs_per_pos=2.5, expected a whole number of 1 or more"),
        (
            {"base_sampler_kwargs": {"corruption_scheme": ["relation"]}},
            ValueError,
            r"found corruption_scheme=\('relation',\) among base_sampler_kwargs, expected no other sides",
        ),
        (
            {"base_sampler": _Custom, "corruption_scheme": ["tail"]},
            ValueError,
            "base_sampler='custom', which takes none",
        ),
        ({"corruption_scheme": ["x"]}, ValueError, "found corruption_scheme=.*expected"),
        ({"corruption_scheme": ["relation"]}, PoolsError, "Mine pools with this scheme"),
        ({"base_sampler": "magic"}, ValueError, "found base_sampler='magic', expected one of basic, bernoulli"),
        ({"base_sampler": "negater"}, ValueError, "its own base_sampler"),
        ({"base_sampler_kwargs": {"filtered": True}}, ValueError, "found filtered among base_sampler_kwargs"),
        ({"mine": "maybe"}, ValueError, "found mine='maybe', expected one of auto, never"),
        ({"k": 0}, ValueError, "found k=0, expected at least 1"),
    ],
)
def test_bad_parameters(nations: TriplesFactory, graph: Graph, kwargs: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make_sampler(nations, make_pools(graph), **kwargs)
    # without pools, too
    if error is ValueError:
        with pytest.raises(error, match=message):
            make_sampler(nations, None, **{"mine": "never", **kwargs})


@pytest.mark.parametrize(
    ("scheme", "triples", "inverse"),
    [
        (["relation"], [[0, 0, 0], [0, 1, 0]], False),
        (["head", "tail"], [[0, 0, 1], [1, 0, 2]], False),
        (["head", "tail"], [[0, 0, 1], [1, 0, 2]], True),
        (["relation"], [[0, 0, 1], [1, 0, 2]], True),
    ],
)
@pytest.mark.parametrize("filtered", [False, True])
def test_what_basic_survives(scheme: list[str], triples: list[list[int]], inverse: bool, filtered: bool):
    """A single entity whose relations are corrupted; a single relation whose entities, or direction, are."""
    positives = torch.tensor(triples)
    positives = with_inverse(positives) if inverse else positives
    kwargs = {"mapped_triples": positives, "corruption_scheme": scheme, "filtered": filtered, "num_negs_per_pos": 5}
    BasicNegativeSampler(**kwargs).sample(positives)
    negatives, _ = NegatERNegativeSampler(**kwargs, mine="never", loop_fraction=1.0).sample(positives)
    columns = [{"head": 0, "relation": 1, "tail": 2}[side] for side in scheme]
    others = [column for column in range(3) if column not in columns]
    assert (negatives != positives.unsqueeze(1)).any(dim=-1).all()
    assert torch.equal(negatives[..., others], positives.unsqueeze(1).expand_as(negatives)[..., others])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.long])
@pytest.mark.parametrize("base", ["basic", "bernoulli", "pseudotyped"])
def test_ids_of_any_integer_type(nations: TriplesFactory, graph: Graph, dtype: torch.dtype, base: str):
    """Whatever type the triples have that it is made with, and those of a batch."""
    drawn = []
    for kind in (torch.long, dtype):
        sampler = NegatERNegativeSampler(
            mapped_triples=nations.mapped_triples.to(kind),
            pools=make_pools(graph),
            num_negs_per_pos=3,
            hard_fraction=0.5,
            filtered=True,
            base_sampler=base,
        )
        torch.manual_seed(0)
        batch = nations.mapped_triples[:100].to(kind)
        drawn.append([*sampler.sample(batch), sampler.corrupt_batch(batch)])
    assert drawn[1][0].dtype == drawn[1][2].dtype == torch.long
    assert all(map(torch.equal, *drawn))


@pytest.mark.usefixtures("_symmetric_loops")
@pytest.mark.parametrize("inverse", [False, True])
def test_known_triples_are_not_put_in_as_loops(nations: TriplesFactory, inverse: bool):
    known = [[entity, relation, entity] for entity in range(14) for relation in range(0, 55, 2)]
    sampler = make_sampler(
        nations, None, mine="never", loop_fraction=1.0, known_triples=known, inverse=inverse, num_negs_per_pos=3
    )
    positives = sampler_triples(nations, inverse)
    negatives = sampler.corrupt_batch(positives).view(-1, 3).numpy()
    plain = without_inverse(negatives)[0] if inverse else negatives
    is_loop = plain[:, 0] == plain[:, 2]
    assert is_loop[plain[:, 1] % 2 == 1].all()
    assert not is_loop[plain[:, 1] % 2 == 0].any()


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("guard", [False, True])
def test_exact_filtering_does_not_trust_pools(nations: TriplesFactory, graph: Graph, guard: bool, inverse: bool):
    """Pools from elsewhere may hold training triples, which are drawn again and at last masked."""
    pools = make_pools(graph)
    assert len(pools.without(graph.index)) < len(pools)
    if guard:
        pools = guarded(pools, torch.zeros(0, 3).long(), np.zeros(0))
    positives = sampler_triples(nations, inverse)
    sampler = make_sampler(nations, pools, hard_fraction=1.0, filtered=True, inverse=inverse)
    known = set(map(tuple, positives.tolist()))
    negatives, mask = sampler.sample(positives)
    assert mask.tolist() == [[tuple(triple) not in known for triple in row] for row in negatives.tolist()]
    assert mask.float().mean() > 0.99


def test_pools_of_another_vocabulary(small_factory: TriplesFactory, graph: Graph):
    with pytest.raises(PoolsError, match="14 entities and 55 relations, but the graph has"):
        make_sampler(small_factory, make_pools(graph))


def test_hpo_ranges_are_parameters(nations: TriplesFactory):
    import inspect

    assert issubclass(NegatERNegativeSampler, NegativeSampler)
    assert NegatERNegativeSampler.__bases__ == (NegativeSampler,)
    assert set(NegatERNegativeSampler.hpo_default) <= set(inspect.signature(NegatERNegativeSampler).parameters)


@pytest.mark.parametrize(("max_risk", "limit"), [(None, 4.0), (1.5, 1.5), (1e6, 1e6)])
def test_nothing_too_risky_comes_from_a_pool(
    nations: TriplesFactory, graph: Graph, max_risk: float | None, limit: float
):
    pools = make_pools(graph)
    risk = np.random.default_rng(0).choice([0.1, 1.0, 2.0, 6.0, 100.0], size=len(pools))
    pools = dataclasses.replace(guarded(pools, torch.zeros(0, 3).long(), np.zeros(0)), risk=encode_risk(risk))
    sampler = make_sampler(nations, pools, max_risk=max_risk, hard_fraction=1.0)
    rows = np.repeat(np.arange(len(pools.offsets) - 1), pools.offsets.diff().numpy())
    negatives = graph.triples[rows // 2].copy()
    negatives[np.arange(len(rows)), np.array(pools.sides)[rows % 2]] = pools.replacements.numpy()
    allowed: dict[tuple, set[tuple]] = {}
    for row, negative, value in zip(rows, negatives, risk, strict=True):
        if value <= limit:
            allowed.setdefault(tuple(graph.triples[row // 2].tolist()), set()).add(tuple(negative.tolist()))
    seen = 0
    for positive, drawn in zip(
        nations.mapped_triples.tolist(), sampler.corrupt_batch(nations.mapped_triples).tolist(), strict=True
    ):
        if tuple(positive) in allowed:
            assert {tuple(negative) for negative in drawn} <= allowed[tuple(positive)]
            seen += 1
    assert seen == len(allowed) > 500


@pytest.mark.parametrize(("risk", "expected"), [(0.0, 0.25), (1.5, 0.25), (1.6, 0.0), (None, 0.25)])
def test_nothing_is_mined_by_default_if_the_guard_accepts_what_is_true(
    nations: TriplesFactory, graph: Graph, caplog: pytest.LogCaptureFixture, risk: float | None, expected: float
):
    pools = guarded(make_pools(graph), torch.zeros(0, 3).long(), np.zeros(0))
    if risk is not None:
        pools.metadata |= {"accepted_risk": risk, "max_mined_risk": 1.5}
    assert make_sampler(nations, pools, num_negs_per_pos=16).hard_fraction == expected
    assert ("None are mined" in caplog.text) == (expected == 0)
    assert make_sampler(nations, pools, num_negs_per_pos=16, hard_fraction=0.5).hard_fraction == 0.5


def test_default_share_depends_on_the_number_of_negatives(
    nations: TriplesFactory, graph: Graph, caplog: pytest.LogCaptureFixture
):
    pools = make_pools(graph)
    assert make_sampler(nations, pools, num_negs_per_pos=16).hard_fraction == 0.25
    assert make_sampler(nations, pools, num_negs_per_pos=1).hard_fraction == 0.1
    assert make_sampler(nations, pools, num_negs_per_pos=1, hard_fraction=0.6).hard_fraction == 0.6
    for limit, expected in ((0.5, 0.0), (2.0, 0.1)):
        pools.metadata["max_mined_risk"] = limit
        caplog.clear()
        assert make_sampler(nations, pools, num_negs_per_pos=16).hard_fraction == 0.25
        assert "None are mined" not in caplog.text
        assert make_sampler(nations, pools, num_negs_per_pos=1).hard_fraction == expected
        assert ("None are mined" in caplog.text) == (expected == 0)
