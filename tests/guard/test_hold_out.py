"""What is hidden for the guard."""

import pytest

from pykeen_negater.guard.hold_out import hold_out_triples

from ..cases import random_graph
from .conftest import block_graph, is_in


@pytest.mark.parametrize("share", [0.1, 0.25, 0.9])
def test_hiding_parts_the_triples(share):
    graph = block_graph()
    rest, hidden = hold_out_triples(graph, share, seed=3)
    assert len(hidden) == round(share * len(graph))
    assert len(rest) + len(hidden) == len(graph)
    assert sorted(rest.triples.tolist() + hidden.tolist()) == graph.triples.tolist()
    assert not is_in(rest, hidden).any()
    assert rest.vocabulary == graph.vocabulary


def test_hiding_is_a_matter_of_the_seed():
    graph = random_graph(0, num_triples=200)
    choices = [hold_out_triples(graph, seed=seed)[1].tolist() for seed in (0, 0, 1)]
    assert choices[0] == choices[1] != choices[2]


@pytest.mark.parametrize(("share", "hidden"), [(0.001, 0), (0.5, 0.5), (0.999, 1)])
def test_something_is_always_left(share: float, hidden: float):
    graph = random_graph()
    rest, away = hold_out_triples(graph, share)
    assert len(away) == min(round(hidden * len(graph)), len(graph) - 1)
    assert len(rest) == len(graph) - len(away)
