"""Kills mining again and again, and compares what the next run resumes to with what an uninterrupted one mines.

Run: python benchmarks/kills.py --rounds 25

Nations is mined in shards of 100 triples, in three ways: by similarity with structural vectors, by the default settings
(texts, probe and guard), and with the thresholds of a fine-tuned model, a small BERT with random weights, since weights
don't matter here. A round is one data folder, in which a forked process is killed (SIGKILL) at a random moment, and
another one mines to the end. That one counts the shards that it mines, of which none may have been there. The moments
are from a fixed generator, but the machine's load decides what is going on at each: the table says how far the killed
runs had come.
"""

import multiprocessing
import tempfile
import time
from collections import Counter
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from common import write
from pykeen.datasets import Nations
from transformers import AutoTokenizer, BertConfig, BertModel

from pykeen_negater import shards
from pykeen_negater.caching import Cache
from pykeen_negater.graphs import Graph
from pykeen_negater.language_models import find_language_model
from pykeen_negater.mining import Miner
from pykeen_negater.mining_run import MiningRun
from pykeen_negater.mining_settings import MiningSettings

CONTEXT = multiprocessing.get_context("fork")

SHARD_SIZE = 100

WAYS: dict[str, dict[str, Any]] = {
    "similarity": {"encoder": "structural", "ranker": "similarity", "guard": None},
    "default": {},
    "thresholds": {
        "ranker": "thresholds",
        "guard": "thresholds",
        "max_candidates": 4_000,
        "max_training_triples": 500,
        "ranker_kwargs": {"fine_tuning": {"epochs": 8}},
    },
}

#: What is in a data folder when a run has come so far, the last one first
STEPS = {
    "writing pools": "pools/*/metadata.json",
    "putting shards together": "shards/*/scratch",
    "mining shards": "shards/*/[0-9]*.npz",
    "after scoring": "scores/*/scores.npy",
    "scoring": "scores/*-parts/*",
    "after fine-tuning": "models/*/fine_tuning.json",
    "fine-tuning, after an epoch": "checkpoints/*/checkpoint-*",
    "fine-tuning": "checkpoints/*/*",
    "training the probe, fitting the guard": "witnesses/*",
    "finding candidates": "shards/*/all/*",
    "encoding entities": "vectors/*",
}


def small_bert(folder: Path) -> str:
    """Make a small BERT with random weights, which reads as the default language model does."""
    tokenizer = AutoTokenizer.from_pretrained(find_language_model())
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    return str(folder)


def start(graph: Graph, settings: MiningSettings, home: Path, mined: Any) -> ForkProcess:
    """Start mining in a process of its own, which counts the shards that it mines."""
    mine_shard = MiningRun._mine_shard

    def counted(run: MiningRun, shard: int) -> Any:
        """Mine a shard."""
        pools = mine_shard(run, shard)
        mined.value += 1
        return pools

    def mine() -> None:
        """Mine all sides."""
        MiningRun._mine_shard = counted  # type: ignore[method-assign]
        Miner(graph, settings, cache=Cache(home)).mine()

    mined.value = 0
    process = CONTEXT.Process(target=mine)
    process.start()
    return process


def content(home: Path) -> dict[str, bytes]:
    """Read the pools, but for the durations."""
    (folder,) = (path.parent for path in home.glob("pools/*/pools.safetensors"))
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "durations.json"}


def progress(home: Path) -> str:
    """Tell how far a run has come."""
    return next((step for step, pattern in STEPS.items() if any(home.glob(pattern))), "before anything")


@click.command()
@click.option("--rounds", default=25, help="How many kills in each way.")
@click.option("--seed", default=0, help="The seed of the moments.")
def main(rounds: int, seed: int) -> None:
    """Kill and compare."""
    shards.SHARD_SIZE = SHARD_SIZE
    graph = Graph.from_factory(Nations().training)
    num_shards, mined, rows = len(shards.Shards(graph)), CONTEXT.Value("i"), []
    with tempfile.TemporaryDirectory() as scratch:
        language_model = small_bert(Path(scratch, "small-bert"))
        WAYS["thresholds"]["ranker_kwargs"]["language_model"] = language_model
        for way, kwargs in WAYS.items():
            generator, seen = np.random.default_rng(seed), Counter()
            settings = MiningSettings(**kwargs, corruption_scheme=("head", "relation", "tail"))
            whole = Path(scratch, way)
            begin = time.perf_counter()
            start(graph, settings, whole, mined).join()
            seconds = time.perf_counter() - begin
            expected = content(whole)
            assert mined.value == num_shards
            for i in range(rounds):
                home = Path(scratch, f"{way}-{i}")
                process = start(graph, settings, home, mined)
                time.sleep(generator.random() * seconds)
                process.kill()
                process.join()
                step = progress(home)
                seen[step] += 1
                left = num_shards - len(list(home.glob("shards/*/[0-9]*.npz")))
                process = start(graph, settings, home, mined)
                process.join()
                assert process.exitcode == 0, f"{way}, {step}: mining does not resume"
                assert content(home) == expected, f"{way}, {step}: other pools than those of an uninterrupted run"
                assert mined.value == (0 if step == "writing pools" else left), f"{way}, {step}: shards mined again"
                assert not [path for path in home.glob("shards/*") if path.suffix != ".lock"], f"{way}, {step}: shards"
            print(f"{way}: {rounds} kills within {seconds:.1f} s of mining, {dict(seen)}", flush=True)
            rows += [
                {"way": way, "killed while": step, "kills": seen[step], "resumed to the same bytes": seen[step]}
                for step in ("before anything", *reversed(STEPS))
                if seen[step]
            ]
    write("kills", rows)


if __name__ == "__main__":
    main()
