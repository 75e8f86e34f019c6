"""Registers the sampler and the filterer with PyKEEN when this module is loaded.

PyKEEN has no entry points for these, but loads those for datasets whenever :mod:`pykeen.datasets` is imported, as
the pipeline, the hyperparameter optimization and the command line do. This module is such an entry point. The datasets
of this package are imported only when PyKEEN asks for them, after it has loaded its own. This module must not fail, and
nothing that it imports may import a language model's libraries, or :mod:`pykeen.datasets`, which would make an import
cycle.
"""

from typing import Any

from pykeen.sampling import negative_sampler_resolver
from pykeen.sampling.filtering import filterer_resolver

from .sampling.filtering import ExactFilterer
from .sampling.sampler import NegatERNegativeSampler
from .sampling.training_context import note_factories

__all__ = [
    "register",
]


def register() -> None:
    """Register sampler and filterer, and let PyKEEN note the triples it builds samplers for; safe to call again."""
    key = negative_sampler_resolver.normalize_cls(NegatERNegativeSampler)
    known = negative_sampler_resolver.lookup_dict.get(key)
    if known is None:
        negative_sampler_resolver.register(NegatERNegativeSampler)
    elif known.__module__ == NegatERNegativeSampler.__module__:
        # which a notebook has loaded again
        negative_sampler_resolver.lookup_dict[key] = NegatERNegativeSampler
    # an exact filterer that PyKEEN might have one day is as exact
    filterer_resolver.register(ExactFilterer, raise_on_conflict=False)
    note_factories()


def __getattr__(name: str) -> Any:
    if name not in ("ConceptNetFull", "ConceptNetTrueNeg"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .datasets import conceptnet

    return getattr(conceptnet, name)


register()
