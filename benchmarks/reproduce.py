"""NegatER's experiments, with our language model: true-neg by kind of negatives and seed, and full by relation.

Run: NEGATER_DATA=... python benchmarks/reproduce.py true-neg
     NEGATER_DATA=... python benchmarks/reproduce.py full

A subset that is fixed in the code is run, or all of it with --whole. What has a row in the result file, or is in the
cache, is not run again.
"""

from dataclasses import asdict, replace

import click
import pandas as pd
from common import RESULTS, append, data_folder, write
from reproduction import KINDS, SUBSET, WHOLE, classify, count_negatives

from pykeen_negater.storage.cache import Cache, fingerprint

KEYS = ["scale", "kind", "seed"]

#: How many of the candidates of the full ConceptNet the subset scores, the nearest first: about one for each triple
FULL_CANDIDATES = 100_000


@click.command()
@click.argument("experiment", type=click.Choice(["true-neg", "full"]))
@click.option("--seeds", default=3)
@click.option("--kinds", default=",".join(KINDS), help="Separated by commas.")
@click.option("--whole", is_flag=True, help="All triples and candidates, for a GPU.")
def main(experiment: str, seeds: int, kinds: str, whole: bool) -> None:
    """Run what has no result yet."""
    name, scale = ("whole", WHOLE) if whole else ("subset", SUBSET)
    folder = Cache().path("reproduction", fingerprint(asdict(scale)))
    if experiment == "full":
        scale = scale if whole else replace(scale, max_candidates=FULL_CANDIDATES)
        table = count_negatives(data_folder() / "conceptnet-full", scale, folder)
        write("full", [{**row, "scale": name, "seed": 0} for row in table.to_dict("records")])
        return
    path = RESULTS / "true_neg.tsv"
    done = pd.read_csv(path, sep="\t")[KEYS].to_dict("records") if path.exists() else []
    for seed in range(seeds):
        for kind in kinds.split(","):
            cell = dict(zip(KEYS, (name, kind, seed), strict=True))
            if cell not in done:
                row = classify(data_folder() / "conceptnet-true-neg", kind, seed, scale, folder)
                append("true_neg", KEYS, cell | row)
                print(cell, row, flush=True)


if __name__ == "__main__":
    main()
