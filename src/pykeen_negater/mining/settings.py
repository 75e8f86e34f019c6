"""The settings of mining: everything that pools depend on, apart from the graph.

They are listed here and nowhere else: the parameters of the sampler, the options of ``negater mine``, their defaults
and their descriptions come from here. This module loads neither PyTorch nor PyKEEN, so that ``--help`` is fast.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ..typing import CANDIDATE_GENERATORS, ENCODERS, RANKERS, GuardName, Metric
from ..utils.described_fields import described, document_fields
from ..utils.spelling import check_choice

if TYPE_CHECKING:
    from ..texts.loading import TextSource
    from ..triples.entity_types import TypeSource

__all__ = [
    "MiningSettings",
]


@document_fields
@dataclass(frozen=True)
class MiningSettings:
    """The settings of mining. All values are JSON-native, so that PyKEEN can store them."""

    entity_text: "TextSource | None" = described(
        None,
        "The entities' texts: a file of label TAB text, .json or .parquet; wikidata; or, in Python, a mapping of "
        "labels to texts. By default their labels, unless these are opaque.",
    )
    relation_text: "TextSource | None" = described(None, "The relations' texts, likewise.")
    encoder: str | None = described(
        None,
        f"The encoder of entities: {', '.join(ENCODERS)}. By default {ENCODERS[0]} where there are texts, "
        f"else {ENCODERS[1]}.",
    )
    encoder_kwargs: Mapping[str, Any] | None = described(None, "The encoder's parameters.")
    candidates: str = described("random", f"How neighbours become candidates: {', '.join(CANDIDATE_GENERATORS)}.")
    k: int = described(32, "The number of neighbours per triple and side, 1 or more.")
    corruption_scheme: tuple[str, ...] = described(
        ("head", "tail"), "The sides to corrupt, some of head, relation and tail."
    )
    metric: Metric = described("cosine", "The measure of how near two vectors are: l2 or cosine.")
    index: str | Path | None = described(
        None, "The folder of a neighbour index: loaded if it is there, else built and saved there."
    )
    neighbor_file: str | Path | None = described(
        None,
        "A file of neighbours, which are then not searched: NegatER's JSON object that maps "
        "phrases (labels or texts) to lists of phrases, the nearest first, k of which are taken.",
    )
    index_factory: str | None = described(
        None,
        "FAISS's factory string for a new index of all entities, whose search parameters are chosen by measured "
        "recall. By default exact up to tens of thousands of entities, else approximate.",
    )
    entity_types: "TypeSource | None" = described(
        None,
        "The types of entities, which the guard takes into account: a file of label TAB type, in which a label may "
        "have several lines; or, in Python, a mapping of labels to types.",
    )
    ranker: str | None = described(
        None, f"The ranker, which decides which candidates are negatives, and how hard: {', '.join(RANKERS)}."
    )
    ranker_kwargs: Mapping[str, Any] | None = described(None, "The ranker's parameters.")
    guard: GuardName | None = described(
        "calibrated",
        "The guard, which keeps out candidates that may be true: calibrated, the risk learned from hidden triples; "
        "thresholds, those of the ranker.",
        none="no guard",
    )
    pool_size: int = described(32, "The most negatives per triple and side that are kept, 1 or more.")
    max_candidates: int | None = described(
        20_000,
        "The most corrupted triples that an expensive ranker scores, the nearest first. They, their scores and "
        "acceptance are in memory, about 100 bytes each while they are chosen and scored.",
        none="all",
    )
    max_training_triples: int | None = described(
        2_000, "The most triples that a language model or another expensive ranker is trained on.", none="all"
    )
    keep_scores: bool = described(
        False,
        "Keep the ranker's scores of negatives exactly, as float32, 4 bytes each, for exports. By default exports have "
        "them rounded to 256 levels.",
    )
    seed: int = described(0, "The seed of everything random.")

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range, or of a wrong type
        """
        # imported here, so that the command line can list the settings without loading these
        from ..texts.loading import check_texts
        from ..triples.entity_types import check_types
        from ..triples.indexing import check_corruption_scheme
        from ..utils.plain_values import check_parameters

        object.__setattr__(self, "corruption_scheme", check_corruption_scheme(self.corruption_scheme))
        if not isinstance(self.keep_scores, bool):
            raise ValueError(f"found keep_scores={self.keep_scores!r}, expected true or false.")
        check_choice("guard", self.guard, (*get_args(GuardName), None))
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
