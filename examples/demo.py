"""One word in a PyKEEN pipeline: TransE on UMLS, with random negatives, and with mined and guarded ones.

Nothing of the plugin is imported to train with it. The first run mines, the second finds everything in the cache.
"""

import time

import numpy as np
import pandas as pd
from pykeen.pipeline import pipeline

EPOCHS = 20
SEED = 0
NEGATIVES = {"num_negs_per_pos": 16}

rows = []
for sampler in ("basic", "bernoulli", "negater"):
    start = time.perf_counter()
    result = pipeline(
        dataset="umls",
        model="TransE",
        loss="nssa",
        negative_sampler=sampler,
        negative_sampler_kwargs=dict(NEGATIVES),
        training_kwargs={"num_epochs": EPOCHS, "use_tqdm": False, "batch_size": 256},
        evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
        random_seed=SEED,
    )
    seconds = time.perf_counter() - start
    metrics = {name: result.get_metric(name) for name in ("mrr", "hits_at_1", "hits_at_10")}
    rows.append({"sampler": sampler, **metrics, "training (s)": result.train_seconds, "in all (s)": seconds})

# the negatives of such a training: an epoch of batches, and which of their negatives come from the pools
from pykeen.triples import BatchedSLCWAInstances  # noqa: E402

from pykeen_negater.pools.exports import to_frame  # noqa: E402

training = result.training
instances = BatchedSLCWAInstances.from_triples_factory(
    training, batch_size=256, negative_sampler="negater", negative_sampler_kwargs=dict(NEGATIVES)
)
PARTS = ["head", "relation", "tail"]
drawn = pd.concat(
    [
        pd.DataFrame(
            np.hstack([training.label_triples(positives), training.label_triples(negatives)]),
            columns=[*(f"positive_{part}" for part in PARTS), *PARTS],
        )
        for batch in instances
        for negatives in [batch["negatives"].reshape(-1, 3)]
        for positives in [batch["positives"].repeat_interleave(NEGATIVES["num_negs_per_pos"], dim=0)]
    ]
).drop_duplicates()
pools = instances.negative_sampler.pools
mined = to_frame(pools).merge(drawn).sort_values("score", ascending=False)
print(f"\n{len(mined):,} different mined negatives were drawn in an epoch. The hardest of each relation:")
for row in mined.groupby("relation").head(1).itertuples():
    print(f"  {row.head} · {row.relation} · {row.tail}   (true is {row.positive_head} … {row.positive_tail})")
print(f"\n{len(pools):,} negatives for {pools.num_triples:,} training triples in {pools.path}")
print("Mining took, in seconds (of the run that mined; later runs take the result from the cache):")
for step, seconds in pools.durations.items():
    print(f"  {step:24} {seconds:8.2f}")
print(f"\nTransE on UMLS, {EPOCHS} epochs, seed {SEED}; negatives are mined in the first run only:")
print(pd.DataFrame(rows).round(3).to_string(index=False))
