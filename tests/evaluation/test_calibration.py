"""Probabilities and their figures, against what is computed by loops."""

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import Model
from sklearn.metrics import log_loss, roc_auc_score

from pykeen_negater.evaluation.calibration import Calibration
from pykeen_negater.evaluation.plausible import draw_candidates
from pykeen_negater.triples.graphs import Graph

from .cases import everything, make_model, triples_of

#: Relations whose scores mean different things: what scores 3 is likely true by one, and likely false by the other
EASY, STRICT = 0, 1


class Scored(torch.nn.Module):
    """Scores triples by the sum of their head and tail, as far as calibration knows a model."""

    num_entities, num_real_relations = 100, 3
    device = torch.device("cpu")

    def predict_hrt(self, batch: torch.Tensor) -> torch.Tensor:
        return (batch[:, 0] + batch[:, 2]).float().unsqueeze(dim=1)


def examples(seed: int, size: int = 4_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw triples that are true with a probability that is a sigmoid of the score, another one for each relation."""
    generator = np.random.default_rng(seed)
    triples = generator.integers([100, 2, 100], size=(size, 3))
    chosen = generator.random(size) < true_probability(triples)
    return torch.from_numpy(triples[chosen]), torch.from_numpy(triples[~chosen])


def true_probability(triples: np.ndarray) -> np.ndarray:
    middle = np.where(triples[:, 1] == EASY, 60, 140)
    return 1 / (1 + np.exp((middle - triples[:, 0] - triples[:, 2]) / 15))


def test_probabilities_are_recovered():
    calibration = Calibration.fit(Scored(), *examples(0))
    triples = np.random.default_rng(1).integers([100, 2, 100], size=(1_000, 3))
    found = calibration.probabilities(torch.from_numpy(triples))
    assert sorted(calibration.by_relation) == [EASY, STRICT]
    assert np.abs(found - true_probability(triples)).max() < 0.05
    report = calibration.evaluate(*examples(2))
    assert report.expected_calibration_error < 0.03
    assert report.brier < 0.15


def test_relations_with_few_triples_share_a_map():
    positives, negatives = examples(0)
    # a triple that is there many times is one
    rare = positives[positives[:, 1] == EASY][:1].repeat(200, 1)
    kept = torch.cat([positives[positives[:, 1] == STRICT], rare])
    calibration = Calibration.fit(Scored(), kept, negatives)
    assert list(calibration.by_relation) == [STRICT]
    few, many = (Calibration.fit(Scored(), positives, negatives, min_per_relation=count) for count in (10**6, 1))
    assert few.by_relation == {}
    assert sorted(many.by_relation) == [EASY, STRICT]
    # without maps of their own, the order is that of the scores
    triples = torch.tensor([[1, EASY, 2], [50, STRICT, 60], [50, EASY, 60], [99, 2, 98]])
    shared = few.probabilities(triples)
    assert shared[0] < shared[1] == shared[2] < shared[3]
    # a relation that nothing was fitted to has the map of all
    assert many.probabilities(triples)[3] == pytest.approx(shared[3])


def test_the_map_has_the_least_loss():
    """No other sigmoid fits the examples better, up to the small penalty."""
    positives, negatives = examples(0)
    calibration = Calibration.fit(Scored(), positives, negatives, min_per_relation=10**6)
    triples = torch.cat([positives, negatives])
    labels = np.arange(len(triples)) < len(positives)
    scores = (triples[:, 0] + triples[:, 2]).numpy()
    loss = log_loss(labels, calibration.probabilities(triples))
    for slope in np.linspace(0.01, 0.1, 19):
        for middle in np.linspace(60, 140, 41):
            assert loss < log_loss(labels, 1 / (1 + np.exp(-slope * (scores - middle)))) + 1e-4


@pytest.mark.parametrize("num_bins", [1, 5, 10])
def test_figures_agree_with_loops(num_bins: int):
    calibration = Calibration.fit(Scored(), *examples(0))
    positives, negatives = examples(3, size=300)
    report = calibration.evaluate(positives, negatives, num_bins)
    labels = [1.0] * len(positives) + [0.0] * len(negatives)
    probabilities = calibration.probabilities(torch.cat([positives, negatives])).tolist()
    pairs = list(zip(probabilities, labels, strict=True))
    assert report.brier == pytest.approx(np.mean([(p - y) ** 2 for p, y in pairs]))
    error, rows = 0.0, []
    for i in range(num_bins):
        members = [(p, y) for p, y in pairs if i / num_bins < p <= (i + 1) / num_bins]
        if members:
            p, y = np.mean(members, axis=0)
            rows.append((p, y, len(members)))
            error += len(members) / len(pairs) * abs(p - y)
    assert report.expected_calibration_error == pytest.approx(error)
    assert np.allclose(report.curve[["probability", "true_share", "triples"]].to_numpy(), rows)


def test_a_map_that_separates_all_is_finite():
    positives, negatives = torch.tensor([[90, 0, 90], [80, 0, 99]]), torch.tensor([[1, 0, 2], [3, 0, 4]])
    probabilities = Calibration.fit(Scored(), positives, negatives).probabilities(torch.cat([positives, negatives]))
    assert (probabilities[:2] > 0.5).all()
    assert (probabilities[2:] < 0.5).all()
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_equal_scores_say_nothing():
    triples = torch.tensor([[1, 0, 2], [2, 0, 1]])
    assert Calibration.fit(Scored(), triples[:1], triples[1:]).probabilities(triples) == pytest.approx(0.5)


@pytest.fixture(scope="module")
def model() -> Model:
    return make_model(Nations().training)


def test_plausible_candidates_as_false_triples(model: Model):
    dataset = Nations()
    graph, known = Graph.from_factory(dataset.training), everything(dataset)
    validation = draw_candidates(graph, dataset.validation.mapped_triples, known, num_candidates=1).pairs()
    testing = draw_candidates(graph, dataset.testing.mapped_triples, known).pairs()
    modes = {module: module.training for module in model.modules()}
    calibration = Calibration.fit(model, *validation)
    report = calibration.evaluate(*testing)
    assert {module: module.training for module in model.modules()} == modes
    # as many true as false ones, so that a model that knows nothing is right to say a half
    assert report.brier == pytest.approx(0.25, abs=0.03)
    assert report.curve["triples"].sum() == sum(map(len, testing))
    labels = np.repeat([1, 0], [len(part) for part in testing])
    with torch.inference_mode():
        scores = model.predict_hrt(torch.cat(testing)).squeeze(dim=1).numpy()
    probabilities = calibration.probabilities(torch.cat(testing))
    if not calibration.by_relation:
        expected = roc_auc_score(labels, scores)
        assert roc_auc_score(labels, probabilities) in (pytest.approx(expected), pytest.approx(1 - expected))
    assert len(set(triples_of(testing[1]))) > 100


def test_bad_arguments(model: Model):
    triples = torch.tensor([[0, 0, 1]])
    with pytest.raises(ValueError, match=r"found negatives of shape \(0, 3\), expected \(n, 3\) with n > 0"):
        Calibration.fit(model, triples, triples[:0])
    with pytest.raises(ValueError, match="found positives with ids"):
        Calibration.fit(model, triples + 14, triples)
    with pytest.raises(ValueError, match="found min_per_relation=0, expected at least 1"):
        Calibration.fit(model, triples, triples, min_per_relation=0)
    calibration = Calibration.fit(model, triples, triples)
    with pytest.raises(ValueError, match="found num_bins=0, expected at least 1"):
        calibration.evaluate(triples, triples, num_bins=0)
    with pytest.raises(ValueError, match="found triples of shape"):
        calibration.probabilities(triples[:0])


def test_scores_that_are_not_finite():
    model, triples = make_model(Nations().training), torch.tensor([[0, 0, 1], [1, 0, 2]])
    model.entity_representations[0]._embeddings.weight.data[1] = torch.nan
    with pytest.raises(ValueError, match="found a score that is NaN or infinite"):
        Calibration.fit(model, triples[:1], triples[1:])
