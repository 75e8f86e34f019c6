"""One shard after the other gives what all of them at once give."""

from pathlib import Path

import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater import mine
from pykeen_negater.mining.shard_miner import ShardMiner
from pykeen_negater.mining.shard_pools import ShardPools


def test_shards_are_mined_once_each_and_give_the_pools_of_one(
    nations: TriplesFactory, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = {"encoder": "structural", "ranker": "similarity", "guard": None}
    whole = mine(triples_factory=nations, **settings)
    monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: empty_cache / "other")
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", 500)
    mined: list[int] = []
    original = ShardMiner.mine

    def note(self: ShardMiner, shard: int) -> ShardPools:
        mined.append(shard)
        return original(self, shard)

    monkeypatch.setattr(ShardMiner, "mine", note)
    parts = mine(triples_factory=nations, **settings)
    assert mined == [0, 1, 2, 3]
    assert parts.replacements.tolist() == whole.replacements.tolist()
    assert parts.offsets.tolist() == whole.offsets.tolist()
