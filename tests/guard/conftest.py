"""What several of the tests of the guard need."""

import functools

import numpy as np

from pykeen_negater.candidates.generators import RandomCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.guard.calibrated import Guard
from pykeen_negater.guard.features import Answers, FeatureExtractor
from pykeen_negater.guard.hold_out import hold_out_triples
from pykeen_negater.guard.risks import to_answers
from pykeen_negater.scorers.base import Training, train_scorer
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.queries import Queries

from ..cases import random_vectors

#: The block graph: ten groups of ten entities, and relations that lead from each group to another one
NUM_ENTITIES, NUM_RELATIONS, GROUP_SIZE = 100, 3, 10


def block_graph(seed: int = 0, density: float = 0.4) -> Graph:
    """Draw a graph in which a relation connects the entities of two groups, or does not."""
    generator = np.random.default_rng(seed)
    heads, relations, tails = np.meshgrid(
        np.arange(NUM_ENTITIES), np.arange(NUM_RELATIONS), np.arange(NUM_ENTITIES), indexing="ij"
    )
    num_groups = NUM_ENTITIES // GROUP_SIZE
    connected = (heads // GROUP_SIZE + 1 + 2 * relations) % num_groups == tails // GROUP_SIZE
    kept = connected & (generator.random(connected.shape) < density)
    triples = np.stack([heads[kept], relations[kept], tails[kept]], axis=1)
    labels = tuple(f"e{i}" for i in range(NUM_ENTITIES)), tuple(f"r{i}" for i in range(NUM_RELATIONS))
    return Graph.from_triples(triples, NUM_ENTITIES, NUM_RELATIONS, *labels)


def block_vectors() -> np.ndarray:
    """Make vectors of entities, near for those of a group."""
    groups = np.repeat(random_vectors(0, NUM_ENTITIES // GROUP_SIZE, 16), GROUP_SIZE, axis=0)
    return groups + 0.3 * random_vectors(1, NUM_ENTITIES, 16)


@functools.cache
def fitted() -> tuple[Guard, Graph, np.ndarray, list[Queries]]:
    """Fit a guard to the block graph, once.

    :return: the guard, the whole graph, what was hidden, and the queries that it asked proposals for
    """
    graph = block_graph()
    visible, hidden = hold_out_triples(graph, seed=1)
    scorers = {
        "probe": Probe(visible, block_vectors(), dim=16),
        "factorization": Factorization(visible, dim=16),
    }
    for scorer in scorers.values():
        train_scorer(scorer, visible.triples, Training(8, 0.05, 0.0, 128))
    extractor = FeatureExtractor(visible, block_vectors(), scorers)
    asked = []

    def propose(queries: Queries) -> Answers:
        asked.append(queries)
        index = NeighborIndex.build(block_vectors())
        return to_answers(RandomCandidateGenerator(k=4).generate(visible, index), queries)[0]

    return Guard.fit(extractor, hidden, propose, seed=0), graph, hidden, asked


def is_in(graph: Graph | np.ndarray, triples: np.ndarray) -> np.ndarray:
    members = set(map(tuple, (graph if isinstance(graph, np.ndarray) else graph.triples).tolist()))
    return np.array([tuple(triple) in members for triple in triples.tolist()])
