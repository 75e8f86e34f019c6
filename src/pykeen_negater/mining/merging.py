"""Merges the pools of all shards into one file, with one shard in memory at a time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..pools.codec import encode_hardness
from ..pools.files import DTYPES, OPTIONAL_DTYPES
from ..pools.outcomes import OUTCOMES
from ..pools.rejections import REJECTED, choose_rejected
from ..storage.cache import remove_path
from ..storage.tensor_files import TensorFile
from ..triples.graphs import Graph
from .shard_pools import ShardPools

__all__ = [
    "PoolMerger",
]

#: The approximate number of suspected positives that are sorted at once
KEYS_AT_ONCE = 2**22

_SUSPECTED = np.dtype([("key", np.int64), ("risk", np.uint8)])


class PoolMerger:
    """Merges the pools of the shards."""

    def __init__(
        self, graph: Graph, num_sides: int, shards: Sequence[Path], scratch: Path, keep_scores: bool = False
    ) -> None:
        """Read the sizes and counts of the shards.

        :param graph: the graph
        :param num_sides: the number of sides that have pools
        :param shards: the folders of the shards' pools
        :param scratch: a folder for intermediate results
        :param keep_scores: whether to write the exact scores, too
        """
        self.graph, self.num_sides, self.shards = graph, num_sides, shards
        self._scratch = scratch
        self._dtypes = DTYPES | OPTIONAL_DTYPES if keep_scores else DTYPES
        #: Where the pool of each triple and side starts; shape: (num_triples * num_sides + 1,)
        self.offsets = np.zeros(len(graph) * num_sides + 1, dtype=np.int64)
        #: The number of candidates of each relation by outcome; shape: (num_relations, num_outcomes)
        self.outcomes = np.zeros((graph.num_relations, len(OUTCOMES)), dtype=np.int64)
        #: Examples of rejected candidates of each relation; dtype:
        #: :data:`~pykeen_negater.pools.rejections.REJECTED`
        self.rejected = np.empty(0, dtype=REJECTED)
        low, high, num_suspected = np.inf, -np.inf, 0
        samples = []
        for path in shards:
            shard = ShardPools.load(path)
            self.offsets[shard.rows + 1] = shard.sizes
            self.outcomes += shard.outcomes
            self.rejected = choose_rejected([self.rejected, shard.rejected])
            num_suspected += len(shard.suspected)
            samples.append(shard.suspected[:: max(1, KEYS_AT_ONCE // 1_000)])
            if len(shard.scores):
                low, high = min(low, float(shard.scores.min())), max(high, float(shard.scores.max()))
        np.cumsum(self.offsets, out=self.offsets)
        #: The scores of the easiest and of the hardest negative, 0 where there is none
        self.score_range = (low, high) if low <= high else (0.0, 0.0)
        count = -(-num_suspected // KEYS_AT_ONCE)
        sample = np.sort(np.concatenate(samples))
        #: The keys that divide suspected positives into buckets
        self._bounds = sample[[i * len(sample) // count for i in range(1, count)]]

    @property
    def num_negatives(self) -> int:
        """The number of negatives."""
        return int(self.offsets[-1])

    @property
    def coverage(self) -> float:
        """The share of the triples that have a negative, in [0, 1]."""
        sizes = np.diff(self.offsets[:: self.num_sides])
        return float(np.mean(sizes > 0, dtype=np.float32))

    def write(self, path: Path) -> int:
        """Write the arrays of the pools.

        :param path: the file
        :return: the number of suspected positives
        """
        buckets = self._merge_suspected()
        num_suspected = sum(len(np.load(bucket, mmap_mode="r", allow_pickle=False)) for bucket in buckets)
        lengths = {
            "keys": len(self.graph),
            "offsets": len(self.offsets),
            **dict.fromkeys(("replacements", "hardness", "risk", "scores"), self.num_negatives),
            **dict.fromkeys(("suspected", "suspected_risk"), num_suspected),
        }
        sizes = {
            name: (np.dtype(str(dtype).removeprefix("torch.")), lengths[name]) for name, dtype in self._dtypes.items()
        }
        file = TensorFile(path, sizes)
        file.array("keys")[:] = self.graph.index.keys.numpy()
        file.array("offsets")[:] = self.offsets
        for shard in self.shards:
            self._write_shard(file, ShardPools.load(shard))
        start = 0
        for bucket in buckets:
            merged = np.load(bucket, allow_pickle=False)
            file.array("suspected")[start : start + len(merged)] = merged["key"]
            file.array("suspected_risk")[start : start + len(merged)] = merged["risk"]
            start += len(merged)
        return num_suspected

    def _write_shard(self, file: TensorFile, shard: ShardPools) -> None:
        starts = np.cumsum(shard.sizes) - shard.sizes
        places = np.repeat(self.offsets[shard.rows] - starts, shard.sizes) + np.arange(len(shard.scores))
        file.array("replacements")[places] = shard.replacements
        file.array("hardness")[places] = encode_hardness(shard.scores, *self.score_range)
        file.array("risk")[places] = shard.risk
        if "scores" in self._dtypes:
            file.array("scores")[places] = shard.scores

    def _merge_suspected(self) -> list[Path]:
        """Sort the suspected positives of all shards bucket by bucket, each once with its greatest risk."""
        remove_path(self._scratch)
        self._scratch.mkdir()
        buckets = [self._scratch / f"{i}.npy" for i in range(len(self._bounds) + 1)]
        for path in self.shards:
            shard = ShardPools.load(path)
            parts = np.searchsorted(shard.suspected, self._bounds)
            suspected = np.empty(len(shard.suspected), dtype=_SUSPECTED)
            suspected["key"], suspected["risk"] = shard.suspected, shard.suspected_risk
            for bucket, part in zip(buckets, np.split(suspected, parts), strict=True):
                with bucket.with_suffix(".part").open("ab") as file:
                    part.tofile(file)
        for bucket in buckets:
            suspected = np.fromfile(bucket.with_suffix(".part"), dtype=_SUSPECTED)
            order = np.lexsort((-suspected["risk"].astype(np.int16), suspected["key"]))
            first = np.flatnonzero(np.diff(suspected["key"][order], prepend=-1))
            np.save(bucket, suspected[order[first]], allow_pickle=False)
        return buckets
