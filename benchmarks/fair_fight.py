"""The fair fight: every sampler with the settings that suit it best, and beside them what needs no sampler at all.

Run: NEGATER_DATA=... python benchmarks/fair_fight.py [--datasets umls,codex-s] [--seeds 3]

Each contestant may choose between two learning rates and two dimensions, by the validation MRR of one seed; each stops
when the validation MRR no longer grows, and keeps its best epoch. What it chose is then trained with the other seeds.
The contestants without a sampler score all entities for each query, of heads and of tails (PyKEEN's symmetric LCWA
loop with cross entropy and label smoothing). Seconds and memory are those of the training; they tell where scoring all
entities can't be afforded.

A run that has a row in results/fair_fight.tsv is not repeated. The columns that start with test are for the tables.
"""

import gc
import itertools
import resource
import time
from dataclasses import dataclass
from typing import Any

import click
import pandas as pd
import torch
from benchmark import BASELINES, mine, rank
from common import RESULTS, append, load
from pykeen.datasets import Dataset
from pykeen.evaluation import RankBasedEvaluator
from pykeen.losses import CrossEntropyLoss, Loss, NSSALoss
from pykeen.models import model_resolver
from pykeen.stoppers import EarlyStopper
from pykeen.training import SLCWATrainingLoop, SymmetricLCWATrainingLoop, TrainingLoop
from pykeen.utils import set_random_seed

#: The dimensions that each contestant may choose from
DIMS = (128, 256)

#: The most epochs, how often one looks at the validation triples, and how often in vain before the end
MAX_EPOCHS, FREQUENCY, PATIENCE = 200, 10, 2

#: Positives, or queries, per batch
BATCH_SIZE = 512

#: Triples per batch of an evaluation
EVALUATION_BATCH_SIZE = 128

#: Negatives per positive, of the samplers
NUM_NEGATIVES = 16

#: The share of the target that label smoothing gives to all entities alike
LABEL_SMOOTHING = 0.1

#: The identity of a run
KEYS = ["dataset", "model", "contestant", "learning_rate", "dim", "seed"]

#: What a contestant is, without what it chooses
CELL = ["dataset", "model", "contestant"]


@dataclass(frozen=True)
class Contestant:
    """A way to train."""

    #: PyKEEN's name of the sampler; None for none
    sampler: str | None

    #: Its parameters
    kwargs: dict[str, Any]

    @property
    def learning_rates(self) -> tuple[float, float]:
        """The learning rates that it may choose from."""
        return (0.002, 0.01) if self.sampler is None else (0.0005, 0.002)

    @property
    def loss(self) -> Loss:
        """The loss."""
        return CrossEntropyLoss() if self.sampler is None else NSSALoss()

    def make_loop(self, **kwargs: Any) -> TrainingLoop:
        """Make a training loop."""
        if self.sampler is None:
            return SymmetricLCWATrainingLoop(**kwargs)
        sampler_kwargs = {"num_negs_per_pos": NUM_NEGATIVES, **self.kwargs}
        return SLCWATrainingLoop(negative_sampler=self.sampler, negative_sampler_kwargs=sampler_kwargs, **kwargs)


def contestants(texts: dict[str, str]) -> dict[str, Contestant]:
    """List the contestants by name."""
    return {
        **{name: Contestant(sampler, kwargs) for name, (sampler, kwargs) in BASELINES.items()},
        "negater": Contestant("negater", dict(texts)),
        "all entities": Contestant(None, {}),
    }


def run(
    data: Dataset, model: str, contestant: Contestant, learning_rate: float, dim: int, seed: int, split: str
) -> dict[str, Any]:
    """Train and evaluate."""
    set_random_seed(seed)
    mined = {}
    if contestant.sampler == "negater":
        mined = mine(data.training, {"num_negs_per_pos": NUM_NEGATIVES, **contestant.kwargs})
    made = model_resolver.make(
        model, triples_factory=data.training, embedding_dim=dim, loss=contestant.loss, random_seed=seed
    )
    loop = contestant.make_loop(
        model=made,
        triples_factory=data.training,
        optimizer=torch.optim.Adam(made.parameters(), lr=learning_rate),
        automatic_memory_optimization=False,
    )
    stopper = EarlyStopper(
        model=made,
        evaluator=RankBasedEvaluator(),
        training_triples_factory=data.training,
        evaluation_triples_factory=data.validation,
        frequency=FREQUENCY,
        patience=PATIENCE,
        metric="mrr",
        relative_delta=0.002,
        evaluation_batch_size=EVALUATION_BATCH_SIZE,
    )
    # PyKEEN collects garbage after each epoch, which takes longer than an epoch of a small graph
    gc.collect()
    gc.freeze()
    start = time.perf_counter()
    loop.train(
        data.training,
        num_epochs=MAX_EPOCHS,
        batch_size=BATCH_SIZE,
        label_smoothing=LABEL_SMOOTHING if contestant.sampler is None else 0.0,
        stopper=stopper,
        use_tqdm=False,
    )
    row = {
        "epochs": stopper.best_epoch,
        **mined,
        "seconds": time.perf_counter() - start,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    return row | rank(made, data, "validation") | (rank(made, data, "test") if split == "test" else {})


@click.command()
@click.option("--datasets", default="umls,codex-s", help="Folders of NEGATER_DATA.")
@click.option("--models", default="TransE,PairRE,ComplEx")
@click.option("--contestants", "names", help="Separated by semicolons; by default all.")
@click.option("--seeds", default=3)
def main(datasets: str, models: str, names: str | None, seeds: int) -> None:
    """Choose on validation triples, then train what was chosen."""
    path = RESULTS / "fair_fight.tsv"

    def known() -> pd.DataFrame:
        """Read the runs that are done."""
        return pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame(columns=[*KEYS, "validation_mrr"])

    def finish(cell: dict[str, Any], split: str) -> None:
        """Run what is not done."""
        done = known()
        if len(done) and (done[KEYS] == pd.Series(cell)).all(axis=1).any() and split == "validation":
            return
        if split == "test" and "test_mrr" in done:
            same = (done[KEYS] == pd.Series(cell)).all(axis=1)
            if done.loc[same, "test_mrr"].notna().any():
                return
        data, texts = load(cell["dataset"])
        contestant = contestants(texts)[cell["contestant"]]
        settings = {name: cell[name] for name in ("model", "learning_rate", "dim", "seed")}
        row = cell | run(data, contestant=contestant, split=split, **settings)
        append("fair_fight", KEYS, row)
        print({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}, flush=True)

    known_names = contestants({})
    chosen = names.split(";") if names else list(known_names)
    for dataset, model, contestant in itertools.product(datasets.split(","), models.split(","), chosen):
        # ComplEx is what one would take where all entities can be scored
        if model == "ComplEx" and contestant != "all entities":
            continue
        cell = dict(zip(CELL, (dataset, model, contestant), strict=True))
        for learning_rate, dim in itertools.product(known_names[contestant].learning_rates, DIMS):
            finish(cell | {"learning_rate": learning_rate, "dim": dim, "seed": 0}, "validation")
        done = known()
        tried = done[(done[CELL] == pd.Series(cell)).all(axis=1) & (done["seed"] == 0)]
        best = tried.loc[tried["validation_mrr"].idxmax()]
        for seed in range(seeds):
            own = {"learning_rate": float(best["learning_rate"]), "dim": int(best["dim"]), "seed": seed}
            finish(cell | own, "test")


if __name__ == "__main__":
    main()
