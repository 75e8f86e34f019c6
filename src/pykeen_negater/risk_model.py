"""From features to the probability that an answer is true."""

from typing import Self

import numpy as np
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler, TargetEncoder
from threadpoolctl import threadpool_limits

__all__ = [
    "RiskModel",
]

#: The number of answers that the level of all slots counts for in the level of one
SMOOTHING = 20.0

#: Probabilities are cut here before they become logits
SMALLEST = 1e-9


class RiskModel:
    """The mean of a logistic regression and boosted trees, on the scale of logits.

    The regression extrapolates, and is right about what is absurd; the trees are sharper about what is plausible, see
    only that, and are asked about nothing else. Both are trained on the log-likelihood, and so are calibrated. The
    first feature is a category, the slot, whose level is learned with shrinkage: a slot with few examples is as risky
    as all.
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
        """Learn.

        :param slots: shape: (n,), the slot of each answer, as a number
        :param features: shape: (n, num_features)
        :param labels: shape: (n,), dtype: bool, whether each is true; both occur
        :param weights: shape: (n,), > 0, how many answers each stands for
        :param plausible: shape: (n,), dtype: bool, which ones were found plausible, whether they are true or not
        :return: the model itself
        """
        inputs = np.column_stack([slots, features])
        self._regression.fit(inputs, labels, logisticregression__sample_weight=weights)
        # threads meet at every node of every tree: where processors are busy, they wait far longer than they work
        with threadpool_limits(1, user_api="openmp"):
            self._trees.fit(inputs[plausible], labels[plausible])
        return self

    def predict(self, slots: np.ndarray, features: np.ndarray, plausible: np.ndarray | None = None) -> np.ndarray:
        """Compute probabilities.

        :param slots: shape: (n,)
        :param features: shape: (n, num_features)
        :param plausible: shape: (n,), dtype: bool, as in training; None for all
        :return: shape: (n,), in [0, 1]
        """
        inputs = np.column_stack([slots, features])
        regression, trees = (
            logit(model.predict_proba(inputs)[:, 1].clip(SMALLEST, 1 - SMALLEST))
            for model in (self._regression, self._trees)
        )
        mean = (regression + trees) / 2
        return expit(mean if plausible is None else np.where(plausible, mean, regression))
