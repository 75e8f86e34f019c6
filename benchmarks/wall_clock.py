"""Who is ahead after one, five, thirty minutes? The validation MRR against the seconds since the start, with mining.

Run: NEGATER_DATA=... python benchmarks/wall_clock.py [--datasets umls,codex-s] [--minutes 5]

Each contestant starts with an empty cache and trains until its time is over; the clock stands still while the model is
evaluated. One thread, one contestant at a time: run it on a quiet machine. The result is results/wall_clock.tsv, a row
per evaluation, and a picture per graph, results/wall_clock-*.svg.
"""

import os
import tempfile
import time
from typing import Any

import click
import matplotlib.pyplot as plt
import pandas as pd
import torch
from benchmark import BATCH_SIZE, DIM, LEARNING_RATE, rank
from common import RESULTS, append, load
from fair_fight import Contestant, contestants
from pykeen.datasets import Dataset
from pykeen.models import model_resolver
from pykeen.training import TrainingCallback
from pykeen.utils import set_random_seed

#: The identity of a point
KEYS = ["dataset", "model", "contestant", "epoch"]

#: The first evaluation is after so many seconds of training, each other one after this share of what has passed
FIRST, GROWTH = 5.0, 0.25


class _TimeIsUpError(Exception):
    """The contestant's time is over."""


class Clock(TrainingCallback):
    """Evaluates now and then, without the time that takes, and stops when the time is over."""

    def __init__(self, cell: dict[str, Any], data: Dataset, seconds: float) -> None:
        """Start the clock."""
        super().__init__()
        self.cell, self.data, self.limit = cell, data, seconds
        self.start, self.next = time.perf_counter(), FIRST

    # docstr-coverage: inherited
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        """Evaluate, if it is time."""
        seconds = time.perf_counter() - self.start
        if seconds < self.next and seconds < self.limit:
            return
        state = torch.random.get_rng_state()
        before = time.perf_counter()
        row = {**self.cell, "epoch": epoch, "seconds": seconds, **rank(self.model, self.data, "validation")}
        append("wall_clock", KEYS, row)
        self.model.train()
        torch.random.set_rng_state(state)
        self.start += time.perf_counter() - before
        self.next = max(seconds * (1 + GROWTH), FIRST)
        if seconds >= self.limit:
            raise _TimeIsUpError


def run(dataset: str, model: str, name: str, seconds: float) -> None:
    """Train one contestant until its time is over."""
    data, texts = load(dataset)
    contestant: Contestant = contestants(texts)[name]
    set_random_seed(0)
    clock = Clock({"dataset": dataset, "model": model, "contestant": name, "seed": 0}, data, seconds)
    made = model_resolver.make(
        model, triples_factory=data.training, embedding_dim=DIM, loss=contestant.loss, random_seed=0
    )
    loop = contestant.make_loop(
        model=made,
        triples_factory=data.training,
        optimizer=torch.optim.Adam(made.parameters(), lr=LEARNING_RATE),
        automatic_memory_optimization=False,
    )
    try:
        loop.train(data.training, num_epochs=10**6, batch_size=BATCH_SIZE, callbacks=clock, use_tqdm=False)
    except _TimeIsUpError:
        print(dataset, model, name, "done", flush=True)


def draw() -> None:
    """Draw a picture per graph: one line per contestant and model."""
    frame = pd.read_csv(RESULTS / "wall_clock.tsv", sep="\t")
    plt.rcParams["svg.hashsalt"] = "negater"
    for dataset, part in frame.groupby("dataset"):
        models = list(dict.fromkeys(part["model"]))
        figure, axes = plt.subplots(1, len(models), figsize=(4.5 * len(models), 3.5), layout="constrained")
        for axis, model in zip(axes, models, strict=True):
            for contestant, rows in part[part["model"] == model].groupby("contestant"):
                rows = rows.sort_values("seconds")
                axis.plot(rows["seconds"], rows["validation_mrr"], marker=".", label=contestant)
            axis.set(
                title=f"{dataset}, {model}", xlabel="seconds, mining included", ylabel="validation MRR", xscale="log"
            )
            axis.set_ylim(bottom=0)
            axis.legend()
        figure.savefig(RESULTS / f"wall_clock-{dataset}.svg", metadata={"Date": None})
        plt.close(figure)


@click.command()
@click.option("--datasets", default="umls,codex-s", help="Folders of NEGATER_DATA.")
@click.option("--models", default="TransE,PairRE")
@click.option("--contestants", "names", default="basic;bernoulli;negater;all entities", help="Separated by semicolons.")
@click.option("--minutes", default=5.0, help="How long each contestant has.")
def main(datasets: str, models: str, names: str, minutes: float) -> None:
    """Let the contestants run one after the other, and draw."""
    torch.set_num_threads(1)
    for dataset in datasets.split(","):
        for model in models.split(","):
            for name in names.split(";"):
                with tempfile.TemporaryDirectory() as cache:
                    os.environ["PYSTOW_HOME"] = cache
                    run(dataset, model, name, 60 * minutes)
    draw()


if __name__ == "__main__":
    main()
