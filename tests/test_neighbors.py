"""Neighbours against brute force."""

import json

import numpy as np
import pytest

from pykeen_negater.neighbors import NeighborIndex

from .cases import random_vectors

METRICS = ["l2", "cosine"]


def _distances(vectors: np.ndarray, metric: str) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    if metric == "l2":
        return ((vectors[:, None] - vectors[None]) ** 2).sum(axis=-1)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return 1 - unit @ unit.T


def _check(
    vectors: np.ndarray,
    metric: str,
    queries: np.ndarray,
    found: tuple[np.ndarray, np.ndarray],
    k: int,
    among: np.ndarray | None = None,
    exact: bool = True,
) -> None:
    """Check a result row by row; ties may be in any order."""
    neighbors, distances = found
    assert neighbors.shape == distances.shape
    assert distances.dtype == np.float32
    allowed = set(range(len(vectors)) if among is None else among.tolist())
    assert neighbors.shape == (len(queries), min(k, len(allowed)))
    pairwise = _distances(vectors, metric)
    for query, row, row_distances in zip(queries.tolist(), neighbors.tolist(), distances.tolist(), strict=True):
        others = sorted(pairwise[query, other] for other in allowed - {query})[:k]
        ids = [i for i in row if i >= 0]
        assert row == ids + [-1] * (len(row) - len(ids))
        assert len(set(ids)) == len(ids)
        assert set(ids) <= allowed - {query}
        assert all(np.isinf(row_distances[len(ids) :]))
        np.testing.assert_allclose(row_distances[: len(ids)], pairwise[query, ids], atol=1e-4)
        assert np.diff(row_distances[: len(ids)]).min(initial=0) >= 0
        if exact:
            assert len(ids) == len(others)
            np.testing.assert_allclose(row_distances[: len(ids)], others, atol=1e-4)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 5, 39, 40, 1000])
def test_exact_search_agrees_with_brute_force(metric, k):
    vectors = random_vectors(0, 40)
    index = NeighborIndex.build(vectors, metric)
    queries = np.array([3, 0, 39, 3, *range(40)])
    _check(vectors, metric, queries, index.search(queries, k), k)
    assert len(index) == 40


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 3, 9, 100])
def test_search_among_some_agrees_with_brute_force(metric, k):
    vectors = random_vectors(1, 40)
    index = NeighborIndex.build(vectors, metric)
    among = np.array([0, 2, 3, 7, 11, 20, 21, 38])
    inside_and_outside = np.array([3, 5, 38, 39])
    _check(vectors, metric, inside_and_outside, index.search(inside_and_outside, k, among=among), k, among)


@pytest.mark.parametrize("factory", ["Flat", "HNSW8"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_self_is_removed_by_id_among_duplicates(factory, metric, k):
    vectors = random_vectors(2, 12)
    vectors[[0, 2, 4, 6, 8, 10]] = vectors[0]
    index = NeighborIndex.build(vectors, metric, factory)
    everyone = np.arange(12)
    _check(vectors, metric, everyone, index.search(everyone, k), k)


@pytest.mark.parametrize("factory", ["HNSW32", "IVF4,Flat", "SQ8", "IVF2_HNSW8,Flat"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4, 100])
def test_approximate_search_is_valid(factory, metric, k):
    vectors = random_vectors(3, 60)
    index = NeighborIndex.build(vectors, metric, factory)
    queries = np.arange(0, 60, 7)
    among = np.array([0, 1, 5, 7, 14, 30, 31, 55])
    if factory == "SQ8":  # whose distances are approximate, too
        neighbors, _ = index.search(queries, k)
        assert neighbors.shape == (len(queries), min(k, 60))
        assert not (neighbors == queries[:, None]).any()
        assert np.isin(index.search(queries, k, among=among)[0], [-1, *among]).all()
        return
    exact = factory == "HNSW32" and k < 16
    _check(vectors, metric, queries, index.search(queries, k), k, exact=exact)
    _check(vectors, metric, queries, index.search(queries, k, among=among), k, among, exact=False)


@pytest.mark.parametrize("factory", ["PCA4,IVF2,Flat", "PCA4,Flat", "L2norm,IVF2,Flat"])
def test_search_among_some_works_through_a_transform(factory):
    index = NeighborIndex.build(random_vectors(3, 60), "l2", factory)
    among = np.array([0, 1, 5, 7, 14, 30, 31, 55])
    neighbors, _ = index.search(np.arange(5), 3, among=among)
    assert np.isin(neighbors, [-1, *among]).all()


def test_whole_ivf_is_exact_among_some():
    vectors = random_vectors(3, 60)
    index = NeighborIndex.build(vectors, "l2", "IVF2,Flat")
    index.index.nprobe = 2
    queries, among = np.arange(0, 60, 7), np.array([0, 1, 5, 7, 14, 30, 31, 55])
    _check(vectors, "l2", queries, index.search(queries, 3, among=among), 3, among)


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


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "truncated"])
@pytest.mark.parametrize("name", ["vectors.npy", "index.faiss", "settings.json"])
def test_damaged_folder_is_reported(tmp_path, name, damage):
    folder = tmp_path / "index"
    NeighborIndex.build(random_vectors(0, 9), "l2", "HNSW8").save(folder)
    file = folder / name
    if damage == "missing":
        file.unlink()
    else:
        content = file.read_bytes()
        file.write_bytes({"empty": b"", "garbage": b"\xff{]garbage" * 9, "truncated": content[:-20]}[damage])
    with pytest.raises(ValueError, match=r"index holds no readable neighbour index \(.*\)\. Build it again"):
        NeighborIndex.load(folder)


@pytest.mark.parametrize(
    "settings", [[], "Flat", {}, {"factory": "Flat"}, {"factory": "Flat", "metric": "l2", "source": "", "x": 1}]
)
def test_wrong_settings_are_reported(tmp_path, settings):
    NeighborIndex.build(random_vectors(0, 9), "l2").save(tmp_path / "index")
    (tmp_path / "index" / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="holds no readable neighbour index"):
        NeighborIndex.load(tmp_path / "index")


def test_vectors_and_index_of_different_sizes_are_reported(tmp_path):
    NeighborIndex.build(random_vectors(0, 9), "l2", "HNSW8").save(tmp_path / "index")
    np.save(tmp_path / "index" / "vectors.npy", random_vectors(0, 4))
    with pytest.raises(ValueError, match="holds no readable neighbour index"):
        NeighborIndex.load(tmp_path / "index")


def test_missing_folder_is_reported(tmp_path):
    with pytest.raises(ValueError, match="nowhere holds no readable neighbour index"):
        NeighborIndex.load(tmp_path / "nowhere")


def test_unknown_metric():
    with pytest.raises(ValueError, match="found metric='dot', expected one of l2, cosine"):
        NeighborIndex.build(random_vectors(0, 5), "dot")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("factory", ["", "Flt", "nowhere/index", "Flat,Flat"])
def test_bad_factory_string(factory, metric):
    with pytest.raises(ValueError, match=f"found index_factory={factory!r} for .*, expected a factory string of FAISS"):
        NeighborIndex.build(random_vectors(0, 5), metric, factory)


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one(k):
    with pytest.raises(ValueError, match=f"found k={k}, expected at least one neighbour"):
        NeighborIndex.build(random_vectors(0, 5)).search(np.array([0]), k)
