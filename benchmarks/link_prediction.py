"""Does a sampler help or harm? Link prediction with equal settings and seeds, for the shares of mined negatives.

Run: python benchmarks/link_prediction.py [--datasets umls,codex-s] [--fractions 0.0625,0.125,0.25] [--seeds 1]

Every choice is made on the validation triples; the test triples are evaluated too, and never chosen by. Finished cells
of an earlier run are kept.
"""

import itertools

import click
import pandas as pd
from common import RESULTS, load, write
from pykeen.evaluation import RankBasedEvaluator
from pykeen.pipeline import pipeline

EPOCHS = {"nations": 100, "umls": 100, "codex-s": 30}


def run(dataset: str, model: str, sampler: str, fraction: float, text: bool, seed: int) -> dict[str, object]:
    """Train and evaluate one cell."""
    data, texts = load(dataset)
    kwargs = {} if sampler != "negater" else {"hard_fraction": fraction, **(texts if text else {})}
    result = pipeline(
        dataset=data,
        model=model,
        model_kwargs={"embedding_dim": 128},
        loss="nssa",
        negative_sampler=sampler,
        negative_sampler_kwargs={"num_negs_per_pos": 16, **kwargs},
        optimizer_kwargs={"lr": 0.002},
        training_kwargs={"num_epochs": EPOCHS[dataset], "batch_size": 512, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
        random_seed=seed,
    )
    validation = RankBasedEvaluator().evaluate(
        result.model,
        data.validation.mapped_triples,
        additional_filter_triples=[data.training.mapped_triples],
        batch_size=256,
        use_tqdm=False,
    )
    return {
        "validation_mrr": validation.get_metric("mrr"),
        "test_mrr": result.get_metric("mrr"),
        "test_hits_at_1": result.get_metric("hits_at_1"),
        "test_hits_at_10": result.get_metric("hits_at_10"),
        "seconds": result.train_seconds,
    }


@click.command()
@click.option("--datasets", default="umls,codex-s")
@click.option("--models", default="TransE,PairRE")
@click.option("--fractions", default="0.0625,0.125,0.25")
@click.option("--seeds", default=1)
def main(datasets: str, models: str, fractions: str, seeds: int) -> None:
    """Run all cells that have no result yet."""
    path = RESULTS / "link_prediction.tsv"
    columns = ["dataset", "model", "sampler", "hard_fraction", "text", "seed"]
    rows = pd.read_csv(path, sep="\t").to_dict("records") if path.exists() else []
    done = {tuple(row[column] for column in columns) for row in rows}
    samplers = [("basic", 0.0, False), ("bernoulli", 0.0, False)]
    samplers += [("negater", float(f), text) for text in (True, False) for f in fractions.split(",")]
    for seed, dataset, model, (sampler, fraction, text) in itertools.product(
        range(seeds), datasets.split(","), models.split(","), samplers
    ):
        cell = (dataset, model, sampler, fraction, text, seed)
        if cell in done:
            continue
        rows.append(dict(zip(columns, cell, strict=True)) | run(dataset, model, sampler, fraction, text, seed))
        write("link_prediction", rows)


if __name__ == "__main__":
    main()
