"""What pools depend on, apart from the graph: the settings of mining."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ..texts.loading import TextSource, check_texts
from ..triples.entity_types import TypeSource, check_types
from ..triples.indexing import check_corruption_scheme
from ..typing import GuardName, Metric
from ..utils.plain_values import check_parameters

__all__ = [
    "MiningSettings",
]


@dataclass(frozen=True)
class MiningSettings:
    """How negatives are mined. Everything is JSON-native, so that PyKEEN can store it."""

    #: The entities' texts: a mapping of labels to texts, or a file. By default their labels, unless these are opaque.
    entity_text: TextSource | None = None

    #: The relations' texts, likewise
    relation_text: TextSource | None = None

    #: What turns entities into vectors, see :data:`~pykeen_negater.embeddings.encoders.encoder_resolver`. By default
    #: ``sentence-transformer`` where there are texts, else ``structural``.
    encoder: str | None = None

    #: The encoder's parameters
    encoder_kwargs: Mapping[str, Any] | None = None

    #: How neighbours become candidates, see :data:`~pykeen_negater.candidates.generators.candidate_generator_resolver`
    candidates: str = "random"

    #: >= 1, the number of neighbours per triple and side
    k: int = 32

    #: The sides to corrupt, some of ``head``, ``relation``, ``tail``
    corruption_scheme: tuple[str, ...] = ("head", "tail")

    #: How near two vectors are: ``cosine`` or ``l2``
    metric: Metric = "cosine"

    #: The folder of a neighbour index: loaded if it is there, else built and saved there
    index: str | Path | None = None

    #: Neighbours that were found elsewhere, which are not searched for then: NegatER's JSON object that maps phrases
    #: (labels or texts) to lists of phrases, the nearest first, k of which are taken
    neighbor_file: str | Path | None = None

    #: FAISS's factory string for a new index of all entities, whose search parameters are chosen by measured recall. By
    #: default exact up to some ten thousand entities, else approximate, see
    #: :func:`~pykeen_negater.embeddings.approximation.default_factory`.
    index_factory: str | None = None

    #: The types of entities, which the guard takes into account: a mapping of labels to types, or a file of label TAB
    #: type, in which a label may have several lines
    entity_types: TypeSource | None = None

    #: What decides which candidates are negatives, and how hard, see
    #: :data:`~pykeen_negater.rankers.resolver.ranker_resolver`
    ranker: str | None = None

    #: The ranker's parameters
    ranker_kwargs: Mapping[str, Any] | None = None

    #: What keeps candidates out that may be true: ``calibrated``, the risk learned from hidden training triples;
    #: ``thresholds``, the ranker's own; None, nothing
    guard: GuardName | None = "calibrated"

    #: >= 1, the most negatives per triple and side that are kept
    pool_size: int = 32

    #: > 0, the most corrupted triples that an expensive ranker scores, the nearest first; None for all. They, their
    #: scores and verdicts are in memory, about 100 bytes each while they are chosen and scored.
    max_candidates: int | None = 20_000

    #: > 0, the most triples that an expensive ranker trains on; None for all
    max_training_triples: int | None = 2_000

    #: The seed of everything random
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range, or of a wrong type
        """
        object.__setattr__(self, "corruption_scheme", check_corruption_scheme(self.corruption_scheme))
        if self.guard not in (None, *get_args(GuardName)):
            names = ", ".join(get_args(GuardName))
            raise ValueError(f"found guard={self.guard!r}, expected one of {names}, or None.")
        for name in ("entity_text", "relation_text"):
            object.__setattr__(self, name, check_texts(name, getattr(self, name)))
        for name in ("encoder_kwargs", "ranker_kwargs"):
            check_parameters(name, getattr(self, name))
        object.__setattr__(self, "entity_types", check_types("entity_types", self.entity_types))
        for name in ("index", "neighbor_file"):
            if isinstance(getattr(self, name), Path):
                object.__setattr__(self, name, str(getattr(self, name)))
        for name in ("k", "pool_size", "max_candidates", "max_training_triples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"found {name}={value}, expected at least 1.")
