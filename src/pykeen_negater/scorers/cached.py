"""Trains scorers, unless the cache has them."""

from dataclasses import asdict, replace
from pathlib import Path

from safetensors.torch import load_model, save_model

from ..runtime.progress import Step
from ..storage.cache import Cache, fingerprint, timed
from ..triples.graphs import Graph
from .base import DotProductScorer, Training, train_scorer

__all__ = [
    "train_or_load",
]

_FILE = "scorer.safetensors"


def train_or_load(
    scorer: DotProductScorer,
    graph: Graph,
    training: Training,
    cache: Cache,
    *,
    name: str,
    step: Step,
    inputs: str | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Train a scorer on a graph, or load its parameters from the cache.

    :param scorer: changed in place; afterwards, it is in evaluation mode
    :param graph: the graph
    :param training: how
    :param cache: the cache
    :param name: what the scorer is called in the cache and in durations
    :param step: what the progress bar says
    :param inputs: a fingerprint of what it depends on besides the graph
    :param seed: the seed
    :return: the seconds of training, by step; empty if it was loaded
    """
    training, durations = replace(training, seed=seed), dict[str, float]()

    def build(folder: Path) -> None:
        """Fill a folder of the cache with the scorer's parameters."""
        with timed(f"train the {name}", durations):
            train_scorer(scorer, graph.triples, training, step)
        save_model(scorer, str(folder / _FILE))

    key = fingerprint({"graph": graph.fingerprint, "name": name, "training": asdict(training), "inputs": inputs})
    cache.read_or_build("scorers", key, build, lambda folder: load_model(scorer, str(folder / _FILE)))
    scorer.eval()
    return durations
