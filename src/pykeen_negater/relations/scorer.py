"""Scores of triples: how much head and tail relate as the relation's true pairs do."""

import numpy as np
from tqdm.auto import tqdm

from ..graphs import Graph
from ..indexing import HEAD, RELATION, TAIL
from ..texts import Texts
from .encoder import RelationEncoder
from .prototypes import Prototypes

__all__ = [
    "RelationScorer",
    "choose_positives",
]

#: How many triples are scored before their vectors are forgotten, which bounds the memory
SHARD = 2**16


def choose_positives(graph: Graph, max_triples: int | None, seed: int) -> np.ndarray:
    """Choose triples to compare others with, so that no relation gets fewer than another one if it has more.

    :param graph: the graph
    :param max_triples: > 0, how many; None for all
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


class RelationScorer:
    """Compares the pairs of triples with the true pairs of their relations."""

    def __init__(
        self,
        encoder: RelationEncoder,
        texts: Texts,
        positives: np.ndarray,
        num_relations: int,
        nearest: int | None,
    ) -> None:
        """Encode the true pairs.

        :param encoder: encodes pairs
        :param texts: the texts of entities
        :param positives: shape: (n, 3), true triples
        :param num_relations: the number of relations
        :param nearest: see :class:`pykeen_negater.relations.prototypes.Prototypes`
        """
        self.encoder, self.texts, self.positives = encoder, texts, positives
        self.prototypes = Prototypes(
            self._encode(positives, "Encoding true pairs"), positives[:, RELATION], num_relations, nearest
        )

    def _encode(self, triples: np.ndarray, progress: str | None = None) -> np.ndarray:
        pairs = [(self.texts.entities[head], self.texts.entities[tail]) for head, tail in triples[:, [HEAD, TAIL]]]
        return self.encoder.get_embedding(pairs, progress)

    def score(self, triples: np.ndarray, progress: str | None = None) -> np.ndarray:
        """Score triples.

        :param triples: shape: (n, 3)
        :param progress: what the progress bar says; None for no bar
        :return: shape: (n,), dtype: float32, in [−1, 1], see
            :meth:`pykeen_negater.relations.prototypes.Prototypes.similarity`
        """
        # a pair that stands in several triples is encoded once, if these are in the same shard
        order = np.lexsort((triples[:, TAIL], triples[:, HEAD]))
        scores = np.empty(len(triples), dtype=np.float32)
        with tqdm(total=len(order), desc=progress, unit="triple", unit_scale=True, disable=progress is None) as bar:
            for start in range(0, len(order), SHARD):
                rows = order[start : start + SHARD]
                scores[rows] = self.prototypes.similarity(self._encode(triples[rows]), triples[rows, RELATION])
                bar.update(len(rows))
        return scores
