"""Small scorers on frozen vectors of entities: the fast ranker and the guard's best scorer, and a judge of answers."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, normalize, softplus

from ..triples.graphs import Graph
from ..triples.indexing import RELATION
from ..triples.queries import ENTITY_SIDES
from .answer_masks import AnswerMasks
from .base import DotProductScorer, Training
from .shared_answers import MAX_ANSWERS, share_answers

__all__ = [
    "TRAINING",
    "AnswerProbe",
    "Probe",
    "VectorScorer",
    "answer_training_of",
    "training_of",
]

#: The settings of a probe that did best on hidden training triples of CoDEx-S
TRAINING = Training(epochs=15, learning_rate=4e-3, weight_decay=0.05, batch_size=512)

#: The most triples that a probe sees, if it sees each at least once; in larger graphs, fewer passes do
MAX_SEEN = 1_500_000


class VectorScorer(DotProductScorer):
    """Scores a triple by its entities' vectors alone, so that it can score entities that it has never seen.

    Of the vectors e of entities, only projections x = relu(A e + a) are learned, one for heads and one for tails. As an
    answer to its query for a tail, a triple has the score

        ⟨W (x_h ∘ (1 + m)), x_t⟩ / √dim + ⟨x_h, p⟩ + ⟨x_t, q⟩ + b

    for vectors m, p, q and a number b per relation: how the answer fits the query, and how each entity fits its slot.
    As an answer to the query for its head, it has another score of the same form with other parameters, so that all
    corruptions of a query share its vector.
    """

    vectors: Tensor

    def __init__(self, graph: Graph, vectors: np.ndarray, *, dim: int = 256, dropout: float = 0.4):
        """Make an untrained scorer.

        :param graph: the graph
        :param vectors: shape: (num_entities, n), finite
        :param dim: > 0, the dimension of the projections
        :param dropout: in [0, 1), of the projected vectors
        """
        super().__init__()
        size = vectors.shape[1]
        # scaled to the length of a standard normal vector
        self.register_buffer(
            "vectors", normalize(torch.as_tensor(vectors, dtype=torch.float32)) * size**0.5, persistent=False
        )
        # by side: for heads, and for tails
        self.projections = nn.ModuleList(nn.Linear(size, dim) for _ in ENTITY_SIDES)
        # by the side that is asked for
        self.fits = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in ENTITY_SIDES)
        self.scales, self.given_slots, self.asked_slots = (
            nn.Parameter(torch.empty(2, graph.num_relations, dim)) for _ in range(3)
        )
        self.biases = nn.Parameter(torch.empty(2, graph.num_relations, 1))
        self.dropout = nn.Dropout(dropout)

    # docstr-coverage: inherited
    def reset_parameters(self) -> None:  # noqa: D102
        for layer in (*self.projections, *self.fits):
            layer.reset_parameters()
        for parameter in (self.scales, self.given_slots, self.asked_slots, self.biases):
            nn.init.zeros_(parameter)

    def _project(self, entities: Tensor, side: int) -> Tensor:
        # each entity once; gradients of an embedding are always added in the same order
        unique, inverse = torch.unique(entities, return_inverse=True)
        return self.dropout(embedding(inverse, self.projections[side // 2](self.vectors[unique]).relu()))

    # docstr-coverage: inherited
    def encode_queries(self, entities: Tensor, relations: Tensor, side: int) -> Tensor:  # noqa: D102
        scale, given_slot, asked_slot, bias = (
            embedding(relations, parameter[side // 2])
            for parameter in (self.scales, self.given_slots, self.asked_slots, self.biases)
        )
        vectors = self._project(entities, ENTITY_SIDES[side])
        fit = self.fits[side // 2](vectors * (1 + scale)) * vectors.shape[1] ** -0.5
        return torch.cat([fit + asked_slot, (vectors * given_slot).sum(dim=1, keepdim=True) + bias], dim=1)

    def _encode_answers(self, entities: Tensor, side: int) -> Tensor:
        vectors = self._project(entities, side)
        return torch.cat([vectors, vectors.new_ones(*vectors.shape[:-1], 1)], dim=-1)

    # docstr-coverage: inherited
    def encode_answers(self, side: int) -> Tensor:  # noqa: D102
        return self._encode_answers(torch.arange(len(self.vectors)), side)


class Probe(VectorScorer):
    """Learns to tell triples from corruptions of them, each by itself."""

    def __init__(self, graph: Graph, vectors: np.ndarray, *, dim: int = 256, dropout: float = 0.4, answers: int = 128):
        """Make an untrained probe.

        :param graph: the graph, whose triples are never corruptions
        :param vectors: shape: (num_entities, n), finite
        :param dim: > 0, the dimension of the projections
        :param dropout: in [0, 1), of the projected vectors
        :param answers: > 0, in graphs with more entities, each batch is trained with its own answers and as many random
            ones as this
        """
        super().__init__(graph, vectors, dim=dim, dropout=dropout)
        self.answers = answers
        self.masks = AnswerMasks(graph)

    @cached_property
    def shares(self) -> dict[int, Tensor]:
        """The share of the triples that each entity answers, by side; shape of each: (num_entities,)."""
        triples = self.masks.graph.triples
        return {
            side: torch.from_numpy(np.bincount(triples[:, side], minlength=len(self.vectors)) / len(triples))
            for side in ENTITY_SIDES
        }

    def forward(self, triples: Tensor) -> dict[str, Tensor]:
        """Compute the loss of triples against corruptions of them.

        All triples of a batch are corrupted by the same entities, so that one matrix product scores all corruptions.
        Entities that answer many triples are among these more often, and count for less each time.

        :param triples: shape: (n, 3)
        :return: the binary cross-entropy, by name; a triple counts as much as all corruptions of one of its sides, of
            which those in the relation's slot count as much as all together
        """
        total = triples.new_zeros((), dtype=torch.float32)
        for side, given in ENTITY_SIDES.items():
            chosen, target = share_answers(triples[:, side], len(self.vectors), self.answers)
            answers = self.encode_answers(side) if chosen is None else self._encode_answers(chosen, side)
            logits = self.encode_queries(triples[:, given], triples[:, RELATION], side) @ answers.T
            known, in_slot = self.masks(triples, side, chosen)
            weights = _weights(known, in_slot, self._chances(side, len(triples), chosen))
            negatives = (weights * softplus(logits)).sum(dim=1)
            total = total + (softplus(-logits.gather(1, target.unsqueeze(dim=1)).squeeze(dim=1)) + negatives).mean()
        return {"loss": total / 2}

    def _chances(self, side: int, batch_size: int, chosen: Tensor | None) -> Tensor:
        """Compute how likely each entity is among the chosen ones: as an answer of the batch, or as a random one."""
        if chosen is None:
            return torch.ones(len(self.vectors), device=self.vectors.device)
        missed = (1 - self.shares[side][chosen.cpu()]) ** batch_size * (1 - 1 / len(self.vectors)) ** self.answers
        return (1 - missed).float().to(chosen.device)


def _weights(known: Tensor, in_slot: Tensor, chances: Tensor) -> Tensor:
    """Weight corruptions: those in the slot get half of the weight, all together the other half, known triples none.

    :param known: shape: (n, m), which corruptions are known triples
    :param in_slot: shape: (n, m), which entities occur in the slot
    :param chances: shape: (m,), > 0, how likely each entity was chosen, which it counts less for
    :return: shape: (n, m); a row adds up to 1, or to less without corruptions of one kind
    """
    total = torch.zeros_like(known, dtype=torch.float32)
    for part in (~known, ~known & in_slot):
        weights = part / chances
        total = total + weights / (2 * weights.sum(dim=1, keepdim=True).clamp_min(1))
    return total


class AnswerProbe(VectorScorer):
    """Learns to choose each answer among all entities, or among many; it ranks answers better than :class:`Probe`."""

    def forward(self, triples: Tensor) -> dict[str, Tensor]:
        """Compute the loss of finding heads and tails among all entities, or among some random ones.

        :param triples: shape: (n, 3)
        :return: the cross-entropy, by name
        """
        total = triples.new_zeros((), dtype=torch.float32)
        for side, given in ENTITY_SIDES.items():
            chosen, target = share_answers(triples[:, side], len(self.vectors), MAX_ANSWERS)
            answers = self.encode_answers(side) if chosen is None else self._encode_answers(chosen, side)
            queries = self.encode_queries(triples[:, given], triples[:, RELATION], side)
            total = total + cross_entropy(queries @ answers.T, target)
        return {"loss": total / 2}


def training_of(graph: Graph) -> Training:
    """Choose how to train a :class:`Probe`.

    :param graph: the graph
    :return: the settings
    """
    return replace(TRAINING, epochs=min(TRAINING.epochs, max(1, MAX_SEEN // len(graph))))


def answer_training_of(graph: Graph) -> Training:
    """Choose how to train an :class:`AnswerProbe`.

    :param graph: the graph
    :return: the settings; in larger graphs, batches are larger, and fewer passes do
    """
    if graph.num_entities <= MAX_ANSWERS:
        return Training(epochs=10, learning_rate=4e-3, weight_decay=0.05, batch_size=512)
    return Training(epochs=5, learning_rate=4e-3, weight_decay=0.05, batch_size=2_048)
