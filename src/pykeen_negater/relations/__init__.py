"""RelBERT: what relates two words, as a vector [ushio2021]_.

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
