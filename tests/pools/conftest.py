"""What several of the tests of pools need."""

import numpy as np
import pytest
import torch

from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def pools(small_graph: Graph) -> NegativePools:
    """Make pools of random sizes, some of them empty."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(0, 4, size=2 * len(small_graph))
    total = int(sizes.sum())
    return NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)])),
        replacements=torch.from_numpy(generator.integers(0, small_graph.num_entities, size=total, dtype=np.int32)),
        hardness=torch.from_numpy(generator.integers(0, 256, size=total, dtype=np.uint8)),
        num_entities=small_graph.num_entities,
        num_relations=small_graph.num_relations,
        sides=(0, 2),
        vocabulary=small_graph.vocabulary,
        metadata={"labelled": True, "score_range": [0.0, 1.0]},
    )


@pytest.fixture
def vocabulary(small_graph: Graph) -> Vocabulary:
    """Give the small graph's labels."""
    return Vocabulary(small_graph.entity_labels, small_graph.relation_labels)
