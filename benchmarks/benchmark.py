"""What is each part of the sampler worth? Everything but the negatives equal, paired seeds.

Run: NEGATER_DATA=... python benchmarks/benchmark.py [--quick] [--datasets umls,codex-s] [--samplers ...] [--seeds 3]

The sampler has three parts: the guard, loops, and mined negatives. Each is measured alone, in pairs, and all together;
what reads texts is measured with texts and with the graph's structure only; and so is each ranker. Distillation
(NegatERTrainingCallback) is measured beside `basic` and beside the default, and so is the blend of the trained model
with the judge (blend), beside the judge alone. The cells are listed before they run. A
cell that has a row in results/benchmark.tsv (results/quick.tsv with --quick) is not run again, so that a stopped run
goes on where it was; remove the file to start anew. Several processes may share the work if their cells differ, e.g. by
--models.

All choices are made on the validation triples. The columns that start with test are for the tables.
"""

import gc
import itertools
import time
from typing import Any

import click
import pandas as pd
import torch
from common import RESULTS, append, load, load_verified
from pykeen.datasets import Dataset
from pykeen.losses import NSSALoss
from pykeen.models import Model, model_resolver
from pykeen.training import SLCWATrainingLoop
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory
from pykeen.utils import set_random_seed

from pykeen_negater import (
    NegatERNegativeSampler,
    NegatERTrainingCallback,
    TripleClassificationEvaluator,
    blend,
)
from pykeen_negater.distillation.blended_model import BlendedModel
from pykeen_negater.distillation.judge import judge_of
from pykeen_negater.evaluation.strata import evaluate_strata
from pykeen_negater.sampling.training_context import triples_factory_noted

#: The number of epochs by dataset and model: about as many as help `basic`, on the validation triples
EPOCHS = {
    ("umls", "TransE"): 200,
    ("umls", "PairRE"): 200,
    ("codex-s", "TransE"): 40,
    ("codex-s", "PairRE"): 30,
    ("wn18rr", "TransE"): 10,
    ("wn18rr", "PairRE"): 10,
    ("conceptnet-full", "TransE"): 10,
    ("conceptnet-full", "PairRE"): 10,
}

#: Dimension, learning rate of Adam and batch size
DIM, LEARNING_RATE, BATCH_SIZE = 128, 0.001, 512

#: Learning rate and batch size of graphs with many entities, all of whose parameters are changed in each step
LARGE = {"wn18rr": (0.004, 2_048), "conceptnet-full": (0.004, 2_048)}

#: In graphs with more entities than this, at most so many triples of a split are ranked, the same in all cells
MANY_ENTITIES, MAX_RANKED = 20_000, 1_000

#: The metrics of link prediction
METRICS = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10")

#: The self-adversarial loss (with PyKEEN's margin of 9 and temperature of 1), or the model's default one; and how many
#: negatives per positive
SETTINGS: dict[str, tuple[NSSALoss | None, int]] = {"nssa-16": (NSSALoss(), 16), "default-1": (None, 1)}

#: The share of the positives whose negatives are mined, wherever mined negatives are a part: what the default is with
#: so many negatives, were the guard to allow it
MINED = {"nssa-16": 0.25, "default-1": 0.1}

#: The combinations of the parts, by the parameters that leave the others out
PARTS: dict[str, dict[str, Any]] = {
    "guard": {"hard_fraction": 0.0, "loop_fraction": 0.0},
    # with a seed that nothing was mined with, whose pools would be taken from the cache
    "loops": {"mine": "never", "seed": 2**31},
    "mined": {"guard": None, "loop_fraction": 0.0},
    "guard, loops": {"hard_fraction": 0.0},
    "guard, mined": {"loop_fraction": 0.0},
    "loops, mined": {"guard": None},
    "guard, loops, mined": {},
}

#: PyKEEN's own samplers
BASELINES: dict[str, tuple[str, dict[str, Any]]] = {
    "basic": ("basic", {}),
    "basic, filtered": ("basic", {"filtered": True, "filterer": "exact"}),
    "bernoulli": ("bernoulli", {}),
    "pseudotyped": ("pseudotyped", {}),
}

RANKERS = ("similarity", "kge", "thresholds", "full-gradients", "proxy-gradients", "relation-embedding")

#: Distillation, beside the samplers of these names
DISTILLED = {f"{name}, distilled": name for name in ("basic", "default")}

#: Blends of the model with the judge, beside the samplers of these names
BLENDED = {f"{name}, blended": name for name in ("basic, filtered", "default")}

#: The judge without any model
JUDGE = "judge"

#: What the sampler does by itself, with texts and without; its parts; its parts without texts, which loops don't read;
#: distillation, blends and the judge, with texts and without; all parts with each ranker
SAMPLERS = [
    *BASELINES,
    *("default", "default; structure"),
    *PARTS,
    *(f"{parts}; structure" for parts in PARTS if parts != "loops"),
    *DISTILLED,
    *(f"{name}; structure" for name in DISTILLED),
    *(name + how for name in (*BLENDED, JUDGE) for how in ("", "; structure")),
    *(f"guard, loops, mined; {ranker}" for ranker in RANKERS),
]

#: What --quick compares: the parts, on one graph
QUICK = ("basic", "basic, filtered", "default", *PARTS)

#: The identity of a cell
KEYS = ["dataset", "model", "setting", "sampler", "seed"]


def rank(model: Model, data: Dataset, split: str) -> dict[str, float]:
    """Evaluate link prediction on the validation or the test triples.

    :return: the metrics of all queries; the MRR and Hits@1 without the query's own entity among the candidates, which
        is what loops are about; and the MRR where the answer is within three hops of the query's entity in training,
        and where it is not
    """
    known = torch.cat([data.training.mapped_triples, data.validation.mapped_triples, data.testing.mapped_triples])
    triples = {"validation": data.validation, "test": data.testing}[split].mapped_triples
    if data.num_entities > MANY_ENTITIES:
        triples = triples[torch.randperm(len(triples), generator=torch.Generator().manual_seed(0))[:MAX_RANKED]]
    strata = evaluate_strata(model, data.training.mapped_triples, triples, known, use_tqdm=False)
    strata = strata[strata["group"].isin(["all", "reach"])].set_index("stratum")
    return {
        **{f"{split}_{name.replace('_at', '')}": strata.at["all", name] for name in METRICS},
        f"{split}_mrr_others": strata.at["all", "mrr_without_self"],
        f"{split}_hits_1_others": strata.at["all", "hits_at_1_without_self"],
        f"{split}_mrr_within_3": strata.at["within 3", "mrr"],
        f"{split}_mrr_beyond_3": strata.at["beyond 3", "mrr"],
    }


def parameters(sampler: str, setting: str, texts: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Find PyKEEN's name and the parameters of a sampler, one of :data:`SAMPLERS`."""
    kwargs: dict[str, Any] = {"num_negs_per_pos": SETTINGS[setting][1]}
    parts, _, how = sampler.partition("; ")
    parts = (DISTILLED | BLENDED).get(parts, parts)
    if parts in BASELINES:
        name, own = BASELINES[parts]
        return name, kwargs | own
    kwargs |= PARTS.get(parts, {})
    if "mined" in parts:
        kwargs["hard_fraction"] = MINED[setting]
    if how == "structure":
        return "negater", kwargs | {"encoder": "structural"}
    if how:
        kwargs["ranker"] = how
    return "negater", kwargs | ({} if parts == "loops" else texts)


def mine(training: CoreTriplesFactory, kwargs: dict[str, Any]) -> dict[str, float]:
    """Mine, unless the cache has it, and say how long it took when it was done, and what is drawn."""
    with triples_factory_noted(training):
        sampler = NegatERNegativeSampler(mapped_triples=training.mapped_triples, **kwargs)
    seconds = 0.0 if sampler.pools is None else sum(sampler.pools.durations.values())
    composition = sampler.composition
    return {"mining_seconds": seconds, "mined_share": composition.mined, "loops_share": composition.loops}


def judge_settings(sampler: str, texts: dict[str, str]) -> dict[str, str]:
    """Find what a judge goes by."""
    return {"encoder": "structural"} if sampler.endswith("; structure") else texts


def make_callback(sampler: str, training: CoreTriplesFactory, texts: dict[str, str]) -> NegatERTrainingCallback | None:
    """Make the callback of a sampler of :data:`DISTILLED`, with its judge trained before the clock runs."""
    if sampler.partition("; ")[0] not in DISTILLED:
        return None
    callback = NegatERTrainingCallback(triples_factory=training, **judge_settings(sampler, texts))
    callback.prepare(torch.device("cpu"))
    return callback


def train(
    data: Dataset,
    model: str,
    setting: str,
    sampler: str,
    sampler_kwargs: dict[str, Any],
    epochs: int,
    seed: int,
    optimization: tuple[float, int] = (LEARNING_RATE, BATCH_SIZE),
    callback: TrainingCallback | None = None,
) -> tuple[Model, float]:
    """Train a model; the optimization is a learning rate and a batch size.

    :return: a pair (the model; the seconds it took)
    """
    set_random_seed(seed)
    learning_rate, batch_size = optimization
    loss = SETTINGS[setting][0]
    made = model_resolver.make(
        model,
        triples_factory=data.training,
        embedding_dim=DIM,
        random_seed=seed,
        **({} if loss is None else {"loss": loss}),
    )
    loop = SLCWATrainingLoop(
        model=made,
        triples_factory=data.training,
        optimizer=torch.optim.Adam(made.parameters(), lr=learning_rate),
        negative_sampler=sampler,
        negative_sampler_kwargs=sampler_kwargs,
        automatic_memory_optimization=False,
    )
    # PyKEEN collects garbage after each epoch, which takes longer than an epoch of a small graph
    gc.collect()
    gc.freeze()
    start = time.perf_counter()
    loop.train(data.training, num_epochs=epochs, batch_size=batch_size, callbacks=callback, use_tqdm=False)
    return made, time.perf_counter() - start


def run(dataset: str, model: str, setting: str, sampler: str, seed: int) -> dict[str, Any]:
    """Train and evaluate one cell."""
    data, texts = load(dataset)
    if sampler.partition("; ")[0] == JUDGE:
        untrained = model_resolver.make(model, triples_factory=data.training, random_seed=seed)
        judge = judge_of(data.training, judge_settings(sampler, texts), torch.device("cpu"))
        return evaluate(BlendedModel(untrained, judge, model_weight=0.0, judge_weight=1.0), dataset, data)
    name, kwargs = parameters(sampler, setting, texts)
    epochs = EPOCHS[dataset, model]
    # mined before the clock runs, which is about training
    mined = mine(data.training, kwargs) if name == "negater" else {}
    callback = make_callback(sampler, data.training, texts)
    optimization = LARGE.get(dataset, (LEARNING_RATE, BATCH_SIZE))
    trained, seconds = train(data, model, setting, name, kwargs, epochs, seed, optimization, callback)
    if sampler.partition("; ")[0] in BLENDED:
        trained = blend(trained, data.training, data.validation, **judge_settings(sampler, texts))
    return {"epochs": epochs, **mined, "seconds_per_epoch": seconds / epochs} | evaluate(trained, dataset, data)


def evaluate(trained: Model, dataset: str, data: Dataset) -> dict[str, float]:
    """Evaluate ranking and, where there are verified false triples, classification."""
    row = rank(trained, data, "validation") | rank(trained, data, "test")
    verified = load_verified(dataset, data)
    if verified is not None:
        validation, test = verified
        evaluator = TripleClassificationEvaluator(data.validation.mapped_triples, validation)
        for split, triples, negatives in (
            ("validation", data.validation.mapped_triples, validation),
            ("test", data.testing.mapped_triples, test),
        ):
            scores = evaluator.evaluate(trained, triples, negatives)
            row |= {f"{split}_{metric}": value for metric, value in scores.items()}
    return row


@click.command()
@click.option("--datasets", default="umls,codex-s", help="Folders of NEGATER_DATA.")
@click.option("--models", default="TransE,PairRE")
@click.option("--settings", default="nssa-16")
@click.option("--samplers", default=";;".join(SAMPLERS), help="Separated by two semicolons.")
@click.option("--seeds", default=3)
@click.option("--quick", is_flag=True, help="The parts, with TransE on UMLS and one seed.")
def main(datasets: str, models: str, settings: str, samplers: str, seeds: int, quick: bool) -> None:
    """Run all cells that have no result yet."""
    names = QUICK if quick else samplers.split(";;")
    choices = (
        range(1 if quick else seeds),
        ["umls"] if quick else datasets.split(","),
        settings.split(","),
        ["TransE"] if quick else models.split(","),
        names,
    )
    cells = [
        dict(zip(KEYS, (dataset, model, setting, sampler, seed), strict=True))
        for seed, dataset, setting, model, sampler in itertools.product(*choices)
    ]
    # a quick run is to be seen running, whatever results there are
    name = "quick" if quick else "benchmark"
    path = RESULTS / f"{name}.tsv"
    done = pd.read_csv(path, sep="\t")[KEYS].to_dict("records") if path.exists() else []
    missing = [cell for cell in cells if cell not in done]
    print(f"{len(cells)} cells, {len(missing)} of which are missing:")
    print(pd.DataFrame(missing, columns=KEYS).to_string())
    for number, cell in enumerate(missing, start=1):
        row = cell | run(**cell)
        append(name, KEYS, row)
        print(f"{number}/{len(missing)}", {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})


if __name__ == "__main__":
    main()
