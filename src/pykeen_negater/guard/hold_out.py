"""Hides training triples from the models that assess candidates, so that the guard can be fitted to them."""

import numpy as np

from ..triples.graphs import Graph

__all__ = [
    "HIDDEN_SHARE",
    "hold_out_triples",
]

#: The share of the training triples that is hidden
HIDDEN_SHARE = 0.1


def hold_out_triples(graph: Graph, share: float = HIDDEN_SHARE, seed: int = 0) -> tuple[Graph, np.ndarray]:
    """Hide some of a graph's triples.

    :param graph: the graph
    :param share: in (0, 1), the share of the triples that is hidden
    :param seed: the seed of the choice
    :return: a pair (the graph of the other triples, the hidden triples of shape (n, 3))
    """
    hidden = np.zeros(len(graph), dtype=bool)
    # some triples must be left; if there are only few, none may be hidden
    count = min(round(share * len(graph)), len(graph) - 1)
    hidden[np.random.default_rng(seed).permutation(len(graph))[:count]] = True
    labels = (graph.entity_labels, graph.relation_labels)
    rest = Graph.from_triples(graph.triples[~hidden], graph.num_entities, graph.num_relations, *labels)
    return rest, graph.triples[hidden]
