"""Encoders of pairs whose vectors are known, for tests of what is done with them."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np


class KnownVectors:
    """Has a vector for each pair, and remembers what it was asked for."""

    def __init__(self, vectors: Mapping[tuple[str, str], Sequence[float]]) -> None:
        self.vectors = vectors
        self.asked: list[tuple[str, str]] = []

    def get_embedding(self, pairs: Sequence[Sequence[str]]) -> np.ndarray:
        """Look up the vectors."""
        self.asked += [(head, tail) for head, tail in pairs]
        return np.array([self.vectors[head, tail] for head, tail in pairs], dtype=np.float32)


class RandomVectors(KnownVectors):
    """Has a random vector for any pair, always the same."""

    def __init__(self, dim: int = 4) -> None:
        super().__init__({})
        self.dim = dim

    def get_embedding(self, pairs: Sequence[Sequence[str]]) -> np.ndarray:
        """Draw the vectors."""
        self.asked += [(head, tail) for head, tail in pairs]
        seeds = [zlib.crc32("\t".join(pair).encode()) for pair in pairs]
        return np.stack([np.random.default_rng(seed).normal(size=self.dim) for seed in seeds]).astype(np.float32)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Compute a cosine, the long way."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    norms = np.sqrt((a * a).sum()) * np.sqrt((b * b).sum())
    return float((a * b).sum() / norms) if norms else 0.0
