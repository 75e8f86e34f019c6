"""Finds rankers by name. A new ranker is a module of its own, and a line here."""

from class_resolver import ClassResolver

from .base import Ranker
from .fine_tuned import ThresholdsRanker
from .gradients import FullGradientsRanker, ProxyGradientsRanker
from .kge import KGERanker
from .probe import ProbeRanker
from .relation_embedding import RelationEmbeddingRanker
from .similarity import SimilarityRanker

__all__ = [
    "ranker_resolver",
]

#: Resolves rankers by name, such as those of :data:`pykeen_negater.typing.RANKERS`; register your own in it
ranker_resolver: ClassResolver[Ranker] = ClassResolver(
    [
        ProbeRanker,
        SimilarityRanker,
        KGERanker,
        ThresholdsRanker,
        FullGradientsRanker,
        ProxyGradientsRanker,
        RelationEmbeddingRanker,
    ],
    base=Ranker,  # type: ignore[type-abstract]
    default=ProbeRanker,
)
