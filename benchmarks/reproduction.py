"""The experiments of NegatER [safavi2021]_, with any language model.

``true-neg``: a language model is fine-tuned on ConceptNet with one kind of negatives, and classifies statements that
people have labelled: what do the negatives teach it? The mined kinds are ranked by a model that was fine-tuned with
uniform negatives.
``full``: how many negatives are found for each relation of the larger ConceptNet.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pykeen_negater.fine_tuning.job import FineTuningJob
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.mining.miner import mine
from pykeen_negater.pools.exports import to_frame
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.storage.cache import atomic_file
from pykeen_negater.texts.language_models import require_language_model
from pykeen_negater.texts.loading import load_texts
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.tables import read_triples

__all__ = [
    "KINDS",
    "SUBSET",
    "WHOLE",
    "Scale",
    "classify",
    "count_negatives",
]

#: The kinds of negatives that are drawn at random, and those of rankers
DRAWN, MINED = ("uniform", "slots"), ("similarity", "thresholds", "full-gradients", "proxy-gradients")

#: The kinds of negatives that are compared
KINDS = (*DRAWN, *MINED)

#: The files of a dataset, by their names in :class:`pykeen_negater.fine_tuning.job.FineTuningJob`
FILES = {
    "validation": "valid.txt",
    "validation_negatives": "valid_negatives.txt",
    "testing": "test.txt",
    "testing_negatives": "test_negatives.txt",
}


@dataclass(frozen=True)
class Scale:
    """How much of an experiment is run."""

    #: The number of training triples, drawn at random with the seed; None for all
    num_training_triples: int | None

    #: The most candidates that are ranked, the nearest first; None for all
    max_candidates: int | None

    #: The number of candidates whose gradients the proxy learns from
    num_exact: int

    #: The number of epochs
    epochs: int = 3


#: What three seeds of on two cores take less than two hours, and what NegatER ran
SUBSET, WHOLE = Scale(2_000, 12_000, 3_000), Scale(None, None, 20_000)


def _job(
    data: Path,
    output: Path,
    language_model: str | None,
    scale: Scale,
    seed: int,
    corruptions: dict[str, int],
    **kwargs: Any,
) -> FineTuningJob:
    """Fine-tune, unless that has been done."""
    graph = Graph.from_factory(read_triples(data / "train.txt"))
    texts = load_texts(graph)
    if texts is None:
        raise ValueError(f"found opaque ids in {data / 'train.txt'}, expected phrases.")
    settings = FineTuningSettings(
        epochs=scale.epochs,
        corruptions=corruptions,
        max_training_triples=scale.num_training_triples,
        seed=seed,
        **kwargs,
    )
    job = FineTuningJob(output, graph, texts, settings, {name: data / file for name, file in FILES.items()})
    if "validation" not in job.metrics():
        job.train(require_language_model(language_model))
    return job


def _mine(data: Path, ranker: str, model: Path, scale: Scale, k: int, guarded: bool = True) -> NegativePools:
    """Mine as NegatER does: the neighbours that were seen in the same slot, and nothing but its own rules."""
    by_threshold = ranker == "thresholds" and guarded
    given = {} if ranker == "similarity" else {"model": str(model)}
    own: dict[str, dict[str, Any]] = {"thresholds": {"recall": None}, "proxy-gradients": {"num_exact": scale.num_exact}}
    return mine(
        triples_factory=read_triples(data / "train.txt"),
        candidates="intersect",
        metric="l2",
        k=k,
        pool_size=k,
        ranker=ranker,
        ranker_kwargs={**given, **own.get(ranker, {})},
        guard="thresholds" if by_threshold else None,
        max_candidates=scale.max_candidates,
    )


def classify(
    data: Path, kind: str, seed: int, scale: Scale, folder: Path, language_model: str | None = None
) -> dict[str, float]:
    """Fine-tune with one kind of negatives, one for the head of each triple, and classify the test triples.

    :param data: the folder with NegatER's true-neg ConceptNet
    :param kind: one of ``KINDS``
    :param seed: the seed of fine-tuning, and of the training triples
    :param scale: how much
    :param folder: where models and negatives are kept, by seed
    :param language_model: the model to fine-tune; by default the embedded MiniLM
    :return: see :func:`pykeen_negater.fine_tuning.predictions.classification_metrics`, and ``num_triples``
    :raises ValueError: if there is no such kind
    """
    if kind not in KINDS:
        raise ValueError(f"found the kind {kind!r}, expected one of {', '.join(KINDS)}.")
    here, corruptions = folder / f"seed-{seed}", {"head": 1}
    here.mkdir(parents=True, exist_ok=True)
    common = data, here / kind, language_model, scale, seed, corruptions
    if kind in DRAWN:
        job = _job(*common, negatives=kind)
    else:
        base = _job(data, here / "uniform", language_model, scale, seed, corruptions, negatives="uniform")
        path = here / f"{kind}.tsv"
        if not path.is_file():
            frame = to_frame(_mine(data, kind, base.output, scale, k=10)).sort_values("score", ascending=False)
            frame = frame[["head", "relation", "tail", "score"]].drop_duplicates(["head", "relation", "tail"])
            needed = scale.epochs * (scale.num_training_triples or len(base.graph))
            with atomic_file(path) as unfinished:
                frame.head(needed).to_csv(unfinished, sep="\t", index=False, quoting=csv.QUOTE_NONE)
        job = _job(*common, negatives="precomputed", negatives_kwargs={"path": str(path)})
    job.test()
    metrics: dict[str, float] = job.metrics()["test"]
    return metrics


def count_negatives(
    data: Path, scale: Scale, folder: Path, seed: int = 0, language_model: str | None = None
) -> pd.DataFrame:
    """Count the candidates of each relation, those that are scored, and those of them below its threshold.

    :param data: the folder with NegatER's full ConceptNet
    :param scale: how much
    :param folder: where the model is kept
    :param seed: the seed of fine-tuning
    :param language_model: the model to fine-tune; by default the embedded MiniLM
    :return: a row for each relation: ``relation``, ``triples``, ``candidates``, ``scored`` and ``negatives``
    """
    sides = {"head": 1, "relation": 1, "tail": 1}
    job = _job(data, folder / f"full-{seed}", language_model, scale, seed, sides, negatives="uniform")
    labels = job.graph.relation_labels or ()
    counts = {"triples": pd.Series([labels[relation] for relation in job.graph.triples[:, 1]]).value_counts()}
    steps = {"candidates": ("similarity", False), "scored": ("thresholds", False), "negatives": ("thresholds", True)}
    for name, (ranker, guarded) in steps.items():
        frame = to_frame(_mine(data, ranker, job.output, scale, k=20, guarded=guarded))
        counts[name] = frame.drop_duplicates(["head", "relation", "tail"])["relation"].value_counts()
    table = pd.DataFrame(counts).reindex(labels).fillna(0).astype(int)
    return table.rename_axis("relation").reset_index()
