"""Rankers that read texts with a fine-tuned language model; weights don't matter here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.fine_tuning.classifier import load_classifier, score_triples
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.rankers.base import Ranker
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.fine_tuned import ThresholdsRanker
from pykeen_negater.rankers.gradients import FullGradientsRanker
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from .cases import RankerCase


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
        scores = ThresholdsRanker(model=str(fine_tuned), recall=recall).score(candidates, context)
        loaded = Thresholds.load(fine_tuned, context.graph.num_relations)
        thresholds = loaded.by_relation if recall is None else loaded.reached_by(recall)
        model = load_classifier(fine_tuned)
        for i in range(len(candidates)):
            triple = context.graph.triples[candidates.positives[i]].copy()
            triple[candidates.sides[i]] = candidates.replacements[i]
            score = score_triples(model, tokenizer, triple[None])[0]
            assert scores.values[i] == pytest.approx(score, abs=1e-5)
            assert scores.accepted[i] == (scores.values[i] < thresholds[triple[1]])

    def test_fine_tunes_and_scores_once(self, tiny_bert: str, candidates: Candidates, context: RankingContext):
        settings = {"epochs": 1, "max_length": 24, "validation_share": 0.3}
        scores = ThresholdsRanker(language_model=tiny_bert, fine_tuning=settings).score(candidates, context)
        assert set(scores.measured.durations) == {"fine-tune", "score"}
        assert scores.measured.statistics["fine_tuning"]["num_training_triples"] == 8
        before = {path: path.stat().st_mtime_ns for path in context.cache.root.rglob("*") if path.suffix != ".lock"}
        again = ThresholdsRanker(language_model=tiny_bert, fine_tuning=settings).score(candidates, context)
        assert set(again.measured.durations) == {"score"}
        assert again.measured.statistics == scores.measured.statistics
        after = {path: path.stat().st_mtime_ns for path in context.cache.root.rglob("*") if path.suffix != ".lock"}
        assert before == after

    def test_a_model_of_another_graph(self, fine_tuned: Path, nations, tmp_path: Path):
        graph = Graph.from_factory(nations)
        texts = Texts(graph.entity_labels, graph.relation_labels)
        candidates = Candidates(graph, *(np.zeros(1, dtype=int) for _ in range(4)))
        with pytest.raises(ValueError, match="found no threshold for 55 of the graph"):
            self.make(fine_tuned).score(candidates, RankingContext(graph, texts, Cache(tmp_path), np.zeros((14, 2))))

    def test_nan_is_an_error(
        self, fine_tuned: Path, candidates: Candidates, context: RankingContext, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(
            "pykeen_negater.fine_tuning.classifier.score_triples", lambda *args, **kwargs: np.full(len(args[2]), np.nan)
        )
        with pytest.raises(ValueError, match="scores that are not finite"):
            self.make(fine_tuned).score(candidates, context)

    def test_bad_parameters(self, fine_tuned: Path, tmp_path: Path):
        with pytest.raises(ValueError, match="found both a fine-tuned model and how to fine-tune one"):
            ThresholdsRanker(model=str(fine_tuned), fine_tuning={"epochs": 1})
        with pytest.raises(ValueError, match=r"found recall=1\.0, expected a share between 0 and 1"):
            ThresholdsRanker(recall=1.0)
        with pytest.raises(FileNotFoundError, match="expected a fine-tuned model"):
            ThresholdsRanker(model=str(tmp_path / "nowhere"))
        with pytest.raises(ValueError, match=r"found the fine-tuning setting\(s\) 'epoch', .* Did you mean epochs\?"):
            _ = ThresholdsRanker(fine_tuning={"epoch": 1}).settings
        with pytest.raises(ValueError, match="found negatives='magic', expected one of antonyms"):
            ThresholdsRanker(fine_tuning={"negatives": "magic"})
        with pytest.raises(FileNotFoundError, match="expected negatives: head TAB relation TAB tail"):
            ThresholdsRanker(
                fine_tuning={"negatives": "precomputed", "negatives_kwargs": {"path": str(tmp_path / "nowhere.tsv")}}
            )


@pytest.mark.parametrize("cls", [ThresholdsRanker, FullGradientsRanker])
def test_precision_of_a_ranker(cls: Any, fine_tuned: Path, candidates: Candidates, context: RankingContext):
    """It decides about the scores, so that those of another precision are neither taken for them nor reused."""
    rankers = [cls(model=str(fine_tuned), precision=precision) for precision in ("fp32", "bf16")]
    assert rankers[0].identify() == cls(model=str(fine_tuned)).identify() != rankers[1].identify()
    exact, scores = (ranker.score(candidates, context).values for ranker in rankers)
    assert not np.array_equal(scores, exact)
    assert scores == pytest.approx(exact, rel=0.05, abs=0.05)
    with pytest.raises(ValueError, match="found precision='fp64', expected one of fp32, bf16"):
        cls(model=str(fine_tuned), precision="fp64")
