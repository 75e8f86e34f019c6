"""Pools at the size of ogbl-wikikg2 (16 M triples, 2.5 M entities, 16 negatives per side), beside pools for 300,000.

Run: python benchmarks/pool_scale.py

Pools are random. Batches of 1,024 positives with 32 negatives, all of them mined, are drawn from either in turns; the
ratio of the medians counts. The memory of a worker is what a forked process has of its own after a hundred batches,
beyond the same with `basic`: its anonymous memory that is not shared with its parent. About 8 GiB of memory and 4 GB of
disk are needed.
"""

import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from common import write
from pykeen.sampling import BasicNegativeSampler, NegativeSampler

from pykeen_negater import NegatERNegativeSampler, NegativePools
from pykeen_negater.triples.indexing import keys_to_triples

#: The number of triples, entities and relations; the first is that of ogbl-wikikg2
SIZES = {"large": (16_109_182, 2_500_604, 535), "small": (300_000, 40_000, 200)}

POOL_SIZE, BATCH_SIZE, NUM_NEGATIVES, BATCHES = 16, 1_024, 32, 100


def make_pools(num_triples: int, num_entities: int, num_relations: int) -> NegativePools:
    """Make full pools of random entities for both sides."""
    keys = torch.randint(num_entities * num_relations * num_entities, (num_triples + num_triples // 100,)).unique()
    keys = keys[torch.randperm(len(keys))[:num_triples]].sort().values
    size = 2 * num_triples * POOL_SIZE
    return NegativePools(
        keys=keys,
        offsets=torch.arange(2 * num_triples + 1) * POOL_SIZE,
        replacements=torch.randint(num_entities, (size,), dtype=torch.int32),
        hardness=torch.randint(256, (size,), dtype=torch.uint8),
        risk=torch.zeros(size, dtype=torch.uint8),
        num_entities=num_entities,
        num_relations=num_relations,
        sides=(0, 2),
        vocabulary="random",
        # as the guard leaves it, whose limit is above that of mining
        metadata={"labelled": False, "max_risk": 2.0, "max_mined_risk": 1.0, "guard_skill": 0.5},
    )


def own_memory(sampler: NegativeSampler, triples: torch.Tensor) -> float:
    """Draw batches in a forked process, and get the MB that it then has of its own."""
    receiver, sender = multiprocessing.Pipe(duplex=False)

    def work() -> None:
        """Draw, and report."""
        for _ in range(BATCHES):
            sampler.sample(triples[torch.randint(len(triples), (BATCH_SIZE,))])
        smaps = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8")
        sender.send(sum(int(kib) for kib in re.findall(r"Private_(?:Dirty|Hugetlb):\s+(\d+)", smaps)) * 1024 / 1e6)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    megabytes: float = receiver.recv()
    process.join()
    return megabytes


def timed(function: Callable[[], object]) -> float:
    """Measure seconds."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    """Measure and write."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # so that processes can be forked
    rows = {name: {"what": name, "triples": sizes[0], "seed": 0} for name, sizes in SIZES.items()}
    with tempfile.TemporaryDirectory() as scratch:
        samplers, batches = {}, {}
        for name, (num_triples, num_entities, num_relations) in SIZES.items():
            folder = Path(scratch, name)
            pools = make_pools(num_triples, num_entities, num_relations)
            rows[name]["build (s)"] = round(timed(lambda p=pools, f=folder: p.save(f)), 1)
            triples = torch.from_numpy(keys_to_triples(pools.keys.numpy(), num_entities, num_relations))
            del pools
            rows[name]["disk (GB)"] = round(sum(path.stat().st_size for path in folder.iterdir()) / 1e9, 3)
            rows[name]["load (s)"] = round(timed(lambda f=folder: NegativePools.load(f)), 2)
            kwargs = {
                "mapped_triples": triples,
                "num_entities": num_entities,
                "num_relations": num_relations,
                "num_negs_per_pos": NUM_NEGATIVES,
            }
            samplers[name] = NegatERNegativeSampler(**kwargs, pools=str(folder), hard_fraction=1.0, loop_fraction=0.0)
            batches[name] = triples
            worker = own_memory(samplers[name], triples) - own_memory(BasicNegativeSampler(**kwargs), triples)
            rows[name]["memory of a worker (MB)"] = round(worker, 1)
        seconds: dict[str, list[float]] = {name: [] for name in SIZES}
        for _ in range(BATCHES):
            for name, sampler in samplers.items():
                batch = batches[name][torch.randint(len(batches[name]), (BATCH_SIZE,))]
                seconds[name].append(timed(lambda s=sampler, b=batch: s.sample(b)))
        for name in SIZES:
            rows[name]["batch, times small"] = round(median(seconds[name]) / median(seconds["small"]), 2)
    write("pool_scale", list(rows.values()))


if __name__ == "__main__":
    main()
