"""The triples factory that a sampler is being built for.

PyKEEN hands a sampler ids and nothing else, but a language model needs the labels behind them. They are in the triples
factory that the training instances are made from, so that is noted while it happens.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pykeen.triples import BaseBatchedSLCWAInstances, CoreTriplesFactory

__all__ = [
    "current_factory",
    "note_factories",
    "triples_factory_noted",
]

_FACTORY: ContextVar[CoreTriplesFactory | None] = ContextVar("negater_triples_factory", default=None)


def current_factory() -> CoreTriplesFactory | None:
    """Get the triples factory whose training instances are being made right now in this context.

    :return: the factory, or None outside of the making of training instances
    """
    return _FACTORY.get()


@contextmanager
def triples_factory_noted(factory: CoreTriplesFactory | None) -> Iterator[None]:
    """Note a triples factory for the length of the block.

    :param factory: the factory that the samplers made in the block are for; None if it cannot be known
    """
    token = _FACTORY.set(factory)
    try:
        yield
    finally:
        _FACTORY.reset(token)


def note_factories() -> None:
    """Make PyKEEN's sLCWA instances note their triples factory; calling it again changes nothing."""
    original: Callable[..., Any] = vars(BaseBatchedSLCWAInstances)["from_triples_factory"].__func__
    if getattr(original, "notes_factory", False):
        return

    @functools.wraps(original)
    def noting(cls: type, *args: Any, **kwargs: Any) -> Any:
        """Do the same, with the factory noted for as long as it takes."""
        # whatever PyKEEN calls it, and wherever it stands
        factories = (value for value in (*args, *kwargs.values()) if isinstance(value, CoreTriplesFactory))
        with triples_factory_noted(next(factories, None)):
            return original(cls, *args, **kwargs)

    noting.notes_factory = True  # type: ignore[attr-defined]
    BaseBatchedSLCWAInstances.from_triples_factory = classmethod(noting)  # type: ignore[assignment]
