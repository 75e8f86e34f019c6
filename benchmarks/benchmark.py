"""Do the samplers help? Link prediction and triple classification, everything but the negatives equal, paired seeds.

Run: NEGATER_DATA=... python benchmarks/benchmark.py [--quick] [--datasets umls,codex-s] [--samplers ...] [--seeds 5]

The cells are listed before they run. A cell that has a row in results/benchmark.tsv (results/quick.tsv with --quick) is
not run again, so that a stopped run goes on where it was; remove the file to start anew. Several processes may share
the work if their cells differ, e.g. by --models.

All choices are made on the validation triples. The columns that start with test are for the tables.
"""

import itertools
from collections.abc import Collection
from typing import Any

import click
import pandas as pd
import torch
from common import RESULTS, append, load, load_verified
from pykeen.datasets import Dataset
from pykeen.evaluation import MetricResults, RankBasedEvaluator
from pykeen.models import Model
from pykeen.pipeline import pipeline
from pykeen.training import TrainingCallback

from pykeen_negater import NegatERNegativeSampler, TripleClassificationEvaluator

#: The number of epochs by dataset; others have that of the first
EPOCHS = {"codex-s": 30, "umls": 50, "nations": 100, "conceptnet-full": 20}

#: Dimension, learning rate and batch size are the same in all cells
DIM, LEARNING_RATE, BATCH_SIZE = 64, 0.004, 512

#: How many triples are evaluated at once, against how many entities: what fits into a processor's cache is fast
EVALUATION = {"batch_size": 128, "slice_size": 256, "use_tqdm": False}

#: The loss and the number of negatives; None is the model's default loss
SETTINGS: dict[str, tuple[str | None, int]] = {"nssa-16": ("nssa", 16), "default-1": (None, 1)}

#: The samplers, their parameters, and whether they read the dataset's texts
SAMPLERS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "basic": ("basic", {}, False),
    "basic, filtered": ("basic", {"filtered": True}, False),
    "bernoulli": ("bernoulli", {}, False),
    "pseudotyped": ("pseudotyped", {}, False),
    "negater": ("negater", {}, True),
    # what the bare call does for opaque ids
    "negater, no text": ("negater", {"encoder": "structural"}, False),
    "negater, only guarded": ("negater", {"hard_fraction": 0.0}, True),
    "negater, no loops": ("negater", {"loop_fraction": 0.0}, True),
    "negater, to classify": ("negater", {"hard_fraction": 0.5, "max_risk": 4.0, "loop_fraction": 0.0}, True),
    "negater, no guard": ("negater", {"guard": None}, True),
    "negater, guard of thresholds": ("negater", {"ranker": "thresholds", "guard": "thresholds"}, True),
}
for ranker in ("similarity", "kge", "thresholds", "full-gradients", "proxy-gradients", "relation-embedding"):
    SAMPLERS[f"negater, {ranker}"] = ("negater", {"ranker": ranker}, True)
    SAMPLERS[f"negater, {ranker}, no guard"] = ("negater", {"ranker": ranker, "guard": None}, True)

#: What --quick compares
QUICK = ("basic", "bernoulli", "negater")

#: The identity of a cell
KEYS = ["dataset", "model", "setting", "sampler", "seed"]


def summarize(results: MetricResults, split: str) -> dict[str, float]:
    """Pick the metrics of a split."""
    metrics = {"mrr": "mrr", "hits_1": "hits_at_1", "hits_3": "hits_at_3", "hits_10": "hits_at_10"}
    return {f"{split}_{name}": results.get_metric(metric) for name, metric in metrics.items()}


def rank(model: Model, data: Dataset, split: str) -> dict[str, float]:
    """Evaluate link prediction on the validation or the test triples."""
    known = [data.training.mapped_triples, data.validation.mapped_triples, data.testing.mapped_triples]
    triples = {"validation": data.validation, "test": data.testing}[split].mapped_triples
    results = RankBasedEvaluator().evaluate(model, triples, additional_filter_triples=known, **EVALUATION)
    return summarize(results, split)


class Curve(TrainingCallback):
    """Notes the test MRR on the way."""

    def __init__(self, data: Dataset, num_epochs: int, percents: Collection[int]) -> None:
        """Take what to evaluate, how long training takes, and when to look."""
        super().__init__()
        self.data = data
        self.epochs = {round(percent * num_epochs / 100): percent for percent in percents}
        self.points: dict[str, float] = {}

    # docstr-coverage: inherited
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        """Evaluate now and then."""
        if epoch in self.epochs:
            state = torch.random.get_rng_state()
            self.points[f"test_mrr_at_{self.epochs[epoch]}"] = rank(self.model, self.data, "test")["test_mrr"]
            torch.random.set_rng_state(state)


def run(dataset: str, model: str, setting: str, sampler: str, seed: int, curve: Collection[int]) -> dict[str, Any]:
    """Train and evaluate one cell."""
    data, texts = load(dataset)
    loss, num_negatives = SETTINGS[setting]
    name, kwargs, reads = SAMPLERS[sampler]
    epochs = EPOCHS.get(dataset, next(iter(EPOCHS.values())))
    sampler_kwargs = {"num_negs_per_pos": num_negatives, **kwargs, **(texts if reads else {})}
    if name == "negater":
        # mined before the clock runs, which is about training
        from pykeen_negater.sampling.training_context import triples_factory_noted

        with triples_factory_noted(data.training):
            NegatERNegativeSampler(mapped_triples=data.training.mapped_triples, **sampler_kwargs)
    callback = Curve(data, epochs, curve)
    result = pipeline(
        dataset=data,
        model=model,
        model_kwargs={"embedding_dim": DIM},
        loss=loss,
        negative_sampler=name,
        negative_sampler_kwargs=sampler_kwargs,
        optimizer_kwargs={"lr": LEARNING_RATE},
        training_kwargs={
            "num_epochs": epochs,
            "batch_size": BATCH_SIZE,
            "use_tqdm": False,
            "callbacks": [callback] if curve else None,
        },
        evaluation_kwargs=EVALUATION,
        random_seed=seed,
    )
    row = (
        {"epochs": epochs, **rank(result.model, data, "validation")}
        | summarize(result.metric_results, "test")
        | callback.points
    )
    verified = load_verified(dataset, data)
    if verified is not None:
        validation, test = verified
        evaluator = TripleClassificationEvaluator(data.validation.mapped_triples, validation)
        scores = evaluator.evaluate(result.model, data.testing.mapped_triples, test)
        row |= {f"test_{name}": value for name, value in scores.items()}
    return row


@click.command()
@click.option("--datasets", default="umls,codex-s", help="Folders of NEGATER_DATA, or names that PyKEEN knows.")
@click.option("--models", default="TransE,PairRE")
@click.option("--settings", default=",".join(SETTINGS))
@click.option("--samplers", default=";".join(SAMPLERS), help="Separated by semicolons.")
@click.option("--seeds", default=5)
@click.option("--curve", default="", help="Note the test MRR after these percents of the epochs, e.g. 20,40,60,80.")
@click.option(
    "--quick", is_flag=True, help="One seed, basic, bernoulli and negater: a quarter of an hour on two cores."
)
def main(datasets: str, models: str, settings: str, samplers: str, seeds: int, curve: str, quick: bool) -> None:
    """Run all cells that have no result yet."""
    percents = [int(percent) for percent in curve.split(",") if percent]
    names = QUICK if quick else samplers.split(";")
    choices = (range(1 if quick else seeds), datasets.split(","), settings.split(","), models.split(","), names)
    cells = [
        dict(zip(KEYS, (dataset, model, setting, sampler, seed), strict=True))
        for seed, dataset, setting, model, sampler in itertools.product(*choices)
    ]
    # a quick run is to be seen running, whatever results there are
    name = "quick" if quick else "benchmark"
    path = RESULTS / f"{name}.tsv"
    done = pd.read_csv(path, sep="\t")[KEYS].to_dict("records") if path.exists() else []
    missing = [cell for cell in cells if cell not in done]
    print(f"{len(cells)} cells, {len(missing)} of which are missing:")
    print(pd.DataFrame(missing, columns=KEYS).to_string())
    for number, cell in enumerate(missing, start=1):
        row = cell | run(**cell, curve=percents)
        append(name, KEYS, row)
        print(f"{number}/{len(missing)}", {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})


if __name__ == "__main__":
    main()
