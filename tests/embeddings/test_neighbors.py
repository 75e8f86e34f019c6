"""Neighbours against brute force."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
import pytest

from pykeen_negater.embeddings import approximation, exact_search
from pykeen_negater.embeddings.approximation import EXACT, cells_factory, default_factory
from pykeen_negater.embeddings.exact_search import search_exactly
from pykeen_negater.embeddings.index_tuning import Sample
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.storage.checksums import write_checksums

from ..cases import random_vectors

METRICS = ["l2", "cosine"]


def _distances(vectors: np.ndarray, metric: str) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    if metric == "l2":
        squares = np.square(vectors).sum(axis=1)
        return squares[:, None] + squares - 2 * vectors @ vectors.T
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
    # among so few, exactly
    _check(vectors, metric, queries, index.search(queries, k, among=among), k, among)
    if factory == "SQ8":  # whose distances are approximate, too
        neighbors, _ = index.search(queries, k)
        assert neighbors.shape == (len(queries), min(k, 60))
        assert not (neighbors == queries[:, None]).any()
        return
    exact = factory == "HNSW32" and k < 16
    _check(vectors, metric, queries, index.search(queries, k), k, exact=exact)


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


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search only few vectors exactly by default."""
    monkeypatch.setattr(approximation, "EXACT_UP_TO", 500)


def clustered(size: int, dim: int = 32, seed: int = 0) -> np.ndarray:
    """Draw vectors in clusters, of no unit length."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(size // 40, dim))
    return (centers[generator.integers(len(centers), size=size)] + 0.4 * generator.normal(size=(size, dim))).astype(
        "f4"
    )


def recall_of(vectors: np.ndarray, metric: str, queries: np.ndarray, neighbors: np.ndarray, k: int) -> float:
    """Compute the share of neighbours that are found, with brute force."""
    pairwise = _distances(vectors, metric)[queries]
    pairwise[np.arange(len(queries)), queries] = np.inf
    nearest = np.argsort(pairwise, axis=1)[:, :k]
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(nearest.tolist(), neighbors.tolist(), strict=True)]))


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
    _check(vectors, metric, everyone[:50], (neighbors[:50], distances[:50]), 10, exact=False)
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
        _check(vectors, metric, half[:50], (neighbors[:50], distances[:50]), 10, among, exact=False)
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


@pytest.mark.usefixtures("few")
def test_equal_vectors_are_as_good_as_each_other():
    vectors = np.repeat(clustered(40, 8), 50, axis=0)
    index = NeighborIndex.build(vectors, "cosine")
    everyone = np.arange(len(vectors))
    assert index.search(everyone, 10)[1].max() < 1e-5
    assert index.recall == 1


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


def test_an_index_that_misses_much_is_warned_of(caplog):
    NeighborIndex.build(clustered(3000), "l2", "PQ2x4")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "The index PQ2x4 (no parameters) finds" in record.getMessage()


@pytest.mark.parametrize(("gpus", "expected"), [(0, "knn"), (1, "knn_gpu"), (2, "knn_gpu")])
def test_a_gpu_is_used_if_faiss_can(gpus, expected, monkeypatch):
    """There is none where this is tested: only the choice is."""
    used = []

    def search(name):
        def found(points, vectors, width, metric):
            used.append(name)
            return faiss.knn(points, vectors, width, metric=metric)

        return found

    fake = SimpleNamespace(
        METRIC_L2=faiss.METRIC_L2,
        get_num_gpus=lambda: gpus,
        knn=search("knn"),
        knn_gpu=lambda resources, *args, **kwargs: search("knn_gpu")(*args, **kwargs),
        StandardGpuResources=object,
    )
    monkeypatch.setattr(exact_search, "load_faiss", lambda: fake)
    vectors = random_vectors(0, 9)
    assert search_exactly(vectors, vectors, 2, "l2")[1][:, 0].tolist() == list(range(9))
    assert used == [expected]
    assert (default_factory(10**6, 384) == EXACT) == (gpus > 0)


def test_faiss_without_gpus_is_no_error():
    assert not exact_search.has_gpu()


def test_unknown_metric():
    with pytest.raises(ValueError, match="found metric='dot', expected one of l2, cosine"):
        NeighborIndex.build(random_vectors(0, 5), "dot")


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


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one(k):
    with pytest.raises(ValueError, match=f"found k={k}, expected at least one neighbour"):
        NeighborIndex.build(random_vectors(0, 5)).search(np.array([0]), k)
