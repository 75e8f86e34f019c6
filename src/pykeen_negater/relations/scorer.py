"""Scores triples by how similarly their head and tail are related to the true pairs of their relation."""

import numpy as np

from ..runtime.progress import Step
from ..texts.loading import Texts
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, TAIL
from .encoder import RelationEncoder
from .prototypes import Prototypes

__all__ = [
    "PairEncoding",
    "RelationScorer",
    "choose_positives",
]


def choose_positives(graph: Graph, max_triples: int | None, seed: int) -> np.ndarray:
    """Choose triples to compare others with, as many of each relation as possible: only relations with few get fewer.

    :param graph: the graph
    :param max_triples: > 0, the number of triples; None for all
    :param seed: the seed of the choice
    :return: shape: (n, 3), in the order of the graph
    """
    shuffled = np.random.default_rng(seed).permutation(len(graph))
    relations = graph.triples[shuffled, RELATION]
    by_relation = np.argsort(relations, kind="stable")
    starts = np.searchsorted(relations[by_relation], relations[by_relation])
    turn = np.empty(len(graph), dtype=np.int64)
    turn[by_relation] = np.arange(len(graph)) - starts
    return graph.triples[np.sort(shuffled[np.argsort(turn, kind="stable")[:max_triples]])]


class PairEncoding:
    """Encodes the pairs of triples."""

    #: The label of the progress bar
    doing = Step.ENCODE_PAIRS

    def __init__(self, encoder: RelationEncoder, texts: Texts) -> None:
        """Choose the encoder.

        :param encoder: encodes pairs
        :param texts: the texts of entities
        """
        self.encoder, self.texts = encoder, texts

    def __str__(self) -> str:
        return "The relation encoder"

    @property
    def batches_halved(self) -> int:
        """The number of batches halved for lack of memory so far."""
        return self.encoder.halver.count

    def order(self, triples: np.ndarray) -> np.ndarray:
        """Order triples such that those with the same pair follow each other, since each part encodes a pair once.

        :param triples: shape: (n, 3)
        :return: shape: (n,), a permutation
        """
        return np.lexsort((triples[:, TAIL], triples[:, HEAD]))

    def compute(self, triples: np.ndarray) -> np.ndarray:
        """Encode the pairs of triples.

        :param triples: shape: (n, 3)
        :return: shape: (n, dim), dtype: float32
        """
        entities = self.texts.entities
        return self.encoder.get_embedding([(entities[head], entities[tail]) for head, tail in triples[:, [HEAD, TAIL]]])


class RelationScorer(PairEncoding):
    """Compares the pairs of triples with the true pairs of their relations."""

    doing = Step.SCORE

    def __init__(self, encoder: RelationEncoder, texts: Texts, positives: np.ndarray, prototypes: Prototypes) -> None:
        """Choose the true pairs to compare with.

        :param encoder: encodes pairs
        :param texts: the texts of entities
        :param positives: shape: (n, 3), the true triples
        :param prototypes: the prototypes made from their pairs
        """
        super().__init__(encoder, texts)
        self.positives, self.prototypes = positives, prototypes

    def compute(self, triples: np.ndarray) -> np.ndarray:
        """Score triples.

        :param triples: shape: (n, 3)
        :return: shape: (n,), dtype: float32, in [−1, 1], see
            :meth:`pykeen_negater.relations.prototypes.Prototypes.similarity`
        """
        return self.prototypes.similarity(super().compute(triples), triples[:, RELATION])
