"""How much faster two processes score candidates than one, and whether their pools are the same bytes.

Run: NEGATER_DATA=... OMP_NUM_THREADS=1 python benchmarks/processes.py

CoDEx-S is mined with the thresholds of a model that was fine-tuned on 200 triples, in new data folders: by one process,
and by two that torchrun starts, in turns. Each process has one thread. What counts is the median of the ratios of the
seconds that scoring takes, as the pools' durations say; that of all of mining, imports included, is reported as well.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import click
from common import data_folder, write

LAUNCHERS = {
    "one": [sys.executable, "-m"],
    "two": [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m"],
}


def run(launcher: str, options: list[str], home: Path) -> float:
    """Run a command in a data folder of its own.

    :return: its seconds
    """
    start = time.perf_counter()
    subprocess.run(
        [*LAUNCHERS[launcher], "pykeen_negater", *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYSTOW_HOME": str(home)},
        check=True,
    )
    return time.perf_counter() - start


def content(folder: Path) -> dict[str, bytes]:
    """Read the pools, but for the durations."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "durations.json"}


@click.command()
@click.option("--turns", default=3, help="How often each has its turn.")
@click.option("--candidates", default=16_384, help="How many corrupted triples are scored: parts of 2,048.")
def main(turns: int, candidates: int) -> None:
    """Measure and write."""
    data = data_folder() / "codex-s"
    graph = [f"--training={data / 'train.txt'}"]
    graph += [f"--{kind}-text={data / f'{kind}2text.tsv'}" for kind in ("entity", "relation")]
    seconds: dict[str, list[dict[str, float]]] = {launcher: [] for launcher in LAUNCHERS}
    with tempfile.TemporaryDirectory() as scratch:
        model, expected = Path(scratch, "model"), None
        tuning = ["--epochs=1", "--max-training-triples=200", f"--output={model}"]
        run("one", ["fine-tune", *graph, *tuning], Path(scratch, "home"))
        for turn in range(turns):
            for launcher in LAUNCHERS:
                output = Path(scratch, f"{turn}-{launcher}.pools")
                options = [*graph, f"--model={model}", "--guard=none", f"--max-candidates={candidates}"]
                all_of_it = run(launcher, ["mine", *options, f"--output={output}"], Path(scratch, f"{turn}-{launcher}"))
                durations = json.loads(output.joinpath("durations.json").read_text(encoding="utf-8"))
                seconds[launcher].append({"scoring": durations["score"], "all": all_of_it})
                expected = expected or content(output)
                assert content(output) == expected, f"{launcher} process(es): other pools"
    rows = [
        {
            "what": what,
            "candidates": candidates,
            **{f"{name} (s)": round(median(turn[what] for turn in seconds[name]), 1) for name in LAUNCHERS},
            "times faster": round(
                median(a[what] / b[what] for a, b in zip(seconds["one"], seconds["two"], strict=True)), 2
            ),
            "same pools": True,
        }
        for what in ("scoring", "all")
    ]
    write("processes", rows)


if __name__ == "__main__":
    main()
