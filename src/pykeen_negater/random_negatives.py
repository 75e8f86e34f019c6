"""Draws from a base sampler, and again for what is to be avoided."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from pykeen.sampling import NegativeSampler

from .avoidance import AvoidedTriples
from .hard_negatives import without_inverse

__all__ = [
    "RandomNegatives",
]

#: How often a negative is drawn again before it stays
ROUNDS = 8

#: Below this share of a batch, negatives are not drawn again once more
NEGLIGIBLE = 1e-3

#: How many are drawn at once for a negative that is drawn again, so that hardly ever all of them are to be avoided
SPARES = 3


class RandomNegatives:
    """Draws negatives from a base sampler; what is to be avoided, it draws again."""

    def __init__(self, sampler: NegativeSampler, avoided: AvoidedTriples | None, has_inverse_triples: bool) -> None:
        """Prepare what every batch needs.

        :param sampler: the base sampler
        :param avoided: what is to be avoided
        :param has_inverse_triples: whether relations have PyKEEN's ids of relations and their inverses
        """
        self.sampler = sampler
        self.avoided = avoided
        self.has_inverse_triples = has_inverse_triples
        self._spare_sampler = copy.copy(sampler)
        self._spare_sampler.num_negs_per_pos = SPARES

    def draw(self, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw negatives.

        :param positives: shape: (n, 3), dtype: int64
        :return: a pair (the negatives; shape: (n, num_negs_per_pos, 3). The positions, among all n * num_negs_per_pos,
            of those that are to be avoided all the same; shape: (m,))
        """
        if not len(positives):
            return np.empty((0, self.sampler.num_negs_per_pos, 3), dtype=np.int64), np.zeros(0, dtype=np.int64)
        negatives = self.sampler.corrupt_batch(torch.from_numpy(positives)).contiguous().numpy()
        pending = self._find_avoided(negatives.reshape(-1, 3))
        return negatives, self.draw_again(positives, negatives, pending, self._find_avoided)

    def draw_again(
        self,
        positives: np.ndarray,
        negatives: np.ndarray,
        pending: np.ndarray,
        find: Callable[[np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """Draw some of the negatives again, until all but a negligible share are what they should be.

        :param positives: shape: (n, 3)
        :param negatives: shape: (n, num_negs_per_pos, 3), changed in place
        :param pending: shape: (m,), the positions of those to draw again among all n * num_negs_per_pos
        :param find: finds the positions of those to draw again among triples of shape (k, 3)
        :return: shape: (k,), which of the pending ones are to be drawn again still
        """
        flat = negatives.reshape(-1, 3)
        for _ in range(ROUNDS):
            if len(pending) <= NEGLIGIBLE * len(flat):
                break
            rows = pending // negatives.shape[1]
            drawn = self._spare_sampler.corrupt_batch(torch.from_numpy(positives[rows])).reshape(-1, 3).numpy()
            found = np.zeros((len(pending), SPARES), dtype=bool)
            found.ravel()[find(drawn)] = True
            # the first that need not be drawn again, or else the first
            flat[pending] = drawn[np.arange(0, len(drawn), SPARES) + found.argmin(axis=1)]
            pending = pending[found.all(axis=1)]
        return pending

    def _find_avoided(self, triples: np.ndarray) -> np.ndarray:
        if self.avoided is None:
            return np.zeros(0, dtype=np.int64)
        return self.avoided.find(without_inverse(triples)[0] if self.has_inverse_triples else triples)
