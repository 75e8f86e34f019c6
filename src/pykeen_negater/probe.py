"""A small scorer on frozen vectors of entities: the fast ranker, and the guard's best witness."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, embedding, normalize

from .corruptions import TorchCorruptor
from .graphs import Graph
from .indexing import HEAD, TAIL
from .witnesses import Training, Witness

__all__ = [
    "TRAINING",
    "Probe",
]

#: What was found best on hidden training triples and on validation triples of CoDEx-S
TRAINING = Training(epochs=12, learning_rate=2e-3, weight_decay=0.01, batch_size=1_024)


class Probe(Witness):
    """Scores a triple by its entities' vectors alone, so that it knows what it has never seen.

    With vectors e of entities, of which only projections are learned, the score is

        ⟨A e_h ∘ (1 + r), B e_t ∘ (1 + s)⟩ + ⟨A e_h, p⟩ + ⟨B e_t, q⟩ + b

    for vectors r, s, p, q and a number b per relation: how head and tail fit together, and how each fits its slot.
    """

    vectors: Tensor

    def __init__(
        self, graph: Graph, vectors: np.ndarray, *, dim: int = 256, dropout: float = 0.3, corruptions: int = 4
    ):
        """Make an untrained probe.

        :param graph: the graph, whose triples are never drawn as corruptions
        :param vectors: shape: (num_entities, n), finite
        :param dim: > 0, the dimension of the projections
        :param dropout: in [0, 1), of the projected vectors
        :param corruptions: > 0, the number of corruptions of each triple, half of them in their slot
        """
        super().__init__()
        size = vectors.shape[1]
        # as long as if its parts were standard normal
        self.register_buffer(
            "vectors", normalize(torch.as_tensor(vectors, dtype=torch.float32)) * size**0.5, persistent=False
        )
        self.heads = nn.Linear(size, dim)
        self.tails = nn.Linear(size, dim)
        self.dropout = nn.Dropout(dropout)
        self.scale = nn.Parameter(torch.empty(dim))
        self.relation = nn.Parameter(torch.empty(2, graph.num_relations, dim))
        self.slot = nn.Parameter(torch.empty(2, graph.num_relations, dim))
        self.bias = nn.Parameter(torch.empty(graph.num_relations))
        self.corruptions = corruptions
        self.corruptor = TorchCorruptor(graph)

    # docstr-coverage: inherited
    def reset_parameters(self) -> None:  # noqa: D102
        self.heads.reset_parameters()
        self.tails.reset_parameters()
        nn.init.constant_(self.scale, len(self.scale) ** -0.5)
        for parameter in (self.relation, self.slot, self.bias):
            nn.init.zeros_(parameter)

    def forward(self, triples: Tensor) -> dict[str, Tensor]:
        """Compute the loss of triples against corruptions of them.

        :param triples: shape: (n, 3)
        :return: the loss, by name
        """
        negatives = self.corruptor(triples.repeat(self.corruptions, 1))
        heads, relations, tails = torch.cat([triples, negatives]).unbind(dim=1)
        head = self.dropout(self.heads(self.vectors[heads]))
        tail = self.dropout(self.tails(self.vectors[tails]))
        # an embedding's gradients are added in the same order each time, which those of an indexed tensor are not
        (left, right), (head_slot, tail_slot) = (
            [embedding(relations, x) for x in parameter] for parameter in (self.relation, self.slot)
        )
        fit = head * (1 + left) * tail * (1 + right) * self.scale
        slots = head * head_slot + tail * tail_slot
        logits = (fit + slots).sum(dim=1) + embedding(relations, self.bias.unsqueeze(dim=1)).squeeze(dim=1)
        labels = (torch.arange(len(logits), device=logits.device) < len(triples)).float()
        weights = 1 + (self.corruptions - 1) * labels
        return {"loss": binary_cross_entropy_with_logits(logits, labels, weights)}

    # docstr-coverage: inherited
    def encode_queries(self, entities: Tensor, relations: Tensor, side: int) -> Tensor:  # noqa: D102
        given, own, other = (self.heads, 0, 1) if side == TAIL else (self.tails, 1, 0)
        vectors = given(self.vectors[entities])
        fit = vectors * (1 + self.relation[0][relations]) * (1 + self.relation[1][relations]) * self.scale
        constant = (vectors * self.slot[own][relations]).sum(dim=1) + self.bias[relations]
        return torch.cat([fit + self.slot[other][relations], constant.unsqueeze(dim=1)], dim=1)

    # docstr-coverage: inherited
    def encode_answers(self, side: int) -> Tensor:  # noqa: D102
        vectors = (self.heads if side == HEAD else self.tails)(self.vectors)
        return torch.cat([vectors, vectors.new_ones(len(vectors), 1)], dim=1)
