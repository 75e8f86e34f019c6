"""Tests for the orchestration: what is mined, kept, cached, and said when it goes wrong."""

import logging
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.guard.calibrated import MINED_SAFETY
from pykeen_negater.guard.risks import MIN_SUSPECTED_SHARE
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.pools.codec import decode_risk
from pykeen_negater.pools.exports import to_frame
from pykeen_negater.report.content import collect
from pykeen_negater.texts.labels import reading
from pykeen_negater.triples.graph_sources import find_graph
from pykeen_negater.triples.graphs import Graph

from .cases import FAST, TWINS

pytestmark = pytest.mark.usefixtures("empty_cache")


OPAQUE = [(f"Q{h}", f"P{r}", f"Q{t}") for h in range(6) for r in range(2) for t in range(6) if (h + r + t) % 3 == 0]


def files(folder: Path) -> dict[str, bytes]:
    """Read the files of a pool folder, but for the durations."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "durations.json"}


@pytest.mark.parametrize("candidates", ["random", "slot", "intersect", "anywhere"])
def test_entities_that_read_the_same_are_not_in_pools(candidates: str, caplog: pytest.LogCaptureFixture):
    factory = TriplesFactory.from_labeled_triples(np.array(TWINS))
    pools = mine(triples_factory=factory, corruption_scheme=("head", "relation", "tail"), candidates=candidates, **FAST)
    negatives = to_frame(pools)
    known = {tuple(map(reading, triple)) for triple in TWINS}
    assert len(negatives) > 10
    for row in negatives.itertuples():
        assert (reading(row.head), reading(row.relation), reading(row.tail)) not in known
    statistics = pools.metadata["statistics"]
    assert sum(statistics["outcomes"]["reads_alike"]) > 10
    assert sum(map(sum, statistics["outcomes"].values())) == statistics["candidates"]
    reasons = {reason.outcome: reason for reason in collect(pools, "twins").reasons}
    assert reasons["reads_alike"].count == sum(statistics["outcomes"]["reads_alike"])
    assert reasons["reads_alike"].name == "reads the same"


def test_texts_tell_entities_of_one_name_apart():
    factory = TriplesFactory.from_labeled_triples(np.array(TWINS))
    texts = {label: f"number {i}" for label, i in factory.entity_to_id.items()}
    pools = mine(triples_factory=factory, entity_text=texts, relation_text={"lives in": "x", "Lives  In": "y"}, **FAST)
    assert sum(pools.metadata["statistics"]["outcomes"]["reads_alike"]) == 0


def test_pools_hold_no_known_triple_and_nothing_out_of_the_slot(nations: TriplesFactory):
    pools = mine(triples_factory=nations, **FAST)
    graph = Graph.from_factory(nations)
    known = set(map(tuple, nations.mapped_triples.tolist()))
    assert len(pools) > 1000
    for i, triple in enumerate(graph.triples.tolist()):
        for s, side in enumerate((0, 2)):
            for position in range(int(pools.offsets[2 * i + s]), int(pools.offsets[2 * i + s + 1])):
                negative = list(triple)
                negative[side] = int(pools.replacements[position])
                assert tuple(negative) not in known
                assert negative[side] in graph.slot(triple[1], side)


def test_same_inputs_give_the_same_bytes(nations: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    contents = []
    for name in ("first", "second"):
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, name=name, **_: tmp_path / name)
        torch.manual_seed(len(name))
        contents.append(files(mine(triples_factory=nations, **FAST).path))
    assert contents[0] == contents[1]


def test_same_fine_tuned_model_gives_the_same_bytes(
    small_factory: TriplesFactory, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    contents = []
    kwargs = {"language_model": tiny_bert, "fine_tuning": {"epochs": 1, "max_length": 24, "validation_share": 0.3}}
    for name in ("first", "second"):
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, name=name, **_: tmp_path / name)
        settings = {**FAST, "ranker": "thresholds", "guard": "thresholds", "ranker_kwargs": kwargs}
        contents.append(files(mine(triples_factory=small_factory, **settings).path))
        if name == "first":
            model = next(path for path in tmp_path.joinpath(name, "models").iterdir() if path.is_dir())
            kwargs = {"model": str(model)}
    # the identity of the ranker differs between the two, the arrays must not
    assert contents[0]["pools.safetensors"] == contents[1]["pools.safetensors"]


def test_second_time_comes_from_the_cache(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    first = mine(triples_factory=nations, **FAST)
    monkeypatch.setattr(MiningRun, "build", lambda *args: pytest.fail("mined again"))
    assert mine(triples_factory=nations, **FAST).path == first.path
    with pytest.raises(pytest.fail.Exception, match="mined again"):
        mine(triples_factory=nations, **FAST, k=3)


def test_damaged_cache_is_mined_again(nations: TriplesFactory, caplog: pytest.LogCaptureFixture):
    path = mine(triples_factory=nations, **FAST).path
    good = files(path)
    path.joinpath("pools.safetensors").write_bytes(b"damaged")
    assert files(mine(triples_factory=nations, **FAST).path) == good
    assert "is damaged" in caplog.text


def test_random_states_are_left_alone(nations: TriplesFactory):
    def draw() -> list[float]:
        return [random.random(), float(np.random.random()), float(torch.rand(()))]

    def seed() -> None:
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)

    seed()
    expected = draw()
    seed()
    mine(triples_factory=nations, **FAST)
    assert draw() == expected


def test_random_states_are_left_alone_by_fine_tuning(small_factory: TriplesFactory, tiny_bert: str):
    settings = {"epochs": 1, "max_length": 24, "validation_share": 0.3}
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with torch.inference_mode():
        mine(
            triples_factory=small_factory,
            encoder="structural",
            ranker="thresholds",
            guard="thresholds",
            ranker_kwargs={"language_model": tiny_bert, "fine_tuning": settings},
        )
        assert torch.equal(torch.rand(3), expected)


def test_opaque_labels_take_the_structural_route(caplog: pytest.LogCaptureFixture):
    factory = TriplesFactory.from_labeled_triples(np.array(OPAQUE))
    pools = mine(triples_factory=factory)
    assert pools.metadata["settings"]["encoder"][0] == "structural"
    assert pools.metadata["settings"]["ranker"][0] == "probe"
    helpful = [record for record in caplog.records if "entity_text" in record.getMessage()]
    assert len(helpful) == 1


def test_triples_without_labels_take_the_structural_route(nations: TriplesFactory):
    core = CoreTriplesFactory(nations.mapped_triples, nations.num_entities, nations.num_relations)
    pools = mine(triples_factory=core, guard=None)
    assert pools.metadata["labelled"] is False
    assert pools.load_vocabulary().entity_labels is None


def test_no_language_model_takes_the_structural_route(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.mining.miner.find_language_model", lambda *args: None)
    assert mine(triples_factory=nations, guard=None).metadata["settings"]["encoder"][0] == "structural"
    # but what was asked for by name is not silently replaced
    monkeypatch.setattr("pykeen_negater.texts.language_models.find_language_model", lambda *args: None)
    with pytest.raises(FileNotFoundError, match="pip install 'pykeen-negater"):
        mine(triples_factory=nations, ranker="thresholds")


def test_default_parts_fall_back_one_by_one(nations: TriplesFactory, tiny_bert: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.mining.miner.find_language_model", lambda *args: None)
    graph = Graph.from_factory(nations)
    miner = Miner(graph, MiningSettings(ranker="thresholds", ranker_kwargs={"language_model": tiny_bert}))
    assert (miner.plan().encoder, miner.plan().ranker) == ("structural", "thresholds")


def test_inverse_triples_are_not_mined(nations: TriplesFactory):
    inverse = TriplesFactory(
        nations.mapped_triples, nations.entity_to_id, nations.relation_to_id, create_inverse_triples=True
    )
    assert mine(triples_factory=inverse, **FAST).num_relations == nations.num_relations


def test_index_is_built_saved_and_used_again(nations: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "nations.index"
    without = mine(triples_factory=nations, **FAST)
    first = mine(triples_factory=nations, **FAST, index=str(path))
    assert first.path == without.path
    assert len(NeighborIndex.load(path)) == nations.num_entities
    monkeypatch.setattr(
        "pykeen_negater.embeddings.neighbors.NeighborIndex.build", lambda *args: pytest.fail("built again")
    )
    second = mine(triples_factory=nations, **FAST, index=str(path), pool_size=17)
    assert torch.equal(first.replacements, second.replacements)


def test_index_made_for_something_else_is_refused(
    nations: TriplesFactory, small_factory: TriplesFactory, tmp_path: Path
):
    path = str(tmp_path / "nations.index")
    mine(triples_factory=nations, **FAST, index=path)
    others = ((small_factory, {}), (nations, {"metric": "l2"}), (nations, {"encoder_kwargs": {"dim": 3}}))
    for factory, kwargs in others:
        with pytest.raises(ValueError, match="another graph, encoder or metric"):
            mine(triples_factory=factory, **{**FAST, **kwargs}, index=path)


@pytest.fixture
def large_factory(monkeypatch: pytest.MonkeyPatch) -> CoreTriplesFactory:
    """Make a graph whose entities are many, as if it took few for that."""
    monkeypatch.setattr("pykeen_negater.embeddings.approximation.EXACT_UP_TO", 150)
    generator = np.random.default_rng(0)
    triples = np.unique(generator.integers([600, 3, 600], size=(2000, 3)), axis=0)
    return CoreTriplesFactory(torch.from_numpy(triples), 600, 3)


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize(("candidates", "num_indexes"), [("random", 0), ("slot", 0), ("anywhere", 1)])
def test_the_recall_of_an_approximate_index_is_reported(
    large_factory: CoreTriplesFactory,
    candidates: str,
    num_indexes: int,
    metric: str,
    empty_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    settings = {**FAST, "candidates": candidates, "metric": metric, "k": 10}
    pools = mine(triples_factory=large_factory, **settings)
    statistics = pools.metadata["statistics"]
    if candidates == "random":
        assert "index_recall" not in statistics
    else:
        assert 0.9 < statistics["index_recall"] <= 1
    entries = [path for path in empty_cache.glob("**/indexes/*") if path.is_dir()]
    assert len(entries) == num_indexes
    if num_indexes:
        monkeypatch.setattr("pykeen_negater.mining.vectors.approximate", lambda *args: pytest.fail("built again"))
    again = mine(triples_factory=large_factory, **settings, pool_size=3)
    assert again.metadata["statistics"].get("index_recall") == statistics.get("index_recall")


def test_a_large_index_is_saved_and_used_again(large_factory: CoreTriplesFactory, tmp_path: Path):
    settings = {**FAST, "candidates": "anywhere"}
    first = mine(triples_factory=large_factory, **settings, index=str(tmp_path / "index"))
    assert NeighborIndex.load(tmp_path / "index").factory == "IVF32,PQ16x4fs,RFlat"
    first_files = files(first.path)
    shutil.rmtree(first.path)
    assert files(mine(triples_factory=large_factory, **settings, index=str(tmp_path / "index")).path) == first_files
    with pytest.raises(ValueError, match=r"'index_factory': 'IVF32,PQ16x4fs,RFlat'.*expected .*'HNSW8'"):
        mine(triples_factory=large_factory, **settings, index=str(tmp_path / "index"), index_factory="HNSW8")


def test_an_index_that_faiss_does_not_know_is_refused(nations: TriplesFactory):
    with pytest.raises(ValueError, match="found index_factory='Flt'"):
        mine(triples_factory=nations, **FAST, index_factory="Flt")


def test_budget_limits_what_is_scored(small_factory: TriplesFactory, tiny_bert: str):
    kwargs = {"language_model": tiny_bert, "fine_tuning": {"epochs": 1, "max_length": 24, "validation_share": 0.3}}
    settings = {**FAST, "ranker": "thresholds", "guard": "thresholds", "ranker_kwargs": kwargs}
    pools = mine(triples_factory=small_factory, **settings, max_candidates=5)
    assert pools.metadata["statistics"]["scored"] == 5
    assert pools.metadata["statistics"]["candidates"] > 5


def test_precomputed_vectors(nations: TriplesFactory, tmp_path: Path):
    vectors = np.random.default_rng(0).normal(size=(nations.num_entities, 4))
    np.save(tmp_path / "vectors.npy", vectors)
    pools = mine(
        triples_factory=nations,
        encoder="precomputed",
        encoder_kwargs={"path": str(tmp_path / "vectors.npy")},
        **{name: FAST[name] for name in ("ranker", "guard")},
    )
    assert pools.coverage(nations.mapped_triples) > 0.9


def test_mining_announces_itself_once(nations: TriplesFactory, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        mine(triples_factory=nations, **FAST)
    announcements = [record.getMessage() for record in caplog.records if "Mining negatives" in record.getMessage()]
    assert len(announcements) == 1
    assert "1,592 triples" in announcements[0]


def test_nothing_is_announced_that_another_run_mines_meanwhile(
    nations: TriplesFactory, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    path = mine(triples_factory=nations, **FAST).path
    caplog.clear()
    monkeypatch.setattr(Miner, "_find", lambda self: (None, None))
    monkeypatch.setattr(Miner, "plan", lambda *args: pytest.fail("planned"))
    assert mine(triples_factory=nations, **FAST).path == path
    assert "Mining negatives" not in caplog.text


def test_only_what_is_seen_is_planned(
    nations: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    first = files(mine(triples_factory=nations, **FAST).path)
    shutil.rmtree(tmp_path / "cache")
    planned = []
    monkeypatch.setattr(Miner, "plan", lambda *args: planned.append(args) or pytest.fail("planned"))
    logging.disable(logging.WARNING)
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    with monkeypatch.context() as terminal:
        terminal.setattr("sys.stderr.isatty", lambda: True)
        with pytest.raises(pytest.fail.Exception, match="planned"):
            mine(triples_factory=nations, **FAST)
    assert len(planned) == 1
    assert files(mine(triples_factory=nations, **FAST).path) == first


def test_k_beyond_the_slot_is_clamped(nations: TriplesFactory):
    assert mine(triples_factory=nations, **FAST, k=1000, pool_size=1000).coverage(nations.mapped_triples) > 0.9


def test_guarded_pools(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    contents = []
    for name in ("first", "second"):
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, name=name, **_: tmp_path / name)
        pools = mine(triples_factory=nations, encoder="structural")
        contents.append(files(pools.path))
    assert contents[0] == contents[1]
    # what was hidden for the guard is mined as well, and known in the end
    assert torch.equal(pools.keys, Graph.from_factory(nations).index.keys)
    assert not torch.isin(pools.suspected, pools.keys).any()
    assert pools.max_risk > 0
    assert pools.guard_skill == pools.metadata["statistics"]["guard"]["proposed"]["brier_skill"] > 0
    assert 0 <= pools.metadata["accepted_risk"] < pools.max_mined_risk
    assert (decode_risk(pools.risk) <= 1.05 * pools.max_risk / MINED_SAFETY).all()
    assert (decode_risk(pools.suspected_risk) >= 0.95 * MIN_SUSPECTED_SHARE * pools.max_risk).all()
    report = pools.metadata["statistics"]["guard"]
    assert report["proposed"]["auc"] > 0.7
    # with another ranker, the scorers come from the cache
    again = mine(triples_factory=nations, encoder="structural", ranker="similarity")
    assert "train the probe" in pools.durations
    assert "train the probe" not in again.durations


def test_a_graph_too_small_for_a_guard(small_factory: TriplesFactory, caplog: pytest.LogCaptureFixture):
    pools = mine(triples_factory=small_factory, encoder="structural", ranker="similarity")
    assert "Mining goes on without a guard" in caplog.text
    assert pools.max_risk is None
    assert len(pools)


@pytest.mark.parametrize("size", [1, 4, 6])
def test_a_handful_of_triples(size: int):
    triples = np.array([[f"e{i}", "r", f"e{i + 1}"] for i in range(size)])
    pools = mine(triples_factory=TriplesFactory.from_labeled_triples(triples), encoder="structural")
    assert pools.max_risk is None


def test_many_relations():
    # more than a byte can number
    generator = np.random.default_rng(0)
    triples = generator.integers([40, 140, 40], size=(1_500, 3))
    triples[:, 2] = (triples[:, 0] + triples[:, 1]) % 4 + 4 * generator.integers(10, size=len(triples))
    factory = CoreTriplesFactory(torch.from_numpy(np.unique(triples, axis=0)), 40, 140)
    pools = mine(triples_factory=factory, encoder="structural")
    assert pools.max_risk is not None
    graph = Graph.from_factory(factory)
    # all candidates answer queries of the graph, so that hardly any has the risk of what could not be judged
    judged = (decode_risk(pools.risk) - 1).abs() > 1e-6
    assert judged[pools.offsets[1] :].float().mean() > 0.8
    assert len(graph) == pools.num_triples


@pytest.mark.usefixtures("cache_of_scorers")
def test_relations_are_guarded_too(nations: TriplesFactory):
    pools = mine(triples_factory=nations, encoder="structural", corruption_scheme=("relation",), max_candidates=None)
    unguarded = mine(
        triples_factory=nations, encoder="structural", corruption_scheme=("relation",), guard=None, pool_size=55
    )
    assert 0 < len(pools) < len(unguarded)


def test_empty_graph():
    with pytest.raises(ValueError, match="found an empty graph"):
        mine(triples_factory=CoreTriplesFactory(torch.empty(0, 3, dtype=torch.long), 3, 2))


def test_graph_is_given_once(nations: TriplesFactory):
    for kwargs in ({}, {"dataset": "nations", "triples_factory": nations}):
        with pytest.raises(ValueError, match="either a dataset or a triples_factory"):
            find_graph(**kwargs)


def test_loaded_pools_serve_from_memory_maps(nations: TriplesFactory):
    pools = mine(triples_factory=nations, **FAST)
    assert isinstance(pools, NegativePools)
    assert pools.path is not None
    assert pools.durations["candidates"] > 0


def test_validation_triples_without_use_are_noticed(
    small_factory: TriplesFactory, empty_cache: Path, caplog: pytest.LogCaptureFixture
):
    mine(triples_factory=small_factory, validation=small_factory, encoder="structural", ranker="similarity", guard=None)
    assert "The ranker similarity has no use for validation triples" in caplog.text


#: Mines a random graph by the similarity of structural vectors, and prints the checksum of the pools
MINE_BY_STRUCTURE = """
import sys
import numpy as np
from pykeen.triples import CoreTriplesFactory
import torch
from pykeen_negater import mine
from pykeen_negater.storage.checksums import file_digest
triples = np.random.default_rng(0).integers([135, 46, 135], size=(5000, 3))
factory = CoreTriplesFactory.create(torch.from_numpy(triples))
pools = mine(triples_factory=factory, encoder="structural", candidates="anywhere", ranker="similarity", guard=None)
print(file_digest(pools.path / "pools.safetensors"), file_digest(pools.path / "metadata.json"))
"""


def test_pools_are_the_same_with_any_number_of_threads(tmp_path: Path):
    outputs = [
        subprocess.run(
            [sys.executable, "-c", MINE_BY_STRUCTURE],
            env={**os.environ, "PYSTOW_HOME": str(tmp_path / threads), "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert outputs[0]
    assert outputs[0] == outputs[1]
