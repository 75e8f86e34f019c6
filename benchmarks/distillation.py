"""How should a model be taught? The settings of NegatERTrainingCallback that were tried, on validation triples.

Run: NEGATER_DATA=... python benchmarks/distillation.py [--datasets codex-s,wn18rr]

TransE with `basic`, few epochs and one seed; everything else is as in benchmark.py. A choice that has a row in
results/distillation.tsv is not tried again.
"""

from typing import Any

import click
import pandas as pd
from benchmark import rank, train
from common import RESULTS, append, load, load_verified

from pykeen_negater import NegatERTrainingCallback, TripleClassificationEvaluator

#: The number of epochs by dataset: the larger graphs take long
EPOCHS = {"codex-s": 20, "wn18rr": 5}

#: The parameters that are chosen
CHOSEN = ["weight", "num_queries", "num_likely", "num_random"]

#: The choices by dataset; a weight of 0 is for none
CHOICES = {
    "codex-s": [
        (0, 0, 0, 0),
        (2, 16, 32, 32),
        (8, 16, 32, 32),
        (32, 16, 32, 32),
        (4, 16, 64, 64),
        (4, 32, 32, 32),
        (8, 64, 8, 8),
        (32, 64, 8, 8),
        (8, 64, 16, 16),
    ],
    "wn18rr": [(0, 0, 0, 0), (1, 64, 16, 16), (4, 64, 16, 16)],
}

#: The identity of a choice
KEYS = ["dataset", *CHOSEN]


def run(dataset: str, choice: dict[str, int]) -> dict[str, Any]:
    """Train and evaluate with one choice."""
    data, texts = load(dataset)
    callback = None
    if choice["weight"]:
        callback = NegatERTrainingCallback(triples_factory=data.training, **choice, **texts)
    epochs = EPOCHS[dataset]
    model, _ = train(data, "TransE", "nssa-16", "basic", {"num_negs_per_pos": 16}, epochs, 0, callback=callback)
    row = {"epochs": epochs, **rank(model, data, "validation")}
    verified = load_verified(dataset, data)
    if verified is not None:
        triples, negatives = data.validation.mapped_triples, verified[0]
        scores = TripleClassificationEvaluator(triples, negatives).evaluate(model, triples, negatives)
        row["validation_roc_auc"] = scores["roc_auc"]
    return row


@click.command()
@click.option("--datasets", default="codex-s,wn18rr", help="Folders of NEGATER_DATA.")
def main(datasets: str) -> None:
    """Try what has no result yet."""
    path = RESULTS / "distillation.tsv"
    for dataset in datasets.split(","):
        for values in CHOICES[dataset]:
            choice = dict(zip(CHOSEN, values, strict=True))
            cell = {"dataset": dataset, **choice}
            if path.exists() and cell in pd.read_csv(path, sep="\t")[KEYS].to_dict("records"):
                continue
            row = cell | run(dataset, choice)
            append("distillation", KEYS, row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
