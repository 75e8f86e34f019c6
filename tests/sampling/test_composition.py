"""What a sampler says of its negatives is what it draws."""

from pathlib import Path

import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater.sampling.composition import Composition
from pykeen_negater.triples.graphs import Graph

from .cases import make_pools, make_sampler


@pytest.mark.parametrize(
    ("composition", "text"),
    [
        (
            Composition(0.248, 0.003, 0.99, guarded=True, pools=Path("a.pools"), reason=None),
            "Negatives: 24.8 % mined (99.0 % of the triples have some), 74.9 % guarded random, 0.3 % loops; pools: "
            "a.pools.",
        ),
        (
            Composition(0.0, 0.0, 0.5, guarded=False, pools=None, reason="the guard has no skill."),
            "Negatives: 0.0 % mined, 100.0 % random, 0.0 % loops. None are mined: the guard has no skill.",
        ),
    ],
)
def test_one_line(composition: Composition, text: str):
    assert str(composition) == text


def test_what_is_neither_mined_nor_a_loop_is_random():
    composition = Composition(0.2, 0.05, 0.9, guarded=False, pools=None, reason=None)
    assert composition.random == pytest.approx(0.75)


@pytest.mark.usefixtures("_symmetric_loops")
@pytest.mark.parametrize(("hard_fraction", "loop_fraction"), [(0.0, 0.0), (0.5, 0.0), (0.5, 0.25)])
def test_the_shares_are_those_of_batches(
    nations: TriplesFactory,
    graph: Graph,
    hard_fraction: float,
    loop_fraction: float,
    monkeypatch: pytest.MonkeyPatch,
):
    pools = make_pools(graph)
    sampler = make_sampler(
        nations, pools, hard_fraction=hard_fraction, loop_fraction=loop_fraction, num_negs_per_pos=40
    )

    def corrupt_batch(positive_batch: torch.Tensor) -> torch.Tensor:
        """Mark what is random by its head."""
        negatives = positive_batch.unsqueeze(dim=1).repeat(1, sampler.base_sampler.num_negs_per_pos, 1)
        negatives[..., 0] = -1
        return negatives

    monkeypatch.setattr(sampler.base_sampler, "corrupt_batch", corrupt_batch)
    torch.manual_seed(0)
    drawn = sampler.corrupt_batch(nations.mapped_triples)
    random = (drawn[..., 0] == -1).float().mean()
    composition = sampler.composition
    sizes = pools.offsets.diff().view(pools.num_triples, -1).sum(dim=1)
    assert composition.coverage == pytest.approx(float((sizes > 0).float().mean()))
    assert composition.mined == pytest.approx(hard_fraction * composition.coverage * (1 - composition.loops), abs=0.02)
    assert composition.loops == pytest.approx(loop_fraction, abs=0.02)
    assert float(random) == pytest.approx(composition.random, abs=0.02)
    assert not composition.guarded
    assert composition.pools is None
