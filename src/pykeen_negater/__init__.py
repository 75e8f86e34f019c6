"""Negatives from a language model, for knowledge graph embeddings trained with PyKEEN.

A knowledge graph embedding learns from true triples and from *negatives*, corruptions that are taken for false. Random
corruptions are mostly absurd, and soon teach a model nothing, and some of them are true. This package mines corruptions
that are plausible and false, as NegatER does [safavi2021]_, and knows the risk of every negative:

1. :mod:`~pykeen_negater.texts.loading`: entities and relations get texts;
2. :mod:`~pykeen_negater.embeddings.encoders` turn entities into vectors;
3. :mod:`~pykeen_negater.embeddings.neighbors` finds what is near;
4. :mod:`~pykeen_negater.candidates.generators` replaces a part of each triple by something that fits, or is near it;
5. :mod:`~pykeen_negater.rankers.resolver` decide how hard candidates are: with a small
   :mod:`~pykeen_negater.scorers.probe` on the vectors, or with a language model that
   :mod:`~pykeen_negater.fine_tuning.trainer` has taught to tell true from false;
6. :mod:`~pykeen_negater.guard.calibrated` says how likely they are true after all, which it has learned from training
   triples that were hidden from all of the above;
7. :mod:`~pykeen_negater.pools.negative_pools` keeps the result on disk;
8. :mod:`~pykeen_negater.sampling.sampler` serves it to PyKEEN, mixed with the negatives of another sampler, of which it
   leaves out what is likely true;
9. :mod:`~pykeen_negater.evaluation.samplers` measures negatives, and
   :mod:`~pykeen_negater.evaluation.triple_classification` models.

Installed, it is there: ``pipeline(dataset="nations", model="PairRE", negative_sampler="negater")``. So is an
exact filterer, for any sampler, see :mod:`~pykeen_negater.sampling.filtering`. Only who looks either up by name without
ever importing :mod:`pykeen.datasets` needs to import :mod:`pykeen_negater._plugin` first.

.. [safavi2021] Safavi, Zhu and Koutra (2021) NegatER: Unsupervised Discovery of Negatives in Commonsense Knowledge
   Bases. EMNLP.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation.samplers import evaluate_sampler
    from .evaluation.triple_classification import TripleClassificationEvaluator
    from .mining.miner import mine
    from .pools.files import PoolsError
    from .pools.imports import import_negatives
    from .pools.negative_pools import NegativePools
    from .sampling.sampler import NegatERNegativeSampler

__all__ = [
    "NegatERNegativeSampler",
    "NegativePools",
    "PoolsError",
    "TripleClassificationEvaluator",
    "evaluate_sampler",
    "import_negatives",
    "mine",
]

_HOMES = {
    "NegatERNegativeSampler": "sampling.sampler",
    "NegativePools": "pools.negative_pools",
    "PoolsError": "pools.files",
    "TripleClassificationEvaluator": "evaluation.triple_classification",
    "evaluate_sampler": "evaluation.samplers",
    "import_negatives": "pools.imports",
    "mine": "mining.miner",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
