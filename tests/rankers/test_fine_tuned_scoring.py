"""What a fine-tuned model says of triples is kept by all that it depends on."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.fine_tuning.classifier import TripleClassifier, load_classifier, score_triples
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.fine_tuned_scoring import FineTunedScoring
from pykeen_negater.rankers.measurements import Measurements
from pykeen_negater.texts.loading import Texts


def compute(model: TripleClassifier, tokenizer: TripleTokenizer, triples: np.ndarray) -> np.ndarray:
    """Compute logits."""
    return score_triples(model, tokenizer, triples)


def test_scores_are_those_of_single_triples(fine_tuned: Path, context: RankingContext, tokenizer: TripleTokenizer):
    triples = context.graph.triples
    scores, measured = FineTunedScoring(fine_tuned, "fp32", context).score("logit", compute, triples)
    model = load_classifier(fine_tuned)
    expected = [score_triples(model, tokenizer, triple[None])[0] for triple in triples]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores.dtype == np.float32
    assert measured == Measurements()


def test_the_longest_come_first(fine_tuned: Path, context: RankingContext, tokenizer: TripleTokenizer):
    seen: list[np.ndarray] = []

    def note(model: TripleClassifier, given: TripleTokenizer, triples: np.ndarray) -> np.ndarray:
        """Note the order, and score by it."""
        seen.append(given.lengths(triples))
        return np.arange(len(triples), dtype=np.float32)

    triples = context.graph.triples
    scores, _ = FineTunedScoring(fine_tuned, "fp32", context).score("place", note, triples)
    (lengths,) = seen
    assert lengths.tolist() == sorted(lengths.tolist(), reverse=True)
    assert len(set(lengths.tolist())) > 1
    # each triple has the score of its place
    np.testing.assert_array_equal(tokenizer.lengths(triples), lengths[scores.astype(int)])


def test_only_what_changes_is_computed_again(fine_tuned: Path, context: RankingContext, tmp_path: Path):
    count: list[int] = []

    def note(model: TripleClassifier, tokenizer: TripleTokenizer, triples: np.ndarray) -> np.ndarray:
        """Count, and give zeros."""
        count.append(len(triples))
        return np.zeros(len(triples), dtype=np.float32)

    triples, scoring = context.graph.triples, FineTunedScoring(fine_tuned, "fp32", context)
    copied = Path(shutil.copytree(fine_tuned, tmp_path / "copied"))
    texts = context.required_texts
    others = Texts(("another", *texts.entities[1:]), texts.relations)
    for expected, one, what, some in (
        (1, scoring, "zero", triples),
        (1, scoring, "zero", triples.copy()),
        # the same model in another place
        (1, replace(scoring, model=copied), "zero", triples),
        (2, scoring, "nought", triples),
        (3, scoring, "zero", triples[1:]),
        (4, replace(scoring, precision="bf16"), "zero", triples),
        (5, replace(scoring, context=replace(context, texts=others)), "zero", triples),
    ):
        one.score(what, note, some)
        assert len(count) == expected


def test_texts_are_required(fine_tuned: Path, context: RankingContext):
    scoring = FineTunedScoring(fine_tuned, "fp32", replace(context, texts=None))
    with pytest.raises(ValueError, match="found a graph without texts"):
        scoring.score("logit", compute, context.graph.triples)


def test_halved_batches_are_noted(fine_tuned: Path, context: RankingContext):
    def halve(model: TripleClassifier, tokenizer: TripleTokenizer, triples: np.ndarray) -> np.ndarray:
        """Say that memory did not suffice."""
        model.halver.count += 3
        return np.zeros(len(triples), dtype=np.float32)

    for _ in range(2):
        # also where the scores come from the cache
        _, measured = FineTunedScoring(fine_tuned, "fp32", context).score("zero", halve, context.graph.triples)
        assert measured == Measurements(counts={"batches_halved": 3})
