"""PyKEEN's way in: loading this module registers the sampler and the filterer.

PyKEEN has no entry points for these, but loads those for datasets whenever :mod:`pykeen.datasets` is imported, as
the pipeline, the hyperparameter optimization and the command line do. Ours are NegatER's datasets, which are imported
when PyKEEN asks for them, since by then its own are there. This module must not fail, and nothing that it imports may
import a language model's libraries, or :mod:`pykeen.datasets`: whichever is imported first, that would be a cycle.
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
    """Register what PyKEEN looks up, and make it note the triples it builds samplers for; twice is as good as once."""
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
