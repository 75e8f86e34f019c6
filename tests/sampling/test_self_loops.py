"""Self-loops: which triples can become some, and what comes out."""

import numpy as np
import pytest
import torch

from pykeen_negater.sampling.self_loops import SelfLoops, default_loop_fraction

#: Relation 0 has no loop, relation 1 has one in 200 triples, relation 2 has one in two, relation 3 no triple
TRIPLES = np.array(
    [[h, 0, h + 1] for h in range(20)] + [[7, 1, 7]] + [[h, 1, h + 1] for h in range(199)] + [[3, 2, 3], [3, 2, 4]]
)


def test_loops_are_possible_where_a_relation_has_hardly_any():
    loops = SelfLoops(torch.from_numpy(TRIPLES), 4, ["head", "tail"])
    asked = np.array([[0, 0, 1], [5, 0, 5], [0, 1, 1], [7, 1, 7], [3, 2, 4], [1, 3, 2]])
    # what is a loop itself cannot become one
    assert loops.possible(asked).tolist() == [True, False, True, False, False, True]
    assert loops.possible(asked[:0]).shape == (0,)


@pytest.mark.parametrize(("num_reversed", "expected"), [(0, True), (1, True), (2, False), (300, False)])
@pytest.mark.parametrize("dtype", [torch.long, torch.int32])
def test_symmetric_relations_get_none(num_reversed: int, expected: bool, dtype: torch.dtype):
    """A translation serves a symmetric relation by leaving entities where they are, which loops would forbid."""
    triples = torch.tensor([[h, r, h + 300] for h in range(300) for r in range(2)], dtype=dtype)
    # a triple that also holds the other way round makes two of them
    reverse = triples[triples[:, 1] == 0][:num_reversed, [2, 1, 0]]
    loops = SelfLoops(torch.cat([triples, reverse]), 2, ["head", "tail"])
    assert loops.possible(np.array([[0, 0, 1], [0, 1, 1]])).tolist() == [expected, True]


def test_inverse_relations_are_symmetric_if_their_relations_are():
    symmetric = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 2, 1], [2, 2, 3]])
    inverse = symmetric[:, [2, 1, 0]] + torch.tensor([0, 1, 0])
    loops = SelfLoops(torch.cat([symmetric, inverse]), 4, ["head", "tail"])
    assert loops.possible(np.array([[5, relation, 6] for relation in range(4)])).tolist() == [False, False, True, True]


def test_a_loop_is_not_the_other_way_round():
    """A relation with a loop among many triples keeps its loops."""
    loops = SelfLoops(torch.tensor([[3, 0, 3], *([h, 0, h + 1] for h in range(150))]), 1, ["head", "tail"])
    assert loops.possible(np.array([[4, 0, 9]])).all()


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (["head"], {(9, 0, 9)}),
        (["tail"], {(4, 0, 4)}),
        (["head", "tail"], {(9, 0, 9), (4, 0, 4)}),
        (["head", "relation", "tail"], {(9, 0, 9), (4, 0, 4)}),
    ],
)
def test_one_end_becomes_the_other(scheme: list[str], expected: set[tuple[int, ...]]):
    loops = SelfLoops(torch.from_numpy(TRIPLES), 4, scheme)
    drawn = loops.draw(np.array([[4, 0, 9]]).repeat(40, axis=0))
    assert drawn.shape == (40, 3)
    assert set(map(tuple, drawn.tolist())) == expected


def test_both_ends_alike():
    torch.manual_seed(0)
    drawn = SelfLoops(torch.from_numpy(TRIPLES), 4, ["head", "tail"]).draw(np.array([[4, 0, 9]]).repeat(4_000, axis=0))
    assert float(np.mean(drawn[..., 0] == 4)) == pytest.approx(0.5, abs=0.03)


def test_a_relation_does_not_make_a_loop():
    assert not SelfLoops(torch.from_numpy(TRIPLES), 4, ["relation"]).possible(TRIPLES).any()


@pytest.mark.parametrize(
    ("num_entities", "num_negs_per_pos", "expected"),
    [(14, 1, 0.012), (135, 1, 0.012), (135, 16, 0.003), (2_034, 1, 0.003), (2_034, 16, 0.003), (2_034, 64, 0.0015)],
)
def test_default_share(num_entities: int, num_negs_per_pos: int, expected: float):
    assert default_loop_fraction(num_entities, num_negs_per_pos) == pytest.approx(expected)


def test_default_share_falls_with_entities_and_negatives():
    shares = [[default_loop_fraction(size, count) for count in range(1, 40)] for size in range(5, 500, 5)]
    assert all((np.diff(shares, axis=axis) <= 0).all() for axis in (0, 1))
