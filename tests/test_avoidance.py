"""Avoided triples against a set."""

import itertools

import numpy as np
import pytest
import torch

from pykeen_negater.avoidance import AvoidedTriples
from pykeen_negater.indexing import hash_keys, triples_to_keys

#: 2**31 * 1 * 2**31 is 2**62, a quarter of what fits
HUGE = 2**31


def _avoid(triples: torch.Tensor, num_entities: int, num_relations: int) -> AvoidedTriples:
    """Avoid triples always."""
    keys = triples_to_keys(triples, num_entities, num_relations)
    return AvoidedTriples(keys, torch.ones(len(keys)), num_entities, num_relations)


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
def test_finds_everything_put_in_and_few_others(size, num_entities, num_relations):
    triples = _draw(num_entities, num_relations, size)
    avoided = _avoid(triples, num_entities, num_relations)
    assert _found(avoided, triples).all()
    others = _draw(num_entities, num_relations, 20_000, seed=1)
    put_in = set(map(tuple, triples.tolist()))
    found = _found(avoided, others)
    wrong = sum(bool(f) and tuple(o) not in put_in for o, f in zip(others.tolist(), found.tolist(), strict=True))
    # one in 32 places is taken, or fewer
    assert wrong / len(others) < 0.045


@pytest.mark.parametrize(("size", "num_bits"), [(60, 11), (70, 12), (500, 12), (520, 13), (4_000, 15), (5_000, 16)])
def test_table_of_many_has_fewer_places_for_each(size: int, num_bits: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.avoidance._MANY_BITS", 12)
    avoided = _avoid(_draw(HUGE, 2, size), HUGE, 2)
    assert len(avoided._table) == 2**num_bits
    assert _found(avoided, _draw(HUGE, 2, 20_000, seed=1)).float().mean() < 0.135


def test_neighbours_in_key_space_are_told_apart():
    """Keys that follow each other are as good as random ones: a few per cent are found for nothing."""
    every = torch.tensor(list(itertools.product(range(40), range(3), range(40))))
    avoided = _avoid(every[:600], 40, 3)
    assert _found(avoided, every[:600]).all()
    assert _found(avoided, every[600:]).float().mean() < 0.1


def test_hashes_of_both_signs_are_found():
    """Half of all products are negative, whose shifted bits must still be places of the table."""
    triples = _draw(HUGE, 2, 2_000)
    keys = triples_to_keys(triples, HUGE, 2)
    avoided = AvoidedTriples(keys, torch.ones(len(keys)), HUGE, 2)
    places = hash_keys(keys, len(avoided._table).bit_length() - 1)
    negative = keys * -7046029254386353131 < 0
    assert 500 < negative.sum() < 1_500
    assert places.min() >= 0
    assert places.max() < len(avoided._table)
    # the largest places are reached through negative products, and the smallest through positive ones
    for half in (negative, ~negative):
        assert _found(avoided, triples[half]).all()
        assert len(places[half].unique()) > 0.9 * half.sum()


def test_few_others_are_found_whatever_the_multiplier_does_to_small_keys():
    assert len(hash_keys(torch.arange(100), 12).unique()) > 90


def test_no_triples():
    avoided = _avoid(_draw(20, 4, 12), 20, 4)
    assert avoided.find(_draw(20, 4, 12)[:0].numpy()).shape == (0,)


def test_nothing_to_avoid():
    avoided = AvoidedTriples(torch.empty(0, dtype=torch.long), torch.empty(0), 20, 4)
    assert not _found(avoided, _draw(20, 4, 500)).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_share_is_avoided(share):
    triples = _draw(HUGE, 2, 50)
    keys = triples_to_keys(triples, HUGE, 2)
    avoided = AvoidedTriples(keys, torch.full((50,), share), HUGE, 2)
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
    order = torch.from_numpy(np.random.default_rng(0).permutation(300))
    keys = triples_to_keys(triples, HUGE, 2)
    avoided = AvoidedTriples(keys[order], shares[order], HUGE, 2)
    torch.manual_seed(0)
    found = torch.stack([_found(avoided, triples) for _ in range(200)]).float().mean(dim=0)
    # a few share a place with one that is avoided more often
    assert ((found - shares).abs() < 0.15).float().mean() > 0.9
    assert (found >= shares - 0.15).all()


@pytest.mark.parametrize("shares", [[1.0, 0.0], [0.0, 1.0], [0.3, 1.0]])
def test_of_those_that_share_a_place_the_most_avoided_counts(shares):
    avoided = AvoidedTriples(torch.tensor([7, 7]), torch.tensor(shares), 5, 1)
    assert all(avoided.find(np.array([[1, 0, 2]])).tolist() == [0] for _ in range(100))
