"""Rankers by gradients, against autograd, one triple at a time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.fine_tuning.classifier import load_classifier
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.rankers.base import Ranker
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.fine_tuned import ThresholdsRanker
from pykeen_negater.rankers.gradients import FullGradientsRanker, ProxyGradientsRanker
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from .cases import RankerCase


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
        scores = FullGradientsRanker(model=str(fine_tuned), norm=norm).score(candidates, context)
        model = load_classifier(fine_tuned).eval()
        for i in range(len(candidates)):
            triple = context.graph.triples[candidates.positives[i]].copy()
            triple[candidates.sides[i]] = candidates.replacements[i]
            model.zero_grad()
            model(**tokenizer.pad([tokenizer.encode(triple)]), labels=torch.ones(1)).loss.backward()
            norms = torch.stack([x.grad.norm() for x in model.parameters() if x.grad is not None])
            expected = norms.sum() if norm == "sum" else norms.norm()
            assert scores.values[i] == pytest.approx(float(expected), rel=1e-4)
        assert np.std(scores.values) > 0
        assert scores.accepted.all()

    def test_scores_are_kept_apart(self, fine_tuned: Path, candidates: Candidates, context: RankingContext):
        rankers = [
            FullGradientsRanker(model=str(fine_tuned)),
            FullGradientsRanker(model=str(fine_tuned), norm="whole"),
            ThresholdsRanker(model=str(fine_tuned)),
        ]
        first, second, third = (ranker.score(candidates, context).values for ranker in rankers)
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
        scores = self.make(fine_tuned).score(candidates, context)
        guessed, report = scores.values, scores.measured.statistics["proxy"]
        exact = FullGradientsRanker(model=str(fine_tuned)).score(candidates, context).values
        unique = np.unique(candidates.unique_positions, return_index=True)[1]
        assert np.sum(np.isclose(guessed[unique], exact[unique], rtol=1e-4)) == 10 < len(unique)
        assert report["held_out"] == 1
        # the report is kept with the scores
        statistics = self.make(fine_tuned).score(candidates, context).measured.statistics
        assert statistics == {"scored": len(unique), "proxy": report}

    def test_few_candidates_are_all_computed(self, fine_tuned: Path, candidates: Candidates, context: RankingContext):
        ranker = ProxyGradientsRanker(model=str(fine_tuned))
        exact = FullGradientsRanker(model=str(fine_tuned)).score(candidates, context).values
        scores = ranker.score(candidates, context)
        np.testing.assert_array_equal(scores.values, exact)
        assert "proxy" not in scores.measured.statistics

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
