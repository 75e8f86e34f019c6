"""How good are negatives? How many triples have mined ones, how many of those drawn are true, and how hard are they."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from pykeen.models import Model
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from .indexing import TripleIndex
from .kge_models import find_model_class
from .resolving import find_class
from .sampler import NegatERNegativeSampler
from .seeding import pinned_defaults
from .training_context import triples_factory_noted

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

__all__ = [
    "NegativesReport",
    "evaluate_sampler",
    "find_sampler",
    "samplers_to_compare",
    "train_reference",
]

#: The number of drawn negatives that the figures are about, about
NUM_DRAWN = 200_000


@dataclass(frozen=True)
class NegativesReport:
    """What there is to say about the negatives of a sampler. All are shares in [0, 1]."""

    #: The training triples with mined negatives; None for samplers that mine none
    coverage: float | None

    #: The drawn negatives that are validation or test triples
    false_negatives: float

    #: The drawn negatives that are training triples
    known_positives: float

    #: The drawn negatives that a reference model scores above a uniform corruption of the same positive and side
    hardness: float | None

    #: The mined negatives among these; None for samplers that mine none
    hardness_of_mined: float | None

    #: The mined negatives that are validation or test triples; None for samplers that mine none
    false_negatives_of_mined: float | None


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
    """Draw negatives for training triples and see what they are.

    :param sampler: any of PyKEEN's negative samplers, by name
    :param dataset: the dataset. Its validation and test triples are only looked at to count false negatives.
    :param sampler_kwargs: the sampler's parameters
    :param reference: a trained model that tells how hard negatives are; without it, hardness is None
    :param num_negs_per_pos: > 0, the number of negatives per positive
    :param seed: the seed of what is drawn
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
        drawn = _draw(instance, training)
        mined = None
        coverage = None
        if isinstance(instance, NegatERNegativeSampler) and instance.pools is not None:
            coverage = instance.pools.coverage(training.mapped_triples)
            only_mined = cls(**{**kwargs, "hard_fraction": 1.0, "loop_fraction": 0.0, "pools": instance.pools})
            covered = instance.pools.rows(training.mapped_triples.numpy())[1].any(axis=1)
            mined = _draw(only_mined, training, training.mapped_triples[torch.as_tensor(covered)])
        held_out = [factory.mapped_triples for name, factory in dataset.factory_dict.items() if name != "training"]
        truth = _index(torch.cat([*held_out, training.mapped_triples[:0]]), training)
        return NegativesReport(
            coverage=coverage,
            false_negatives=_share(truth, drawn),
            known_positives=_share(_index(training.mapped_triples, training), drawn),
            hardness=None if reference is None else _hardness(reference, drawn),
            hardness_of_mined=None if reference is None or mined is None else _hardness(reference, mined),
            false_negatives_of_mined=None if mined is None else _share(truth, mined),
        )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Positives and what was drawn for them, both of shape (n, 3)."""

    positives: Tensor
    negatives: Tensor


def _draw(sampler: NegativeSampler, training: CoreTriplesFactory, triples: Tensor | None = None) -> _Drawn:
    triples = training.mapped_triples if triples is None else triples
    if not len(triples):
        return _Drawn(triples, triples)
    size = NUM_DRAWN // sampler.num_negs_per_pos
    # whole passes over the triples in random order, so that each counts as it does in training
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


@torch.inference_mode()
def _hardness(reference: Model, drawn: _Drawn) -> float | None:
    changed = drawn.positives != drawn.negatives
    # a negative that is the positive by chance is of no side
    kept = changed.any(dim=-1)
    if not kept.any():
        return None
    positives, negatives, column = drawn.positives[kept], drawn.negatives[kept], changed[kept].int().argmax(dim=-1)
    limits = torch.tensor([reference.num_entities, reference.num_real_relations, reference.num_entities])[column]
    original = positives.gather(1, column.unsqueeze(dim=1)).squeeze(dim=1)
    # any but the original
    other = (torch.rand(len(limits)) * (limits - 1)).long()
    uniform = positives.scatter(1, column.unsqueeze(dim=1), (other + (other >= original)).unsqueeze(dim=1))
    reference.eval()
    hard, easy = (
        torch.cat([reference.predict_hrt(batch.to(reference.device)) for batch in triples.split(8_192)])
        for triples in (negatives, uniform)
    )
    return float(((hard > easy).double() + 0.5 * (hard == easy).double()).mean())


@pinned_defaults()
def train_reference(training: CoreTriplesFactory, model: str = "TransE", num_epochs: int = 30, seed: int = 0) -> Model:
    """Train a model with uniform negatives, to tell how hard others are.

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
        # the triples to evaluate are needed, but not looked at: there is one
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

    :return: their names, this project's last
    """
    return sorted(negative_sampler_resolver.options, key=lambda name: (name == "negater", name))
