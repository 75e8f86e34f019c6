"""How time and memory of mining grow with the number of triples.

Run: python benchmarks/growth.py --triples 100000 --triples 1000000

Triples are drawn from a fixed generator: ten per entity on average, of 100 relations, entities and relations of a few
sizes. Each size is mined in a process and a data folder of its own, with the similarity ranker, structural vectors or
those of the default language model (an entity's text is three random words), and with or without the guard. The seconds
are those of mining, without the start of the process. The exponent is that of the seconds between a size and the one
before it in the table: 1 where ten times the triples take ten times as long. Memory is the peak of the resident set of
the whole process, with what is mapped from files.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pandas as pd
from common import RESULTS, append

KEYS = ["encoder", "guard", "triples"]

MINE = """
import json, sys, time
import numpy as np
import torch
from pykeen.triples import TriplesFactory
from pykeen_negater import mine

size, guard, encoder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
num_entities, num_relations = size // 10, 100
generator = np.random.default_rng(0)
# the square of a uniform number: some entities and relations are far more frequent than others
columns = [
    (generator.random(round(1.02 * size)) ** 2 * limit).astype(np.int64)
    for limit in (num_entities, num_relations, num_entities)
]
triples = np.unique(np.stack(columns, axis=1), axis=0)
triples = triples[np.sort(generator.permutation(len(triples))[:size])]
syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
words = ["".join(generator.choice(syllables, 3)) for _ in range(5_000)]
labels = [" ".join([*generator.choice(words, 3), str(i)]) for i in range(num_entities)]
factory = TriplesFactory(
    mapped_triples=torch.from_numpy(triples),
    entity_to_id={label: i for i, label in enumerate(labels)},
    relation_to_id={f"relation {i}": i for i in range(num_relations)},
)
start = time.perf_counter(), time.process_time()
pools = mine(
    triples_factory=factory,
    encoder=None if encoder == "text" else encoder,
    ranker="similarity",
    guard=None if guard == "none" else guard,
)
end = time.perf_counter(), time.process_time()
print(json.dumps([len(triples), len(pools), *(b - a for a, b in zip(start, end))]))
"""


def measure(size: int, guard: str, encoder: str) -> dict[str, object]:
    """Mine a graph of a size."""
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            [sys.executable, "-c", MINE, str(size), guard, encoder],
            env={**os.environ, "PYSTOW_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"mining {size:,} triples failed")
        written = sum(path.stat().st_size for path in Path(home).rglob("pools.safetensors"))
    num_triples, num_negatives, seconds, processor_seconds = json.loads(output)
    return {
        "triples": num_triples,
        "encoder": encoder,
        "guard": guard,
        "negatives": num_negatives,
        "seconds": round(seconds, 1),
        "processor seconds": round(processor_seconds, 1),
        "peak memory (GiB)": round(usage.ru_maxrss / 2**20, 2),
        "pools (MiB)": round(written / 2**20, 1),
    }


@click.command()
@click.option("--triples", "sizes", type=int, multiple=True, default=[100_000], help="The sizes of the graphs.")
@click.option("--guard", type=click.Choice(["none", "calibrated"]), default="none", help="Whether there is a guard.")
@click.option(
    "--encoder", type=click.Choice(["structural", "text"]), default="structural", help="What encodes entities."
)
def main(sizes: tuple[int, ...], guard: str, encoder: str) -> None:
    """Measure and write."""
    for size in sorted(sizes):
        row = measure(size, guard, encoder)
        path = RESULTS / "growth.tsv"
        rows = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame(columns=KEYS)
        alike = rows[(rows["guard"] == guard) & (rows["encoder"] == encoder)]
        smaller = alike[alike["triples"] < size].sort_values("triples")
        for name in ("seconds", "processor seconds"):
            exponent = math.nan
            if len(smaller):
                before = smaller.iloc[-1]
                exponent = math.log(row[name] / before[name]) / math.log(row["triples"] / before["triples"])
            row[f"exponent of {name}"] = round(exponent, 3)
        append("growth", KEYS, row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
