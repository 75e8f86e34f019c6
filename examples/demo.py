"""One word in a PyKEEN pipeline: PairRE on Nations, with random negatives, and with mined and guarded ones.

Nothing of the plugin is imported to train with it. The first run mines, the second finds everything in the cache.
"""

import time

import pandas as pd
from pykeen.pipeline import pipeline
from pykeen.sampling import negative_sampler_resolver

EPOCHS = 100
SEED = 0

rows = []
for sampler in ("basic", "bernoulli", "negater"):
    start = time.perf_counter()
    result = pipeline(
        dataset="nations",
        model="PairRE",
        negative_sampler=sampler,
        training_kwargs={"num_epochs": EPOCHS, "use_tqdm": False, "batch_size": 256},
        evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
        random_seed=SEED,
    )
    seconds = time.perf_counter() - start
    metrics = {name: result.get_metric(name) for name in ("mrr", "hits_at_1", "hits_at_10")}
    rows.append({"sampler": sampler, **metrics, "training (s)": result.train_seconds, "in all (s)": seconds})

# what was mined, for those who want to look
from pykeen.datasets import get_dataset  # noqa: E402

from pykeen_negater import mine  # noqa: E402
from pykeen_negater.exports import sentences  # noqa: E402

pools = mine(triples_factory=get_dataset(dataset="nations").training)
print(f"\nSamplers that PyKEEN knows: {', '.join(sorted(negative_sampler_resolver.options))}")
print("\nThe hardest mined negatives of each relation:")
for lines in sentences(pools).values():
    for line in lines:
        print(f"  {line}")
print(f"\n{len(pools):,} negatives for {pools.num_triples:,} training triples in {pools.path}")
print("Mining took, in seconds (of the run that mined; later runs take the result from the cache):")
for step, seconds in pools.durations.items():
    print(f"  {step:24} {seconds:8.2f}")
print(f"\nPairRE on Nations, {EPOCHS} epochs, seed {SEED}; negatives are mined in the first run only:")
print(pd.DataFrame(rows).round(3).to_string(index=False))
