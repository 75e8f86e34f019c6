"""RelBERT: vectors of the relation between two words [ushio2021]_.

:mod:`~pykeen_negater.relations.encoder` turns a pair of texts into the vector of their relation, by means of a
:mod:`template <pykeen_negater.relations.templates>`; :mod:`~pykeen_negater.relations.training` trains encoders, and
:mod:`~pykeen_negater.relations.tasks` evaluates them. The ranker ``relation-embedding`` measures how similar a
candidate's pair is to those of the relation's true triples (:mod:`~pykeen_negater.relations.prototypes`).

.. [ushio2021] Ushio, Camacho-Collados and Schockaert (2021) Distilling Relation Embeddings from Pretrained Language
   Models. EMNLP.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .encoder import RelationEncoder
    from .training.data import RelationPairs, read_relation_pairs
    from .training.loop import train_relation_encoder
    from .training.settings import RelationTrainingSettings

__all__ = [
    "RelationEncoder",
    "RelationPairs",
    "RelationTrainingSettings",
    "read_relation_pairs",
    "train_relation_encoder",
]

_HOMES = {
    "RelationEncoder": "encoder",
    "RelationPairs": "training.data",
    "RelationTrainingSettings": "training.settings",
    "read_relation_pairs": "training.data",
    "train_relation_encoder": "training.loop",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
