"""Fine-tuned models in the cache, each made only once for the same inputs and settings."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..storage.cache import Cache, fingerprint, timed
from ..texts.language_models import identify_language_model
from ..texts.loading import Texts, texts_digest
from ..triples.graphs import Graph
from ..triples.held_out import digest_held_out
from ..utils.limits import explain_shortage
from .settings import FineTuningSettings

__all__ = [
    "KIND",
    "REPORT",
    "CachedClassifier",
]

#: The kind of fine-tuned models in the cache, and the file beside a model with the results of fine-tuning
KIND, REPORT = "models", "fine_tuning.json"


@dataclass(frozen=True, eq=False)
class CachedClassifier:
    """Everything that a fine-tuned model depends on, see :func:`pykeen_negater.fine_tuning.trainer.fine_tune`."""

    #: The folder of a language model, or its name on the Hugging Face hub
    language_model: str

    #: The training triples
    graph: Graph

    #: Their texts, and those of further entities in validation triples
    texts: Texts

    #: The settings of fine-tuning
    settings: FineTuningSettings

    #: True validation triples; shape: (n, 3). If None, some training triples are held out.
    validation: np.ndarray | None = None

    #: False validation triples; shape: (m, 3). If None, corruptions of the true ones.
    validation_negatives: np.ndarray | None = None

    #: Whether to keep the model of each epoch
    keep_epochs: bool = False

    @cached_property
    def key(self) -> str:
        """The fingerprint of all these."""
        return fingerprint(
            {
                "language_model": identify_language_model(self.language_model),
                "graph": self.graph.fingerprint,
                "texts": texts_digest(self.texts),
                "settings": self.settings.identify(),
                "validation": digest_held_out(self.validation, self.validation_negatives),
                "keep_epochs": self.keep_epochs,
                "thresholds": "published",
            }
        )

    def find_or_train(self, cache: Cache, durations: dict[str, float] | None = None) -> tuple[Path, bool]:
        """Get the model from the cache, or fine-tune it, going on from where an interrupted run has stopped.

        :param cache: where models are kept
        :param durations: the seconds by step, to which those of fine-tuning are added
        :return: a pair (the folder of model, tokenizer, thresholds and :data:`REPORT`, whether it was made now)
        :raises ValueError: if there are too few triples, the source of the negatives does not fit the graph, or
            training diverges
        """

        def build(folder: Path) -> None:
            """Fill a folder of the cache."""
            with timed("fine-tune", {} if durations is None else durations):
                self._train(folder, cache)

        return cache.read_or_build(KIND, self.key, build, self._check, self._checkpoints)

    def borrow_or_train(self, cache: Cache) -> AbstractContextManager[Path]:
        """Get the model from the cache, or fine-tune it as :meth:`find_or_train` does, but without keeping it there.

        :param cache: where models are kept
        :return: a context with the folder of model, tokenizer, thresholds and :data:`REPORT`, to be copied
        """
        return cache.borrow_or_build(
            KIND, self.key, lambda folder: self._train(folder, cache), self._check, self._checkpoints
        )

    @property
    def _checkpoints(self) -> str:
        """The folder in the cache that is no longer needed once the model is there."""
        return f"checkpoints/{self.key}"

    def find_fault(self, folder: Path) -> str | None:
        """Find out whether a model can be loaded, with its tokenizer, thresholds and report.

        :param folder: its folder
        :return: what is wrong; None if nothing is
        """
        try:
            self._check(folder)
        except Exception as error:
            if explain_shortage(error) is not None:
                raise
            return f"{type(error).__name__}: {error}"
        return None

    def _check(self, folder: Path) -> Path:
        """Check that a model can be loaded, with its tokenizer, thresholds and report."""
        from .classifier import load_with_tokenizer
        from .thresholds import Thresholds

        load_with_tokenizer(folder, self.texts)
        Thresholds.load(folder, self.graph.num_relations, self.graph.relation_names)
        json.loads(folder.joinpath(REPORT).read_text(encoding="utf-8"))
        return folder

    def _train(self, folder: Path, cache: Cache) -> None:
        from .trainer import fine_tune

        result = fine_tune(
            self.language_model,
            self.graph,
            self.texts,
            self.settings,
            folder,
            self.validation,
            self.validation_negatives,
            checkpoints=cache.root / self._checkpoints,
            keep_epochs=self.keep_epochs,
        )
        folder.joinpath(REPORT).write_text(json.dumps(vars(result)), encoding="utf-8")
