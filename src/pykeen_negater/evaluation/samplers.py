"""Measures samplers: the coverage by mined negatives, and the false negatives and hardness of drawn ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from pykeen.models import Model
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from ..runtime.random_state import pinned_defaults
from ..sampling.sampler import NegatERNegativeSampler
from ..sampling.training_context import triples_factory_noted
from ..scorers.kge_models import find_model_class, score_triples
from ..triples.indexing import TripleIndex
from ..utils.resolving import find_class

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

__all__ = [
    "NegativesReport",
    "Part",
    "PartReport",
    "evaluate_sampler",
    "find_sampler",
    "samplers_to_compare",
    "train_reference",
]

#: The approximate number of negatives that are drawn for the figures
NUM_DRAWN = 200_000


#: The parts of the negatives of this package's sampler
Part = Literal["mined", "random", "loops"]


@dataclass(frozen=True)
class PartReport:
    """Measurements of one part of a sampler's negatives."""

    #: Their share among all negatives that the sampler draws with its settings, in [0, 1]
    share: float

    #: The number of distinct negatives that were measured
    num_distinct: int

    #: The share that are validation or test triples, in [0, 1]
    false_negatives: float

    #: The share that are training triples, in [0, 1]
    known_positives: float

    #: The share that a reference model scores above a uniform corruption of the same positive and side, in [0, 1]
    hardness: float | None


@dataclass(frozen=True)
class NegativesReport:
    """Measurements of the negatives of a sampler. All are shares in [0, 1]."""

    #: The training triples with mined negatives; None for samplers that mine none
    coverage: float | None

    #: The drawn negatives that are validation or test triples
    false_negatives: float

    #: The drawn negatives that are training triples
    known_positives: float

    #: The drawn negatives that a reference model scores above a uniform corruption of the same positive and side
    hardness: float | None

    #: For this package's sampler only: the negatives that are mined, drawn at random (and, with a guard, drawn again
    #: where they are likely true), and loops, if there are any. Each part is measured alone, whatever its share.
    parts: Mapping[Part, PartReport] = field(default_factory=dict)

    @property
    def rows(self) -> Sequence[dict[str, Any]]:
        """The figures as rows of a table: those of all negatives, then those of each part."""
        whole = {name: getattr(self, name) for name in ("coverage", "false_negatives", "known_positives", "hardness")}
        rows = [{"part": "all", "share": 1.0, **whole}]
        for part, report in self.parts.items():
            figures = {name: value for name, value in vars(report).items() if name != "num_distinct"}
            rows.append({"part": part, "coverage": None, **figures})
        return rows


def find_sampler(name: str) -> type[NegativeSampler]:
    """Look up one of PyKEEN's negative samplers.

    :param name: its name
    :return: its class
    :raises ValueError: if there is none
    """
    return find_class("sampler", negative_sampler_resolver, name)


@pinned_defaults()
def evaluate_sampler(
    sampler: str,
    dataset: "Dataset",
    sampler_kwargs: Mapping[str, Any] | None = None,
    reference: Model | None = None,
    num_negs_per_pos: int = 16,
    seed: int = 0,
) -> NegativesReport:
    """Draw negatives for training triples and measure them.

    :param sampler: any of PyKEEN's negative samplers, by name
    :param dataset: the dataset. Its validation and test triples are only used to count false negatives.
    :param sampler_kwargs: the sampler's parameters
    :param reference: a trained model that tells how hard negatives are; without it, hardness is None
    :param num_negs_per_pos: > 0, the number of negatives per positive
    :param seed: the seed of everything random
    :return: the figures
    :raises ValueError: if there is no such sampler
    """
    training = dataset.training
    cls = find_sampler(sampler)
    kwargs = {
        "mapped_triples": training.mapped_triples,
        "num_entities": training.num_entities,
        "num_relations": training.real_num_relations,
        "num_negs_per_pos": num_negs_per_pos,
        **(sampler_kwargs or {}),
    }
    with torch.random.fork_rng(devices=[]), triples_factory_noted(training):
        torch.manual_seed(seed)
        instance = cls(**kwargs)
        held_out = [factory.mapped_triples for name, factory in dataset.factory_dict.items() if name != "training"]
        truth = _index(torch.cat([*held_out, training.mapped_triples[:0]]), training)
        known = _index(training.mapped_triples, training)

        def measure(drawn: _Drawn) -> dict[str, Any]:
            """Measure drawn negatives."""
            return {
                "false_negatives": _share(truth, drawn),
                "known_positives": _share(known, drawn),
                "hardness": None if reference is None else _hardness(reference, drawn),
            }

        figures = measure(_draw(instance, training))
        coverage, parts = None, {}
        if isinstance(instance, NegatERNegativeSampler):
            if instance.pools is not None:
                coverage = instance.pools.coverage(training.mapped_triples)
            for part, share, drawn in _draw_parts(instance, kwargs, training):
                parts[part] = PartReport(share, len(drawn.negatives.unique(dim=0)), **measure(drawn))
        return NegativesReport(coverage=coverage, **figures, parts=parts)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Positives and their drawn negatives, both of shape (n, 3)."""

    positives: Tensor
    negatives: Tensor


def _draw_parts(
    sampler: NegatERNegativeSampler, kwargs: Mapping[str, Any], training: CoreTriplesFactory
) -> Iterator[tuple[Part, float, _Drawn]]:
    """Draw from variants of a sampler, each of which draws only one part of its negatives.

    :param sampler: the sampler
    :param kwargs: its parameters
    :param training: the triples to draw for; only those that can have negatives of a part are used for it
    :yields: the parts, with their expected share of the sampler's negatives
    """
    triples = training.mapped_triples
    positives = triples.numpy()
    covered, possible = np.zeros(len(triples), dtype=bool), sampler.loops.possible(positives)
    if sampler.hard_negatives is not None:
        covered = sampler.hard_negatives.draw(positives, 1)[1]
    mined, loops = covered * sampler._fraction_of(positives), sampler.loop_fraction * possible
    overrides = {
        label: {name: value for name, value in own.items() if name != "hard_fraction"}
        for label, own in (kwargs.get("relation_overrides") or {}).items()
    }
    parts: tuple[tuple[Part, np.ndarray, np.ndarray, dict[str, float]], ...] = (
        ("mined", covered, mined * (1 - loops), {"hard_fraction": 1.0, "loop_fraction": 0.0}),
        ("random", np.ones_like(covered), (1 - mined) * (1 - loops), {"hard_fraction": 0.0, "loop_fraction": 0.0}),
        ("loops", possible, loops, {"hard_fraction": 0.0, "loop_fraction": 1.0}),
    )
    for part, has_some, shares, fractions in parts:
        if has_some.any():
            only = type(sampler)(**{**kwargs, "pools": sampler.pools, "relation_overrides": overrides, **fractions})
            drawn = _draw(only, training, triples[torch.from_numpy(has_some)])
            if part == "loops":  # loops that are known triples are not drawn
                heads, _, tails = drawn.negatives.unbind(dim=-1)
                drawn = _Drawn(drawn.positives[heads == tails], drawn.negatives[heads == tails])
            yield part, float(shares.mean()), drawn


def _draw(sampler: NegativeSampler, training: CoreTriplesFactory, triples: Tensor | None = None) -> _Drawn:
    triples = training.mapped_triples if triples is None else triples
    size = NUM_DRAWN // sampler.num_negs_per_pos
    # whole passes over the triples in random order, so that each counts as in training
    order = torch.cat([torch.randperm(len(triples)) for _ in range(-(-size // len(triples)))])[:size]
    positives, negatives = [], []
    for batch in triples[order].split(1_024):
        drawn, mask = sampler.sample(batch)
        repeated = batch.unsqueeze(dim=1).expand_as(drawn)
        kept = torch.ones(drawn.shape[:-1], dtype=torch.bool) if mask is None else mask
        positives.append(repeated[kept])
        negatives.append(drawn[kept])
    return _Drawn(torch.cat(positives), torch.cat(negatives))


def _index(triples: Tensor, training: CoreTriplesFactory) -> TripleIndex:
    return TripleIndex.from_triples(triples, training.num_entities, training.real_num_relations)


def _share(truth: TripleIndex, drawn: _Drawn) -> float:
    return float(truth.contains(drawn.negatives).double().mean()) if len(drawn.negatives) else 0.0


def _hardness(reference: Model, drawn: _Drawn) -> float | None:
    changed = drawn.positives != drawn.negatives
    # a negative that equals the positive by chance has no corrupted side
    kept = changed.any(dim=-1)
    if not kept.any():
        return None
    positives, negatives, column = drawn.positives[kept], drawn.negatives[kept], changed[kept].int().argmax(dim=-1)
    limits = torch.tensor([reference.num_entities, reference.num_real_relations, reference.num_entities])[column]
    original = positives.gather(1, column.unsqueeze(dim=1)).squeeze(dim=1)
    # any entity but the original
    other = (torch.rand(len(limits)) * (limits - 1)).long()
    uniform = positives.scatter(1, column.unsqueeze(dim=1), (other + (other >= original)).unsqueeze(dim=1))
    hard, easy = (score_triples(reference, triples.numpy()) for triples in (negatives, uniform))
    return float(np.mean((hard > easy) + 0.5 * (hard == easy)))


@pinned_defaults()
def train_reference(training: CoreTriplesFactory, model: str = "TransE", num_epochs: int = 30, seed: int = 0) -> Model:
    """Train a model with uniform negatives, to measure the hardness of others.

    :param training: the training triples
    :param model: a PyKEEN model, by name
    :param num_epochs: > 0
    :param seed: the seed
    :return: the model
    :raises ValueError: if there is no such model
    """
    from pykeen.pipeline import pipeline

    return pipeline(
        training=training,
        # PyKEEN requires evaluation triples, which are not used: pass one
        testing=training.clone_and_exchange_triples(training.mapped_triples[:1]),
        model=find_model_class(model),
        model_kwargs={"embedding_dim": 64},
        loss="nssa",
        negative_sampler="basic",
        negative_sampler_kwargs={"num_negs_per_pos": 16},
        optimizer_kwargs={"lr": 0.004},
        training_kwargs={"num_epochs": num_epochs, "batch_size": 512, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=seed,
    ).model


def samplers_to_compare() -> Sequence[str]:
    """Name all samplers that PyKEEN knows.

    :return: their names, with this package's last
    """
    return sorted(negative_sampler_resolver.options, key=lambda name: (name == "negater", name))
