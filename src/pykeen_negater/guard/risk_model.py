"""The risk model: turns features into the probability that an answer is true."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler, TargetEncoder
from threadpoolctl import threadpool_limits

__all__ = [
    "RiskModel",
    "RiskModelCost",
]

T = TypeVar("T")

#: The number of answers that the base rate of all slots counts for in that of one slot
SMOOTHING = 20.0

#: The typical number of iterations of the regression: 20 on some graphs, 150 on others
TYPICAL_ITERATIONS = 80

#: The numbers of iterations of the regression and of the trees in a measurement; the trees' first one costs more
TIMED_ITERATIONS, TIMED_TREES = 10, (3, 13)

#: The smallest probability: others are clipped to it before they become logits
SMALLEST = 1e-9


@dataclass(frozen=True)
class RiskModelCost:
    """The time that a risk model takes on this machine, in seconds per answer."""

    #: The seconds of training per answer
    fit: float

    #: The seconds of prediction per answer
    predict: float

    @classmethod
    def measure(cls, features: np.ndarray) -> "RiskModelCost":
        """Measure a few iterations.

        :param features: shape: (n, num_features), n >= 10, with values like those of training
        :return: the cost
        """
        generator = np.random.default_rng(0)
        labels = generator.random(len(features)) < 0.1
        labels[:10] = np.arange(10) < 5
        inputs = np.column_stack([generator.integers(10, size=len(features)), features])
        model = RiskModel()
        trees, num_trees = model._trees[-1], model._trees[-1].max_iter
        preparing, regression = model._regression[:-1], model._regression[-1].set_params(max_iter=TIMED_ITERATIONS)
        prepared, seconds = _timed(lambda: preparing.fit_transform(inputs, labels))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, iterations = _timed(lambda: regression.fit(prepared, labels))
        seconds += iterations * TYPICAL_ITERATIONS / int(regression.n_iter_[0])
        grown = []
        with threadpool_limits(1, user_api="openmp"):
            for count in TIMED_TREES:
                trees.set_params(max_iter=count)
                grown.append(_timed(lambda: model._trees.fit(inputs, labels))[1])
        few, more = TIMED_TREES
        seconds += grown[0] + max(grown[1] - grown[0], 0.0) * (num_trees - few) / (more - few)
        asked = _timed(lambda: model._trees.predict_proba(inputs))[1] * num_trees / more
        asked += _timed(lambda: _quadratic_logits(model._regression, inputs))[1]
        return cls(seconds / len(features), asked / len(features))


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    """Run a function, and measure how many seconds it takes."""
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


class RiskModel:
    """The mean of a logistic regression and boosted trees, on the scale of logits.

    The regression extrapolates well to implausible answers. The trees are more accurate on plausible answers, and are
    trained and used on these alone. Both are trained on the log-likelihood, and so are calibrated. The first feature is
    a category, the slot, whose base rate is learned with shrinkage: a slot with few examples gets about that of all.
    """

    def __init__(self, seed: int = 0) -> None:
        """Make an untrained model.

        :param seed: the seed
        """
        folds = KFold(5, shuffle=True, random_state=seed)
        encoder = TargetEncoder(target_type="binary", smooth=SMOOTHING, cv=folds)
        slot = make_column_transformer((encoder, [0]), remainder="passthrough")
        self._regression = make_pipeline(
            slot, StandardScaler(), PolynomialFeatures(2), StandardScaler(), LogisticRegression(max_iter=300)
        )
        trees = HistGradientBoostingClassifier(
            max_iter=150,
            learning_rate=0.06,
            max_leaf_nodes=12,
            min_samples_leaf=40,
            l2_regularization=10.0,
            early_stopping=False,
            random_state=seed,
        )
        self._trees = make_pipeline(clone(slot), trees)

    def fit(
        self,
        slots: np.ndarray,
        features: np.ndarray,
        labels: np.ndarray,
        weights: np.ndarray,
        plausible: np.ndarray,
    ) -> Self:
        """Train the model.

        :param slots: shape: (n,), the slot of each answer, as a number
        :param features: shape: (n, num_features)
        :param labels: shape: (n,), dtype: bool, whether each is true; both occur
        :param weights: shape: (n,), > 0, the number of answers that each represents
        :param plausible: shape: (n,), dtype: bool, whether each is among the plausible answers, true or not
        :return: the model itself
        """
        inputs = np.column_stack([slots, features])
        self._regression.fit(inputs, labels, logisticregression__sample_weight=weights)
        # threads synchronize at every node of every tree: on busy processors, they wait far longer than they work
        with threadpool_limits(1, user_api="openmp"):
            weight = weights[plausible] / weights[plausible].mean()
            self._trees.fit(inputs[plausible], labels[plausible], histgradientboostingclassifier__sample_weight=weight)
        return self

    def predict(self, slots: np.ndarray, features: np.ndarray, plausible: np.ndarray | None = None) -> np.ndarray:
        """Compute probabilities.

        :param slots: shape: (n,)
        :param features: shape: (n, num_features)
        :param plausible: shape: (n,), dtype: bool, as in training; None for all
        :return: shape: (n,), in [0, 1]
        """
        inputs = np.column_stack([slots, features])
        regression = _quadratic_logits(self._regression, inputs).clip(logit(SMALLEST), -logit(SMALLEST))
        trees = logit(self._trees.predict_proba(inputs)[:, 1].clip(SMALLEST, 1 - SMALLEST))
        mean = (regression + trees) / 2
        return expit(mean if plausible is None else np.where(plausible, mean, regression))


def _quadratic_logits(regression: Pipeline, inputs: np.ndarray) -> np.ndarray:
    """Compute what the regression's ``decision_function`` does, as one quadratic form instead of hundreds of columns.

    :param regression: the fitted pipeline of :class:`RiskModel`
    :param inputs: shape: (n, 1 + num_features)
    :return: shape: (n,)
    """
    polynomial, scaler, model = regression[-3:]
    coefficients = model.coef_[0] / scaler.scale_
    constant, linear = float(model.intercept_[0] - coefficients @ scaler.mean_), np.zeros(polynomial.n_features_in_)
    square = np.zeros((len(linear), len(linear)))
    for coefficient, powers in zip(coefficients, polynomial.powers_, strict=True):
        # one factor, or two, or the same one twice
        factors = np.repeat(np.arange(len(powers)), powers)
        if not len(factors):
            constant += coefficient
        elif len(factors) == 1:
            linear[factors[0]] += coefficient
        else:
            square[factors[0], factors[1]] += coefficient
    prepared = regression[:-3].transform(inputs)
    return constant + prepared @ linear + np.einsum("ij,ij->i", prepared @ square, prepared)
