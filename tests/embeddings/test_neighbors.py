"""Neighbours against brute force."""

import json

import numpy as np
import pytest

from pykeen_negater.embeddings import approximation
from pykeen_negater.embeddings.approximation import EXACT, cells_factory
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.storage.checksums import write_checksums

from ..cases import random_vectors
from .conftest import METRICS, check_neighbors, clustered, recall_of


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 5, 39, 40, 1000])
def test_exact_search_agrees_with_brute_force(metric, k):
    vectors = random_vectors(0, 40)
    index = NeighborIndex.build(vectors, metric)
    queries = np.array([3, 0, 39, 3, *range(40)])
    check_neighbors(vectors, metric, queries, index.search(queries, k), k)
    assert len(index) == 40


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 3, 9, 100])
def test_search_among_some_agrees_with_brute_force(metric, k):
    vectors = random_vectors(1, 40)
    index = NeighborIndex.build(vectors, metric)
    among = np.array([0, 2, 3, 7, 11, 20, 21, 38])
    inside_and_outside = np.array([3, 5, 38, 39])
    check_neighbors(vectors, metric, inside_and_outside, index.search(inside_and_outside, k, among=among), k, among)


@pytest.mark.parametrize("factory", ["Flat", "HNSW8"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_self_is_removed_by_id_among_duplicates(factory, metric, k):
    vectors = random_vectors(2, 12)
    vectors[[0, 2, 4, 6, 8, 10]] = vectors[0]
    index = NeighborIndex.build(vectors, metric, factory)
    everyone = np.arange(12)
    check_neighbors(vectors, metric, everyone, index.search(everyone, k), k)


@pytest.mark.parametrize("factory", ["HNSW32", "IVF4,Flat", "SQ8", "IVF2_HNSW8,Flat"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4, 100])
def test_approximate_search_is_valid(factory, metric, k):
    vectors = random_vectors(3, 60)
    index = NeighborIndex.build(vectors, metric, factory)
    queries = np.arange(0, 60, 7)
    among = np.array([0, 1, 5, 7, 14, 30, 31, 55])
    # among so few, exactly
    check_neighbors(vectors, metric, queries, index.search(queries, k, among=among), k, among)
    if factory == "SQ8":  # whose distances are approximate, too
        neighbors, _ = index.search(queries, k)
        assert neighbors.shape == (len(queries), min(k, 60))
        assert not (neighbors == queries[:, None]).any()
        return
    exact = factory == "HNSW32" and k < 16
    check_neighbors(vectors, metric, queries, index.search(queries, k), k, exact=exact)


@pytest.mark.parametrize("factory", ["PCA4,IVF2,Flat", "PCA4,Flat", "L2norm,IVF2,Flat"])
def test_search_works_through_a_transform(factory):
    index = NeighborIndex.build(random_vectors(3, 60), "l2", factory)
    neighbors, _ = index.search(np.arange(5), 3)
    assert neighbors.min() >= 0


@pytest.mark.parametrize("metric", METRICS)
def test_nobody_has_neighbours_among_nobody_or_only_itself(metric):
    index = NeighborIndex.build(random_vectors(0, 5), metric)
    assert index.search(np.array([1, 2]), 3, among=np.array([], dtype=np.int64))[0].shape == (2, 0)
    neighbors, distances = index.search(np.array([1]), 3, among=np.array([1]))
    assert neighbors.tolist() == [[-1]]
    assert np.isinf(distances).all()


def test_no_queries():
    neighbors, distances = NeighborIndex.build(random_vectors(0, 5)).search(np.array([], dtype=np.int64), 2)
    assert len(neighbors) == len(distances) == 0


def test_zero_vector_has_neighbours():
    vectors = random_vectors(0, 5)
    vectors[2] = 0
    neighbors, distances = NeighborIndex.build(vectors, "cosine").search(np.array([2]), 4)
    assert sorted(neighbors[0].tolist()) == [0, 1, 3, 4]
    np.testing.assert_allclose(distances, 1)


def test_building_leaves_the_vectors_alone():
    vectors = random_vectors(0, 5)
    NeighborIndex.build(vectors, "cosine")
    np.testing.assert_array_equal(vectors, random_vectors(0, 5))


@pytest.mark.parametrize("factory", ["Flat", "HNSW8", "IVF2,Flat"])
@pytest.mark.parametrize("metric", METRICS)
def test_saved_index_finds_the_same(tmp_path, factory, metric):
    index = NeighborIndex.build(random_vectors(0, 50), metric, factory, source="abc")
    index.save(tmp_path / "index")
    loaded = NeighborIndex.load(str(tmp_path / "index"))
    assert (loaded.metric, loaded.factory, loaded.source) == (metric, factory, "abc")
    for among in (None, np.arange(0, 50, 3)):
        for before, after in zip(
            index.search(np.arange(9), 4, among), loaded.search(np.arange(9), 4, among), strict=True
        ):
            np.testing.assert_array_equal(before, after)


def test_nothing_else_is_replaced(tmp_path):
    tmp_path.joinpath("thesis.txt").write_text("important")
    with pytest.raises(FileExistsError, match="holds no neighbour index"):
        NeighborIndex.build(random_vectors(0, 9)).save(tmp_path)
    assert tmp_path.joinpath("thesis.txt").read_text() == "important"


def test_saving_again_replaces(tmp_path):
    NeighborIndex.build(random_vectors(0, 9), "l2", "HNSW8").save(tmp_path / "index")
    NeighborIndex.build(random_vectors(0, 7), "l2").save(tmp_path / "index")
    assert len(NeighborIndex.load(tmp_path / "index")) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert not list(tmp_path.rglob("*.faiss"))


FILES = ["vectors.npy", "index.faiss", "approximation.json", "settings.json", "checksums.sha256"]


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "truncated", "flipped"])
@pytest.mark.parametrize("name", FILES)
def test_damaged_folder_is_reported(tmp_path, name, damage):
    folder = tmp_path / "index"
    NeighborIndex.build(random_vectors(0, 9), "l2", "HNSW8").save(folder)
    assert {path.name for path in folder.iterdir()} == set(FILES)
    file = folder / name
    if damage == "missing":
        file.unlink()
    else:
        content = file.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        contents = {"empty": b"", "garbage": b"\xff{]garbage" * 9, "truncated": content[:-20], "flipped": flipped}
        file.write_bytes(contents[damage])
    with pytest.raises(
        ValueError, match=r"index holds no readable neighbour index \(.*\)\. Remove it, and it is built again"
    ):
        NeighborIndex.load(folder)


@pytest.mark.parametrize(
    "settings", [[], "Flat", {}, {"factory": "Flat"}, {"factory": "Flat", "metric": "l2", "source": "", "x": 1}]
)
def test_wrong_settings_are_reported(tmp_path, settings):
    folder = tmp_path / "index"
    NeighborIndex.build(random_vectors(0, 9), "l2").save(folder)
    folder.joinpath("settings.json").write_text(json.dumps(settings))
    write_checksums(folder, folder / "checksums.sha256")
    with pytest.raises(ValueError, match="holds no readable neighbour index"):
        NeighborIndex.load(folder)


def test_vectors_and_index_of_different_sizes_are_reported(tmp_path):
    folder = tmp_path / "index"
    NeighborIndex.build(random_vectors(0, 9), "l2", "HNSW8").save(folder)
    np.save(folder / "vectors.npy", random_vectors(0, 4))
    write_checksums(folder, folder / "checksums.sha256")
    with pytest.raises(ValueError, match="holds no readable neighbour index"):
        NeighborIndex.load(folder)


def test_missing_folder_is_reported(tmp_path):
    with pytest.raises(ValueError, match="nowhere holds no readable neighbour index"):
        NeighborIndex.load(tmp_path / "nowhere")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("factory", [None, "HNSW16"])
def test_search_among_many_has_an_index_of_its_own(metric, factory, monkeypatch):
    vectors = clustered(3000)
    index = NeighborIndex.of_vectors(vectors, metric, factory)
    among = np.sort(np.random.default_rng(1).permutation(3000)[:1500])
    queries = np.concatenate([among, np.arange(5)])
    built = []
    approximate = approximation.approximate
    monkeypatch.setattr(
        "pykeen_negater.embeddings.neighbors.approximate", lambda *args: built.append(args[2]) or approximate(*args)
    )
    for half in np.split(among, 2):
        neighbors, distances = index.search(half, 10, among=among)
        assert np.isin(neighbors, among).all()
        check_neighbors(vectors, metric, half[:50], (neighbors[:50], distances[:50]), 10, among, exact=False)
    # among these alone
    neighbors, _ = index.search(queries, 10, among=among)
    restricted = np.searchsorted(among, neighbors[:1500])
    assert recall_of(vectors[among], metric, np.arange(1500), restricted, 10) >= 0.94
    assert built == [cells_factory(1500, 32)]
    assert 0.94 < index.recall <= 1


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("factory", "size", "num_queries"), [(EXACT, 3000, 3000), (None, 500, 500), (None, 3000, 80)])
def test_search_among_few_or_of_few_is_exact(factory, size, num_queries):
    vectors = clustered(3000)
    index = NeighborIndex.of_vectors(vectors, "l2", factory)
    among, queries = np.arange(size), np.arange(num_queries)
    neighbors, _ = index.search(queries, 10, among=among)
    assert recall_of(vectors[:size], "l2", queries, neighbors, 10) == 1
    assert index.recall is None


def test_unknown_metric():
    with pytest.raises(ValueError, match="found metric='dot', expected one of l2, cosine"):
        NeighborIndex.build(random_vectors(0, 5), "dot")


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one(k):
    with pytest.raises(ValueError, match=f"found k={k}, expected at least one neighbour"):
        NeighborIndex.build(random_vectors(0, 5)).search(np.array([0]), k)
