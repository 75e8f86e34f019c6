"""Triple classification against values computed by hand."""

import numpy as np
import pytest
import torch

from pykeen_negater.evaluation.triple_classification import TripleClassificationEvaluator


class FakeModel(torch.nn.Module):
    """Scores triples by a table, as far as evaluation knows a model."""

    num_relations = 3
    device = torch.device("cpu")

    def __init__(self, scores: dict[tuple[int, int, int], float]) -> None:
        super().__init__()
        self.scores = scores
        self.batches: list[int] = []

    def predict_hrt(self, batch: torch.Tensor) -> torch.Tensor:
        assert torch.is_inference_mode_enabled()
        self.batches.append(len(batch))
        return torch.tensor([[self.scores[tuple(triple)]] for triple in batch.tolist()])


def _triples(relation: int, heads: list[int]) -> list[tuple[int, int, int]]:
    return [(head, relation, 0) for head in heads]


#: Relation 0 has high scores, relation 1 low ones, and relation 2 no negative to choose a threshold by
VALIDATION = [*_triples(0, [0, 1]), *_triples(1, [0, 1]), *_triples(2, [0])]
VALIDATION_NEGATIVES = [*_triples(0, [2, 3]), *_triples(1, [2, 3])]
SCORES = {
    # the threshold is 6.5
    (0, 0, 0): 8.0,
    (1, 0, 0): 7.0,
    (2, 0, 0): 6.0,
    (3, 0, 0): 5.0,
    # the threshold is -2.5
    (0, 1, 0): -1.0,
    (1, 1, 0): -2.0,
    (2, 1, 0): -3.0,
    (3, 1, 0): -4.0,
    # over all, seven of nine are right from -2.5 on: all positives, and the two negatives of relation 1
    (0, 2, 0): 9.0,
    # the examples
    (10, 0, 0): 6.6,
    (11, 0, 0): 6.4,
    (12, 0, 0): 6.5,
    (10, 1, 0): -2.4,
    (11, 1, 0): -2.6,
    (12, 1, 0): 0.0,
    (10, 2, 0): -2.4,
    (11, 2, 0): -2.6,
}
POSITIVES = [(10, 0, 0), (11, 0, 0), (12, 0, 0), (10, 1, 0), (10, 2, 0)]
NEGATIVES = [(11, 1, 0), (12, 1, 0), (11, 2, 0)]


def _evaluate(scores: dict | None = None, **kwargs) -> tuple[dict[str, float], FakeModel]:
    model = FakeModel({**SCORES, **(scores or {})})
    evaluator = TripleClassificationEvaluator(torch.tensor(VALIDATION), torch.tensor(VALIDATION_NEGATIVES), **kwargs)
    return dict(evaluator.evaluate(model, torch.tensor(POSITIVES), torch.tensor(NEGATIVES))), model


def test_figures_computed_by_hand():
    figures, _ = _evaluate()
    # called true: 6.6, 6.5, -2.4 and -2.4 of the positives, all but 6.4; and 0.0 of the negatives
    assert figures["accuracy"] == pytest.approx(6 / 8)
    # precision and recall are 4/5
    assert figures["f1"] == pytest.approx(4 / 5)
    # sorted: 6.6 6.5 6.4 are true, 0.0 is false, -2.4 -2.4 are true, -2.6 -2.6 are false
    assert figures["roc_auc"] == pytest.approx((3 * 3 + 2 * 2) / 15)
    # the precision at each positive, where equals count as one step
    assert figures["average_precision"] == pytest.approx((1 + 1 + 1 + 5 / 6 + 5 / 6) / 5)
    assert all(type(value) is float for value in figures.values())


def test_a_relation_with_one_side_only_has_the_threshold_of_all():
    """Without it, relation 2 would call true whatever its only positive is above of."""
    above, _ = _evaluate({(11, 2, 0): -2.4})
    below, _ = _evaluate({(10, 2, 0): -2.6})
    assert above["accuracy"] == below["accuracy"] == pytest.approx(5 / 8)


def test_thresholds_come_from_validation_only():
    """Examples whose scores are all above their thresholds are all called true, however they are sorted."""
    raised, _ = _evaluate({triple: SCORES[triple] + 100 for triple in POSITIVES + NEGATIVES})
    assert raised["accuracy"] == pytest.approx(5 / 8)
    assert raised["f1"] == pytest.approx(2 * 5 / (2 * 5 + 3))
    assert raised["roc_auc"] == pytest.approx((3 * 3 + 2 * 2) / 15)


@pytest.mark.parametrize(("batch_size", "expected"), [(4_096, [9, 8]), (4, [4, 4, 1, 4, 4]), (1, [1] * 17)])
def test_batches_do_not_matter(batch_size, expected):
    figures, model = _evaluate(batch_size=batch_size)
    assert model.batches == expected
    assert figures == _evaluate()[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("triple", [POSITIVES[0], NEGATIVES[0], VALIDATION[0]])
def test_scores_that_are_not_finite(triple, value):
    with pytest.raises(ValueError, match="found a score that is NaN or infinite"):
        _evaluate({triple: value})


@pytest.mark.parametrize("empty", ["positives", "negatives"])
def test_no_triples(empty):
    arguments = [torch.tensor(POSITIVES), torch.tensor(NEGATIVES)]
    arguments[("positives", "negatives").index(empty)] = torch.empty(0, 3, dtype=torch.long)
    message = rf"found {empty} of shape \(0, 3\), expected \(n, 3\) with n > 0"
    with pytest.raises(ValueError, match=message):
        TripleClassificationEvaluator(*arguments)
    evaluator = TripleClassificationEvaluator(torch.tensor(VALIDATION), torch.tensor(VALIDATION_NEGATIVES))
    with pytest.raises(ValueError, match=message):
        evaluator.evaluate(FakeModel(SCORES), *arguments)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (1, 2, 3)])
def test_triples_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"found positives of shape"):
        TripleClassificationEvaluator(torch.zeros(shape, dtype=torch.long), torch.tensor(NEGATIVES))
