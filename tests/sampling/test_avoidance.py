"""Avoided triples against a set: exact, whatever their hashes are."""

import itertools

import numpy as np
import pytest
import torch

from pykeen_negater.sampling.avoidance import AvoidedTriples
from pykeen_negater.triples.indexing import bit_of, hash_keys, triples_to_keys

#: 2**31 * 1 * 2**31 is 2**62, a quarter of what fits
HUGE = 2**31


def _avoid(triples: torch.Tensor, num_entities: int, num_relations: int) -> AvoidedTriples:
    """Avoid triples always."""
    keys = triples_to_keys(triples, num_entities, num_relations).unique()
    return AvoidedTriples([(keys, None)], num_entities, num_relations)


def _found(avoided: AvoidedTriples, triples: torch.Tensor) -> torch.Tensor:
    """Turn positions into a mask."""
    mask = torch.zeros(len(triples), dtype=torch.bool)
    positions = avoided.find(triples.numpy())
    assert positions.tolist() == sorted(set(positions.tolist()))
    mask[positions] = True
    return mask


def _draw(num_entities: int, num_relations: int, size: int, seed: int = 0) -> torch.Tensor:
    generator = np.random.default_rng(seed)
    return torch.from_numpy(generator.integers((num_entities, num_relations, num_entities), size=(size, 3)))


@pytest.mark.parametrize("size", [1, 31, 1_000, 40_000])
@pytest.mark.parametrize(("num_entities", "num_relations"), [(300, 7), (100_000, 200), (HUGE, 2)])
def test_finds_what_was_put_in_and_nothing_else(size, num_entities, num_relations):
    triples = _draw(num_entities, num_relations, size)
    avoided = _avoid(triples, num_entities, num_relations)
    assert _found(avoided, triples).all()
    others = _draw(num_entities, num_relations, 20_000, seed=1)
    put_in = set(map(tuple, triples.tolist()))
    assert _found(avoided, others).tolist() == [tuple(other) in put_in for other in others.tolist()]


def test_the_table_clears_nearly_all_others():
    triples = _draw(100_000, 200, 40_000)
    avoided = _avoid(triples, 100_000, 200)
    # eight places to a byte
    taken = np.unpackbits(avoided._table).sum()
    assert 0 < taken / (8 * len(avoided._table)) < 1 / 31
    keys = triples_to_keys(triples, 100_000, 200)
    byte, bit = bit_of(hash_keys(keys.numpy(), avoided._num_bits))
    assert (avoided._table[byte] >> bit & 1).all()


def test_neighbours_in_key_space_are_told_apart():
    every = torch.tensor(list(itertools.product(range(40), range(3), range(40))))
    avoided = _avoid(every[:600], 40, 3)
    assert _found(avoided, every).tolist() == [True] * 600 + [False] * 4_200


def test_no_triples():
    avoided = _avoid(_draw(20, 4, 12), 20, 4)
    assert avoided.find(_draw(20, 4, 12)[:0].numpy()).shape == (0,)


def test_nothing_to_avoid():
    avoided = AvoidedTriples([(torch.empty(0, dtype=torch.long), torch.empty(0))], 20, 4)
    assert not _found(avoided, _draw(20, 4, 500)).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_share_is_avoided(share):
    triples = _draw(HUGE, 2, 50)
    keys = triples_to_keys(triples, HUGE, 2).sort().values
    avoided = AvoidedTriples([(keys, torch.full((50,), share))], HUGE, 2)
    torch.manual_seed(0)
    found = torch.stack([_found(avoided, triples) for _ in range(400)]).float()
    assert found.mean().item() == pytest.approx(share, abs=0.01)
    # each for itself, not all or none at once
    assert (found.mean(dim=0) - share).abs().max() < 0.12
    assert (found.mean(dim=1) - share).abs().max() < 0.35
    if share in (0, 1):
        assert (found == share).all()


def test_shares_belong_to_their_triples():
    triples = _draw(HUGE, 2, 300)
    shares = torch.arange(300) % 3 / 2
    keys, order = triples_to_keys(triples, HUGE, 2).sort()
    avoided = AvoidedTriples([(keys, shares[order])], HUGE, 2)
    torch.manual_seed(0)
    found = torch.stack([_found(avoided, triples) for _ in range(200)]).float().mean(dim=0)
    assert ((found - shares).abs() < 0.15).all()
    assert set(found[shares != 0.5].tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("shares", [[1.0, 0.0], [0.0, 1.0], [0.3, None]])
def test_of_what_is_in_several_sets_the_largest_share_counts(shares):
    sets = [(torch.tensor([7]), None if share is None else torch.tensor([share])) for share in shares]
    avoided = AvoidedTriples(sets, 5, 1)
    assert all(avoided.find(np.array([[1, 0, 2]])).tolist() == [0] for _ in range(100))
