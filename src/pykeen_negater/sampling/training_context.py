"""Finds the triples factory that a sampler is being built for, and the purpose.

PyKEEN passes only ids to a sampler, but a language model needs their labels. These are in the triples factory that the
training instances are made from. So it is noted while instances are made, together with their purpose in PyKEEN:
training, trying out a batch size, or only evaluation.
"""

import functools
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum, auto
from types import FrameType
from typing import Any

import torch
from pykeen.triples import BaseBatchedSLCWAInstances, CoreTriplesFactory

__all__ = [
    "Purpose",
    "current_factory",
    "current_purpose",
    "note_factories",
    "trained_factory",
    "triples_factory_noted",
]

#: The module of PyKEEN's Lightning modules, which build loaders of validation triples like those of training triples
_LIGHTNING = "pykeen.contrib.lightning"


class Purpose(Enum):
    """The purpose of a sampler."""

    #: To train a model
    TRAINING = auto()

    #: To see whether a batch fits into memory
    PROBING = auto()

    #: To compute a loss without training
    EVALUATION = auto()

    #: Unknown, e.g. if a user's program has built the sampler itself
    UNKNOWN = auto()


_FACTORY: ContextVar[CoreTriplesFactory | None] = ContextVar("negater_triples_factory", default=None)
_TRAINED: ContextVar[weakref.ref[CoreTriplesFactory] | None] = ContextVar("negater_trained_factory", default=None)
_PURPOSE: ContextVar[Purpose] = ContextVar("negater_purpose", default=Purpose.UNKNOWN)


def current_factory() -> CoreTriplesFactory | None:
    """Get the triples factory whose training instances are currently being made in this context.

    :return: the factory, or None if no training instances are being made
    """
    return _FACTORY.get()


def trained_factory() -> CoreTriplesFactory | None:
    """Get the triples factory that training instances were last made from in this context.

    :return: the factory, or None if there is none, or none any longer
    """
    reference = _TRAINED.get()
    return None if reference is None else reference()


def current_purpose() -> Purpose:
    """Tell the purpose of a sampler that is currently being built.

    Besides what is noted when instances are made, disabled gradients reveal PyKEEN's evaluation loss and, as a rule,
    Lightning's validation, since nothing can be trained then.

    :return: the purpose
    """
    if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
        return Purpose.EVALUATION
    return _PURPOSE.get()


@contextmanager
def triples_factory_noted(factory: CoreTriplesFactory | None, purpose: Purpose = Purpose.UNKNOWN) -> Iterator[None]:
    """Note a triples factory for the length of the block.

    :param factory: the factory that the samplers made in the block are for; None if it cannot be known
    :param purpose: what they are for
    """
    factory_token, purpose_token = _FACTORY.set(factory), _PURPOSE.set(purpose)
    try:
        yield
    finally:
        _FACTORY.reset(factory_token)
        _PURPOSE.reset(purpose_token)


def note_factories() -> None:
    """Make PyKEEN's sLCWA instances note their triples factory; calling it again changes nothing."""
    original: Callable[..., Any] = vars(BaseBatchedSLCWAInstances)["from_triples_factory"].__func__
    if getattr(original, "notes_factory", False):
        return

    @functools.wraps(original)
    def noting(cls: type, *args: Any, **kwargs: Any) -> Any:
        """Make the instances, with the factory noted meanwhile."""
        # whatever the parameter's name and position
        factories = (value for value in (*args, *kwargs.values()) if isinstance(value, CoreTriplesFactory))
        factory = next(factories, None)
        purpose = _find_purpose(factory, sys._getframe(1))
        if purpose is Purpose.TRAINING and factory is not None:
            _TRAINED.set(weakref.ref(factory))
        with triples_factory_noted(factory, purpose):
            return original(cls, *args, **kwargs)

    noting.notes_factory = True  # type: ignore[attr-defined]
    BaseBatchedSLCWAInstances.from_triples_factory = classmethod(noting)  # type: ignore[assignment]


def _find_purpose(factory: CoreTriplesFactory | None, frame: FrameType | None) -> Purpose:
    """Tell the purpose of instances from the calling code, since PyKEEN does not pass it on.

    :param factory: the factory that they are made from
    :param frame: the frame of the caller
    :return: the purpose
    """
    while frame is not None:
        local = frame.f_locals
        # an argument of PyKEEN's training loop
        if local.get("only_size_probing") is True:
            return Purpose.PROBING
        owner: Any = local.get("self")
        if any(cls.__module__ == _LIGHTNING for cls in type(owner).__mro__):
            return Purpose.TRAINING if factory is owner.dataset.training else Purpose.EVALUATION
        frame = frame.f_back
    return Purpose.TRAINING
