"""Computes scores and vectors of triples with a fine-tuned language model, and caches them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..fine_tuning.settings import Precision
from ..runtime.progress import Step
from ..storage.cache import array_digest, fingerprint
from ..texts.language_models import identify_language_model
from ..texts.loading import texts_digest
from .context import RankingContext
from .measurements import Measurements, halved_batches
from .resumable_scoring import ResumableScoring, TripleScorer

if TYPE_CHECKING:
    from ..fine_tuning.classifier import TripleClassifier
    from ..fine_tuning.tokenization import TripleTokenizer

__all__ = [
    "FineTunedScoring",
]

#: Computes a number or vector of each triple; shapes: (n, 3) → (n, ...)
Compute: TypeAlias = "Callable[[TripleClassifier, TripleTokenizer, np.ndarray], np.ndarray]"


@dataclass(frozen=True, eq=False)
class FineTunedScoring:
    """Scores triples with a fine-tuned model."""

    #: The folder of the model
    model: Path

    #: The precision of its computations
    precision: Precision

    #: Texts, cache and processes
    context: RankingContext

    def score(self, what: str, compute: Compute, triples: np.ndarray) -> tuple[np.ndarray, Measurements]:
        """Compute a score or vector of triples, or load it from the cache; the processes share the work.

        :param what: the name of what is computed
        :param compute: computes it, in batches of similar length
        :param triples: shape: (n, 3)
        :return: a pair (what was computed, of shape (n, ...) and dtype float32, finite; how many batches were halved)
        :raises ValueError: if a number is not finite
        """
        key = fingerprint(
            {
                "what": what,
                "precision": self.precision,
                "model": identify_language_model(str(self.model)),
                "texts": texts_digest(self.context.texts),
                "triples": array_digest(triples),
            }
        )
        values, num_halved = ResumableScoring(
            lambda: _FineTunedScorer(self.model, compute, self.context), triples, self.context
        ).find_or_compute(key)
        return values, halved_batches("batches_halved", num_halved)


class _FineTunedScorer(TripleScorer):
    doing = Step.SCORE

    def __init__(self, model: Path, compute: Compute, context: RankingContext) -> None:
        """Load the model."""
        from ..fine_tuning.classifier import load_with_tokenizer

        self._model, self._compute = model, compute
        self._classifier, self._tokenizer = load_with_tokenizer(model, context.required_texts)

    def __str__(self) -> str:
        return str(self._model)

    # docstr-coverage: inherited
    @property
    def batches_halved(self) -> int:
        return self._classifier.halver.count

    # docstr-coverage: inherited
    def order(self, triples: np.ndarray) -> np.ndarray:
        # the longest first, which need the most memory
        return np.argsort(-self._tokenizer.lengths(triples), kind="stable")

    # docstr-coverage: inherited
    def compute(self, triples: np.ndarray) -> np.ndarray:
        return self._compute(self._classifier, self._tokenizer, triples)
