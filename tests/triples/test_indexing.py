"""Keys and sets of triples against Python integers and sets."""

import numpy as np
import pytest
import torch

from pykeen_negater.triples.indexing import (
    TripleIndex,
    check_corruption_scheme,
    check_key_space,
    expand_ranges,
    hash_keys,
    keys_to_triples,
    triples_to_keys,
)

from ..cases import random_graph

#: 2**31 * 1 * 2**31 is 2**62, a quarter of what fits
HUGE = 2**31


def test_keys_agree_with_python_integers():
    triples = random_graph(0).triples
    expected = [(h * 4 + r) * 20 + t for h, r, t in triples.tolist()]
    assert triples_to_keys(triples, 20, 4).tolist() == expected
    assert triples_to_keys(torch.from_numpy(triples), 20, 4).tolist() == expected


def test_keys_of_any_shape():
    triples = random_graph(0).triples[:12]
    flat = triples_to_keys(triples, 20, 4)
    np.testing.assert_array_equal(triples_to_keys(triples.reshape(3, 4, 3), 20, 4), flat.reshape(3, 4))
    assert triples_to_keys(torch.from_numpy(triples[0]), 20, 4).item() == flat[0]


@pytest.mark.parametrize(("num_entities", "num_relations"), [(1, 1), (20, 4), (HUGE, 2), (3_037_000_499, 1)])
def test_keys_round_trip_up_to_the_largest(num_entities, num_relations):
    generator = np.random.default_rng(0)
    sizes = (num_entities, num_relations, num_entities)
    triples = np.stack([generator.integers(size, size=50) for size in sizes], axis=-1)
    triples = np.concatenate([triples, [[0, 0, 0], [size - 1 for size in sizes]]])
    keys = triples_to_keys(triples, num_entities, num_relations)
    assert keys.min() >= 0
    np.testing.assert_array_equal(keys_to_triples(keys, num_entities, num_relations), triples)


def test_keys_sort_as_triples_do():
    triples = np.random.default_rng(0).permutation(random_graph(0).triples)
    by_key = triples[np.argsort(triples_to_keys(triples, 20, 4))]
    assert by_key.tolist() == sorted(triples.tolist())


@pytest.mark.parametrize("num_bits", [1, 3, 20, 63])
def test_hashes_agree_with_python_integers(num_bits: int):
    keys = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, size=500, endpoint=True)
    expected = [(key * -7046029254386353131 % 2**64) >> (64 - num_bits) for key in keys.tolist()]
    assert hash_keys(keys, num_bits).tolist() == expected
    assert hash_keys(torch.from_numpy(keys), num_bits).tolist() == expected


def test_hashes_scatter_neighbours():
    # of as many random places, 632 would differ
    assert len(np.unique(hash_keys(np.arange(1_000), 10))) > 800


@pytest.mark.parametrize("of", [torch.from_numpy, np.asarray])
@pytest.mark.parametrize("seed", range(3))
def test_index_agrees_with_a_set(seed, of):
    generator = np.random.default_rng(seed)
    triples = generator.integers((6, 3, 6), size=(60, 3))
    index = TripleIndex.from_triples(triples, 6, 3)
    expected = {tuple(triple) for triple in triples.tolist()}
    assert len(index) == len(expected) < 60
    # ids out of range by a little, so that their keys collide with those of others
    queries = of(generator.integers(-8, 14, size=(4000, 3)))
    assert index.contains(queries).tolist() == [tuple(query) in expected for query in queries.tolist()]
    assert index.contains(of(triples)).all()


@pytest.mark.parametrize("of", [torch.tensor, np.array])
def test_colliding_ids_out_of_range_are_not_found(of):
    index = TripleIndex.from_triples(torch.tensor([[1, 0, 0]]), 3, 2)
    impostors = of([[0, 2, 0], [0, 1, 3], [2, -2, 0], [1, 1, -3], [0, 0, 6]])
    assert triples_to_keys(impostors, 3, 2).tolist() == index.keys.tolist() * len(impostors)
    assert not index.contains(impostors).any()
    assert index.contains(of([1, 0, 0]))


def test_index_does_not_depend_on_order_or_type():
    triples = random_graph(0).triples
    shuffled = torch.from_numpy(np.random.default_rng(0).permutation(triples).repeat(2, axis=0))
    assert TripleIndex.from_triples(shuffled, 20, 4).keys.tolist() == triples_to_keys(triples, 20, 4).tolist()


def test_lookup_gives_positions_among_sorted_triples():
    triples = random_graph(0).triples
    index = TripleIndex.from_triples(triples, 20, 4)
    order = torch.randperm(len(triples), generator=torch.Generator().manual_seed(0))
    for queries in (torch.from_numpy(triples)[order], triples[order.numpy()]):
        position, found = index.lookup(queries)
        assert found.all()
        assert position.tolist() == order.tolist()


@pytest.mark.parametrize("of", [torch.tensor, np.array])
def test_lookup_of_absent_triples_gives_valid_positions(of):
    index = TripleIndex.from_triples(torch.tensor([[0, 0, 1], [1, 0, 1]]), 3, 1)
    position, found = index.lookup(of([[0, 0, 0], [2, 0, 2], [9, 9, 9], [-9, 0, 0]]))
    assert not found.any()
    assert ((position >= 0) & (position < 2)).all()


@pytest.mark.parametrize("of", [torch.from_numpy, np.asarray])
def test_lookup_of_any_shape(of):
    triples = of(random_graph(0).triples[:12])
    index = TripleIndex.from_triples(triples, 20, 4)
    position, found = index.lookup(triples.reshape(2, 6, 3))
    assert position.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert found.shape == (2, 6)
    assert index.contains(triples[:0]).shape == (0,)


@pytest.mark.parametrize("of", [torch.from_numpy, np.asarray])
def test_empty_index_holds_nothing(of):
    index = TripleIndex.from_triples(torch.empty(0, 3, dtype=torch.long), 3, 2)
    position, found = index.lookup(of(np.zeros((2, 5, 3), dtype=np.int64)))
    assert len(index) == 0
    assert position.shape == found.shape == (2, 5)
    assert found.dtype in (torch.bool, bool)
    assert not found.any()


def test_key_space_limit_is_exact():
    # isqrt(2**63 - 1)
    check_key_space(3_037_000_499, 1)
    with pytest.raises(ValueError, match=r"3,037,000,500 entities and 1 relations make more .* than fit into 64 bits"):
        check_key_space(3_037_000_500, 1)


@pytest.mark.parametrize("build", [TripleIndex, TripleIndex.from_triples])
def test_index_checks_the_key_space(build):
    with pytest.raises(ValueError, match="fit into 64 bits"):
        build(torch.empty(0, 3, dtype=torch.long), HUGE, 2**10)


@pytest.mark.parametrize("counts", [(0, 1), (1, 0), (-1, 2)])
def test_empty_vocabulary(counts):
    with pytest.raises(ValueError, match=f"at least one entity and one relation, but has {counts[0]} and {counts[1]}"):
        check_key_space(*counts)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (["tail", "head"], ("head", "tail")),
        ({"relation"}, ("relation",)),
        (("t", "r", "h", "head"), ("head", "relation", "tail")),
    ],
)
def test_corruption_scheme(scheme, expected):
    assert check_corruption_scheme(scheme) == expected


@pytest.mark.parametrize("scheme", [[], "", "head", "h", "hrt", ["subject"], ["head", ""], ["HEAD"], [0]])
def test_bad_corruption_scheme(scheme):
    with pytest.raises(ValueError, match=r"found corruption_scheme=.*, expected a collection of one or more of 'head'"):
        check_corruption_scheme(scheme)


def test_ranges_are_expanded_one_after_the_other():
    starts, counts = np.array([7, 0, 3, 3]), np.array([2, 0, 3, 1])
    expected = [member for start, count in zip(starts, counts, strict=True) for member in range(start, start + count)]
    assert expand_ranges(starts, counts).tolist() == expected
    assert expand_ranges(starts[:0], counts[:0]).tolist() == []
