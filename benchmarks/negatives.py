"""What samplers draw: the share that is true after all, and how hard the rest is, for all samplers that PyKEEN knows.

Run: NEGATER_DATA=... python benchmarks/negatives.py [--datasets umls,codex-s]
"""

import itertools

import click
from common import append, load

from pykeen_negater.evaluation.samplers import evaluate_sampler, samplers_to_compare, train_reference


@click.command()
@click.option("--datasets", default="umls,codex-s", help="Folders of NEGATER_DATA, or names that PyKEEN knows.")
@click.option("--settings", default="1,16", help="The numbers of negatives per positive.")
def main(datasets: str, settings: str) -> None:
    """Measure and write."""
    for dataset in datasets.split(","):
        data, texts = load(dataset)
        reference = train_reference(data.training)
        for name, count in itertools.product(samplers_to_compare(), map(int, settings.split(","))):
            report = evaluate_sampler(name, data, texts if name == "negater" else {}, reference, count)
            cell = {"dataset": dataset, "sampler": name, "negatives": count, "seed": 0}
            mined = report.parts.get("mined")
            figures = {
                "coverage": report.coverage,
                "false_negatives": report.false_negatives,
                "known_positives": report.known_positives,
                "hardness": report.hardness,
                "hardness_of_mined": None if mined is None else mined.hardness,
                "false_negatives_of_mined": None if mined is None else mined.false_negatives,
            }
            append("negatives", list(cell), {**cell, **figures})
            print(cell, figures, flush=True)


if __name__ == "__main__":
    main()
