"""The task of a run of mining: the graph, the settings, and the parts that they name."""

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
    """Everything that a run of mining needs."""

    #: The graph to mine
    graph: Graph

    #: The settings of mining
    settings: MiningSettings

    #: Its texts, if it has any
    texts: Texts | None

    #: The texts of the graph, and of entities that occur only in validation triples
    all_texts: Texts | None

    #: The types of entities; shape: (num_entities, num_types)
    types: csr_array | None

    #: The entities as vectors, and the index of their neighbours
    vectors: EntityVectors

    #: The generator of candidates
    generator: CandidateGenerator

    #: The ranker, which scores them
    ranker: Ranker

    #: True triples for choosing thresholds, if some are given; shape: (n, 3)
    validation: np.ndarray | None

    #: False triples for choosing thresholds, if some are given; shape: (n, 3)
    validation_negatives: np.ndarray | None

    #: The cache that results are kept in
    cache: Cache

    #: The fingerprint of everything that the pools depend on
    key: str

    #: The settings, with the files and models that they name identified by content; JSON-native
    settings_identity: Mapping[str, Any]

    #: The public names of the language models that read the texts
    language_models: Sequence[str]
