"""Scorers that are trained once."""

from pathlib import Path

import pytest
import torch

from pykeen_negater.runtime.progress import Step
from pykeen_negater.scorers import cached
from pykeen_negater.scorers.base import Training
from pykeen_negater.scorers.cached import train_or_load
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.storage.cache import Cache
from pykeen_negater.triples.graphs import Graph

from ..cases import random_graph

TRAINING = Training(epochs=1, learning_rate=0.1, weight_decay=0.0, batch_size=32)


def find(cache: Cache, graph: Graph, **kwargs: object) -> tuple[Factorization, dict[str, float]]:
    """Train a factorization, or load it."""
    scorer = Factorization(graph, dim=4)
    arguments: dict = {"name": "scorer", "step": Step.FACTORIZATION, **kwargs}
    return scorer, train_or_load(scorer, graph, TRAINING, cache, **arguments)


def test_what_is_in_the_cache_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cache, graph = Cache(tmp_path), random_graph(0, 10, 2, 60)
    trained, seconds = find(cache, graph)
    assert list(seconds) == ["train the scorer"]
    assert not trained.training
    with monkeypatch.context() as patch:
        patch.setattr(cached, "train_scorer", lambda *_: pytest.fail("trained again"))
        loaded, seconds = find(cache, graph)
    assert seconds == {}
    assert not loaded.training
    assert torch.equal(loaded.entities, trained.entities)


@pytest.mark.parametrize("difference", [{"seed": 1}, {"inputs": "others"}, {"name": "another"}])
def test_what_differs_is_trained(tmp_path: Path, difference: dict[str, object]):
    cache, graph = Cache(tmp_path), random_graph(0, 10, 2, 60)
    find(cache, graph)
    assert find(cache, graph, **difference)[1]


def test_another_graph_is_trained_on(tmp_path: Path):
    cache = Cache(tmp_path)
    find(cache, random_graph(0, 10, 2, 60))
    assert find(cache, random_graph(1, 10, 2, 60))[1]
