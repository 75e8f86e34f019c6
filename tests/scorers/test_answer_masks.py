"""Masks of answers against sets of triples."""

import math

import numpy as np
import pytest
import torch

from pykeen_negater.scorers.answer_masks import AnswerMasks
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

from ..cases import random_graph, random_vectors, randomize


@pytest.mark.parametrize("side", [HEAD, TAIL])
@pytest.mark.parametrize("answers", [None, [3], [17, 2, 5, 11]])
@pytest.mark.parametrize("seed", range(3))
def test_masks(seed: int, answers: list[int] | None, side: int):
    graph = random_graph(seed, num_triples=60)
    known = set(map(tuple, graph.triples.tolist()))
    slots = {(relation, entity) for relation, entity in graph.triples[:, [RELATION, side]].tolist()}
    triples = graph.triples[::-1][:40]
    chosen = None if answers is None else torch.tensor(answers)
    marks = AnswerMasks(graph)(torch.from_numpy(triples.copy()), side, chosen)
    columns = range(graph.num_entities) if answers is None else answers
    expected_known = [[(*t[:side], e, *t[side + 1 :]) in known for e in columns] for t in triples.tolist()]
    expected_in_slot = [[(t[RELATION], e) in slots for e in columns] for t in triples.tolist()]
    assert [mark.tolist() for mark in marks] == [expected_known, expected_in_slot]
    if answers is None:
        assert np.any(expected_known)
        assert 0 < np.mean(expected_in_slot) < 1


def test_complete_graph_has_no_corruptions():
    triples = np.stack(np.meshgrid(range(4), range(2), range(4)), axis=-1).reshape(-1, 3)
    graph = Graph.from_triples(triples, 4, 2)
    known, _ = AnswerMasks(graph)(torch.from_numpy(triples), TAIL, None)
    assert known.all()
    probe = randomize(Probe(graph, random_vectors(0, 4)))
    assert math.isfinite(probe(torch.from_numpy(triples))["loss"].item())


def test_batch_is_left_alone():
    graph = random_graph()
    batch, answers = torch.from_numpy(graph.triples.copy()), torch.tensor([4, 1])
    AnswerMasks(graph)(batch, HEAD, answers)
    assert batch.tolist() == graph.triples.tolist()
    assert answers.tolist() == [4, 1]
