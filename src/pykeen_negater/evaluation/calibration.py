"""Turns the scores of a trained model into probabilities, and tells how far these can be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pykeen.models import Model
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from ..runtime.random_state import pinned_defaults
from ..scorers.kge_models import score_finitely
from ..triples.indexing import RELATION
from .query_ranks import check_triples

__all__ = [
    "Calibration",
    "CalibrationReport",
]


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """How far probabilities agree with what is true."""

    #: The mean squared difference of probability and truth, in [0, 1]; 0.25 if every triple has the probability 0.5
    brier: float

    #: The mean difference of a bin's mean probability and its share of true triples, weighted by the bin's size; in
    #: [0, 1]
    expected_calibration_error: float

    #: The reliability curve: a row for each bin of probabilities that is not empty, with the mean ``probability``, the
    #: share of true triples (``true_share``) and the number of ``triples``
    curve: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Calibration:
    """Maps the scores of a model to the probability that a triple is true.

    The map is a sigmoid [platt1999]_ that is fitted by logistic regression. It has two parameters, which the validation
    triples of a single relation can suffice for, and it never calls two different scores equal; isotonic regression
    does, and overfits small samples. A relation with enough true and false triples has a map of its own.

    Probabilities hold for what was fitted to: with a false triple for each true one, that is the probability at even
    odds.

    .. [platt1999] Platt (1999) Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized
       Likelihood Methods. Advances in Large Margin Classifiers.
    """

    #: The model that scores
    model: Model

    #: The map for all relations that have none of their own
    overall: Pipeline

    #: The maps of relations that have one of their own, by id
    by_relation: Mapping[int, Pipeline]

    @classmethod
    @pinned_defaults()
    def fit(cls, model: Model, positives: Tensor, negatives: Tensor, min_per_relation: int = 50) -> "Calibration":
        """Fit maps to triples that the model was not trained on.

        :param model: the model
        :param positives: shape: (n, 3), n > 0, true triples, such as those of the validation
        :param negatives: shape: (m, 3), m > 0, false triples: such that people have verified, or those of
            :meth:`PlausibleCandidates.pairs() <pykeen_negater.evaluation.plausible.PlausibleCandidates.pairs>`, which
            has the true ones to go with them
        :param min_per_relation: > 0, the least number of true triples, and of false ones, each counted once, with which
            a relation has a map of its own
        :return: the calibration
        :raises ValueError: if there are none, an id is out of the model's range, or a score is not finite
        """
        if min_per_relation < 1:
            raise ValueError(f"found min_per_relation={min_per_relation}, expected at least 1.")
        triples, labels = _combine(model, positives, negatives)
        scores = score_finitely(model, triples)
        distinct, first = np.unique(np.column_stack([triples, labels]), axis=0, return_index=True)
        counts = np.zeros((model.num_real_relations, 2), dtype=np.int64)
        np.add.at(counts, (distinct[:, RELATION], labels[first].astype(int)), 1)
        maps = {}
        for relation in np.flatnonzero((counts >= min_per_relation).all(axis=1)).tolist():
            chosen = triples[:, RELATION] == relation
            maps[relation] = _fit(scores[chosen], labels[chosen])
        return cls(model, _fit(scores, labels), maps)

    @pinned_defaults()
    def probabilities(self, triples: Tensor) -> np.ndarray:
        """Compute how likely triples are true.

        :param triples: shape: (n, 3), n > 0
        :return: shape: (n,), in [0, 1]
        :raises ValueError: if there are none, an id is out of the model's range, or a score is not finite
        """
        check_triples("triples", triples, self.model)
        return self._probabilities(triples.cpu().numpy())

    def _probabilities(self, triples: np.ndarray) -> np.ndarray:
        scores, relations = score_finitely(self.model, triples), triples[:, RELATION]
        probabilities = _predict(self.overall, scores)
        for relation, own in self.by_relation.items():
            chosen = relations == relation
            if chosen.any():
                probabilities[chosen] = _predict(own, scores[chosen])
        return probabilities

    @pinned_defaults()
    def evaluate(self, positives: Tensor, negatives: Tensor, num_bins: int = 10) -> CalibrationReport:
        """Compare probabilities with what is true.

        :param positives: shape: (n, 3), n > 0, true triples that nothing was fitted to, such as those of the test
        :param negatives: shape: (m, 3), m > 0, false ones
        :param num_bins: > 0, into how many bins of equal width probabilities are sorted
        :return: the figures
        :raises ValueError: if there are none, an id is out of the model's range, or a score is not finite
        """
        if num_bins < 1:
            raise ValueError(f"found num_bins={num_bins}, expected at least 1.")
        triples, labels = _combine(self.model, positives, negatives)
        probabilities = self._probabilities(triples)
        observed, predicted = calibration_curve(labels, probabilities, n_bins=num_bins)
        # the bins of calibration_curve, which does not count
        bins = np.searchsorted(np.linspace(0, 1, num_bins + 1)[1:-1], probabilities)
        counts = np.bincount(bins, minlength=num_bins)
        counts = counts[counts > 0]
        return CalibrationReport(
            brier=float(brier_score_loss(labels, probabilities)),
            expected_calibration_error=float(np.average(np.abs(observed - predicted), weights=counts)),
            curve=pd.DataFrame({"probability": predicted, "true_share": observed, "triples": counts}),
        )


def _combine(model: Model, positives: Tensor, negatives: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Put true and false triples together, and tell which are which."""
    for name, triples in (("positives", positives), ("negatives", negatives)):
        check_triples(name, triples, model)
    labels = np.arange(len(positives) + len(negatives)) < len(positives)
    return np.concatenate([positives.cpu().numpy(), negatives.cpu().numpy()]), labels


def _fit(scores: np.ndarray, labels: np.ndarray) -> Pipeline:
    # scaled, so that the penalty, which keeps the parameters finite, weighs the same for all models
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(scores[:, np.newaxis], labels)


def _predict(fitted: Pipeline, scores: np.ndarray) -> np.ndarray:
    return fitted.predict_proba(scores[:, np.newaxis])[:, 1]
