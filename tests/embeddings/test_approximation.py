"""Approximate indices: which one suits, what they find, and what FAISS refuses."""

import logging
from typing import Any

import faiss
import numpy as np
import pytest

from pykeen_negater.embeddings.approximation import (
    Approximation,
    approximate,
    cells_factory,
    check_factory,
    default_factory,
)
from pykeen_negater.embeddings.neighbors import NeighborIndex

from ..cases import random_vectors
from .conftest import METRICS, check_neighbors, clustered, recall_of


@pytest.mark.parametrize(
    ("size", "dim", "num_queries", "expected"),
    [
        (0, 384, None, "Flat"),
        (2**15, 384, None, "Flat"),
        (2**15 + 1, 384, None, "IVF256,PQ96x4fs,RFlat"),
        (10**6, 384, 1000, "Flat"),
        (10**6, 384, None, "IVF1024,PQ96x4fs,RFlat"),
        (10**5, 51, None, "IVF256,PQ17x4fs,RFlat"),
        (10**5, 50, None, "IVF256,PQ25x4fs,RFlat"),
        (10**5, 7, None, "IVF256,PQ7x4fs,RFlat"),
    ],
)
def test_the_index_is_chosen_by_size(size, dim, num_queries, expected):
    assert default_factory(size, dim, num_queries) == expected


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", [2, 7, 32])
@pytest.mark.usefixtures("few")
def test_a_large_index_finds_nearly_all(metric, dim, caplog):
    caplog.set_level(logging.INFO)
    vectors = clustered(3000, dim)
    index = NeighborIndex.build(vectors, metric)
    assert index.factory == cells_factory(3000, dim)
    everyone = np.arange(3000)
    neighbors, distances = index.search(everyone, 10)
    assert recall_of(vectors, metric, everyone, neighbors, 10) >= 0.94
    check_neighbors(vectors, metric, everyone[:50], (neighbors[:50], distances[:50]), 10, exact=False)
    assert 0.94 < index.recall <= 1
    assert f"finds {100 * index.recall:.1f} % of the 10 nearest of 3,000 vectors" in caplog.text


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("factory", [None, "HNSW16", "IVF32,SQ8", "IVF16_HNSW8,Flat"])
def test_an_index_is_the_same_with_any_number_of_threads(factory):
    found, before = [], faiss.omp_get_max_threads()
    for building, searching in ((1, 1), (2, 2), (2, 1), (2, 2)):
        faiss.omp_set_num_threads(building)
        index = NeighborIndex.build(clustered(3000), "cosine", factory)
        assert faiss.omp_get_max_threads() == building
        faiss.omp_set_num_threads(searching)
        found.append((*index.search(np.arange(3000), 10), index.recall))
    faiss.omp_set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("few")
def test_equal_vectors_are_as_good_as_each_other():
    vectors = np.repeat(clustered(40, 8), 50, axis=0)
    index = NeighborIndex.build(vectors, "cosine")
    everyone = np.arange(len(vectors))
    assert index.search(everyone, 10)[1].max() < 1e-5
    assert index.recall == 1


def test_an_index_that_misses_much_is_warned_of(caplog):
    NeighborIndex.build(clustered(3000), "l2", "PQ2x4")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "The index PQ2x4 (no parameters) finds" in record.getMessage()


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("IVF0,Flat", "a number is 0"),
        ("PQ8x0", "a number is 0"),
        ("HNSW0", "a number is 0"),
        ("IVF2_HNSW00,Flat", "a number is 0"),
        ("HNSW1", "a graph needs at least 2 neighbours"),
        ("NSG01", "a graph needs at least 2 neighbours"),
        ("PQ7", r"The dimension of the vector \(d\) should be a multiple of the number of subquantizers \(M\)"),
        ("IVF99999999999999999999,Flat", r"C\+\+ exception stoi"),
        (5, "Wrong number or type of arguments"),
    ],
)
def test_factory_strings_at_which_faiss_fails_or_crashes(factory: Any, reason: str):
    for build in (NeighborIndex.build, NeighborIndex.of_vectors):
        with pytest.raises(ValueError, match=rf"found index_factory={factory!r} for .*\({reason}"):
            build(random_vectors(0, 5, dim=8), "l2", factory)


def test_more_cells_than_vectors():
    message = r"found index_factory='IVF9,Flat' .* as many as 5, .*\(Number of training points \(5\) should be at least"
    with pytest.raises(ValueError, match=message):
        NeighborIndex.build(random_vectors(0, 5), "l2", "IVF9,Flat")


@pytest.mark.parametrize("factory", ["HNSW10", "IVF04,Flat", "PQ8x4fs", "IVF2,Flat,RFlat"])
def test_numbers_that_are_none_of_them(factory: str):
    assert NeighborIndex.build(random_vectors(0, 60, dim=8), "l2", factory).factory == factory


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("factory", ["", "Flt", "nowhere/index", "Flat,Flat"])
def test_bad_factory_string(factory, metric):
    with pytest.raises(ValueError, match=f"found index_factory={factory!r} for .*, expected a factory string of FAISS"):
        NeighborIndex.build(random_vectors(0, 5), metric, factory)


def test_what_was_written_is_read(tmp_path):
    written = approximate(random_vectors(0, 60), "l2", "HNSW8")
    written.write(tmp_path)
    read = Approximation.read(tmp_path)
    assert read.shape == written.shape == (60, 6)
    assert read.recall == written.recall
    points = random_vectors(1, 5)
    for found, expected in zip(read.search(points, 7), written.search(points, 7), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_factory_string_is_checked_without_vectors():
    check_factory("HNSW8", 6, "l2")
    with pytest.raises(ValueError, match="found index_factory='PQ4' for vectors, of dimension 6, expected a factory"):
        check_factory("PQ4", 6, "l2")
