"""What mining counts."""

import gc
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.mining.shard_miner import ShardMiner
from pykeen_negater.mining.shard_pools import ShardPools
from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.pools.verification import verify_pools
from pykeen_negater.runtime.processes import Processes
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.labels import reading
from pykeen_negater.triples.graphs import Graph

from ..cases import negatives_of
from .cases import FAST, TWINS, arrays


def test_mining_counts_every_candidate(nations_pools: NegativePools):
    statistics = nations_pools.metadata["statistics"]
    outcomes = statistics["outcomes"]
    assert set(outcomes) == set(OUTCOMES)
    assert sum(map(sum, outcomes.values())) == statistics["candidates"]
    assert sum(outcomes["kept"]) == len(nations_pools)
    assert sum(outcomes["crowded_out"]) > 0
    by_relation = Counter(negative[1] for _, negative, _ in negatives_of(nations_pools))
    assert outcomes["kept"] == [by_relation[i] for i in range(nations_pools.num_relations)]


def test_scores_are_kept_on_request(nations: TriplesFactory, empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    plain = mine(triples_factory=nations, **FAST)
    assert (plain.scores, "keep_scores" in plain.metadata["settings"]) == (None, False)
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", 200)
    kept: list[tuple[int, int, float]] = []
    mine_shard = ShardMiner.mine

    def note(self: ShardMiner, shard: int) -> ShardPools:
        pools = mine_shard(self, shard)
        rows = np.repeat(pools.rows, pools.sizes)
        kept.extend(zip(rows.tolist(), pools.replacements.tolist(), pools.scores.tolist(), strict=True))
        return pools

    monkeypatch.setattr(ShardMiner, "mine", note)
    pools = mine(triples_factory=nations, **FAST, keep_scores=True)
    assert pools.path is not None
    assert pools.scores is not None
    verify_pools(pools.path)
    rows = np.repeat(np.arange(len(pools.offsets) - 1), np.diff(pools.offsets.numpy()))
    found = zip(rows.tolist(), pools.replacements.tolist(), pools.scores.tolist(), strict=True)
    assert sorted(found) == sorted(kept)
    assert len(np.unique(pools.scores)) > len(np.unique(pools.hardness))
    for name, array in plain.arrays.items():
        assert torch.equal(pools.arrays[name], array)
    assert pools.metadata["settings"]["keep_scores"] is True


def test_a_failure_leaves_what_was_finished(
    nations: TriplesFactory, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", 200)
    mined: list[int] = []
    mine_shard = ShardMiner.mine

    def fail_at_third(self: ShardMiner, shard: int) -> ShardPools:
        mined.append(shard)
        if len(mined) == 3:
            raise KeyboardInterrupt
        return mine_shard(self, shard)

    monkeypatch.setattr(ShardMiner, "mine", fail_at_third)
    with pytest.raises(KeyboardInterrupt):
        mine(triples_factory=nations, **FAST)
    # a bit flips meanwhile
    (path,) = empty_cache.glob("shards/*/1/pools.npz")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    # and another version has left something
    run = path.parent.parent
    stale = run.with_name(f"{run.name.partition('-')[0]}-0")
    stale.mkdir()
    resumed = mine(triples_factory=nations, **FAST)
    assert not stale.exists()
    assert mined == [0, 1, 2, 1, 2, 3, 4, 5, 6, 7]
    monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: empty_cache / "other")
    assert arrays(mine(triples_factory=nations, **FAST)) == arrays(resumed)


def test_no_file_is_open_when_the_shards_are_removed(
    nations: TriplesFactory, cache_of_scorers: Path, monkeypatch: pytest.MonkeyPatch
):
    rmtree, mapped = shutil.rmtree, []

    def look(path: Path, **kwargs: Any) -> None:
        if Path(path).parent.name == "shards":
            gc.collect()
            mapped.append([x.filename for x in gc.get_objects() if type(x) is np.memmap])
        rmtree(path, **kwargs)

    monkeypatch.setattr(shutil, "rmtree", look)
    mine(triples_factory=nations, encoder="structural", ranker="similarity")
    assert mapped == [[]]


@pytest.mark.parametrize("is_repaired", [False, True])
def test_pools_that_another_run_has_repaired_stay(
    nations: TriplesFactory, empty_cache: Path, monkeypatch: pytest.MonkeyPatch, is_repaired: bool
):
    path = mine(triples_factory=nations, **FAST).path
    assert path is not None
    good = shutil.copytree(path, empty_cache / "good")
    path.joinpath("metadata.json").write_text("{}")
    miner = Miner(Graph.from_factory(nations), MiningSettings(**FAST))
    assert miner.cached() is None
    builds = []
    monkeypatch.setattr(
        MiningRun, "build", lambda *_: builds.append("") or shutil.copytree(good, _[1], dirs_exist_ok=True)
    )
    lock = Cache.lock

    @contextmanager
    def repair(*args: Any) -> Iterator[None]:
        with lock(*args):
            if is_repaired:
                shutil.copytree(good, path, dirs_exist_ok=True)
            yield

    monkeypatch.setattr(Cache, "lock", repair)
    assert miner.mine().path == path
    assert bool(builds) != is_repaired


def test_the_budget_goes_to_names_that_differ(monkeypatch: pytest.MonkeyPatch):
    graph = Graph.from_factory(TriplesFactory.from_labeled_triples(np.array(TWINS)))
    run = MiningRun(Miner(graph, MiningSettings(**FAST, max_candidates=5)).task, Processes())
    monkeypatch.setattr(run.task.ranker, "expensive", True)
    run.folder.mkdir(parents=True)
    context = run._prepare()[0].context
    assert context.chosen is not None
    assert len(context.chosen) == 5
    texts = run.task.texts
    assert texts is not None
    known = {(reading(texts.entities[h]), reading(texts.entities[t])) for h, _, t in graph.triples}
    assert not known & {(reading(texts.entities[h]), reading(texts.entities[t])) for h, _, t in context.chosen}


def test_interrupted_mining_leaves_nothing(nations: TriplesFactory, empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pykeen_negater.mining.shard_miner.assemble_shard", interrupt)
        with pytest.raises(KeyboardInterrupt):
            mine(triples_factory=nations, **FAST)
    assert [path.suffix for path in empty_cache.joinpath("pools").iterdir()] == [".lock"]
    # the vectors were finished, and serve the next attempt
    assert mine(triples_factory=nations, **FAST).coverage(nations.mapped_triples) > 0.9
