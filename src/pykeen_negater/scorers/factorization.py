"""A factorization of the graph, which scores triples by the other triples alone, without any text."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding

from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, TAIL
from .base import DotProductScorer, Training
from .shared_answers import MAX_ANSWERS, share_answers

__all__ = [
    "Factorization",
    "training_of",
]


class Factorization(DotProductScorer):
    """ComplEx [trouillon2016]_ with reciprocal relations and the nuclear 3-norm [lacroix2018]_.

    It is trained to choose each answer among all entities, and so ranks answers far better than a model of its size
    that is trained with few corruptions.

    .. [trouillon2016] Trouillon et al. (2016) Complex Embeddings for Simple Link Prediction. ICML.
    .. [lacroix2018] Lacroix et al. (2018) Canonical Tensor Decomposition for Knowledge Base Completion. ICML.
    """

    def __init__(self, graph: Graph, *, dim: int = 200, regularization: float = 0.02) -> None:
        """Make an untrained factorization.

        :param graph: the graph
        :param dim: > 0, even, the number of real parameters per entity
        :param regularization: >= 0, the weight of the 3-norm
        """
        super().__init__()
        self.entities = nn.Parameter(torch.empty(graph.num_entities, dim))
        #: The relations' parameters for queries for heads, and for tails
        self.relations = nn.Parameter(torch.empty(2, graph.num_relations, dim))
        self.regularization = regularization

    # docstr-coverage: inherited
    def reset_parameters(self) -> None:  # noqa: D102
        nn.init.normal_(self.entities, std=0.1)
        nn.init.normal_(self.relations, std=0.1)

    def forward(self, triples: Tensor) -> dict[str, Tensor]:
        """Compute the loss of finding heads and tails among all entities, or among some random ones.

        :param triples: shape: (n, 3)
        :return: the loss, by name
        """
        total = self.entities.new_zeros(())
        for given, asked in ((HEAD, TAIL), (TAIL, HEAD)):
            chosen, target = share_answers(triples[:, asked], len(self.entities), MAX_ANSWERS)
            answers = self.entities if chosen is None else embedding(chosen, self.entities)
            # gradients of an embedding are always added in the same order, unlike those of an indexed tensor
            relation = embedding(triples[:, RELATION], self.relations[asked // 2])
            entity, answer = embedding(triples[:, given], self.entities), embedding(target, answers)
            norms = sum(_modulus(x).pow(3).sum() for x in (entity, relation, answer)) / len(triples)
            total = total + cross_entropy(_product(entity, relation) @ answers.T, target) + self.regularization * norms
        return {"loss": total / 2}

    # docstr-coverage: inherited
    def encode_queries(self, entities: Tensor, relations: Tensor, side: int) -> Tensor:  # noqa: D102
        return _product(self.entities[entities], self.relations[side // 2][relations])

    # docstr-coverage: inherited
    def encode_answers(self, side: int) -> Tensor:  # noqa: D102
        return self.entities


def training_of(graph: Graph) -> Training:
    """Choose how to train a factorization.

    :param graph: the graph
    :return: the settings that did best on hidden training triples of CoDEx-S; in larger graphs, batches are larger,
        since each costs a step over all entities
    """
    batch_size = 512 if graph.num_entities <= MAX_ANSWERS else 2_048
    return Training(epochs=10, learning_rate=0.01, weight_decay=0.0, batch_size=batch_size)


# of pairs of reals: PyTorch's embedding has no gradient for complex tensors, and a step with these takes longer
def _product(a: Tensor, b: Tensor) -> Tensor:
    (a_real, a_imag), (b_real, b_imag) = a.chunk(2, dim=-1), b.chunk(2, dim=-1)
    return torch.cat([a_real * b_real - a_imag * b_imag, a_real * b_imag + a_imag * b_real], dim=-1)


def _modulus(x: Tensor) -> Tensor:
    real, imag = x.chunk(2, dim=-1)
    # the square root has no gradient at zero
    return (real.square() + imag.square() + 1e-8).sqrt()
