"""Tests for the classifier, its fine-tuning, and the ranker that uses it; weights don't matter here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer

from pykeen_negater.candidates.generators import Candidates, SlotCandidateGenerator
from pykeen_negater.corruption.corruptions import RandomCorruptor
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.fine_tuning.classifier import (
    TripleClassifier,
    load_classifier,
    score_triples,
)
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.fine_tuning.trainer import (
    LabelledTriples,
    _Examples,
    fine_tune,
    split_training,
    validation_examples,
)
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.rankers.base import Ranker
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.fine_tuned import ThresholdsRanker
from pykeen_negater.rankers.gradients import FullGradientsRanker, ProxyGradientsRanker
from pykeen_negater.rankers.kge import KGERanker
from pykeen_negater.rankers.probe import FACTORIZATION_WEIGHT, ProbeRanker
from pykeen_negater.rankers.relation_embedding import RelationEmbeddingRanker
from pykeen_negater.rankers.resolver import ranker_resolver
from pykeen_negater.rankers.similarity import SimilarityRanker
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph


@pytest.fixture
def context(small_graph: Graph, small_texts: Texts, tmp_path: Path) -> RankingContext:
    """Make the context of the small graph, with an empty cache."""
    vectors = np.random.default_rng(0).normal(size=(small_graph.num_entities, 4)).astype(np.float32)
    return RankingContext(small_graph, small_texts, Cache(tmp_path / "cache"), vectors)


@pytest.fixture(scope="module")
def candidates(small_graph: Graph) -> Candidates:
    """Make candidates from random vectors."""
    vectors = np.random.default_rng(0).normal(size=(small_graph.num_entities, 4))
    return SlotCandidateGenerator(k=3).generate(small_graph, NeighborIndex.build(vectors))


def test_fine_tuning_learns_and_is_reproducible(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, fine_tuned: Path, tmp_path: Path
):
    settings = FineTuningSettings(epochs=2, batch_size=4, max_length=24, validation_share=0.3)
    torch.manual_seed(99)
    fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    first, second = load_classifier(fine_tuned).state_dict(), load_classifier(tmp_path).state_dict()
    before = TripleClassifier.from_language_model(tiny_bert).state_dict()
    for name, parameter in first.items():
        assert torch.equal(parameter, second[name]), name
    assert any(not torch.equal(first[name].cpu(), before[name]) for name in first if name.startswith("encoder.encoder"))


def test_a_separable_graph_is_learned(tiny_bert: str, tmp_path: Path):
    # (a letter, before, a digit) is true, and nothing else
    texts = Texts(entities=(*"abcdef", *"123456"), relations=("x",))
    letters, digits = np.meshgrid(np.arange(6), np.arange(6, 12))
    triples = np.stack([letters.ravel(), np.zeros(36, dtype=np.int64), digits.ravel()], axis=1)
    graph = Graph.from_triples(triples[np.arange(36) % 3 != 0], 12, 1)
    settings = FineTuningSettings(epochs=60, batch_size=16, learning_rate=3e-3, negatives="uniform", max_length=8)
    letters_only = graph.triples - [0, 0, 6]
    result = fine_tune(
        tiny_bert, graph, texts, settings, tmp_path, validation=graph.triples, validation_negatives=letters_only
    )
    assert result.metrics["accuracy"] > 0.95
    assert result.metrics["majority_accuracy"] == pytest.approx(0.5)
    assert (result.num_training_triples, result.num_validation_triples) == (24, 48)


def test_examples_are_new_in_every_epoch(small_graph: Graph, tokenizer: TripleTokenizer):
    settings = FineTuningSettings(corruptions={"h": 2, "relation": 1, "t": 1})
    examples = _Examples(RandomCorruptor(small_graph, 0.5), small_graph.triples, tokenizer, settings, num_others=0)
    positives = sorted(tokenizer.encode(triple) for triple in small_graph.triples)
    drawn = []
    for epoch in (0, 1, 0):
        examples.set_epoch(epoch)
        rows = list(examples)
        assert sorted(row["input_ids"] for row in rows if row["labels"] == 1) == positives
        negatives = [row["input_ids"] for row in rows if row["labels"] == 0]
        assert not any(negative in positives for negative in negatives)
        assert len(negatives) == pytest.approx(4 * len(positives), abs=4)
        drawn.append(negatives)
    assert drawn[0] == drawn[2]
    assert drawn[0] != drawn[1]


def test_trainer_announces_the_epochs(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    epochs = []
    original = _Examples.set_epoch
    monkeypatch.setattr(_Examples, "set_epoch", lambda self, epoch: (epochs.append(epoch), original(self, epoch)))
    settings = FineTuningSettings(epochs=3, batch_size=8, max_length=24, validation_share=0.3)
    fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    assert sorted(set(epochs)) == [0, 1, 2]


def test_split_and_budget(nations):
    graph = Graph.from_factory(nations)
    settings = FineTuningSettings(max_training_triples=100, validation_share=0.2)
    training, held_out = split_training(graph, settings, hold_out=True)
    assert (len(training), len(held_out)) == (80, 20)
    assert not set(map(tuple, training.tolist())) & set(map(tuple, held_out.tolist()))
    everything, nothing = split_training(graph, FineTuningSettings(max_training_triples=None), hold_out=False)
    assert np.array_equal(everything, graph.triples)
    assert len(nothing) == 0


def test_validation_examples_are_in_slot_corruptions(nations):
    graph = Graph.from_factory(nations)
    examples = validation_examples(graph, FineTuningSettings(), graph.triples[:200])
    assert examples.labels.sum() == 200
    known = set(map(tuple, graph.triples.tolist()))
    for head, relation, tail in examples.triples[~examples.labels]:
        assert (head, relation, tail) not in known
        assert head in graph.slot(relation, 0)
        assert tail in graph.slot(relation, 2)


def test_no_validation_example_reads_like_a_known_triple(nations):
    graph = Graph.from_factory(nations)
    # every entity is written in two ways, of which the graph knows one
    twins = Graph.from_triples(graph.triples, 2 * graph.num_entities, graph.num_relations)
    names = [f"entity {i}" for i in range(graph.num_entities)]
    texts = Texts((*names, *map(str.upper, names)), tuple(f"relation {i}" for i in range(graph.num_relations)))
    known = {(h % len(names), r, t % len(names)) for h, r, t in graph.triples.tolist()}
    positives = twins.triples[:50] + np.array([len(names), 0, 0])
    examples = validation_examples(twins, FineTuningSettings(), positives, texts=texts)
    negatives = examples.triples[~examples.labels]
    assert len(negatives) > 50
    assert not known & {(h % len(names), r, t % len(names)) for h, r, t in negatives.tolist()}


def test_phrases_of_a_source_come_after_held_out_entities(tiny_bert: str, small_graph: Graph, small_texts: Texts):
    settings = FineTuningSettings(negatives="negation", max_length=30)
    source = settings.make_source().prepare(small_graph, small_texts, 1, np.random.default_rng(0))
    entities = (*small_texts.entities, "zebra", "zebu", *source.extra_texts)
    texts = Texts(entities, small_texts.relations)
    tokenizer = TripleTokenizer(AutoTokenizer.from_pretrained(tiny_bert), texts, settings.max_length)
    examples = _Examples(source, small_graph.triples, tokenizer, settings, num_others=2).examples
    for head, _, tail in examples.triples[~examples.labels]:
        assert texts.entities[head].startswith("not ") != texts.entities[tail].startswith("not ")


def test_labelled_triples():
    combined = LabelledTriples.combine(np.zeros((2, 3), dtype=int), np.ones((1, 3), dtype=int))
    assert combined.labels.tolist() == [True, True, False]


@pytest.mark.parametrize("negatives", ["negation", "sans", "pykeen"])
def test_fine_tuning_on_other_negatives(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, negatives: str
):
    settings = FineTuningSettings(
        epochs=1, max_length=24, negatives=negatives, corruptions={"head": 1, "relation": 1, "tail": 1}
    )
    result = fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    assert result.num_training_triples == 10
    assert load_classifier(tmp_path).config.max_triple_length == 24


def test_phrases_that_are_no_entities_are_read(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def train(make_trainer, *args, **kwargs):
        """Note the negatives instead of training on them."""
        trainer = make_trainer()
        rows = [row for row in trainer.train_dataset if row["labels"] == 0]
        seen.extend(trainer.processing_class.decode(row["input_ids"]) for row in rows)
        return trainer

    monkeypatch.setattr("pykeen_negater.fine_tuning.trainer.train_resumably", train)
    settings = FineTuningSettings(negatives="negation", corruptions={"head": 1}, max_length=24)
    fine_tune(tiny_bert, small_graph, small_texts, settings, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    start = tokenizer.decode(tokenizer("not", add_special_tokens=False)["input_ids"])
    assert len(seen) == 10
    assert all(text.startswith(f"[CLS] {start} ") for text in seen)


def test_one_triple_is_too_few(tiny_bert: str, tmp_path: Path):
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 2, 1)
    with pytest.raises(ValueError, match="found one training triple, expected at least two"):
        fine_tune(tiny_bert, graph, Texts(("a", "b"), ("c",)), FineTuningSettings(), tmp_path)


class RankerCase:
    """What every ranker promises."""

    cls: type[Ranker]

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker."""
        return self.cls()

    def test_resolver_knows_it(self):
        assert ranker_resolver.lookup(ranker_resolver.normalize_cls(self.cls)) is self.cls

    def test_every_candidate_is_ranked_the_same_again(
        self, fine_tuned: Path, candidates: Candidates, context: RankingContext
    ):
        ranker = self.make(fine_tuned)
        ranking = ranker.rank(candidates, context)
        assert ranking.scores.shape == ranking.accepted.shape == (len(candidates),)
        assert ranking.accepted.dtype == bool
        assert np.isfinite(ranking.scores).all()
        again = self.make(fine_tuned).rank(candidates, context)
        assert np.array_equal(ranking.scores, again.scores)
        assert np.array_equal(ranking.accepted, again.accepted)

    def test_identity_can_be_stored(self, fine_tuned: Path):
        identity = self.make(fine_tuned).identify()
        assert json.loads(json.dumps(identity)) == self.make(fine_tuned).identify()


class TestSimilarityRanker(RankerCase):
    """The nearest are the hardest."""

    cls = SimilarityRanker

    def test_order_is_that_of_the_distances(self, candidates: Candidates, context: RankingContext):
        ranking = SimilarityRanker().rank(candidates, context)
        hardest_first = np.argsort(-ranking.scores, kind="stable")
        assert np.array_equal(hardest_first, np.argsort(candidates.distances, kind="stable"))
        assert ranking.accepted.all()


class TestProbeRanker(RankerCase):
    """What the vectors say, and what the graph says, about a triple as an answer to both of its queries."""

    cls = ProbeRanker

    def test_scores_are_those_of_both_models(self, candidates: Candidates, context: RankingContext):
        ranking = ProbeRanker().rank(candidates, context)
        for i in range(len(candidates)):
            triple = context.graph.triples[candidates.positives[i]].copy()
            triple[candidates.sides[i]] = candidates.replacements[i]
            probe, factorization = (
                sum(model.score_triples(triple[None], side)[0] for side in (0, 2)) / 2
                for model in (context.probe, context.factorization)
            )
            assert ranking.scores[i] == pytest.approx(probe + FACTORIZATION_WEIGHT * factorization, abs=1e-4)
        assert np.std(ranking.scores) > 0
        assert ranking.accepted.all()


class TestKGERanker(RankerCase):
    """A PyKEEN model says how plausible a triple is, see test_kge_ranker."""

    cls = KGERanker

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker that trains in a moment."""
        return KGERanker(model="TransE", epochs=1)


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


class TestThresholdsRanker(RankerCase):
    """Only what is below the threshold is a negative."""

    cls = ThresholdsRanker

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker with a fine-tuned model."""
        return ThresholdsRanker(model=str(fine_tuned))

    @pytest.mark.parametrize("recall", [None, 0.5, 0.95])
    def test_threshold_rule(
        self,
        fine_tuned: Path,
        candidates: Candidates,
        context: RankingContext,
        tokenizer: TripleTokenizer,
        recall: float | None,
    ):
        ranking = ThresholdsRanker(model=str(fine_tuned), recall=recall).rank(candidates, context)
        loaded = Thresholds.load(fine_tuned, context.graph.num_relations)
        thresholds = loaded.by_relation if recall is None else loaded.reached_by(recall)
        model = load_classifier(fine_tuned)
        for i in range(len(candidates)):
            triple = context.graph.triples[candidates.positives[i]].copy()
            triple[candidates.sides[i]] = candidates.replacements[i]
            score = score_triples(model, tokenizer, triple[None])[0]
            assert ranking.scores[i] == pytest.approx(score, abs=1e-5)
            assert ranking.accepted[i] == (ranking.scores[i] < thresholds[triple[1]])

    def test_fine_tunes_and_scores_once(self, tiny_bert: str, candidates: Candidates, context: RankingContext):
        settings = {"epochs": 1, "max_length": 24, "validation_share": 0.3}
        ThresholdsRanker(language_model=tiny_bert, fine_tuning=settings).rank(candidates, context)
        assert set(context.measured.durations) == {"fine-tune", "score"}
        assert context.measured.statistics["fine_tuning"]["num_training_triples"] == 8
        before = {path: path.stat().st_mtime_ns for path in context.cache.root.rglob("*") if path.suffix != ".lock"}
        context.measured.durations.clear()
        ThresholdsRanker(language_model=tiny_bert, fine_tuning=settings).rank(candidates, context)
        assert "fine-tune" not in context.measured.durations
        after = {path: path.stat().st_mtime_ns for path in context.cache.root.rglob("*") if path.suffix != ".lock"}
        assert before == after

    def test_a_model_of_another_graph(self, fine_tuned: Path, nations, tmp_path: Path):
        graph = Graph.from_factory(nations)
        texts = Texts(graph.entity_labels, graph.relation_labels)
        candidates = Candidates(graph, *(np.zeros(1, dtype=int) for _ in range(4)))
        with pytest.raises(ValueError, match="found no threshold for 55 of the graph"):
            self.make(fine_tuned).rank(candidates, RankingContext(graph, texts, Cache(tmp_path), np.zeros((14, 2))))

    def test_nan_is_an_error(
        self, fine_tuned: Path, candidates: Candidates, context: RankingContext, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(
            "pykeen_negater.fine_tuning.classifier.score_triples", lambda *args, **kwargs: np.full(len(args[2]), np.nan)
        )
        with pytest.raises(ValueError, match="scores that are not finite"):
            self.make(fine_tuned).rank(candidates, context)

    def test_bad_parameters(self, fine_tuned: Path, tmp_path: Path):
        with pytest.raises(ValueError, match="found both a fine-tuned model and how to fine-tune one"):
            ThresholdsRanker(model=str(fine_tuned), fine_tuning={"epochs": 1})
        with pytest.raises(ValueError, match=r"found recall=1\.0, expected a share between 0 and 1"):
            ThresholdsRanker(recall=1.0)
        with pytest.raises(FileNotFoundError, match="expected a fine-tuned model"):
            ThresholdsRanker(model=str(tmp_path / "nowhere"))
        with pytest.raises(ValueError, match=r"found the fine-tuning setting\(s\) epoch, expected some of: pooling"):
            _ = ThresholdsRanker(fine_tuning={"epoch": 1}).settings
        with pytest.raises(ValueError, match="found negatives='magic', expected one of antonyms"):
            ThresholdsRanker(fine_tuning={"negatives": "magic"})
        with pytest.raises(FileNotFoundError, match="expected negatives: head TAB relation TAB tail"):
            ThresholdsRanker(
                fine_tuning={"negatives": "precomputed", "negatives_kwargs": {"path": str(tmp_path / "nowhere.tsv")}}
            )


class TestFullGradientsRanker(RankerCase):
    """The more a model would have to change to believe a candidate, the harder the candidate."""

    cls = FullGradientsRanker

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker with a fine-tuned model."""
        return FullGradientsRanker(model=str(fine_tuned))

    @pytest.mark.parametrize("norm", ["sum", "whole"])
    def test_scores_are_gradient_norms(
        self, fine_tuned: Path, candidates: Candidates, context: RankingContext, tokenizer: TripleTokenizer, norm: str
    ):
        ranking = FullGradientsRanker(model=str(fine_tuned), norm=norm).rank(candidates, context)
        model = load_classifier(fine_tuned).eval()
        for i in range(len(candidates)):
            triple = context.graph.triples[candidates.positives[i]].copy()
            triple[candidates.sides[i]] = candidates.replacements[i]
            model.zero_grad()
            model(**tokenizer.pad([tokenizer.encode(triple)]), labels=torch.ones(1)).loss.backward()
            norms = torch.stack([x.grad.norm() for x in model.parameters() if x.grad is not None])
            expected = norms.sum() if norm == "sum" else norms.norm()
            assert ranking.scores[i] == pytest.approx(float(expected), rel=1e-4)
        assert np.std(ranking.scores) > 0
        assert ranking.accepted.all()

    def test_scores_are_kept_apart(self, fine_tuned: Path, candidates: Candidates, context: RankingContext):
        rankers = [
            FullGradientsRanker(model=str(fine_tuned)),
            FullGradientsRanker(model=str(fine_tuned), norm="whole"),
            ThresholdsRanker(model=str(fine_tuned)),
        ]
        first, second, third = (ranker.rank(candidates, context).scores for ranker in rankers)
        assert not np.array_equal(first, second)
        assert not np.array_equal(first, third)

    def test_bad_norm(self, fine_tuned: Path):
        with pytest.raises(ValueError, match="found norm='max', expected one of sum, whole"):
            FullGradientsRanker(model=str(fine_tuned), norm="max")


class TestProxyGradientsRanker(RankerCase):
    """Most gradients are guessed from those that are computed."""

    cls = ProxyGradientsRanker

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker that computes ten of the gradients."""
        return ProxyGradientsRanker(model=str(fine_tuned), num_exact=10, epochs=3)

    def test_some_are_exact_and_the_others_guessed(
        self, fine_tuned: Path, candidates: Candidates, context: RankingContext
    ):
        guessed = self.make(fine_tuned).rank(candidates, context).scores
        report = dict(context.measured.statistics["proxy"])
        exact = FullGradientsRanker(model=str(fine_tuned)).rank(candidates, context).scores
        unique = np.unique(candidates.unique_positions, return_index=True)[1]
        assert np.sum(np.isclose(guessed[unique], exact[unique], rtol=1e-4)) == 10 < len(unique)
        assert report["held_out"] == 1
        # the report is kept with the scores
        context.measured.statistics.clear()
        self.make(fine_tuned).rank(candidates, context)
        assert context.measured.statistics["proxy"] == report

    def test_few_candidates_are_all_computed(self, fine_tuned: Path, candidates: Candidates, context: RankingContext):
        ranker = ProxyGradientsRanker(model=str(fine_tuned))
        exact = FullGradientsRanker(model=str(fine_tuned)).rank(candidates, context).scores
        np.testing.assert_array_equal(ranker.rank(candidates, context).scores, exact)
        assert "proxy" not in context.measured.statistics

    def test_by_default_most_are_guessed_which_pays(
        self, fine_tuned: Path, small_graph: Graph, small_texts: Texts, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("pykeen_negater.rankers.fine_tuned.measure_throughput", lambda *args: 300.0)
        budget = MiningSettings().max_candidates
        proxy, exact = (cls(model=str(fine_tuned)) for cls in (ProxyGradientsRanker, FullGradientsRanker))
        assert proxy.num_exact < budget / 2
        quick, slow = (x.estimate(small_graph, small_texts, budget).values() for x in (proxy, exact))
        assert sum(quick) < sum(slow)

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"num_exact": 9}, "found num_exact=9, expected at least 10"),
            ({"hidden": 0}, "found hidden=0, expected at least 1"),
            ({"dropout": 1.0}, r"found dropout=1\.0"),
            ({"norm": "max"}, "found norm='max'"),
        ],
    )
    def test_bad_parameters(self, fine_tuned: Path, kwargs: dict, message: str):
        with pytest.raises(ValueError, match=message):
            ProxyGradientsRanker(model=str(fine_tuned), **kwargs)


@pytest.mark.parametrize("cls", [ThresholdsRanker, FullGradientsRanker])
def test_precision_of_a_ranker(cls: Any, fine_tuned: Path, candidates: Candidates, context: RankingContext):
    """It decides about the scores, so that those of another precision are neither taken for them nor reused."""
    rankers = [cls(model=str(fine_tuned), precision=precision) for precision in ("fp32", "bf16")]
    assert rankers[0].identify() == cls(model=str(fine_tuned)).identify() != rankers[1].identify()
    exact, scores = (ranker.rank(candidates, context).scores for ranker in rankers)
    assert not np.array_equal(scores, exact)
    assert scores == pytest.approx(exact, rel=0.05, abs=0.05)
    with pytest.raises(ValueError, match="found precision='fp64', expected one of fp32, bf16"):
        cls(model=str(fine_tuned), precision="fp64")


def test_every_ranker_has_a_case():
    assert {case.cls for case in RankerCase.__subclasses__()} == set(ranker_resolver.lookup_dict.values())


EPOCHS, LEARNING_RATE, WARMUP = 40, 1e-2, 4


@pytest.fixture(scope="module")
def model_without_dropout(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a model that trains the same whenever it is trained, with gradients that a limit of 1 would clip."""
    from transformers import AutoTokenizer, BertModel

    folder = tmp_path_factory.mktemp("model")
    model = BertModel.from_pretrained(tiny_bert, attention_probs_dropout_prob=0.0)
    model.encoder.layer[-1].output.LayerNorm.weight.data *= 10
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    return str(folder)


def plain_loop(name: str, graph: Graph, texts: Texts, max_grad_norm: float | None) -> dict[str, Tensor]:
    """Train on all examples at once, as often as there are epochs."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name)
    torch.manual_seed(0)
    model = TripleClassifier.from_language_model(name, "mean", 32).train()
    exempt = ("bias", "LayerNorm.weight")
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in model.named_parameters() if not n.endswith(exempt)], "weight_decay": 0.01},
            {"params": [p for n, p in model.named_parameters() if n.endswith(exempt)], "weight_decay": 0.0},
        ]
    )
    corruptor = RandomCorruptor(graph, in_slot_share=0.5)
    size = None
    for step in range(EPOCHS):
        negatives = corruptor.draw(graph.triples, {"head": 1, "tail": 1}, step, np.random.default_rng([0, step]))
        triples = np.concatenate([graph.triples, negatives])
        # all epochs are as long as the first one
        size = size or len(triples)
        triples = triples[np.arange(size) % len(triples)]
        rows = [[texts.entities[h], texts.relations[r], texts.entities[t]] for h, r, t in triples]
        ids = [
            [tokenizer.cls_token_id]
            + [
                i
                for part in row
                for i in [*tokenizer(part, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]
            ]
            for row in rows
        ]
        width = max(map(len, ids))
        inputs = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
        labels = (torch.arange(size) % (len(graph) + len(negatives)) < len(graph)).float()
        logits = model(input_ids=inputs, attention_mask=mask).logits
        torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()
        if max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
        share = step / WARMUP if step < WARMUP else (EPOCHS - step) / (EPOCHS - WARMUP)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * share
        optimizer.step()
        optimizer.zero_grad()
    return model.state_dict()


def difference(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    """Measure how far apart parameters are, relative to them."""
    flat = [torch.cat([parameters[name].flatten() for name in sorted(first)]) for parameters in (first, second)]
    return float((flat[0] - flat[1]).norm() / flat[1].norm())


@pytest.mark.parametrize("max_grad_norm", [None, 0.1])
def test_parameters_are_those_of_a_plain_loop(
    model_without_dropout: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, max_grad_norm: float | None
):
    settings = FineTuningSettings(
        epochs=EPOCHS,
        batch_size=1_000,
        learning_rate=LEARNING_RATE,
        warmup=WARMUP,
        max_grad_norm=max_grad_norm,
    )
    fine_tune(
        model_without_dropout,
        small_graph,
        small_texts,
        settings,
        tmp_path,
        validation=small_graph.triples,
        keep_epochs=True,
    )
    found = load_classifier(tmp_path / f"epoch-{EPOCHS}").state_dict()
    expected = plain_loop(model_without_dropout, small_graph, small_texts, max_grad_norm)
    assert difference(found, expected) < 1e-3
    other = plain_loop(model_without_dropout, small_graph, small_texts, 1.0 if max_grad_norm is None else None)
    assert difference(found, other) > 1e-3
