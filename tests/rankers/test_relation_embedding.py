"""Tests for the ranker that compares pairs with a relation's true pairs."""

from pathlib import Path

import numpy as np
import pytest
from pykeen.triples import TriplesFactory

import pykeen_negater.storage.cache
from pykeen_negater import mine
from pykeen_negater.candidates.generators import Candidates, SlotCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.rankers.base import Ranker, Scores
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.relation_embedding import RelationEmbeddingRanker
from pykeen_negater.relations import RelationEncoder
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from .cases import RankerCase

TEMPLATE = "<subj> <mask> <obj>"

QUICK = {"epochs": 1, "learning_rate": 1e-3, "num_negative": 4, "relations_per_step": 2, "validation_share": 0.0}


@pytest.fixture(scope="module")
def candidates(small_graph: Graph) -> Candidates:
    """Corrupt every part of the triples."""
    vectors = np.random.default_rng(0).normal(size=(small_graph.num_entities, 4))
    generator = SlotCandidateGenerator(k=3, corruption_scheme=("head", "relation", "tail"))
    return generator.generate(small_graph, NeighborIndex.build(vectors))


def directions(language_model: str, triples: np.ndarray, texts: Texts, mean: np.ndarray | None) -> list[np.ndarray]:
    """Encode pairs one by one, and look at them from the middle of the true ones."""
    encoder = RelationEncoder(language_model, template=TEMPLATE)
    vectors = [encoder.get_embedding([texts.entities[head], texts.entities[tail]]) for head, _, tail in triples]
    mean = np.mean(vectors, axis=0) if mean is None else mean
    return [mean, *((vector - mean) / np.linalg.norm(vector - mean) for vector in vectors)]


@pytest.mark.parametrize("prototype", ["nearest", "centroid"])
def test_scores_equal_a_loop(
    tiny_bert: str, candidates: Candidates, context: RankingContext, prototype: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pykeen_negater.rankers.resumable_scoring.PART_SIZE", 5)
    ranker = RelationEmbeddingRanker(model=tiny_bert, template=TEMPLATE, prototype=prototype)
    scores = ranker.score(candidates, context)
    known = context.graph.triples
    mean, *true = directions(tiny_bert, known, context.required_texts, None)
    sums = [np.sum([d for d, t in zip(true, known, strict=True) if t[1] == r], axis=0) for r in range(3)]
    _, *asked = directions(tiny_bert, candidates.triples, context.required_texts, mean)
    for i, triple in enumerate(candidates.triples):
        positives = [d for d, t in zip(true, known, strict=True) if t[1] == triple[1]]
        if candidates.sides[i] == 1:
            x, y = sums[triple[1]], sums[known[candidates.positives[i], 1]]
            expected = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
        elif prototype == "centroid":
            expected = asked[i] @ sums[triple[1]] / np.linalg.norm(sums[triple[1]])
        else:
            expected = np.mean(sorted((asked[i] @ positive for positive in positives), reverse=True)[:5])
        assert scores.values[i] == pytest.approx(expected, abs=1e-4)
    assert np.std(scores.values) > 0


def test_what_is_as_similar_as_true_pairs_is_no_negative(
    tiny_bert: str, candidates: Candidates, context: RankingContext
):
    kwargs = {"model": tiny_bert, "template": TEMPLATE}
    scores = [RelationEmbeddingRanker(**kwargs, recall=recall).score(candidates, context) for recall in (0.05, 0.95)]
    accepted = [one.accepted for one in scores]
    assert accepted[0].sum() > accepted[1].sum()
    # whoever is taken for true at a low level is so at a high one
    assert not np.any(accepted[1] & ~accepted[0])
    statistics = scores[1].measured.statistics
    assert statistics["taken_for_true"] == len(np.unique(candidates.triples[~accepted[1]], axis=0))
    assert statistics["scored"] == len(candidates.unique_triples)


def test_given_validation_triples_choose_the_thresholds(
    tiny_bert: str, candidates: Candidates, small_graph: Graph, small_texts: Texts, tmp_path: Path
):
    ranker = RelationEmbeddingRanker(model=tiny_bert, template=TEMPLATE, recall=None)
    validation = candidates.triples[::4]
    context = RankingContext(
        small_graph,
        small_texts,
        Cache(tmp_path),
        np.zeros((small_graph.num_entities, 1)),
        validation=validation,
        validation_negatives=candidates.triples[1::4],
    )
    scored, _ = ranker.make_scorer(context)
    expected = scored.compute(np.concatenate([validation, candidates.triples[1::4]]))
    thresholds = ranker._fit_thresholds(scored, context)
    np.testing.assert_allclose(thresholds.positive_scores, expected[: len(validation)])
    kept, _ = ranker._fitted(context)
    np.testing.assert_allclose(kept.positive_scores, thresholds.positive_scores)


def test_the_encoder_is_trained_once(tiny_bert: str, candidates: Candidates, context: RankingContext):
    def rank(**kwargs: object) -> Scores:
        """Rank with a new ranker."""
        return RelationEmbeddingRanker(model=tiny_bert, template=TEMPLATE, **kwargs).score(candidates, context)

    trained = rank(training=QUICK)
    assert "train the relation encoder" in trained.measured.durations
    assert len(trained.measured.statistics["training"]["training_losses"]) == 1
    # another prototype needs other scores, but no other encoder
    other = rank(training=QUICK, prototype="centroid")
    assert set(other.measured.durations) == {"score"}
    assert other.measured.statistics["training"] == trained.measured.statistics["training"]
    assert not np.array_equal(trained.values, other.values)
    assert not np.allclose(trained.values, rank().values)
    np.testing.assert_array_equal(trained.values, rank(training=QUICK).values)


@pytest.mark.parametrize("guard", ["thresholds", None])
def test_mining_by_name(tiny_bert: str, nations: TriplesFactory, empty_cache: Path, guard: str | None):
    pools = mine(
        triples_factory=nations,
        encoder="structural",
        ranker="relation-embedding",
        ranker_kwargs={"model": tiny_bert, "template": TEMPLATE},
        guard=guard,
        k=4,
        max_candidates=200,
        max_training_triples=300,
        corruption_scheme=["head", "relation", "tail"],
    )
    statistics = pools.metadata["statistics"]
    assert statistics["candidates_within_budget"] >= statistics["scored"] > 100
    assert len(pools) > 0


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"prototype": "mean"}, "found prototype='mean', expected one of centroid, nearest"),
        ({"recall": 0.0}, r"found recall=0\.0, expected a share"),
        ({"training": {"epoch": 1}}, r"found the training setting\(s\) 'epoch', expected .* Did you mean epochs\?"),
        ({"training": {"epochs": 0}}, "found epochs=0, expected at least 1"),
        ({"template": "<subj> <obj>"}, "<mask> is missing"),
    ],
)
def test_bad_parameters(tiny_bert: str, kwargs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        RelationEmbeddingRanker(model=tiny_bert, **kwargs)


def test_epochs_stay_until_the_encoder_is_published(
    tiny_bert: str,
    context: RankingContext,
    candidates: Candidates,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    write_checksums = pykeen_negater.storage.cache.write_checksums

    def die(folder: Path, path: Path) -> None:
        if path.parent.name == "relation-encoders":
            raise KeyboardInterrupt
        write_checksums(folder, path)

    ranker = RelationEmbeddingRanker(model=tiny_bert, template=TEMPLATE, training=QUICK)
    with monkeypatch.context() as patch:
        patch.setattr("pykeen_negater.storage.cache.write_checksums", die)
        with pytest.raises(KeyboardInterrupt):
            ranker.score(candidates, context)
    ranker.score(candidates, context)
    assert "Training the relation encoder goes on after step" in caplog.text
    assert not list(context.cache.root.glob("checkpoints/*/"))


class TestRelationEmbeddingRanker(RankerCase):
    """Pairs are compared with a relation's true pairs, see test_relation_ranker."""

    cls = RelationEmbeddingRanker

    @pytest.fixture(autouse=True)
    def _language_model(self, tiny_bert: str):
        """Choose the tiny language model."""
        self.model = tiny_bert

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker with a language model that is not trained for relations."""
        return RelationEmbeddingRanker(model=self.model, template="<subj> <mask> <obj>")
