"""Losses of relation encoders, compared with double loops over the published formulas."""

import math

import pytest
import torch
from torch import Tensor

from pykeen_negater.relations.training.losses import (
    PairClassifier,
    contrastive_loss,
    discrimination_loss,
    triplet_discrimination_loss,
    triplet_loss,
)


@pytest.fixture
def vectors() -> Tensor:
    """Make vectors of twelve pairs."""
    return torch.randn(12, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def masks() -> tuple[Tensor, Tensor]:
    """Make positives and negatives of three relation types; some pairs are neither."""
    positives = torch.zeros(3, 12, dtype=torch.bool)
    positives[0, :4], positives[1, 4:7], positives[2, [0, 7]] = True, True, True
    negatives = torch.zeros(3, 12, dtype=torch.bool)
    negatives[0, 4:], negatives[1, [0, 1, 9]], negatives[2, 8:] = True, True, True
    return positives, negatives


@pytest.fixture
def classifier() -> PairClassifier:
    """Make a classifier."""
    torch.manual_seed(0)
    return PairClassifier(5).double()


def _similarity(first: Tensor, second: Tensor, temperature: float) -> float:
    cosine = float(first @ second) / math.sqrt(float(first @ first) * float(second @ second))
    return math.exp(cosine / temperature)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("leave_out", [False, True])
def test_contrastive_loss(vectors: Tensor, masks: tuple[Tensor, Tensor], temperature: float, leave_out: bool):
    expected = 0.0
    for positives, negatives in zip(*masks, strict=True):
        for i in positives.nonzero().flatten():
            noise = sum(_similarity(vectors[i], vectors[k], temperature) for k in negatives.nonzero().flatten())
            for j in positives.nonzero().flatten():
                similarity = _similarity(vectors[i], vectors[j], temperature)
                expected -= math.log(similarity / (noise + (0.0 if leave_out else similarity) + 1e-5))
    actual = contrastive_loss(vectors, *masks, temperature=temperature, leave_out=leave_out)
    assert float(actual) == pytest.approx(expected / 3, rel=1e-9)
    in_single_precision = contrastive_loss(vectors.float(), *masks, temperature=temperature, leave_out=leave_out)
    assert float(in_single_precision) == pytest.approx(expected / 3, rel=1e-5)


@pytest.mark.parametrize("leave_out", [False, True])
def test_contrastive_loss_is_stable(vectors: Tensor, masks: tuple[Tensor, Tensor], leave_out: bool):
    positives, negatives = masks
    negatives[1] = False
    vectors = vectors.float().requires_grad_()
    loss = contrastive_loss(vectors, positives, negatives, temperature=0.001, leave_out=leave_out)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(vectors.grad).all()


def _logit(classifier: PairClassifier, first: Tensor, second: Tensor) -> float:
    return float(classifier.linear(torch.cat([first, second, (first - second).abs()])).detach())


def _cross_entropy(logits: list[float], labels: list[int]) -> float:
    terms = [
        math.log(1 + math.exp(-logit)) if label else math.log(1 + math.exp(logit))
        for logit, label in zip(logits, labels, strict=True)
    ]
    return sum(terms) / len(terms)


def test_discrimination_loss(vectors: Tensor, masks: tuple[Tensor, Tensor], classifier: PairClassifier):
    expected = 0.0
    for positives, negatives in zip(*masks, strict=True):
        rows, others = positives.nonzero().flatten().tolist(), negatives.nonzero().flatten().tolist()
        for i in rows:
            logits = [_logit(classifier, vectors[i], vectors[j]) for j in rows + others]
            expected += _cross_entropy(logits, [1] * len(rows) + [0] * len(others))
    assert discrimination_loss(classifier, vectors, *masks).item() == pytest.approx(expected / 3)


@pytest.mark.parametrize("with_parents", [False, True])
@pytest.mark.parametrize("margin", [0.0, 1.0])
def test_triplet_loss(vectors: Tensor, margin: float, with_parents: bool):
    rows = [[0, 1, 2, 3, 4], [5, 6, 0, 7, 8], [9, 10, 11, 5, 2]]
    strangers = torch.tensor([[False, True, True], [True, False, False], [True, True, False]])

    def hinge(anchor: int, positive: int, negative: int) -> float:
        near, far = (math.dist(vectors[anchor], vectors[other]) for other in (positive, negative))
        return max(0.0, near - far + margin)

    expected = 0.0
    for row, (anchor, positive, negative, similar, dissimilar) in enumerate(rows):
        expected += hinge(anchor, positive, negative) + hinge(positive, anchor, negative)
        for other, (its_anchor, its_positive, *_) in enumerate(rows):
            if strangers[row, other]:
                expected += hinge(anchor, positive, its_positive) + hinge(positive, anchor, its_anchor)
        if with_parents:
            expected += hinge(anchor, similar, dissimilar) + hinge(similar, anchor, dissimilar)
    triplets = torch.tensor(rows)[:, : 5 if with_parents else 3]
    assert triplet_loss(vectors, triplets, strangers, margin).item() == pytest.approx(expected)


def test_triplet_discrimination_loss(vectors: Tensor, classifier: PairClassifier):
    rows = [[0, 1, 2, 3, 4], [5, 6, 0, 7, 8]]
    expected = 0.0
    for positive, negative in ((1, 2), (3, 4)):
        logits = [_logit(classifier, vectors[row[0]], vectors[row[i]]) for i in (positive, negative) for row in rows]
        expected += _cross_entropy(logits, [1, 1, 0, 0])
    actual = triplet_discrimination_loss(classifier, vectors, torch.tensor(rows))
    assert actual.item() == pytest.approx(expected)


def test_equal_vectors_have_gradients():
    vectors = torch.ones(3, 4, requires_grad=True)
    triplet_loss(vectors, torch.tensor([[0, 1, 2]]), torch.zeros(1, 1, dtype=torch.bool)).backward()
    assert torch.isfinite(vectors.grad).all()
