"""What mining costs: a pipeline on UMLS, first and again, and `negater mine` on UMLS with its texts.

Run: NEGATER_DATA=... python benchmarks/mining_cost.py

Each run has a process of its own, and all share a data folder that is empty at first. Seconds are of this machine and
its load; how a first run compares with a second is what carries over.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import data_folder, write

BARE_CALL = """
import resource, sys, time
from pykeen.pipeline import pipeline
from pykeen.training import SLCWATrainingLoop
start = time.perf_counter()
original = SLCWATrainingLoop._train_epoch
def train_epoch(*args, **kwargs):
    if not hasattr(train_epoch, "before"):
        train_epoch.before = time.perf_counter() - start
    return original(*args, **kwargs)
SLCWATrainingLoop._train_epoch = train_epoch
pipeline(dataset="umls", model="PairRE", loss="nssa", negative_sampler=sys.argv[1], random_seed=0,
         negative_sampler_kwargs=dict(num_negs_per_pos=16), training_kwargs=dict(use_tqdm=False, num_epochs=20),
         evaluation_kwargs=dict(use_tqdm=False))
print("BEFORE", train_epoch.before)
"""


def run(name: str, command: list[str], home: Path) -> dict[str, object]:
    """Run a command and measure its time and memory."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYSTOW_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, f"{name} failed"
    before = re.search(r"BEFORE ([\d.]+)", output)
    mined = re.search(r"Negatives: ([\d.]+) % mined", output)
    return {
        "run": name,
        "seconds": round(time.perf_counter() - start, 1),
        "seconds before training": round(float(before[1]), 1) if before else None,
        "mined negatives (%)": float(mined[1]) if mined else None,
        "peak memory (GiB)": round(usage.ru_maxrss / 2**20, 2),
        "seed": 0,
    }


def main() -> None:
    """Measure and write."""
    umls = data_folder() / "umls"
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "data")
        bare = [sys.executable, "-c", BARE_CALL]
        rows = [
            run("pipeline on umls, basic", [*bare, "basic"], home),
            run("pipeline on umls, negater, first", [*bare, "negater"], home),
            run("pipeline on umls, negater, again", [*bare, "negater"], home),
        ]
        texts = ["--entity-text", str(umls / "entity2text.tsv"), "--relation-text", str(umls / "relation2text.tsv")]
        mine = [sys.executable, "-m", "pykeen_negater", "mine", "--dataset", "umls", *texts]
        mine += ["--output", str(Path(scratch, "umls.pools"))]
        rows.append(run("negater mine on umls, other texts", mine, home))
    write("mining_cost", rows)


if __name__ == "__main__":
    main()
