"""Finds the graph to mine: that of a dataset, or of given training triples."""

from typing import TYPE_CHECKING

from pykeen.triples import CoreTriplesFactory

from .graphs import Graph

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

__all__ = [
    "find_graph",
]


def find_graph(dataset: "str | Dataset | None" = None, triples_factory: CoreTriplesFactory | None = None) -> Graph:
    """Find the training triples.

    :param dataset: a PyKEEN dataset or its name, whose training triples are taken
    :param triples_factory: the training triples
    :return: the graph
    :raises ValueError: if not exactly one of them is given, or the graph is empty
    """
    if (dataset is None) == (triples_factory is None):
        raise ValueError("expected either a dataset or a triples_factory, and not both.")
    from pykeen.datasets import get_dataset  # not above, see _plugin

    factory = triples_factory if triples_factory is not None else get_dataset(dataset=dataset).training
    return Graph.from_factory(factory)
