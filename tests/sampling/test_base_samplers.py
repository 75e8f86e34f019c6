"""What draws the negatives that are not mined, within the corruption scheme."""

import pytest
import torch
from pykeen.sampling import BasicNegativeSampler
from pykeen.triples import TriplesFactory

from pykeen_negater import NegatERNegativeSampler
from pykeen_negater.triples.graphs import Graph

from .cases import make_pools, make_sampler, sampler_triples


class _OfBasic(BasicNegativeSampler):
    """A sampler that hands a corruption scheme on."""

    def __init__(self, **kwargs) -> None:
        """Take the same."""
        super().__init__(**kwargs)


@pytest.mark.parametrize(
    ("scheme", "base", "triples", "message"),
    [
        (["head", "tail"], "basic", [[0, 0, 0], [0, 1, 0]], "found a graph of a single entity, expected two or more"),
        (["head", "tail"], "bernoulli", [[0, 0, 0], [0, 1, 0]], "found a graph of a single entity"),
        (["tail"], "pseudotyped", [[0, 0, 0], [0, 1, 0]], "found a graph of a single entity"),
        (["relation"], "basic", [[0, 0, 1], [1, 0, 2]], "found a graph of a single relation, expected two or more"),
        (["tail", "relation"], "basic", [[0, 0, 1], [1, 0, 2]], "found a graph of a single relation"),
        (["relation"], "bernoulli", [[0, 0, 1], [1, 1, 2]], "'bernoulli', which corrupts heads and tails only"),
    ],
)
def test_nothing_to_corrupt(scheme: list[str], base: str, triples: list[list[int]], message: str):
    """Where PyKEEN's samplers fail in the first batch, in words that are none."""
    with pytest.raises(ValueError, match=message):
        NegatERNegativeSampler(
            mapped_triples=torch.tensor(triples), mine="never", corruption_scheme=scheme, base_sampler=base
        )


@pytest.mark.parametrize("base", ["bernoulli", "pseudotyped"])
@pytest.mark.parametrize("side", ["head", "tail"])
@pytest.mark.parametrize("inverse", [False, True])
def test_one_side_of_base_samplers_without_a_scheme(nations: TriplesFactory, base: str, side: str, inverse: bool):
    """Nothing else changes: Bernoulli's other side is uniform, and the pseudo-typed ones are of the relation."""
    sampler = make_sampler(
        nations, None, mine="never", corruption_scheme=[side], base_sampler=base, inverse=inverse, num_negs_per_pos=200
    )
    positives = sampler_triples(nations, inverse)
    column = {"head": 0, "tail": 2}[side]
    torch.manual_seed(0)
    chosen = positives[:: len(positives) // 40]
    for positive, drawn in zip(chosen.tolist(), sampler.corrupt_batch(chosen).tolist(), strict=True):
        typed = {triple[column] for triple in positives.tolist() if triple[1] == positive[1]}
        expected = typed if base == "pseudotyped" else set(range(nations.num_entities)) - {positive[column]}
        assert {negative[column] for negative in drawn} == expected
        kept = [c for c in range(3) if c != column]
        assert all([negative[c] for c in kept] == [positive[c] for c in kept] for negative in drawn)


def test_relations_that_no_base_sampler_corrupts_are_named(nations: TriplesFactory, caplog: pytest.LogCaptureFixture):
    scheme = ["head", "relation", "tail"]
    make_sampler(nations, None, mine="never", corruption_scheme=scheme)
    assert "no relation is corrupted at random" not in caplog.text
    make_sampler(nations, None, mine="never", corruption_scheme=scheme, base_sampler="bernoulli")
    assert "The base sampler bernoulli corrupts heads and tails only" in caplog.text


def test_corruption_scheme_goes_to_base_samplers_that_take_one(nations: TriplesFactory, graph: Graph):
    pools = make_pools(graph, (0,))
    basic = make_sampler(nations, pools, corruption_scheme=["head"])
    assert list(
        make_sampler(nations, pools, corruption_scheme=["head"], base_sampler=_OfBasic).base_sampler.corruption_scheme
    ) == ["head"]
    assert isinstance(basic.base_sampler, BasicNegativeSampler)
    assert list(basic.base_sampler.corruption_scheme) == ["head"]
    make_sampler(nations, pools, corruption_scheme=["head"], base_sampler="bernoulli")
