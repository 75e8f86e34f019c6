"""Draws negatives from a base sampler, and redraws those that are to be avoided."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from pykeen.sampling import NegativeSampler

from ..triples.indexing import RELATION
from .avoidance import AvoidedTriples
from .mined import without_inverse

__all__ = [
    "RandomNegatives",
]

#: The most rounds in which a negative is drawn again
ROUNDS = 8

#: Drawing again ends when less than this share of a batch is to be avoided
NEGLIGIBLE = 1e-3

#: The number of spares drawn at once for a negative that is drawn again, in the first round, so that hardly ever all of
#: them are to be avoided. It doubles in each further round, as long as no round draws more than this number of whole
#: batches or of triples.
SPARES = 3
MANY = 2**14


class RandomNegatives:
    """Draws negatives from a base sampler, and draws those that are to be avoided again."""

    def __init__(
        self,
        sampler: NegativeSampler,
        avoided: AvoidedTriples | None,
        has_inverse_triples: bool,
        negligible: float = NEGLIGIBLE,
    ) -> None:
        """Prepare to draw batches.

        :param sampler: the base sampler
        :param avoided: the triples to avoid
        :param has_inverse_triples: whether relations have PyKEEN's ids of relations and their inverses
        :param negligible: the share of a batch that may remain negatives to avoid although others can be drawn
        """
        self.sampler = sampler
        self.avoided = avoided
        self.has_inverse_triples = has_inverse_triples
        self.negligible = negligible
        self._spare_sampler = copy.copy(sampler)
        self._spare_sampler.num_negs_per_pos = 1

    def draw(self, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw negatives.

        :param positives: shape: (n, 3), dtype: int64
        :return: a pair (the negatives; shape: (n, num_negs_per_pos, 3). The positions, among all n * num_negs_per_pos,
            of those that are still to be avoided; shape: (m,))
        """
        if not len(positives):
            return np.empty((0, self.sampler.num_negs_per_pos, 3), dtype=np.int64), np.zeros(0, dtype=np.int64)
        negatives = self._corrupt(self.sampler, positives)
        pending = self.find_avoided(negatives.reshape(-1, 3))
        return negatives, self.draw_again(positives, negatives, pending, self.find_avoided)

    def draw_again(
        self,
        positives: np.ndarray,
        negatives: np.ndarray,
        pending: np.ndarray,
        find: Callable[[np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """Draw some of the negatives again, until all but a negligible share need not be drawn again.

        :param positives: shape: (n, 3)
        :param negatives: shape: (n, num_negs_per_pos, 3), changed in place
        :param pending: shape: (m,), the positions of those to draw again among all n * num_negs_per_pos
        :param find: finds the positions of those to draw again among triples of shape (k, 3)
        :return: shape: (k,), the pending ones that are still to be drawn again
        """
        flat = negatives.reshape(-1, 3)
        for number in range(ROUNDS):
            if len(pending) <= self.negligible * len(flat):
                break
            spares = min(SPARES << number, max(SPARES * len(flat), MANY) // len(pending))
            # repeat the whole batch, since a base sampler may corrupt another side in each part of it
            originals = np.tile(positives[pending // negatives.shape[1]], (spares, 1))
            drawn = self._corrupt(self._spare_sampler, originals).reshape(-1, 3)
            bad = np.zeros(len(drawn), dtype=bool)
            bad[find(drawn)] = True
            # each goes through its spares, starting at a different one, so that no side is favoured
            column = np.arange(len(pending))
            first = int(torch.randint(spares, (), dtype=torch.long)) + column
            rows = (np.arange(spares)[:, np.newaxis] + first) % spares * len(pending) + column
            bad = bad[rows]
            # take the first spare that need not be drawn again, or else the first one
            flat[pending] = drawn[rows[bad.argmin(axis=0), column]]
            pending = pending[bad.all(axis=0)]
        return pending

    def find_avoided(self, triples: np.ndarray) -> np.ndarray:
        """Find the triples that are to be drawn again, this time.

        :param triples: shape: (n, 3)
        :return: shape: (m,), their positions in ascending order
        """
        if self.avoided is None:
            return np.zeros(0, dtype=np.int64)
        return self.avoided.find(without_inverse(triples)[0] if self.has_inverse_triples else triples)

    def _corrupt(self, sampler: NegativeSampler, positives: np.ndarray) -> np.ndarray:
        negatives = sampler.corrupt_batch(torch.from_numpy(positives)).contiguous().numpy()
        if self.has_inverse_triples:
            _keep_direction(positives, negatives, sampler.num_relations)
        return negatives


def _keep_direction(positives: np.ndarray, negatives: np.ndarray, num_relations: int) -> None:
    """Replace real relations by real ones, and inverse relations by inverse ones.

    A base sampler does not distinguish relations from their inverses, and draws from all of them. If there is only one
    real relation, it can only be replaced by its inverse.

    :param positives: shape: (n, 3)
    :param negatives: shape: (n, num_negs_per_pos, 3), changed in place
    :param num_relations: the number of relations, inverse ones included
    """
    old = np.broadcast_to(positives[:, np.newaxis, RELATION], negatives.shape[:-1])
    rows, columns = np.nonzero((old ^ negatives[..., RELATION]) & 1)
    if not len(rows) or num_relations <= 2:
        return
    old = old[rows, columns]
    new = negatives[rows, columns, RELATION] ^ 1
    same = np.flatnonzero(new == old)
    real = torch.randint(num_relations // 2 - 1, (len(same),), dtype=torch.long).numpy()
    real += real >= old[same] // 2
    new[same] = 2 * real + old[same] % 2
    negatives[rows, columns, RELATION] = new
