"""Scorers in general: training with any number of threads, and what a context trains."""

import numpy as np
import pytest
import torch

from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.measurements import Measurements
from pykeen_negater.scorers import factorization
from pykeen_negater.scorers.base import Training, train_scorer
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.storage.cache import Cache
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, TAIL

from ..cases import NUM_RELATIONS, random_graph, random_vectors


@pytest.mark.parametrize("name", ["probe", "factorization", "sampled factorization"])
def test_threads_do_not_change_what_is_learned(name: str, monkeypatch: pytest.MonkeyPatch):
    # large enough for operations to be shared between threads
    graph, vectors = random_graph(0, 2_000, NUM_RELATIONS, 2_048), random_vectors(0, 2_000, 64)
    if name.startswith("sampled"):
        monkeypatch.setattr(factorization, "MAX_ANSWERS", 100)
    training = Training(epochs=1, learning_rate=0.02, weight_decay=0.0, batch_size=512)
    states = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 2, 1):
            torch.set_num_threads(count)
            scorer = Probe(graph, vectors) if name == "probe" else Factorization(graph)
            train_scorer(scorer, graph.triples, training)
            states.append(torch.cat([parameter.detach().flatten() for parameter in scorer.parameters()]))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(states[0], state) for state in states)


def test_context_trains_witnesses_once(tmp_path):
    graph, vectors = random_graph(0, num_triples=200), random_vectors(0, 20)
    first, again = (RankingContext(graph, None, Cache(tmp_path), vectors, seed=1) for _ in range(2))
    assert set(first.prepare_scorers().durations) == {"train the probe", "train the factorization"}
    assert first.prepare_scorers() == Measurements()
    trained = (first.probe, first.factorization)
    assert first.probe is trained[0]
    assert again.prepare_scorers() == Measurements()
    loaded = (again.probe, again.factorization)
    for one, other in zip(trained, loaded, strict=True):
        assert not one.training
        assert not other.training
        for side in (HEAD, TAIL):
            np.testing.assert_array_equal(
                one.score_triples(graph.triples, side), other.score_triples(graph.triples, side)
            )


def test_context_tells_seeds_graphs_and_vectors_apart(tmp_path, monkeypatch: pytest.MonkeyPatch):
    module = "pykeen_negater.rankers.context"
    monkeypatch.setattr(f"{module}.probe_training_of", lambda graph: Training(1, 0.01, 0.0, 256))
    graph, vectors = random_graph(0, num_triples=200), random_vectors(0, 20)
    fewer = Graph.from_triples(graph.triples[1:], graph.num_entities, graph.num_relations)
    for arguments in ((graph, vectors, 0), (graph, vectors, 1), (fewer, vectors, 0), (graph, vectors + 1, 0)):
        context = RankingContext(arguments[0], None, Cache(tmp_path), arguments[1], seed=arguments[2])
        assert "train the probe" in context.prepare_scorers().durations
        assert context.probe.vectors.shape == (20, 6)


def test_context_without_texts(tmp_path):
    context = RankingContext(random_graph(), None, Cache(tmp_path), random_vectors(0, 20))
    with pytest.raises(ValueError, match="found a graph without texts"):
        _ = context.required_texts
