"""Prototypes of relations, which measure how similar a pair is to the relation's positive pairs."""

import numpy as np

__all__ = [
    "Prototypes",
]

#: The number of similarities that are computed at once, which bounds the memory
BLOCK = 2**22


class Prototypes:
    """The positive pairs of each relation, as directions from the mean of all positive pairs.

    The vectors of a language model share one large component, so that any two of them have a high cosine; the mean of
    all positive pairs is therefore subtracted first.
    """

    def __init__(self, vectors: np.ndarray, relations: np.ndarray, num_relations: int, nearest: int | None) -> None:
        """Compute the mean, and the directions of all pairs from it.

        :param vectors: shape: (n, dim), n > 0, the vectors of positive pairs
        :param relations: shape: (n,), their relations
        :param num_relations: the number of relations
        :param nearest: >= 1, the number of a relation's nearest positive pairs that a pair is compared with; None for
            the centroid of all
        """
        self.mean = vectors.mean(axis=0)
        self.nearest = nearest
        self.relations = relations
        self.directions = self._direct(vectors)
        self._positives = [np.flatnonzero(relations == relation) for relation in range(num_relations)]
        sums = np.stack([self.directions[rows].sum(axis=0) for rows in self._positives])
        #: The sum of each relation's directions; shape: (num_relations, dim)
        self.sums = sums.astype(np.float32)

    def _direct(self, vectors: np.ndarray) -> np.ndarray:
        return _normalize(vectors - self.mean)

    def similarity(self, vectors: np.ndarray, relations: np.ndarray) -> np.ndarray:
        """Compare pairs with the positive pairs of relations.

        :param vectors: shape: (m, dim), the vectors of pairs
        :param relations: shape: (m,), the relation that each is compared with
        :return: shape: (m,), in [−1, 1]: the cosine with the relation's centroid, or the mean cosine with its nearest
            positive pairs; 0 for a relation without positive pairs
        """
        return self._similarity(self._direct(vectors), relations, own=None)

    def own_similarity(self) -> np.ndarray:
        """Compare each positive pair with the others of its relation.

        :return: shape: (n,), in [−1, 1]; NaN for the only pair of a relation
        """
        return self._similarity(self.directions, self.relations, own=np.arange(len(self.relations)))

    def _similarity(self, directions: np.ndarray, relations: np.ndarray, own: np.ndarray | None) -> np.ndarray:
        result = np.zeros(len(directions), dtype=np.float32)
        for relation in np.unique(relations):
            positives, rows = self._positives[relation], np.flatnonzero(relations == relation)
            others = len(positives) - (own is not None)
            if others < 1:
                result[rows] = 0.0 if own is None else np.nan
            elif self.nearest is None:
                left = self.sums[relation] if own is None else self.sums[relation] - directions[rows]
                result[rows] = np.einsum(
                    "nd,nd->n", directions[rows], _normalize(np.broadcast_to(left, directions[rows].shape))
                )
            else:
                count, size = min(self.nearest, others), max(1, BLOCK // len(positives))
                for start in range(0, len(rows), size):
                    block = rows[start : start + size]
                    cosines = directions[block] @ self.directions[positives].T
                    if own is not None:
                        cosines[positives[None] == own[block, None]] = -np.inf
                    top = np.partition(cosines, cosines.shape[1] - count, axis=1)[:, -count:]
                    result[block] = top.mean(axis=1)
        return result

    def between(self) -> np.ndarray:
        """Compare relations with each other.

        :return: shape: (num_relations, num_relations), the cosines of their centroids; 0 where a relation has no
            positive pairs
        """
        centroids = _normalize(self.sums)
        return centroids @ centroids.T


def _normalize(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
