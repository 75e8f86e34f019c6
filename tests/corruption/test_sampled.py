"""Negatives that samplers of PyKEEN draw."""

from collections import Counter

import numpy as np
import pytest
import torch
from pykeen.sampling import BasicNegativeSampler

from pykeen_negater.corruption.sources import (
    PyKEENNegativeSource,
)
from pykeen_negater.triples.indexing import HEAD, SIDES, TAIL

from ..cases import NegativeSourceTestCase, random_graph
from .conftest import prepare


@pytest.mark.parametrize("sampler", ["bernoulli", "pseudotyped"])
@pytest.mark.parametrize("side", list(SIDES))
def test_samplers_that_choose_the_side(sampler: str, side: str):
    graph = random_graph(0, num_entities=30)
    corruptor = prepare(PyKEENNegativeSource(sampler=sampler), graph, NegativeSourceTestCase.texts(graph))
    negatives = corruptor.draw(graph.triples, {side: 20}, 0, np.random.default_rng(0))
    assert len(negatives) > 18 * len(graph)
    known = set(map(tuple, graph.triples.tolist()))
    changed: Counter[int] = Counter()
    kept = {
        column: {tuple(np.delete(triple, column).tolist()) for triple in graph.triples} for column in SIDES.values()
    }
    for row in negatives:
        assert tuple(row.tolist()) not in known
        columns = [column for column in SIDES.values() if tuple(np.delete(row, column).tolist()) in kept[column]]
        assert columns
        changed.update(columns)
    assert changed[HEAD] > 0.2 * len(negatives)
    assert changed[TAIL] > 0.2 * len(negatives)


def test_masked_negatives_are_drawn_again(monkeypatch: pytest.MonkeyPatch):
    def sample(self, positive_batch):
        """Leave out even entities."""
        negatives = self.corrupt_batch(positive_batch)
        return negatives, negatives[..., HEAD] % 2 == 1

    monkeypatch.setattr(BasicNegativeSampler, "sample", sample)
    graph = random_graph(0, num_entities=40)
    corruptor = prepare(PyKEENNegativeSource(), graph, NegativeSourceTestCase.texts(graph))
    negatives = corruptor.draw(graph.triples, {"head": 1}, 0, np.random.default_rng(0))
    assert len(negatives) > 0.8 * len(graph)
    assert (negatives[:, HEAD] % 2 == 1).all()


def test_seeds_of_pykeen_come_from_the_generator():
    graph = random_graph()
    corruptor = prepare(PyKEENNegativeSource(), graph, NegativeSourceTestCase.texts(graph))
    drawn = []
    for torch_seed in (1, 2):
        torch.manual_seed(torch_seed)
        drawn.append(corruptor.corrupt(graph.triples, HEAD, np.random.default_rng(5)))
    np.testing.assert_array_equal(*drawn)
