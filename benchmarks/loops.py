"""Where loops help and where they cost: nothing is mined, so that loops are all that differs from `basic`.

Run: NEGATER_DATA=... python benchmarks/loops.py [--datasets codex-s,wn18rr,umls] [--models TransE,PairRE] [--seeds 2]

Evaluated on the validation triples, which the rule for loops was chosen by; the ROC-AUC is that of the validation
triples against the false ones that somebody verified. A cell that has a row in results/loops.tsv is not run again.
Without loops, `negater` draws what `basic` draws.
"""

import contextlib
import itertools
from typing import Any
from unittest import mock

import click
import pandas as pd
import torch
from benchmark import BATCH_SIZE, DIM, LEARNING_RATE, rank
from common import RESULTS, append, load, load_verified
from pykeen.losses import NSSALoss
from pykeen.models import model_resolver
from pykeen.training import SLCWATrainingLoop
from pykeen.utils import set_random_seed
from sklearn.metrics import roc_auc_score

from pykeen_negater.scorers.kge_models import score_triples

#: The number of epochs by dataset and model
EPOCHS = {
    ("codex-s", "TransE"): 40,
    ("codex-s", "PairRE"): 30,
    ("wn18rr", "TransE"): 15,
    ("wn18rr", "PairRE"): 15,
    ("umls", "TransE"): 50,
    ("umls", "PairRE"): 50,
}

#: PyKEEN's name, and the largest share of triples that hold the other way round of a relation with loops; None for the
#: default
SAMPLERS: dict[str, tuple[str, float | None]] = {
    "basic": ("basic", None),
    "negater": ("negater", None),
    "negater, any relation": ("negater", 1.0),
}

#: The same in all cells, as is the self-adversarial loss with PyKEEN's margin of 9 and temperature of 1
NUM_NEGATIVES = 16

#: The identity of a cell
KEYS = ["dataset", "model", "sampler", "seed"]


def run(dataset: str, model: str, sampler: str, seed: int) -> dict[str, Any]:
    """Train and evaluate one cell."""
    data, _ = load(dataset)
    name, share = SAMPLERS[sampler]
    kwargs = {"num_negs_per_pos": NUM_NEGATIVES, **({"mine": "never"} if name == "negater" else {})}
    epochs = EPOCHS[dataset, model]
    set_random_seed(seed)
    with (
        contextlib.nullcontext()
        if share is None
        else mock.patch("pykeen_negater.sampling.self_loops.MAX_REVERSIBLE", share)
    ):
        trained = model_resolver.make(
            model, triples_factory=data.training, embedding_dim=DIM, loss=NSSALoss(), random_seed=seed
        )
        SLCWATrainingLoop(
            model=trained,
            triples_factory=data.training,
            optimizer=torch.optim.Adam(trained.parameters(), lr=LEARNING_RATE),
            negative_sampler=name,
            negative_sampler_kwargs=kwargs,
        ).train(data.training, num_epochs=epochs, batch_size=BATCH_SIZE, use_tqdm=False)
    row = {"epochs": epochs, **rank(trained, data, "validation")}
    verified = load_verified(dataset, data)
    if verified is not None:
        examples = torch.cat([data.validation.mapped_triples, verified[0]])
        labels = torch.arange(len(examples)) < data.validation.num_triples
        row["validation_roc_auc"] = roc_auc_score(labels, score_triples(trained, examples.numpy()))
    return row


@click.command()
@click.option("--datasets", default="codex-s,wn18rr,umls", help="Folders of NEGATER_DATA.")
@click.option("--models", default="TransE,PairRE")
@click.option("--samplers", default=";".join(SAMPLERS), help="Separated by semicolons.")
@click.option("--seeds", default=2)
def main(datasets: str, models: str, samplers: str, seeds: int) -> None:
    """Run all cells that have no result yet."""
    path = RESULTS / "loops.tsv"
    done = pd.read_csv(path, sep="\t")[KEYS].to_dict("records") if path.exists() else []
    choices = (range(seeds), datasets.split(","), models.split(","), samplers.split(";"))
    for seed, dataset, model, sampler in itertools.product(*choices):
        cell = dict(zip(KEYS, (dataset, model, sampler, seed), strict=True))
        if cell not in done:
            row = cell | run(**cell)
            append("loops", KEYS, row)
            print({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})


if __name__ == "__main__":
    main()
