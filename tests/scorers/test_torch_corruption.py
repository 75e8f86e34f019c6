"""Corruptions of batches against sets of triples."""

import math

import numpy as np
import pytest
import torch

from pykeen_negater.scorers.probe import Probe
from pykeen_negater.scorers.torch_corruption import TorchCorruptor
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, TAIL

from ..cases import random_graph, random_vectors, randomize


@pytest.mark.parametrize("side", [HEAD, TAIL])
@pytest.mark.parametrize("seed", range(3))
def test_corruptions(seed: int, side: int):
    graph = random_graph(seed, num_triples=60)
    known = set(map(tuple, graph.triples.tolist()))
    torch.manual_seed(seed)
    entities, unknown = TorchCorruptor(graph, 10)(torch.from_numpy(graph.triples), side)
    assert entities.shape == unknown.shape == (len(graph), 10)
    assert set(entities.unique().tolist()) == set(range(graph.num_entities))
    for triple, row, flags in zip(graph.triples.tolist(), entities.tolist(), unknown.tolist(), strict=True):
        for entity, flag in zip(row, flags, strict=True):
            triple[side] = entity
            assert flag == (tuple(triple) not in known)
    assert 0 < unknown.sum() < unknown.numel()


def test_half_of_the_corruptions_are_in_their_slot():
    """Of 1000 entities, 20 are seen as heads and 20 as tails: what is drawn from anywhere is hardly among them."""
    triples = np.stack([np.arange(20), np.zeros(20, dtype=np.int64), 500 + np.arange(20)], axis=1)
    corruptor = TorchCorruptor(Graph.from_triples(triples, 1_000, 1), 400)
    torch.manual_seed(0)
    heads, tails = (corruptor(torch.from_numpy(triples), side)[0] for side in (HEAD, TAIL))
    assert (heads < 20).float().mean().item() == pytest.approx(0.51, abs=0.03)
    assert ((tails >= 500) & (tails < 520)).float().mean().item() == pytest.approx(0.51, abs=0.03)


def test_complete_graph_has_no_corruptions():
    triples = np.stack(np.meshgrid(range(4), range(2), range(4)), axis=-1).reshape(-1, 3)
    graph = Graph.from_triples(triples, 4, 2)
    _, unknown = TorchCorruptor(graph, 3)(torch.from_numpy(triples), TAIL)
    assert not unknown.any()
    probe = randomize(Probe(graph, random_vectors(0, 4)))
    assert math.isfinite(probe(torch.from_numpy(triples))["loss"].item())


def test_corrupting_leaves_the_batch_alone():
    graph = random_graph()
    batch = torch.from_numpy(graph.triples.copy())
    TorchCorruptor(graph, 2)(batch, HEAD)
    assert batch.tolist() == graph.triples.tolist()
