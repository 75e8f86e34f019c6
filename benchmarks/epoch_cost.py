"""The time of an epoch with `negater`, and with `basic`: they take turns, in one process.

Run: NEGATER_DATA=... python benchmarks/epoch_cost.py
"""

import time
from statistics import median

import torch
from benchmark import BATCH_SIZE, DIM, LEARNING_RATE
from common import load, write
from pykeen.losses import NSSALoss
from pykeen.models import model_resolver
from pykeen.training import SLCWATrainingLoop

#: How often each sampler has its turn, and for how many epochs; the sampler is made anew for each turn
TURNS, EPOCHS_PER_TURN = 5, 4


def main() -> None:
    """Measure and write."""
    data, texts = load("codex-s")
    rows = []
    for name in ("TransE", "PairRE"):
        loops = {}
        for sampler, kwargs in (("basic", {}), ("negater", texts)):
            model = model_resolver.make(
                name, triples_factory=data.training, embedding_dim=DIM, loss=NSSALoss(), random_seed=0
            )
            loops[sampler] = SLCWATrainingLoop(
                model=model,
                triples_factory=data.training,
                optimizer=torch.optim.Adam(model.parameters(), lr=LEARNING_RATE),
                negative_sampler=sampler,
                negative_sampler_kwargs={"num_negs_per_pos": 16, **kwargs},
                automatic_memory_optimization=False,
            )
        seconds: dict[str, list[float]] = {sampler: [] for sampler in loops}
        for turn in range(TURNS + 1):
            for sampler, loop in loops.items():
                start = time.perf_counter()
                loop.train(
                    data.training,
                    num_epochs=(turn + 1) * EPOCHS_PER_TURN,
                    batch_size=BATCH_SIZE,
                    continue_training=bool(turn),
                    use_tqdm=False,
                )
                # the first may mine
                if turn:
                    seconds[sampler].append((time.perf_counter() - start) / EPOCHS_PER_TURN)
        # pairs of neighbours in time, so that a slow spell of the machine counts for both
        ratio = median(b / a for a, b in zip(seconds["basic"], seconds["negater"], strict=True))
        medians = {f"{sampler} (s)": round(median(values), 2) for sampler, values in seconds.items()}
        rows.append({"model": name, **medians, "ratio": round(ratio, 3), "seed": 0})
    write("epoch_cost", rows)


if __name__ == "__main__":
    main()
