"""Recall and search parameters of an index, against brute force."""

from types import SimpleNamespace

import faiss
import numpy as np
import pytest

from pykeen_negater.embeddings.index_tuning import SLACK, TARGET, Sample, choose_parameters

from ..cases import random_vectors
from .conftest import clustered, recall_of


@pytest.mark.parametrize("size", [1, 2, 5, 10, 11, 12])
def test_recall_of_few_vectors(size):
    vectors = random_vectors(0, size)
    sample = Sample(vectors, "l2", np.arange(size))
    flat = faiss.IndexFlatL2(6)
    flat.add(vectors)
    assert sample.recall(flat) == 1
    nothing = SimpleNamespace(search=lambda points, width: (None, np.full((len(points), width), -1)))
    assert sample.recall(nothing) == (1 if size == 1 else 0)


def test_recall_agrees_with_brute_force():
    vectors = clustered(400)
    wrong = faiss.IndexFlatL2(32)
    wrong.add(vectors + np.random.default_rng(2).normal(size=vectors.shape).astype("f4"))
    queries = np.arange(0, 400, 3)
    neighbors = wrong.search(vectors[queries], 11)[1]
    found = np.stack([row[row != query][:10] for query, row in zip(queries, neighbors, strict=True)])
    expected = recall_of(vectors, "l2", queries, found, 10)
    assert 0.2 < expected < 0.9
    # of eleven without the entity itself there may be one more than ten
    assert Sample(vectors, "l2", queries).recall(wrong) == pytest.approx(expected, abs=0.02)


def test_as_many_cells_are_searched_as_it_takes():
    vectors = clustered(2000)
    index = faiss.index_factory(32, "IVF64,Flat")
    index.train(vectors)
    index.add(vectors)
    sample = Sample(vectors, "l2", np.arange(0, 2000, 9))
    chosen = choose_parameters(index, sample)
    assert set(chosen) == {"nprobe"}
    assert index.nprobe == chosen["nprobe"]
    assert sample.recall(index) >= TARGET
    # one step less does not suffice
    assert 1 < chosen["nprobe"] < 64
    index.nprobe = chosen["nprobe"] // 2
    assert sample.recall(index) < TARGET + SLACK


def test_where_nothing_suffices_the_best_is_kept():
    vectors = clustered(2000)
    index = faiss.index_factory(32, "IVF16,PQ2x4")
    index.train(vectors)
    index.add(vectors)
    sample = Sample(vectors, "l2", np.arange(0, 2000, 9))
    chosen = choose_parameters(index, sample)["nprobe"]
    best = sample.recall(index)
    assert best < TARGET
    assert index.nprobe == chosen
    for cells in (1, 2, 3, 4, 6, 8, 12, 16):
        index.nprobe = cells
        assert sample.recall(index) <= best


def test_an_exact_index_has_no_parameters():
    vectors = clustered(100)
    index = faiss.IndexFlatL2(32)
    index.add(vectors)
    assert choose_parameters(index, Sample(vectors, "l2", np.arange(100))) == {}
