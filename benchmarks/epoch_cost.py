"""The time of an epoch with `negater`, filtered or not, and with `basic`: they take turns, in one process.

Run: NEGATER_DATA=... python benchmarks/epoch_cost.py

The allocator of glibc may give memory back to the system at the end of a step and ask for it again in the next one. How
often hangs on what else is allocated, so that either sampler can be the lucky one: the page faults of a step tell.
Therefore all is measured a second time with an allocator that keeps what it has.
"""

import json
import math
import os
import resource
import subprocess
import sys
import time
from statistics import median
from typing import Any

import torch
from benchmark import BATCH_SIZE, DIM, LEARNING_RATE
from common import load, write
from pykeen.losses import NSSALoss
from pykeen.models import model_resolver
from pykeen.training import SLCWATrainingLoop, TrainingCallback

#: How often each sampler has its turn, and for how many epochs. The sampler is made anew for each turn, which belongs
#: to no epoch, so that a turn's first epoch is not measured.
TURNS, EPOCHS_PER_TURN = 4, 3

#: What is compared, the first one with the others
SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "basic": ("basic", {}),
    "basic, filtered": ("basic", {"filtered": True, "filterer": "exact"}),
    "negater": ("negater", {}),
    "negater, filtered": ("negater", {"filtered": True, "filterer": "exact"}),
}

#: Settings of glibc's allocator, see mallopt(3)
ALLOCATORS = {
    "default": {},
    "keeps memory": {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)},
}


class Ticks(TrainingCallback):
    """Notes the time and the page faults at the end of each epoch."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.seconds: list[float] = []
        self.faults: list[int] = []

    # docstr-coverage: inherited
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        """Note both."""
        self.seconds.append(time.perf_counter())
        self.faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)

    def per_epoch(self, counter: list[float] | list[int]) -> float:
        """Divide the increase of a counter by the number of epochs after the first."""
        return (counter[-1] - counter[0]) / (len(counter) - 1)


def main() -> None:
    """Measure with each allocator, in a process of its own, and write."""
    if len(sys.argv) > 1:
        print(json.dumps(measure()))
        return
    rows = []
    for allocator, variables in ALLOCATORS.items():
        command = [sys.executable, __file__, "measure"]
        output = subprocess.run(
            command, env=os.environ | variables, stdout=subprocess.PIPE, check=True, text=True
        ).stdout
        rows += [
            {"model": row.pop("model"), "allocator": allocator, **row} for row in json.loads(output.splitlines()[-1])
        ]
    write("epoch_cost", rows)


def measure() -> list[dict[str, Any]]:
    """Measure in this process."""
    data, texts = load("codex-s")
    rows = []
    for name in ("TransE", "PairRE"):
        loops = {}
        for label, (sampler, kwargs) in SAMPLERS.items():
            model = model_resolver.make(
                name, triples_factory=data.training, embedding_dim=DIM, loss=NSSALoss(), random_seed=0
            )
            given = {"num_negs_per_pos": 16, **kwargs, **(texts if sampler == "negater" else {})}
            loops[label] = SLCWATrainingLoop(
                model=model,
                triples_factory=data.training,
                optimizer=torch.optim.Adam(model.parameters(), lr=LEARNING_RATE),
                negative_sampler=sampler,
                negative_sampler_kwargs=given,
                automatic_memory_optimization=False,
            )
        ticks: dict[str, list[Ticks]] = {sampler: [] for sampler in loops}
        for turn in range(TURNS + 1):
            for sampler, loop in loops.items():
                ticks[sampler].append(Ticks())
                loop.train(
                    data.training,
                    num_epochs=(turn + 1) * EPOCHS_PER_TURN,
                    batch_size=BATCH_SIZE,
                    continue_training=bool(turn),
                    callbacks=ticks[sampler][-1],
                    use_tqdm=False,
                )
        # the first turn may mine
        seconds = {sampler: [turn.per_epoch(turn.seconds) for turn in turns[1:]] for sampler, turns in ticks.items()}
        steps = math.ceil(data.training.num_triples / BATCH_SIZE)
        faults = {
            sampler: [turn.per_epoch(turn.faults) / steps for turn in turns[1:]] for sampler, turns in ticks.items()
        }
        for sampler in list(SAMPLERS)[1:]:
            # pairs of neighbours in time, so that a slow spell of the machine counts for both
            ratio = median(b / a for a, b in zip(seconds["basic"], seconds[sampler], strict=True))
            rows.append(
                {
                    "model": name,
                    "sampler": sampler,
                    "seconds": round(median(seconds[sampler]), 2),
                    "seconds of basic": round(median(seconds["basic"]), 2),
                    "ratio": round(ratio, 3),
                    "faults per step": round(median(faults[sampler])),
                    "faults per step of basic": round(median(faults["basic"])),
                    "seed": 0,
                }
            )
    return rows


if __name__ == "__main__":
    main()
