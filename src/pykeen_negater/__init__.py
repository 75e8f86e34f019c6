"""Negatives from a language model, for knowledge graph embeddings trained with PyKEEN.

A knowledge graph embedding learns from true triples and from *negatives*, corruptions that are taken for false. Random
corruptions are mostly absurd and soon teach a model nothing, and some of them are true. This package mines corruptions
that are plausible and false, as NegatER does [safavi2021]_, and estimates how likely each one is true after all:

1. :mod:`~pykeen_negater.texts.loading` gives entities and relations texts;
2. :mod:`~pykeen_negater.embeddings.encoders` turns entities into vectors;
3. :mod:`~pykeen_negater.embeddings.neighbors` finds their nearest neighbours;
4. :mod:`~pykeen_negater.candidates.generators` replaces a part of each triple by something that occurs in the same
   slot, or is near it;
5. :mod:`~pykeen_negater.rankers.resolver` decides how hard candidates are: with a small
   :mod:`~pykeen_negater.scorers.probe` on the vectors, or with a language model that
   :mod:`~pykeen_negater.fine_tuning.trainer` has taught to tell true from false;
6. :mod:`~pykeen_negater.guard.calibrated` estimates how likely they are true after all, learned from training triples
   that were hidden from the models above;
7. :mod:`~pykeen_negater.pools.negative_pools` holds the result;
8. :mod:`~pykeen_negater.sampling.sampler` serves it to PyKEEN, mixed with the negatives of another sampler, without
   those that are likely true;
9. :mod:`~pykeen_negater.distillation.callback` teaches models in training what a judge of graph and texts knows, and
   :mod:`~pykeen_negater.distillation.blended_model` lets both answer together, on request;
10. :mod:`~pykeen_negater.evaluation.samplers` measures negatives,
    and :mod:`~pykeen_negater.evaluation.triple_classification` measures models.

Once the package is installed, PyKEEN finds the sampler by name: ``pipeline(dataset="nations", model="PairRE",
negative_sampler="negater")``. The same holds for an exact filterer, which works with any sampler, see
:mod:`~pykeen_negater.sampling.filtering`. Only programs that look either up by name without ever importing
:mod:`pykeen.datasets` need to import :mod:`pykeen_negater._plugin` first.

.. [safavi2021] Safavi, Zhu and Koutra (2021) NegatER: Unsupervised Discovery of Negatives in Commonsense Knowledge
   Bases. EMNLP.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .distillation.blended_model import blend
    from .distillation.callback import NegatERTrainingCallback
    from .evaluation.samplers import evaluate_sampler
    from .evaluation.triple_classification import TripleClassificationEvaluator
    from .mining.miner import mine
    from .pools.files import PoolsError
    from .pools.imports import import_negatives
    from .pools.negative_pools import NegativePools
    from .sampling.sampler import NegatERNegativeSampler

__all__ = [
    "NegatERNegativeSampler",
    "NegatERTrainingCallback",
    "NegativePools",
    "PoolsError",
    "TripleClassificationEvaluator",
    "blend",
    "evaluate_sampler",
    "import_negatives",
    "mine",
]

_HOMES = {
    "NegatERNegativeSampler": "sampling.sampler",
    "NegatERTrainingCallback": "distillation.callback",
    "NegativePools": "pools.negative_pools",
    "PoolsError": "pools.files",
    "TripleClassificationEvaluator": "evaluation.triple_classification",
    "blend": "distillation.blended_model",
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
