"""What several of the tests of candidates need."""

import pytest

from pykeen_negater.candidates.generators import (
    AnywhereCandidateGenerator,
    Candidates,
)
from pykeen_negater.embeddings.neighbors import NeighborIndex

from ..cases import random_graph, random_vectors


@pytest.fixture(params=[0, 1, 2])
def candidates(request) -> Candidates:
    graph = random_graph(request.param, num_entities=15, num_relations=3, num_triples=50)
    generator = AnywhereCandidateGenerator(k=4, corruption_scheme=["head", "relation", "tail"])
    return generator.generate(graph, NeighborIndex.build(random_vectors(request.param, 15)))


def plain_candidates(candidates: Candidates) -> list[tuple[tuple[int, ...], tuple[int, int], int]]:
    """List each candidate's corrupted triple, its group (positive, side), and its rank in the group."""
    seen: dict[tuple[int, int], int] = {}
    result = []
    for positive, side, replacement in zip(
        candidates.positives.tolist(), candidates.sides.tolist(), candidates.replacements.tolist(), strict=True
    ):
        triple = candidates.graph.triples[positive].tolist()
        triple[side] = replacement
        rank = seen.get((positive, side), 0)
        seen[positive, side] = rank + 1
        result.append((tuple(triple), (positive, side), rank))
    return result
