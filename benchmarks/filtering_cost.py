"""The time and errors of filtering 1,024 x 32 negatives, and what a filterer takes to build and to hold.

Run: python benchmarks/filtering_cost.py

The filterers take turns, a batch each, and the median over all batches counts. The triples are random, so that what a
sampler draws is hardly ever known: a share of it is replaced by known triples.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from common import write
from pykeen.sampling import BasicNegativeSampler
from pykeen.sampling.filtering import BloomFilterer, Filterer, PythonSetFilterer
from pykeen.typing import LongTensor

from pykeen_negater.sampling.filtering import ExactFilterer
from pykeen_negater.triples.indexing import triples_to_keys

#: The numbers of triples, entities and relations
GRAPHS = ((300_000, 40_000, 200), (10_000_000, 2_500_000, 500))
BATCH_SIZE, NUM_NEGATIVES, TURNS = 1_024, 32, 60

#: The shares of known triples in a batch: as in most graphs, and far more than in any
KNOWN_SHARES = (0.01, 0.5)

FILTERERS: dict[str, Callable[[LongTensor], Filterer]] = {
    "bloom": lambda triples: BloomFilterer(triples, error_rate=0.001),
    "python-set": PythonSetFilterer,
    "exact": ExactFilterer,
}


def num_bytes(filterer: Filterer) -> int:
    """Add up the buffers, or the objects of the Python set, whose ids are objects of their own."""
    if not isinstance(filterer, PythonSetFilterer):
        return sum(buffer.nbytes for buffer in filterer.buffers())
    triple = next(iter(filterer.triples))
    per_triple = sys.getsizeof(triple) + sum(map(sys.getsizeof, triple))
    return sys.getsizeof(filterer.triples) + len(filterer.triples) * per_triple


def draw(sampler: BasicNegativeSampler, triples: LongTensor, known_share: float) -> LongTensor:
    """Draw a batch of negatives; shape: (1024, 32, 3)."""
    negatives = sampler.corrupt_batch(triples[torch.randint(len(triples), (BATCH_SIZE,))])
    known = torch.rand(negatives.shape[:-1]) < known_share
    negatives[known] = triples[torch.randint(len(triples), (int(known.sum()),))]
    return negatives


def measure(num_triples: int, num_entities: int, num_relations: int) -> list[dict[str, Any]]:
    """Build all filterers for one graph, and let them take turns."""
    limits = (num_entities, num_relations, num_entities)
    triples = torch.stack([torch.randint(limit, (num_triples,)) for limit in limits], dim=1)
    sampler = BasicNegativeSampler(
        mapped_triples=triples,
        num_entities=num_entities,
        num_relations=num_relations,
        num_negs_per_pos=NUM_NEGATIVES,
    )
    filterers, build = {}, {}
    for name, make in FILTERERS.items():
        start = time.perf_counter()
        filterers[name] = make(triples)
        build[name] = time.perf_counter() - start
    known_keys = triples_to_keys(triples, num_entities, num_relations).numpy()
    rows = []
    for known_share in KNOWN_SHARES:
        seconds: dict[str, list[float]] = {name: [] for name in filterers}
        found: dict[str, list[np.ndarray]] = {name: [] for name in filterers}
        keys = []
        for _ in range(TURNS):
            batch = draw(sampler, triples, known_share)
            keys.append(triples_to_keys(batch, num_entities, num_relations).numpy().ravel())
            for name, filterer in filterers.items():
                start = time.perf_counter()
                mask = filterer(batch)
                seconds[name].append(time.perf_counter() - start)
                found[name].append(~mask.numpy().ravel())
        known = np.isin(np.concatenate(keys), known_keys)
        for name, filterer in filterers.items():
            says = np.concatenate(found[name])
            rows.append(
                {
                    "triples": num_triples,
                    "known share": known_share,
                    "filterer": name,
                    "times bloom": round(median(seconds[name]) / median(seconds["bloom"]), 3),
                    "unknown": int((~known).sum()),
                    "unknown, masked": int((says & ~known).sum()),
                    "known": int(known.sum()),
                    "known, kept": int((~says & known).sum()),
                    "build, times bloom": round(build[name] / build["bloom"], 2),
                    "bytes per triple": round(num_bytes(filterer) / num_triples, 1),
                    "seed": 0,
                }
            )
    return rows


def main() -> None:
    """Measure and write."""
    torch.manual_seed(0)
    write("filtering_cost", [row for graph in GRAPHS for row in measure(*graph)])


if __name__ == "__main__":
    main()
