"""Scores of triples by the vectors of their pairs."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from pykeen_negater.relations.prototypes import Prototypes
from pykeen_negater.relations.scorer import PairEncoding, RelationScorer, choose_positives
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from ..pair_encoders import RandomVectors, cosine


@pytest.mark.parametrize("number", [1, 3, 5, 8, None])
def test_choice_of_positives_is_even(small_graph: Graph, number: int | None) -> None:
    chosen = choose_positives(small_graph, number, seed=0)
    assert len(chosen) == min(number or len(small_graph), len(small_graph))
    assert len(np.unique(chosen, axis=0)) == len(chosen)
    counts = np.bincount(chosen[:, 1], minlength=small_graph.num_relations)
    available = np.bincount(small_graph.triples[:, 1], minlength=small_graph.num_relations)
    # who has fewer than another one by more than one has no more
    for relation, count in enumerate(counts):
        assert count >= counts.max() - 1 or count == available[relation]


def test_choice_of_positives_follows_the_seed(small_graph: Graph) -> None:
    first, second = (choose_positives(small_graph, 6, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(first, choose_positives(small_graph, 6, seed=0))
    assert not np.array_equal(first, second)


class _Encoder(RandomVectors):
    """Has random vectors, and counts its halved batches."""

    halver = SimpleNamespace(count=3)


def test_pairs_are_encoded_by_their_texts(small_graph: Graph, small_texts: Texts) -> None:
    encoder = _Encoder()
    encoding = PairEncoding(encoder, small_texts)
    vectors = encoding.compute(small_graph.triples)
    texts = small_texts.entities
    pairs = [(texts[head], texts[tail]) for head, _, tail in small_graph.triples.tolist()]
    assert encoder.asked == pairs
    np.testing.assert_array_equal(vectors, RandomVectors().get_embedding(pairs))
    assert encoding.batches_halved == 3
    assert str(encoding) == "The relation encoder"


def test_triples_of_one_pair_follow_each_other(small_texts: Texts) -> None:
    triples = np.random.default_rng(0).integers(3, size=(40, 3))
    order = PairEncoding(_Encoder(), small_texts).order(triples)
    assert sorted(order.tolist()) == list(range(40))
    pairs = [tuple(pair) for pair in triples[order][:, [0, 2]].tolist()]
    assert sum(a != b for a, b in pairwise(pairs)) == len(set(pairs)) - 1


def test_a_triple_is_compared_with_the_pairs_of_its_relation(small_graph: Graph, small_texts: Texts) -> None:
    encoder = _Encoder()
    positives = small_graph.triples
    vectors = PairEncoding(encoder, small_texts).compute(positives)
    prototypes = Prototypes(vectors, positives[:, 1], small_graph.num_relations, None)
    scorer = RelationScorer(encoder, small_texts, positives, prototypes)
    asked = np.random.default_rng(1).integers([13, 3, 13], size=(20, 3))
    scores = scorer.compute(asked)
    mean = vectors.mean(axis=0)
    for (head, relation, tail), score in zip(asked.tolist(), scores.tolist(), strict=True):
        pair = (small_texts.entities[head], small_texts.entities[tail])
        centred = RandomVectors().get_embedding([pair])[0] - mean
        others = vectors[positives[:, 1] == relation] - mean
        expected = cosine(centred, np.sum([other / np.linalg.norm(other) for other in others], axis=0))
        assert score == pytest.approx(expected, abs=1e-5)
    assert scores.dtype == np.float32
