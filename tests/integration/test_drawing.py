"""What is drawn, in every combination of parameters, against a naive oracle; and how often."""

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pykeen.sampling import BasicNegativeSampler

from pykeen_negater import NegatERNegativeSampler, NegativePools
from pykeen_negater.pools.codec import encode_risk
from pykeen_negater.sampling.mined import has_inverses
from pykeen_negater.sampling.self_loops import SelfLoops
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import SIDES, TripleIndex, keys_to_triples

from ..sampling.cases import make_pools, with_inverse

Triple = tuple[int, int, int]

SCHEMES = [sides for n in (1, 2, 3) for sides in itertools.combinations(SIDES, n)]


def as_set(triples: torch.Tensor | np.ndarray) -> set[Triple]:
    """Turn triples into plain values."""
    return set(map(tuple, triples.tolist()))


def real(triple: Triple, inverse: bool) -> Triple:
    """Say a triple in real relations."""
    head, relation, tail = triple
    if not inverse:
        return triple
    return (tail, relation // 2, head) if relation % 2 else (head, relation // 2, tail)


@dataclasses.dataclass
class Case:
    """A sampler, and what there is to know about it."""

    num_entities: int
    num_relations: int
    inverse: bool
    scheme: tuple[str, ...]
    base: str
    positives: list[Triple]
    #: Triples that the user knows, with real relations
    known: set[Triple]

    @property
    def train(self) -> set[Triple]:
        """The positives with real relations."""
        return {real(triple, self.inverse) for triple in self.positives}

    def random_corruptions(self, positive: Triple) -> set[Triple]:
        """List all that the base sampler may put in the place of a triple."""
        result = set()
        for side in self.scheme:
            column = SIDES[side]
            if column != 1:
                choices: set[int] = set(range(self.num_entities))
                if self.base == "pseudotyped":
                    choices = {triple[column] for triple in self.positives if triple[1] == positive[1]}
            elif self.base != "basic":
                choices = set()
            else:
                choices = set(range(self.num_relations * (2 if self.inverse else 1)))
                if self.inverse:
                    choices = {choice for choice in choices if choice % 2 == positive[1] % 2}
            result |= {(*positive[:column], choice, *positive[column + 1 :]) for choice in choices}
        return result if self.base == "pseudotyped" else result - {positive}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, dict, int]:
    """Draw a graph, pools of anything, and parameters."""
    generator = np.random.default_rng(draw(st.integers(0, 2**20)))
    num_entities, num_relations = draw(st.integers(3, 9)), draw(st.integers(2, 4))
    limits = (num_entities, num_relations, num_entities)
    triples = np.unique(generator.integers(limits, size=(draw(st.sampled_from([6, 25, 60])), 3)), axis=0)
    inverse = draw(st.booleans())
    scheme = draw(st.sampled_from(SCHEMES))
    base = draw(st.sampled_from(["basic", "bernoulli", "pseudotyped"] if scheme != ("relation",) else ["basic"]))
    positives = torch.from_numpy(triples)
    positives = with_inverse(positives) if inverse else positives
    # by chance, a few triples can be each other's inverses
    assume(inverse or not has_inverses(triples, num_relations))
    known = as_set(generator.integers(limits, size=(20, 3))) if draw(st.booleans()) else set()
    case = Case(num_entities, num_relations, inverse, scheme, base, list(map(tuple, positives.tolist())), known)
    graph = Graph.from_triples(triples, num_entities, num_relations)
    pools: NegativePools | None = None
    if draw(st.booleans()):
        pools = make_pools(graph, tuple(SIDES[side] for side in SIDES), seed=0)
        if draw(st.booleans()):
            keys = np.unique(generator.integers(num_entities**2 * num_relations, size=10))
            pools = dataclasses.replace(
                pools,
                suspected=torch.from_numpy(keys),
                suspected_risk=encode_risk(np.full(len(keys), 8.0)),
                metadata={"max_risk": 4.0},
            )
    kwargs = {
        "mapped_triples": positives,
        "num_entities": num_entities,
        "num_relations": num_relations * (2 if inverse else 1),
        "num_negs_per_pos": draw(st.sampled_from([1, 2, 7])),
        "corruption_scheme": scheme,
        "base_sampler": base,
        "hard_fraction": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "loop_fraction": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "strategy": draw(st.sampled_from(["uniform", "top", "softmax"])),
        "filtered": draw(st.booleans()),
        "pools": pools,
        "mine": "never",
        "known_triples": sorted(known) or None,
    }
    return case, kwargs, draw(st.integers(0, 99))


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=cases())
def test_whatever_is_drawn_is_what_was_asked_for(drawn: tuple[Case, dict, int]):
    case, kwargs, seed = drawn
    sampler = NegatERNegativeSampler(**kwargs)
    assert sampler.has_inverse_triples == case.inverse
    torch.manual_seed(seed)
    negatives, mask = sampler.sample(kwargs["mapped_triples"])
    assert negatives.dtype == torch.long
    assert negatives.shape == (len(case.positives), kwargs["num_negs_per_pos"], 3)
    assert (mask is not None) == kwargs["filtered"]
    columns = {SIDES[side] for side in case.scheme}
    truth = case.train | case.known
    # training triples are looked up together with pools, or by the filterer
    never = case.known if kwargs["pools"] is None and not kwargs["filtered"] else truth
    loops = SelfLoops(kwargs["mapped_triples"], kwargs["num_relations"], case.scheme)
    can_be_loop = loops.possible(kwargs["mapped_triples"].numpy()).tolist()
    for i, (positive, row) in enumerate(zip(case.positives, negatives.tolist(), strict=True)):
        possible = {real(triple, case.inverse) for triple in case.random_corruptions(positive)}
        for j, negative in enumerate(map(tuple, row)):
            assert min(negative) >= 0
            assert max(negative[0], negative[2]) < case.num_entities
            assert negative[1] < kwargs["num_relations"]
            changed = {column for column in range(3) if negative[column] != positive[column]}
            assert changed <= columns
            assert len(changed) <= 1
            if case.inverse:
                assert negative[1] % 2 == positive[1] % 2
            plain = real(negative, case.inverse)
            # where all that can be drawn is known, one of it is drawn
            if possible - never:
                assert plain not in (truth if kwargs["filtered"] else case.known)
            if kwargs["loop_fraction"] == 1 and can_be_loop[i] and not kwargs["filtered"]:
                assert negative[0] == negative[2] or {
                    real((e, positive[1], e), case.inverse) for e in (positive[0], positive[2])
                } & (truth | as_suspected(kwargs["pools"]))
            if mask is not None and bool(mask.any(dim=None)) and mask.sum() > 1:
                assert bool(mask[i, j]) == (plain not in truth)
    if mask is not None:
        assert mask.any()


def as_suspected(pools: NegativePools | None) -> set[Triple]:
    """List what pools avoid beyond training triples."""
    if pools is None:
        return set()
    return as_set(keys_to_triples(pools.suspected.numpy(), pools.num_entities, pools.num_relations))


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_corruption_that_is_allowed_is_drawn_alike(scheme: tuple[str, ...], inverse: bool):
    """Known ones never, risky ones as often as their risk allows, and all others alike, whatever their hashes are."""
    size = (30, 12, 30)
    generator = np.random.default_rng(0)
    triples = np.unique(generator.integers(size, size=(2_000, 3)), axis=0)
    graph = Graph.from_triples(triples, size[0], size[1])
    positives = torch.from_numpy(triples)
    positives = with_inverse(positives) if inverse else positives
    positive = tuple(positives[-1].tolist())
    case = Case(size[0], size[1], inverse, scheme, "basic", list(map(tuple, positives.tolist())), set())
    possible = sorted(case.random_corruptions(positive))
    unknown = [triple for triple in possible if real(triple, inverse) not in case.train]
    suspected, known = (
        {real(triple, inverse) for triple in unknown[::5]},
        [real(t, inverse) for t in unknown[1::5]],
    )
    index = TripleIndex.from_triples(np.array(sorted(suspected)), *size[:2])
    pools = dataclasses.replace(
        make_pools(graph),
        suspected=index.keys,
        suspected_risk=encode_risk(np.full(len(index), 8.0)),
        metadata={"max_risk": 4.0},
    )
    if "head" not in scheme and "tail" not in scheme:
        pools = dataclasses.replace(make_pools(graph, (1,)), suspected=pools.suspected, metadata=pools.metadata,
                                    suspected_risk=pools.suspected_risk)  # fmt: skip
    sampler = NegatERNegativeSampler(
        mapped_triples=positives,
        num_entities=size[0],
        num_relations=size[1] * (2 if inverse else 1),
        num_negs_per_pos=60_000,
        corruption_scheme=scheme,
        hard_fraction=0.0,
        loop_fraction=0.0,
        pools=pools,
        known_triples=known,
    )
    torch.manual_seed(0)
    counts = Counter(map(tuple, sampler.corrupt_batch(torch.tensor([positive]))[0].tolist()))
    for side in scheme:
        column = SIDES[side]
        own = [triple for triple in unknown if triple[column] != positive[column]]
        free = [t for t in own if real(t, inverse) not in suspected and real(t, inverse) not in known]
        risky = [t for t in own if real(t, inverse) in suspected]
        expected = np.mean([counts[triple] for triple in free])
        deviations = [(counts[triple] - expected) / expected**0.5 for triple in free]
        deviations += [(counts[triple] - expected / 2) / (expected / 2) ** 0.5 for triple in risky]
        assert expected > 100
        assert np.abs(deviations).max() < 4.5
    assert not set(known) & {real(triple, inverse) for triple in counts}
    assert not case.train & {real(triple, inverse) for triple in counts}


@pytest.mark.parametrize("inverse", [False, True])
def test_all_but_one_are_known(inverse: bool):
    """The one that is not is drawn, however many are."""
    every = np.array(list(itertools.product(range(40), range(2), range(40))))
    positives = torch.tensor([[0, 0, 1], [2, 1, 3]])
    left = {(0, 0, 39), (39, 1, 3)}
    known = [triple for triple in map(tuple, every.tolist()) if triple not in left]
    sampler = NegatERNegativeSampler(
        mapped_triples=with_inverse(positives) if inverse else positives,
        num_entities=40,
        num_relations=4 if inverse else 2,
        num_negs_per_pos=5,
        mine="never",
        known_triples=known,
    )
    for seed in range(5):
        torch.manual_seed(seed)
        drawn = sampler.corrupt_batch(sampler_positives := with_inverse(positives) if inverse else positives)
        assert len(drawn) == len(sampler_positives)
        assert {real(t, inverse) for t in as_set(drawn.view(-1, 3))} == left


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_pools_and_loops_it_is_basic(scheme: tuple[str, ...]):
    """The very same negatives."""
    triples = torch.from_numpy(np.random.default_rng(0).integers((50, 7, 50), size=(200, 3)))
    kwargs = {"mapped_triples": triples, "num_negs_per_pos": 6, "corruption_scheme": scheme}
    sampler = NegatERNegativeSampler(**kwargs, mine="never", loop_fraction=0.0)
    torch.manual_seed(3)
    expected = BasicNegativeSampler(**kwargs).corrupt_batch(triples)
    torch.manual_seed(3)
    assert torch.equal(sampler.corrupt_batch(triples), expected)
