"""True and false triples together, for training and for measuring classification."""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "LabelledTriples",
]


@dataclass(frozen=True, eq=False)
class LabelledTriples:
    """True and false triples."""

    #: The triples; shape: (n, 3)
    triples: np.ndarray

    #: Whether each is true; shape: (n,), dtype: bool
    labels: np.ndarray

    @classmethod
    def combine(cls, positives: np.ndarray, negatives: np.ndarray) -> "LabelledTriples":
        """Combine true and false triples.

        :param positives: shape: (n, 3)
        :param negatives: shape: (m, 3)
        :return: n + m labelled triples
        """
        return cls(np.concatenate([positives, negatives]), np.arange(len(positives) + len(negatives)) < len(positives))
