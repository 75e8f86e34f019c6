"""What is to be avoided is drawn again, and relations keep their direction."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.sampling import BasicNegativeSampler, NegativeSampler
from pykeen.triples import TriplesFactory

from pykeen_negater.sampling.mined import without_inverse
from pykeen_negater.sampling.redrawn import RandomNegatives
from pykeen_negater.triples.graphs import Graph

from .cases import guarded, make_pools, make_sampler, sampler_triples, with_inverse


@pytest.mark.parametrize("inverse", [False, True])
def test_known_triples_and_suspected_are_drawn_less_often(nations: TriplesFactory, graph: Graph, inverse: bool):
    generator = np.random.default_rng(0)
    unknown = generator.integers(graph.num_entities, size=(1_500, 3))
    unknown[:, 1] = generator.integers(graph.num_relations, size=len(unknown))
    unknown = torch.unique(torch.from_numpy(unknown), dim=0)
    unknown = unknown[~graph.index.contains(unknown)]
    # risks of a half, one, two and eight times the limit
    risk = np.resize([2.0, 4.0, 8.0, 32.0], len(unknown))
    unguarded = make_sampler(nations, make_pools(graph), hard_fraction=0, inverse=inverse, num_negs_per_pos=64)
    sampler = make_sampler(
        nations,
        guarded(make_pools(graph), unknown, risk),
        hard_fraction=0,
        inverse=inverse,
        num_negs_per_pos=64,
    )
    positives = sampler_triples(nations, inverse)
    shares = {}
    for name, one in (("guarded", sampler), ("unguarded", unguarded)):
        torch.manual_seed(0)
        drawn = torch.cat([one.corrupt_batch(positives).view(-1, 3) for _ in range(3)])
        real = torch.from_numpy(without_inverse(drawn.numpy())[0]) if inverse else drawn
        known = graph.index.contains(real).float().mean()
        keys = Counter(map(tuple, real.tolist()))
        shares[name] = [float(known)]
        for value in (2.0, 4.0, 8.0, 32.0):
            shares[name].append(sum(keys[tuple(triple)] for triple in unknown[risk == value].tolist()) / len(real))
    ratios = np.array(shares["guarded"]) / np.array(shares["unguarded"])
    # a known triple remains if it was drawn every time
    assert ratios[0] < 0.05
    # what is not drawn falls to the others, in a graph this dense noticeably
    assert ratios[1] > 1
    assert ratios[2] == pytest.approx(ratios[1], rel=0.1)
    assert ratios[3] == pytest.approx(ratios[1] / 2, rel=0.15)
    # and where all answers are known or suspected, one of them remains
    assert ratios[1] / 8 * 0.9 < ratios[4] < ratios[1] / 4


class _Listed(NegativeSampler):
    """Draws corruptions of the tail from a list, one after the other."""

    def __init__(self, tails: Iterator[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tails = tails

    def corrupt_batch(self, positive_batch: torch.Tensor) -> torch.Tensor:
        """Take the next tails."""
        negatives = positive_batch.unsqueeze(dim=-2).repeat_interleave(self.num_negs_per_pos, dim=-2)
        negatives[..., 2] = torch.tensor(list(itertools.islice(self.tails, negatives[..., 2].numel()))).view(
            negatives.shape[:-1]
        )
        return negatives


def _listed(tails: Iterator[int], num_negs_per_pos: int = 2, negligible: float = 0.0) -> RandomNegatives:
    triples = torch.tensor([[0, 0, 1], [1, 0, 2]])
    sampler = _Listed(
        tails, mapped_triples=triples, num_entities=1_000, num_relations=1, num_negs_per_pos=num_negs_per_pos
    )
    return RandomNegatives(sampler, None, has_inverse_triples=False, negligible=negligible)


def test_only_what_is_pending_is_drawn_again():
    positives = np.array([[0, 0, 1], [1, 0, 2]])
    # tails of 500 and more are to be avoided
    negatives = _listed(itertools.cycle([700, 600, 7, 8, 9]))
    drawn = np.array([[[0, 0, 5], [0, 0, 500]], [[1, 0, 900], [1, 0, 6]]])
    left = negatives.draw_again(positives, drawn, np.array([1, 2]), lambda rows: np.flatnonzero(rows[:, 2] >= 500))
    assert left.tolist() == []
    assert drawn[0, 0].tolist() == [0, 0, 5]
    assert drawn[1, 1].tolist() == [1, 0, 6]
    assert drawn[..., 2].max() < 500
    assert drawn[0, :, 0].tolist() == [0, 0]
    assert drawn[1, :, 0].tolist() == [1, 1]


def test_it_ends_where_there_is_nothing_else():
    drawn = np.array([[[0, 0, 500]]])
    negatives = _listed(itertools.repeat(500), num_negs_per_pos=1)
    left = negatives.draw_again(
        np.array([[0, 0, 1]]), drawn, np.array([0]), lambda rows: np.flatnonzero(rows[:, 2] >= 500)
    )
    assert left.tolist() == [0]
    assert drawn.tolist() == [[[0, 0, 500]]]


def test_a_negligible_share_stays():
    negatives = _listed(iter([]), negligible=0.5)
    drawn = np.array([[[0, 0, 500], [0, 0, 5]]])
    # nothing is drawn, since there is nothing left to draw from
    assert negatives.draw_again(
        np.array([[0, 0, 1]]), drawn, np.array([0]), lambda _: pytest.fail("looked again")
    ).tolist() == [0]


def test_no_positives_have_no_negatives():
    drawn, avoided = _listed(iter([])).draw(np.empty((0, 3), dtype=np.int64))
    assert drawn.shape == (0, 2, 3)
    assert avoided.shape == (0,)


def test_relations_keep_their_direction_and_are_drawn_alike(nations: TriplesFactory):
    triples = with_inverse(nations.mapped_triples)
    base = BasicNegativeSampler(
        mapped_triples=triples,
        num_entities=14,
        num_relations=6,
        num_negs_per_pos=300,
        corruption_scheme=["relation"],
    )
    positives = np.array([[0, 2, 1], [1, 3, 0]])
    torch.manual_seed(0)
    drawn, _ = RandomNegatives(base, None, has_inverse_triples=True).draw(positives)
    for row, others in enumerate(([0, 4], [1, 5])):
        counts = Counter(drawn[row, :, 1].tolist())
        assert sorted(counts) == others
        assert min(counts.values()) > 100
