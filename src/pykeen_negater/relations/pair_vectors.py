"""The interface of everything that turns pairs of words into vectors."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

__all__ = [
    "PairEncoder",
    "embed",
]


class PairEncoder(Protocol):
    """Encodes pairs of words, so that those with a high cosine are related in a similar way."""

    def get_embedding(self, pairs: Sequence[Sequence[str]]) -> np.ndarray:
        """Encode pairs.

        :param pairs: n heads and tails
        :return: shape: (n, dim)
        """


def embed(encoder: PairEncoder, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Encode pairs, each distinct one once.

    :param encoder: the encoder
    :param pairs: n > 0 heads and tails
    :return: shape: (n, dim)
    :raises ValueError: if the encoder does not return one finite vector per pair
    """
    rows = {pair: row for row, pair in enumerate(dict.fromkeys(pairs))}
    vectors = np.asarray(encoder.get_embedding([list(pair) for pair in rows]))
    if vectors.ndim != 2 or len(vectors) != len(rows):
        raise ValueError(
            f"{type(encoder).__name__}: found vectors of shape {vectors.shape}, expected ({len(rows)}, dim): one per "
            f"pair."
        )
    if not np.isfinite(vectors).all():
        raise ValueError(f"{type(encoder).__name__}: found NaN or infinite values, expected finite vectors.")
    return vectors[[rows[pair] for pair in pairs]]
