"""The time of a batch of 1,024 positives with 32 negatives each, a quarter of them from pools for 300,000 triples.

Run: python benchmarks/sampling_cost.py

The samplers take turns, a few batches each, and the median over all batches counts.
"""

import time
from statistics import median

import torch
from common import write
from pykeen.sampling import BasicNegativeSampler, BernoulliNegativeSampler

from pykeen_negater import NegatERNegativeSampler, NegativePools
from pykeen_negater.triples.graphs import Graph

NUM_ENTITIES, NUM_RELATIONS, NUM_TRIPLES, POOL_SIZE = 40_000, 200, 300_000, 16
BATCH_SIZE, NUM_NEGATIVES, HARD_FRACTION = 1_024, 32, 0.25
TURNS, BATCHES_PER_TURN = 60, 10


def random_pools(graph: Graph) -> NegativePools:
    """Make full pools of random entities for both sides."""
    size = 2 * len(graph) * POOL_SIZE
    return NegativePools(
        keys=graph.index.keys,
        offsets=torch.arange(2 * len(graph) + 1) * POOL_SIZE,
        replacements=torch.randint(graph.num_entities, (size,), dtype=torch.int32),
        hardness=torch.randint(256, (size,), dtype=torch.uint8),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        sides=(0, 2),
        vocabulary=graph.vocabulary,
    )


def main() -> None:
    """Measure and write."""
    torch.manual_seed(0)
    limits = (NUM_ENTITIES, NUM_RELATIONS, NUM_ENTITIES)
    triples = torch.stack([torch.randint(limit, (NUM_TRIPLES,)) for limit in limits], dim=1)
    pools = random_pools(Graph.from_triples(triples, NUM_ENTITIES, NUM_RELATIONS))
    kwargs = {
        "mapped_triples": triples,
        "num_entities": NUM_ENTITIES,
        "num_relations": NUM_RELATIONS,
        "num_negs_per_pos": NUM_NEGATIVES,
    }
    samplers = {"basic": BasicNegativeSampler(**kwargs), "bernoulli": BernoulliNegativeSampler(**kwargs)}
    for strategy in ("uniform", "top", "softmax"):
        samplers[f"negater, {strategy}"] = NegatERNegativeSampler(
            **kwargs, pools=pools, hard_fraction=HARD_FRACTION, strategy=strategy
        )
    seconds: dict[str, list[float]] = {name: [] for name in samplers}
    for _ in range(TURNS):
        for name, sampler in samplers.items():
            for _ in range(BATCHES_PER_TURN):
                batch = triples[torch.randint(NUM_TRIPLES, (BATCH_SIZE,))]
                start = time.perf_counter()
                sampler.sample(batch)
                seconds[name].append(time.perf_counter() - start)
    medians = {name: median(values) for name, values in seconds.items()}
    write(
        "sampling_cost",
        [
            {
                "sampler": name,
                "times basic": round(value / medians["basic"], 2),
                "times bernoulli": round(value / medians["bernoulli"], 2),
                "seed": 0,
            }
            for name, value in medians.items()
        ],
    )


if __name__ == "__main__":
    main()
