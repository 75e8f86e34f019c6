"""Writes vectors of pairs in word2vec's text format, which gensim and other tools read."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..storage.cache import atomic_file
from ..texts.labels import well_formed
from .pair_vectors import PairEncoder, embed

__all__ = [
    "join_pair",
    "write_word2vec",
]


def join_pair(head: str, tail: str) -> str:
    """Join the words of a pair to one word of the format, as RelBERT does.

    :param head: the head
    :param tail: the tail
    :return: head and tail with ``__`` between them, and ``_`` in the place of each space

    >>> join_pair("hot dog", "food")
    'hot_dog__food'
    """
    return "__".join(re.sub(r"\s", "_", well_formed(word)) for word in (head, tail))


def write_word2vec(path: str | Path, encoder: PairEncoder, pairs: Sequence[tuple[str, str]]) -> int:
    """Encode pairs, and write their vectors: a line with the number of vectors and of dimensions, and a line for each.

    :param path: the file to write, which is read by ``gensim.models.KeyedVectors.load_word2vec_format(path)``
    :param encoder: the encoder
    :param pairs: n > 0 heads and tails. Of several that are joined to the same word, the first is written.
    :return: the number of vectors
    :raises ValueError: if there is no pair
    """
    by_word: dict[str, tuple[str, str]] = {}
    for head, tail in pairs:
        by_word.setdefault(join_pair(head, tail), (head, tail))
    if not by_word:
        raise ValueError("found no pairs, expected some.")
    vectors = embed(encoder, list(by_word.values()))
    with atomic_file(Path(path)) as unfinished, unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(vectors)} {vectors.shape[1]}\n")
        for word, vector in zip(by_word, vectors, strict=True):
            file.write(f"{word} {' '.join(map(str, vector))}\n")
    return len(vectors)
