"""How time and memory of mining grow with the number of triples.

Run: python benchmarks/growth.py --triples 100000 --triples 1000000

Triples are drawn from a fixed generator: ten per entity on average, of 100 relations, entities and relations
of a few sizes. Each size is mined in a process and a data folder of its own, with structural vectors, the similarity
ranker, and with or without the guard. The exponent is that of the seconds between a size and the one before it in the
table: 1 where ten times the triples take ten times as long. Memory is the peak of the resident set, with
what is mapped from files.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import pandas as pd
from common import RESULTS, append

MINE = """
import json, sys
import numpy as np
import torch
from pykeen.triples import CoreTriplesFactory
from pykeen_negater import mine

size, guard = int(sys.argv[1]), sys.argv[2]
num_entities, num_relations = size // 10, 100
generator = np.random.default_rng(0)
# the square of a uniform number: some entities and relations are far more frequent than others
columns = [
    (generator.random(round(1.02 * size)) ** 2 * limit).astype(np.int64)
    for limit in (num_entities, num_relations, num_entities)
]
triples = np.unique(np.stack(columns, axis=1), axis=0)
triples = triples[np.sort(generator.permutation(len(triples))[:size])]
pools = mine(
    triples_factory=CoreTriplesFactory(torch.from_numpy(triples), num_entities, num_relations),
    encoder="structural",
    ranker="similarity",
    guard=None if guard == "none" else guard,
)
print(json.dumps([len(triples), len(pools)]))
"""


def measure(size: int, guard: str) -> dict[str, object]:
    """Mine a graph of a size."""
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", MINE, str(size), guard],
            env={**os.environ, "PYSTOW_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            raise SystemExit(f"mining {size:,} triples failed")
        written = sum(path.stat().st_size for path in Path(home).rglob("pools.safetensors"))
    num_triples, num_negatives = map(int, output.strip("[]\n").split(","))
    return {
        "triples": num_triples,
        "guard": guard,
        "negatives": num_negatives,
        "seconds": round(seconds, 1),
        "processor seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak memory (GiB)": round(usage.ru_maxrss / 2**20, 2),
        "pools (MiB)": round(written / 2**20, 1),
    }


@click.command()
@click.option("--triples", "sizes", type=int, multiple=True, default=[100_000], help="The sizes of the graphs.")
@click.option("--guard", type=click.Choice(["none", "calibrated"]), default="none", help="Whether there is a guard.")
def main(sizes: tuple[int, ...], guard: str) -> None:
    """Measure and write."""
    for size in sorted(sizes):
        row = measure(size, guard)
        path = RESULTS / "growth.tsv"
        rows = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame(columns=["triples", "guard"])
        smaller = rows[(rows["guard"] == guard) & (rows["triples"] < size)].sort_values("triples")
        for name in ("seconds", "processor seconds"):
            exponent = math.nan
            if len(smaller):
                before = smaller.iloc[-1]
                exponent = math.log(row[name] / before[name]) / math.log(row["triples"] / before["triples"])
            row[f"exponent of {name}"] = round(exponent, 3)
        append("growth", ["triples", "guard"], row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
