"""Kills mining again and again, and compares what the next run resumes to with what an uninterrupted one mines.

Run: python benchmarks/kills.py --rounds 50

Nations is mined in small shards with structural vectors and the similarity ranker, or the ranker that is asked for. A
round is one data folder, in which a forked process is killed (SIGKILL) at a random moment, and another one mines to the
end. The moments are from a fixed generator, but the machine's load decides what is going on at each: the last lines say
how far the killed runs had come.
"""

import multiprocessing
import tempfile
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import click
import numpy as np
from pykeen.datasets import Nations

from pykeen_negater import shards
from pykeen_negater.caching import Cache
from pykeen_negater.graphs import Graph
from pykeen_negater.mining import Miner
from pykeen_negater.mining_settings import GuardName, MiningSettings

CONTEXT = multiprocessing.get_context("fork")


def start(graph: Graph, ranker: str, guard: GuardName | None, home: Path) -> BaseProcess:
    """Start mining in a process of its own."""

    def mine() -> None:
        """Mine all sides."""
        settings = MiningSettings(
            encoder="structural", ranker=ranker, guard=guard, corruption_scheme=("head", "relation", "tail")
        )
        Miner(graph, settings, cache=Cache(home)).mine()

    process = CONTEXT.Process(target=mine)
    process.start()
    return process


def content(home: Path) -> dict[str, bytes]:
    """Read the pools, but for the durations."""
    (folder,) = (path.parent for path in home.glob("pools/*/pools.safetensors"))
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "durations.json"}


def progress(home: Path) -> str:
    """Tell how far a run has come."""
    if any(home.glob("pools/*/metadata.json")):
        return "when the pools were complete"
    if any(home.glob("shards/*/scratch")):
        return "while putting shards together"
    return "while mining shards" if any(home.glob("shards/*/*.npz")) else "before the first shard"


@click.command()
@click.option("--rounds", default=50, help="How many kills.")
@click.option("--seed", default=0, help="The seed of the moments.")
@click.option("--shard-size", default=100, help="The triples of a shard.")
@click.option("--ranker", default="similarity", help="The ranker.")
@click.option("--guard", type=click.Choice(["none", "calibrated"]), default="none", help="The guard.")
def main(rounds: int, seed: int, shard_size: int, ranker: str, guard: str) -> None:
    """Kill and compare."""
    shards.SHARD_SIZE = shard_size
    graph = Graph.from_factory(Nations().training)
    generator, seen = np.random.default_rng(seed), Counter()
    how = graph, ranker, "calibrated" if guard == "calibrated" else None
    with tempfile.TemporaryDirectory() as scratch:
        begin = time.perf_counter()
        start(*how, Path(scratch, "whole")).join()
        seconds = time.perf_counter() - begin
        expected = content(Path(scratch, "whole"))
        for i in range(rounds):
            home = Path(scratch, str(i))
            process = start(*how, home)
            time.sleep(generator.random() * seconds)
            process.kill()
            process.join()
            seen[progress(home)] += 1
            process = start(*how, home)
            process.join()
            assert process.exitcode == 0, f"round {i}: mining does not resume"
            assert content(home) == expected, f"round {i}: other pools than those of an uninterrupted run"
            left = [path for path in home.glob("shards/*") if path.suffix != ".lock"]
            assert not left or seen["when the pools were complete"], f"round {i}: {left} are left"
    print(f"{rounds} kills within {seconds:.1f} s of mining, all resumed to the same bytes. Killed")
    for what, count in sorted(seen.items()):
        print(f"  {what}: {count}")


if __name__ == "__main__":
    main()
