"""Rankers that read texts with a fine-tuned language model."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np

from ..fine_tuning.cached_classifier import REPORT, CachedClassifier
from ..fine_tuning.settings import FineTuningSettings, Precision
from ..fine_tuning.thresholds import Thresholds
from ..fine_tuning.throughput import measure_throughput
from ..runtime.processes import main_process_first
from ..runtime.progress import Step
from ..storage.cache import timed
from ..texts.language_models import identify_language_model, require_language_model
from ..texts.loading import Texts
from ..triples.graphs import Graph
from ..triples.indexing import RELATION
from ..utils.spelling import check_choice, check_known
from .base import BudgetedRanker, Scores
from .context import RankingContext
from .fine_tuned_scoring import FineTunedScoring
from .measurements import Measurements
from .threshold_acceptance import accept_below_thresholds, check_recall

if TYPE_CHECKING:
    from ..fine_tuning.classifier import TripleClassifier
    from ..fine_tuning.tokenization import TripleTokenizer

__all__ = [
    "FineTunedRanker",
    "ThresholdsRanker",
]


class FineTunedRanker(BudgetedRanker):
    """Computes scores with a language model that it fine-tunes to tell triples from corruptions, or that is given."""

    needs_texts = True

    #: The time to score a triple, in multiples of that of a forward pass
    cost: ClassVar[float] = 1.0

    def __init__(
        self,
        *,
        model: str | None = None,
        language_model: str | None = None,
        fine_tuning: Mapping[str, Any] | None = None,
        max_training_triples: int | None = 2_000,
        seed: int = 0,
        precision: Precision = "fp32",
    ) -> None:
        """Choose the model.

        :param model: the folder of a fine-tuned model (see ``negater fine-tune``). If None, one is fine-tuned.
        :param language_model: the model to fine-tune, a folder or a name on the Hugging Face hub; by default the
            embedded MiniLM
        :param fine_tuning: further settings, see :class:`pykeen_negater.fine_tuning.settings.FineTuningSettings`
        :param max_training_triples: > 0, the most triples to fine-tune on; None for all
        :param seed: the seed of fine-tuning
        :param precision: the precision of scoring: ``fp32``, or ``bf16``, which is faster on GPUs and on CPUs with
            AMX tiles, and changes the order of candidates a little
        :raises FileNotFoundError: if there is no such fine-tuned model, the default language model is not available, or
            a file of the negatives is missing
        :raises ValueError: if both a fine-tuned model and a model to fine-tune are given, or there is no such setting
            or precision
        """
        if model is not None and (language_model is not None or fine_tuning):
            raise ValueError("found both a fine-tuned model and how to fine-tune one, expected one of them.")
        if model is not None and not Path(model).is_dir():
            raise FileNotFoundError(f"found no folder {model}, expected a fine-tuned model. Run: negater fine-tune")
        check_choice("precision", precision, get_args(Precision))
        self.precision: Precision = precision
        self.model = model
        self.language_model: str = require_language_model(language_model) if model is None else model
        check_known("fine-tuning setting", fine_tuning or {}, FineTuningSettings.__dataclass_fields__)
        budget = {"max_training_triples": max_training_triples, "seed": seed}
        #: The settings of fine-tuning
        self.settings = FineTuningSettings(**{**budget, **(fine_tuning or {})})

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        if self.model is not None:
            return {"precision": self.precision, "model": identify_language_model(self.model)}
        return {
            "precision": self.precision,
            "language_model": identify_language_model(self.language_model),
            "fine_tuning": self.settings.identify(),
        }

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> dict[str, float]:  # noqa: D102
        speed = self._throughput(graph, texts, training=False)
        steps: dict[str, float] = {Step.SCORE: self.cost * num_candidates / speed}
        if self.model is None:
            num_examples = self.settings.num_examples(len(graph))
            steps[Step.FINE_TUNE] = num_examples / self._throughput(graph, texts, training=True)
        return steps

    def _throughput(self, graph: Graph, texts: Texts | None, training: bool) -> float:
        length = 8 if texts is None else min(self.settings.max_length, texts.estimate_length(graph.triples))
        return measure_throughput(self.language_model, length, training)

    @abstractmethod
    def compute(self, model: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray) -> np.ndarray:
        """Compute the scores of triples.

        :param model: the fine-tuned model
        :param tokenizer: its tokenizer, for the texts of the graph
        :param triples: shape: (n, 3)
        :return: shape: (n,), dtype: float32
        """

    def _fine_tuned(self, context: RankingContext) -> tuple[Path, Measurements]:
        """Get the given model, load one from the cache, or fine-tune it."""
        return context.once_measured((self, "fine-tuned"), lambda: self._find_fine_tuned(context))

    def _find_fine_tuned(self, context: RankingContext) -> tuple[Path, Measurements]:
        if self.model is not None:
            return Path(self.model), Measurements()
        run = CachedClassifier(
            self.language_model,
            context.graph,
            context.required_texts,
            self.settings,
            context.validation,
            context.validation_negatives,
        )
        durations: dict[str, float] = {}
        with main_process_first(context.processes):
            path, _ = run.find_or_train(context.cache, durations)
        report = json.loads(path.joinpath(REPORT).read_text(encoding="utf-8"))
        return path, Measurements(durations, statistics={"fine_tuning": report})

    def _scores(self, model: Path, triples: np.ndarray, context: RankingContext) -> tuple[np.ndarray, Measurements]:
        """Compute the scores of triples, or load them from the cache.

        :param model: the folder of the fine-tuned model
        :param triples: shape: (n, 3)
        :param context: texts and cache
        :return: a pair (the scores, of shape (n,) and dtype float32, finite; what was measured)
        :raises ValueError: if a score is not finite
        """
        durations: dict[str, float] = {}
        with timed("score", durations):
            scores, measured = self._scoring(model, context).score(self._what(), self.compute, triples)
        return scores, measured + Measurements(durations, statistics={"scored": len(triples)})

    def _scoring(self, model: Path, context: RankingContext) -> FineTunedScoring:
        return FineTunedScoring(model, self.precision, context)

    def _what(self) -> str:
        """Name the score, so that the cache keeps those of different rankers apart."""
        return "logit"


class ThresholdsRanker(FineTunedRanker):
    """Scores candidates with a fine-tuned language model and accepts those below a threshold: NegatER-θ_r.

    A candidate whose score reaches the threshold of its relation is taken for true, and rejected. Of the others,
    the highest scores are the hardest [safavi2021]_. NegatER's threshold is the one that classifies best, so that as
    many true triples may lie below it as false ones above; in a dense graph, a quarter of those it accepts are true. By
    default, the threshold is therefore the level that nearly all true validation triples reach.
    """

    has_thresholds = True

    def __init__(self, *, recall: float | None = 0.95, **kwargs: Any) -> None:
        """Choose the model.

        :param recall: in (0, 1), the share of the true validation triples that are at or above the threshold of their
            relation; None for the threshold that classifies best, as in NegatER
        :param kwargs: the parameters of :class:`FineTunedRanker`
        :raises ValueError: if the recall is out of range
        """
        super().__init__(**kwargs)
        self.recall = check_recall(recall)

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"recall": self.recall, **super().identify()}

    # docstr-coverage: inherited
    def compute(  # noqa: D102
        self, model: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray
    ) -> np.ndarray:
        from ..fine_tuning.classifier import score_triples

        return score_triples(model, tokenizer, triples, precision=self.precision)

    # docstr-coverage: inherited
    def score_triples(self, triples: np.ndarray, context: RankingContext) -> Scores:  # noqa: D102
        graph = context.graph
        model, measured = self._fine_tuned(context)
        thresholds = Thresholds.load(model, graph.num_relations, graph.relation_names)
        values, measured_then = self._scores(model, triples, context)
        scores = accept_below_thresholds(values, triples[:, RELATION], thresholds, self.recall)
        return replace(scores, measured=measured + measured_then + scores.measured)
