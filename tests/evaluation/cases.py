"""Models with many equal scores, and what queries are by loops over triples."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from pykeen.datasets import Nations
from pykeen.models import DistMult, Model
from pykeen.triples import CoreTriplesFactory

Triple = tuple[int, int, int]


def make_model(factory: CoreTriplesFactory) -> Model:
    """Make a model whose scores are small whole numbers, so that many are equal."""
    model = DistMult(triples_factory=factory, embedding_dim=6, random_seed=0)
    generator = torch.Generator().manual_seed(1)
    for representation in (*model.entity_representations, *model.relation_representations):
        weight = representation._embeddings.weight
        weight.data = torch.randint(-1, 2, weight.shape, generator=generator).float()
    return model


def triples_of(triples: torch.Tensor) -> list[Triple]:
    return [tuple(triple) for triple in triples.tolist()]  # type: ignore[misc]


def everything(dataset: Nations) -> torch.Tensor:
    return torch.cat([factory.mapped_triples for factory in dataset.factory_dict.values()])


def naive_rank(model: Model, triple: Triple, side: int, others: Iterable[int]) -> float:
    """Rank an answer among others, each of which is scored alone as the model scores for this side."""
    target = {0: "head", 2: "tail"}[side]
    scores = model.predict(torch.tensor([triple]), target=target)[0].tolist()
    own = scores[triple[side]]
    better = sum(scores[other] > own for other in others)
    equal = sum(scores[other] == own for other in others)
    return 1 + better + equal / 2


def queries(triples: torch.Tensor) -> Iterator[tuple[Triple, int]]:
    for triple in triples_of(triples):
        for side in (0, 2):
            yield triple, side


def corrupt(triple: Triple, side: int, entity: int) -> Triple:
    corrupted = list(triple)
    corrupted[side] = entity
    return tuple(corrupted)  # type: ignore[return-value]


def mean_reciprocal(ranks: Iterable[float]) -> float:
    return float(np.mean([1 / rank for rank in ranks]))
