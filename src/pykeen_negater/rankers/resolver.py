"""Finds rankers by name: those of :data:`pykeen_negater.typing.RANKERS`, where a new one is listed, and your own."""

import importlib

from class_resolver import ClassResolver

from ..typing import RANKERS
from .base import Ranker

__all__ = [
    "ranker_resolver",
]

_CLASSES = [getattr(importlib.import_module(f"{__package__}.{module}"), name) for module, name in RANKERS.values()]

#: Resolves rankers by name, such as those of :data:`pykeen_negater.typing.RANKERS`; register your own in it
ranker_resolver: ClassResolver[Ranker] = ClassResolver(
    _CLASSES,
    base=Ranker,  # type: ignore[type-abstract]
    default=_CLASSES[0],
)
