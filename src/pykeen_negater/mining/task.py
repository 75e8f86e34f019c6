"""What a run of mining needs: the graph, its settings, and the parts that they name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..candidates.generators import CandidateGenerator
from ..rankers.base import Ranker
from ..storage.cache import Cache
from ..texts.loading import Texts
from ..triples.graphs import Graph
from .settings import MiningSettings
from .vectors import EntityVectors

__all__ = [
    "MiningTask",
]


@dataclass(frozen=True, eq=False)
class MiningTask:
    """What a run of mining needs."""

    #: The graph to mine
    graph: Graph

    #: How to mine it
    settings: MiningSettings

    #: Its texts, if it has some
    texts: Texts | None

    #: The texts of the graph and of other entities, which only the validation triples hold
    all_texts: Texts | None

    #: The types of entities; shape: (num_entities, num_types)
    types: csr_array | None

    #: The entities as vectors, and the index of their neighbours
    vectors: EntityVectors

    #: What proposes candidates
    generator: CandidateGenerator

    #: What scores them
    ranker: Ranker

    #: True triples for choosing thresholds, if some are given; shape: (n, 3)
    validation: np.ndarray | None

    #: False triples for choosing thresholds, if some are given; shape: (n, 3)
    validation_negatives: np.ndarray | None

    #: Where results are kept
    cache: Cache

    #: The fingerprint of everything that the pools depend on
    key: str

    #: The settings, and identities of what they name; JSON-native
    settings_identity: Mapping[str, Any]

    #: The public names of the language models that read the texts
    language_models: Sequence[str]
