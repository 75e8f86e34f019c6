"""The model of risk, on examples whose true probabilities are known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pykeen_negater.guard.risk_model import RiskModel, _quadratic_logits


def _draw_examples(size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw slots, features, labels and the true probabilities."""
    generator = np.random.default_rng(seed)
    slots = generator.integers(4, size=size)
    features = generator.normal(size=(size, 3))
    logits = 1.5 * features[:, 0] - features[:, 1] + np.array([-3.0, -1.0, -2.0, 0.0])[slots]
    probabilities = 1 / (1 + np.exp(-logits))
    return slots, features, generator.random(size) < probabilities, probabilities


def test_model_is_calibrated_and_separates():
    slots, features, labels, _ = _draw_examples(8_000, 0)
    model = RiskModel(0).fit(slots, features, labels, np.ones(len(labels)), np.ones(len(labels), dtype=bool))
    slots, features, labels, probabilities = _draw_examples(8_000, 1)
    predicted = model.predict(slots, features)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    assert np.abs(predicted - probabilities).mean() < 0.04
    assert roc_auc_score(labels, predicted) > roc_auc_score(labels, probabilities) - 0.01
    for tenth in np.array_split(np.argsort(predicted), 10):
        assert predicted[tenth].mean() == pytest.approx(probabilities[tenth].mean(), abs=0.05)
    for slot in range(4):
        here = slots == slot
        assert predicted[here].mean() == pytest.approx(probabilities[here].mean(), abs=0.03)


def test_model_lets_examples_stand_for_others():
    """A tenth of what is absurd, each standing for ten, leads to the same probabilities as all of it."""
    slots, features, labels, probabilities = _draw_examples(20_000, 2)
    absurd = probabilities < 0.02
    labels = labels & ~absurd
    generator = np.random.default_rng(0)
    kept = ~absurd | (generator.random(len(labels)) < 0.1)
    weights = np.where(absurd, 10.0, 1.0)
    model = RiskModel(0).fit(slots[kept], features[kept], labels[kept], weights[kept], ~absurd[kept])
    predicted = model.predict(slots, features, ~absurd)
    assert predicted.sum() == pytest.approx(labels.sum(), rel=0.06)
    assert predicted[absurd].mean() < 0.02
    assert predicted[~absurd].mean() == pytest.approx(labels[~absurd].mean(), rel=0.06)


def test_true_answers_that_nobody_found_plausible_do_not_make_others_likelier():
    """In large sparse graphs most true answers are among millions, and would outnumber those that are proposed."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(12_000, 3))
    plausible = np.arange(len(features)) < 6_000
    # a true answer in fifty of the plausible ones, and as many more far away from them
    labels = generator.random(len(features)) < np.where(plausible, 0.02, 0.04)
    weights = np.where(plausible | labels, 1.0, 1_000.0)
    slots = np.zeros(len(features), dtype=np.int64)
    features[~plausible, 0] -= 4
    model = RiskModel(0).fit(slots, features, labels, weights, plausible)
    predicted = model.predict(slots, features, plausible)
    assert predicted[plausible].mean() == pytest.approx(labels[plausible].mean(), rel=0.25)
    expected = np.average(labels[~plausible], weights=weights[~plausible])
    assert np.average(predicted[~plausible], weights=weights[~plausible]) < 5 * expected


def test_model_is_not_impressed_by_a_slot_with_few_examples():
    slots, features, labels, _ = _draw_examples(6_000, 3)
    slots[:2], labels[:2], features[:2] = 9, True, 0.0
    model = RiskModel(0).fit(slots, features, labels, np.ones(len(labels)), np.ones(len(labels), dtype=bool))
    at_zero = model.predict(np.array([0, 1, 2, 3, 9]), np.zeros((5, 3)))
    assert at_zero[:4].min() - 0.05 < at_zero[4] < at_zero[:4].max() + 0.05


def test_model_depends_on_its_seed_only():
    slots, features, labels, _ = _draw_examples(1_000, 4)
    weights, plausible = np.ones(len(labels)), np.arange(len(labels)) % 3 > 0
    first, again = (
        RiskModel(5).fit(slots, features, labels, weights, plausible).predict(slots, features, plausible)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


def test_the_quadratic_form_is_the_regression():
    slots, features, labels, _ = _draw_examples(2_000, 4)
    model = RiskModel(0).fit(slots, features, labels, np.ones(len(labels)), np.ones(len(labels), dtype=bool))
    inputs = np.column_stack([slots, features])
    expected = model._regression.decision_function(inputs)
    assert np.ptp(expected) > 3
    np.testing.assert_allclose(_quadratic_logits(model._regression, inputs), expected, rtol=1e-9, atol=1e-9)
