"""One word in a PyKEEN pipeline: TransE on UMLS, with PyKEEN's samplers, and with each part of this one.

Nothing of the plugin is imported to train with it. The first run mines, the second finds everything in the cache.
"""

import time

import pandas as pd
import torch
from pykeen.pipeline import pipeline
from pykeen.training import TrainingCallback

EPOCHS = 60
SEED = 0
NUM_NEGATIVES = 16

#: What is compared: PyKEEN's name of the sampler, and its parameters
SAMPLERS = {
    "basic": ("basic", {}),
    "basic, filtered": ("basic", {"filtered": True}),
    "bernoulli": ("bernoulli", {}),
    "negater, only its guard": ("negater", {"hard_fraction": 0.0, "loop_fraction": 0.0}),
    "negater, guard and loops": ("negater", {"hard_fraction": 0.0}),
    "negater": ("negater", {}),
}

PARTS = ["head", "relation", "tail"]


class Watch(TrainingCallback):
    """Keeps what a model is trained on in the last epoch: each negative beside its positive."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.batches = []

    def on_batch(self, epoch, batch, batch_loss, **kwargs) -> None:
        """Keep a batch."""
        if epoch == EPOCHS:
            positives = batch["positives"].unsqueeze(dim=1).expand_as(batch["negatives"])
            self.batches.append(torch.cat([positives, batch["negatives"]], dim=-1).flatten(end_dim=1).cpu())


watch, rows = Watch(), []
for label, (sampler, kwargs) in SAMPLERS.items():
    start = time.perf_counter()
    result = pipeline(
        dataset="umls",
        model="TransE",
        loss="nssa",
        negative_sampler=sampler,
        negative_sampler_kwargs={"num_negs_per_pos": NUM_NEGATIVES, **kwargs},
        training_kwargs={
            "num_epochs": EPOCHS,
            "use_tqdm": False,
            "batch_size": 256,
            "callbacks": watch if label == "negater" else None,
        },
        evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
        random_seed=SEED,
    )
    metrics = {name: result.get_metric(name) for name in ("mrr", "hits_at_1", "hits_at_10")}
    seconds = {"training (s)": result.train_seconds, "in all (s)": time.perf_counter() - start}
    rows.append({"sampler": label, **metrics, **seconds})

# which of them were mined: nothing is mined again, since the pools are in the cache
from pykeen_negater import mine  # noqa: E402
from pykeen_negater.pools.exports import to_frame  # noqa: E402

training = result.training
pools = mine(triples_factory=training)
trained_on = torch.cat(watch.batches).unique(dim=0)
labels = [training.label_triples(triples) for triples in trained_on.split(3, dim=1)]
drawn = pd.concat([pd.DataFrame(triples, columns=PARTS) for triples in labels], axis=1)
drawn.columns = [*(f"positive_{part}" for part in PARTS), *PARTS]
mined = to_frame(pools).merge(drawn).sort_values("score", ascending=False)
print(f"\nThe last epoch of the last training had {len(mined):,} different mined negatives. The hardest by relation:")
for row in mined.groupby("relation").head(1).itertuples():
    print(f"  {row.head} · {row.relation} · {row.tail}   (true is {row.positive_head} … {row.positive_tail})")
print(f"\n{len(pools):,} negatives for {pools.num_triples:,} training triples in {pools.path}")
print("Mining took, in seconds (of the run that mined; later runs take the result from the cache):")
for step, seconds in pools.durations.items():
    print(f"  {step:24} {seconds:8.2f}")
print(f"\nTransE on UMLS, {EPOCHS} epochs, seed {SEED}; negatives are mined in the first run only:")
print(pd.DataFrame(rows).round(3).to_string(index=False))
