"""Kills mining again and again, and compares what the next run resumes to with what an uninterrupted one mines.

Run: python benchmarks/kills.py --kills 3

Nations is mined in shards of 100 triples, in three ways: by similarity with structural vectors, by the default settings
(texts, probe and guard), and with the thresholds of a fine-tuned model, a small BERT with random weights, since weights
don't matter here. Each step of each way is killed as often. A kill has a data folder of its own, in which the system
kills a forked process (by an alarm that nobody handles) at a moment that is drawn from the step's duration in an
uninterrupted run, or at the step's end, whichever comes first. Another process then mines to the end, and counts the
shards that it mines, of which none may have been written before. In the end, nothing may be left of what pools were
made from.
"""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from common import write
from pykeen.datasets import Nations
from transformers import AutoTokenizer, BertConfig, BertModel

from pykeen_negater.candidates.generators import CandidateGenerator
from pykeen_negater.fine_tuning import trainer as fine_tuning
from pykeen_negater.fine_tuning.cached_classifier import CachedClassifier
from pykeen_negater.mining import shards
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.mining.shard_miner import ShardMiner
from pykeen_negater.mining.shard_pools import ShardPools
from pykeen_negater.rankers import resumable_scoring as partwise_scoring
from pykeen_negater.rankers.probe import ProbeRanker
from pykeen_negater.rankers.resumable_scoring import ResumableScoring
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.language_models import find_language_model
from pykeen_negater.triples.graphs import Graph

CONTEXT = get_context("fork")

SHARD_SIZE, PART_SIZE = 100, 512

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


class Steps:
    """Watches the steps of a run, and has it killed in one of them."""

    def __init__(self, killed: str | None = None, delay: float = 0.0) -> None:
        """Watch this process.

        :param killed: the step to be killed in; None if none
        :param delay: >= 0, after how many seconds of it
        """
        self.killed, self.delay = killed, delay
        #: When each step began
        self.starts: dict[str, float] = {}
        self.begin("encoding entities")
        self._mark(CandidateGenerator, "propose", "finding candidates")
        self._mark(ProbeRanker, "prepare", "training the probe")
        self._mark(MiningRun, "_fit_guard", "fitting the guard")
        self._mark(fine_tuning, "fine_tune", "fine-tuning")
        self._mark(CachedClassifier, "_train", "publishing the model", after=True)
        self._mark(ResumableScoring, "_compute_parts", "scoring")
        self._mark(ResumableScoring, "_put_together", "publishing scores")
        self._mark(ShardMiner, "mine", "mining shards")
        self._mark(MiningRun, "_put_together", "putting shards together")
        self._mark(MiningRun, "build", "publishing pools", after=True)
        self._mark(shutil, "rmtree", "cleaning up", lambda path, **_: Path(path).parent.name == "shards")

    def begin(self, step: str) -> None:
        """Begin a step, which ends the one before."""
        if step in self.starts:
            return
        if self.killed in self.starts:
            os.kill(os.getpid(), signal.SIGKILL)
        self.starts[step] = time.perf_counter()
        if step == self.killed:
            signal.setitimer(signal.ITIMER_REAL, max(self.delay, 1e-6))

    def _mark(
        self, owner: Any, name: str, step: str, applies: Callable[..., bool] | None = None, after: bool = False
    ) -> None:
        """Let a step begin before the first call of a function, or after its first return."""
        function = getattr(owner, name)

        def marked(*args: Any, **kwargs: Any) -> Any:
            """Call the function."""
            relevant = applies is None or applies(*args, **kwargs)
            if relevant and not after:
                self.begin(step)
            result = function(*args, **kwargs)
            if relevant and after:
                self.begin(step)
            return result

        setattr(owner, name, marked)


class Run:
    """One run of mining in a process of its own."""

    def __init__(
        self, graph: Graph, settings: MiningSettings, home: Path, killed: str | None = None, delay: float = 0.0
    ) -> None:
        """Mine to the end, be it that of the process.

        :param graph: the graph
        :param settings: how to mine
        :param home: the data folder
        :param killed: as for :class:`Steps`
        :param delay: as for :class:`Steps`
        """
        written = CONTEXT.Value("i")
        receiver, sender = CONTEXT.Pipe(duplex=False)
        save = ShardPools.save

        def counted(pools: ShardPools, path: Path) -> None:
            """Write a shard."""
            save(pools, path)
            written.value += 1

        def mine() -> None:
            """Mine all sides."""
            ShardPools.save = counted  # type: ignore[method-assign]
            steps = Steps(killed, delay)
            Miner(graph, settings, cache=Cache(home)).mine()
            steps.begin("nothing")
            sender.send_bytes(json.dumps(steps.starts).encode())

        process = CONTEXT.Process(target=mine)
        process.start()
        sender.close()
        process.join()
        self.exit_code, self.num_written = process.exitcode, written.value
        #: When each step began; empty if the run was killed
        self.starts: dict[str, float] = json.loads(receiver.recv_bytes()) if self.exit_code == 0 else {}


def small_bert(folder: Path) -> str:
    """Make a small BERT with random weights, which reads as the default language model does."""
    tokenizer = AutoTokenizer.from_pretrained(find_language_model())
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    return str(folder)


def content(home: Path) -> dict[str, bytes]:
    """Read the pools, but for the durations."""
    (folder,) = (path.parent for path in home.glob("pools/*/pools.safetensors"))
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "durations.json"}


def leftovers(home: Path) -> list[Path]:
    """List what only pools, models or scores that are not finished need."""
    patterns = ("shards/*", "checkpoints/*", "scores/*-parts", "*/.*")
    return [path for pattern in patterns for path in home.glob(pattern) if path.is_dir()]


@click.command()
@click.option("--kills", default=3, help="How many kills in each step of each way.")
@click.option("--seed", default=0, help="The seed of the moments.")
def main(kills: int, seed: int) -> None:
    """Kill and compare."""
    shards.SHARD_SIZE, partwise_scoring.PART_SIZE = SHARD_SIZE, PART_SIZE
    graph = Graph.from_factory(Nations().training)
    num_shards, rows = len(shards.Shards(graph)), []
    with tempfile.TemporaryDirectory() as scratch:
        WAYS["thresholds"]["ranker_kwargs"]["language_model"] = small_bert(Path(scratch, "small-bert"))
        for way, kwargs in WAYS.items():
            generator = np.random.default_rng(seed)
            settings = MiningSettings(**kwargs, corruption_scheme=("head", "relation", "tail"))
            whole = Path(scratch, way)
            run = Run(graph, settings, whole)
            assert run.num_written == num_shards
            expected, names, starts = content(whole), list(run.starts), list(run.starts.values())
            for name, start, end in zip(names, starts, starts[1:], strict=False):
                again = 0
                for i in range(kills):
                    where, home = f"{way}, {name}", Path(scratch, f"{way}-{name}-{i}")
                    # early, in the middle, and late
                    delay = (end - start) * (i + generator.random()) / kills
                    killed = Run(graph, settings, home, name, delay)
                    assert killed.exit_code in (-signal.SIGALRM, -signal.SIGKILL), f"{where}: not killed"
                    resumed = Run(graph, settings, home)
                    assert resumed.exit_code == 0, f"{where}: mining does not resume"
                    assert content(home) == expected, f"{where}: other pools than those of an uninterrupted run"
                    assert not leftovers(home), f"{where}: {leftovers(home)} is left"
                    again += max(0, killed.num_written + resumed.num_written - num_shards)
                    shutil.rmtree(home)
                print(f"{way}: {kills} kills while {name} ({end - start:.3f} s)", flush=True)
                rows.append(
                    {
                        "way": way,
                        "killed while": name,
                        "kills": kills,
                        "resumed to the same bytes": kills,
                        "shards mined again": again,
                    }
                )
    write("kills", rows)


if __name__ == "__main__":
    main()
