"""Losses that pull pairs of the same relation together, and push others apart [ushio2021]_.

All are vectorized over the relation types of a step. The vectors of pairs are the rows of one matrix, so that a pair of
several types is encoded once.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

__all__ = [
    "PairClassifier",
    "contrastive_loss",
    "discrimination_loss",
    "triplet_discrimination_loss",
    "triplet_loss",
]

#: The logarithm of the constant in the published denominators
_LOG_EPSILON = math.log(1e-5)


def contrastive_loss(
    vectors: Tensor, positives: Tensor, negatives: Tensor, temperature: float = 0.05, leave_out: bool = False
) -> Tensor:
    r"""Compute the NCE or InfoLOOB loss.

    For a relation type with the positives :math:`P` and negatives :math:`N`, and :math:`s_{ij}` the exponential of the
    cosine of two pairs divided by the temperature, NCE is

    .. math:: \sum_{i \in P} \sum_{j \in P} -\log \frac{s_{ij}}{\sum_{k \in N} s_{ik} + s_{ij} + 10^{-5}}

    and InfoLOOB lacks :math:`s_{ij}` in the denominator. It is computed from logarithms, and equal to the published
    formula, including its constant, wherever that is finite.

    :param vectors: the pairs' vectors; shape: (num_pairs, dim)
    :param positives: which pairs are positives of a relation type; shape: (num_types, num_pairs), dtype: bool
    :param negatives: which pairs are its negatives; shape: (num_types, num_pairs), dtype: bool
    :param temperature: > 0
    :param leave_out: whether the positive is left out of the denominator, as in InfoLOOB
    :return: the mean over the relation types, a scalar
    """
    types, anchors = positives.nonzero(as_tuple=True)
    unit = normalize(vectors, dim=-1)
    logits = unit[anchors] @ unit.T / temperature
    epsilon = logits.new_full((len(logits), 1), _LOG_EPSILON)
    noise = torch.cat([logits.masked_fill(~negatives[types], -torch.inf), epsilon], dim=1)
    log_noise = noise.logsumexp(dim=1, keepdim=True)
    log_denominators = log_noise if leave_out else torch.logaddexp(log_noise, logits)
    return (log_denominators - logits)[positives[types]].sum() / len(positives)


class PairClassifier(nn.Module):
    """Classifies whether two pairs are of the same relation type: a linear layer on [u; v; abs(u - v)]."""

    def __init__(self, dim: int) -> None:
        """Initialize the layer.

        :param dim: the dimension of the pairs' vectors
        """
        super().__init__()
        self.linear = nn.Linear(3 * dim, 1)
        nn.init.normal_(self.linear.weight, std=0.02)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Compute logits.

        :param first: shape: (..., dim)
        :param second: shape: (..., dim)
        :return: shape: (...), with both shapes broadcast
        """
        of_first, of_second, of_difference = self.linear.weight[0].chunk(3)
        return first @ of_first + second @ of_second + (first - second).abs() @ of_difference + self.linear.bias


def discrimination_loss(classifier: PairClassifier, vectors: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Compute the loss of telling a type's positives from its negatives, each paired with one of its positives.

    :param classifier: tells them
    :param vectors: the pairs' vectors; shape: (num_pairs, dim)
    :param positives: which pairs are positives of a relation type; shape: (num_types, num_pairs), dtype: bool
    :param negatives: which pairs are its negatives; shape: (num_types, num_pairs), dtype: bool
    :return: the binary cross-entropy: the mean over the pairs, summed over the positives that they are paired with, and
        averaged over the relation types; a scalar
    """
    total = vectors.new_zeros(())
    for is_positive, is_negative in zip(positives, negatives, strict=True):
        others = vectors[is_positive | is_negative]
        labels = is_positive[is_positive | is_negative].to(vectors.dtype)
        logits = classifier(vectors[is_positive][:, None], others)
        mean = binary_cross_entropy_with_logits(logits, labels.expand_as(logits))
        total = total + len(logits) * mean
    return total / len(positives)


# PyTorch's triplet_margin_loss has the same gradients, and takes longer
def _distance(first: Tensor, second: Tensor) -> Tensor:
    return torch.linalg.vector_norm(first - second, dim=-1)


def _hinge(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float) -> Tensor:
    return (_distance(anchors, positives) - _distance(anchors, negatives) + margin).relu().sum()


def _in_batch(anchors: Tensor, positives: Tensor, strangers: Tensor, margin: float) -> Tensor:
    gaps = _distance(anchors, positives)[:, None] - _distance(anchors[:, None], positives) + margin
    return gaps.relu()[strangers].sum()


def triplet_loss(vectors: Tensor, triplets: Tensor, strangers: Tensor, margin: float = 1.0) -> Tensor:
    """Compute the triplet loss max(0, d(a, p) - d(a, n) + margin), where d is the Euclidean distance, as published.

    It is the sum over the relation types of: anchor a and positive p, in both roles, against a negative n; in both
    roles against the positive of each other type; and, if the types have parents, anchor and a positive of the same
    parent, in both roles, against a positive of another parent. (RelBERT's code subtracts the margin, and compares
    distances of whole batches with other types; the loss here is the intended one.)

    Steps differ, too. In an epoch, RelBERT's code combines every two positives of a type with each of its negatives,
    and makes a step for each combination; :class:`~pykeen_negater.relations.training.steps.TripletSteps` draws one
    negative for every two positives. With ten positives per type, as in SemEval-2012, this is 45 steps instead of 45
    times the number of negatives, so that as much training takes as many times the epochs.

    :param vectors: the pairs' vectors; shape: (num_pairs, dim)
    :param triplets: for each relation type the rows of anchor, positive and negative, and those of a positive and a
        negative of its parent, if there are parents; shape: (num_types, 3) or (num_types, 5)
    :param strangers: whether the pairs of the second type (column) are not pairs of the first type (row);
        shape: (num_types, num_types), dtype: bool
    :param margin: >= 0, by how much negatives should be farther away; 1, as published, by default
    :return: the loss, a scalar
    """
    anchor, positive, negative, *of_parent = vectors[triplets].unbind(dim=1)
    loss = _hinge(anchor, positive, negative, margin) + _hinge(positive, anchor, negative, margin)
    loss = loss + _in_batch(anchor, positive, strangers, margin) + _in_batch(positive, anchor, strangers, margin)
    if of_parent:
        similar, dissimilar = of_parent
        loss = loss + _hinge(anchor, similar, dissimilar, margin) + _hinge(similar, anchor, dissimilar, margin)
    return loss


def triplet_discrimination_loss(classifier: PairClassifier, vectors: Tensor, triplets: Tensor) -> Tensor:
    """Compute the loss of telling the positives of triplets from their negatives, each paired with the anchor.

    :param classifier: tells them
    :param vectors: the pairs' vectors; shape: (num_pairs, dim)
    :param triplets: shape: (num_types, 3) or (num_types, 5), see :func:`triplet_loss`
    :return: the binary cross-entropy, a scalar; that of the parents' pairs is added
    """
    anchor, *others = vectors[triplets].unbind(dim=1)
    loss = vectors.new_zeros(())
    for positive, negative in zip(others[::2], others[1::2], strict=True):
        logits = torch.cat([classifier(anchor, positive), classifier(anchor, negative)])
        labels = torch.cat([torch.ones(len(anchor)), torch.zeros(len(anchor))]).to(logits)
        loss = loss + binary_cross_entropy_with_logits(logits, labels)
    return loss
