"""Jobs that train, validate and test a fine-tuned model on disk, and keep its metrics beside it."""

import csv
import json
import logging
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime.random_state import pinned_defaults
from ..storage.cache import Cache, atomic_file, atomic_folder
from ..texts import naming
from ..texts.loading import Texts, TextSource, extend_texts
from ..triples.graphs import Graph
from ..triples.held_out import read_held_out
from ..triples.indexing import RELATION
from ..triples.labelled import LabelledTriples
from .cached_classifier import REPORT, CachedClassifier
from .settings import FineTuningSettings
from .throughput import measure_throughput

__all__ = [
    "FineTuningJob",
]

logger = logging.getLogger(__name__)

_METRICS, _PREDICTIONS, _JOB = "metrics.json", "predictions.tsv", "job.json"

#: The triples that each action needs, by split
_NEEDED = {"valid": ("validation",), "test": ("testing", "testing_negatives")}
_SPLITS = {"valid": "validation", "test": "testing"}


class FineTuningJob:
    """Fine-tunes, validates and tests one model, as NegatER's jobs do."""

    def __init__(
        self,
        output: Path,
        graph: Graph,
        texts: Texts,
        settings: FineTuningSettings,
        files: Mapping[str, Path],
        entity_text: TextSource | None = None,
        cache: Cache | None = None,
        load_triples_kwargs: Mapping[str, Any] | None = None,
        *,
        name_by_text: bool = False,
    ) -> None:
        """Read the validation and test triples.

        :param output: the folder of the model
        :param graph: the training triples, with labels
        :param texts: their texts
        :param settings: how to fine-tune
        :param files: ``validation``, ``validation_negatives``, ``testing`` and ``testing_negatives``, or some of them:
            tab-separated triples
        :param entity_text: the texts of entities that the training triples lack
        :param cache: the cache that an interrupted run is kept in
        :param load_triples_kwargs: how PyKEEN reads the files, see :func:`~pykeen_negater.triples.tables.read_labels`
        :param name_by_text: whether to name entities and relations by their texts, see
            :mod:`pykeen_negater.texts.naming`
        :raises FileExistsError: if the folder exists, and holds no fine-tuned model
        :raises FileNotFoundError: if a file is missing
        :raises ValueError: if a file is malformed
        """
        if output.exists() and not output.joinpath("thresholds.json").is_file():
            raise FileExistsError(
                f"found {output}, which holds no fine-tuned model. Choose another path, or remove it."
            )
        self.output = output
        self.settings = settings
        held_out = read_held_out(files, graph, load_triples_kwargs)
        texts = extend_texts(texts, held_out.other_entities, entity_text)
        if name_by_text:
            graph, held_out, texts = naming.name_by_text(graph, held_out, texts)
        #: The texts of the graph and of the entities that it lacks
        self.texts = texts
        self.graph, self.held_out = graph, held_out
        self.cache = cache or Cache()

    @property
    def _validation(self) -> dict[str, np.ndarray]:
        return {name: triples for name, triples in self.held_out.triples.items() if name.startswith("validation")}

    def check(self, actions: Collection[str]) -> None:
        """Check that actions have the triples they need, before any of them starts.

        :param actions: some of ``train``, ``valid`` and ``test``
        :raises ValueError: if triples are missing
        """
        for action in actions:
            missing = [name for name in _NEEDED.get(action, ()) if name not in self.held_out.triples]
            if missing:
                raise ValueError(
                    f"found no {' and no '.join(missing)} for the action {action!r}, expected files of true and false "
                    f"triples."
                )

    def count_examples(self, actions: Collection[str]) -> dict[str, int]:
        """Count the triples that actions classify; training is not counted.

        :param actions: some of ``train``, ``valid`` and ``test``
        :return: the number of triples in files by split
        """
        return {
            split: sum(len(triples) for name, triples in self.held_out.triples.items() if name.startswith(split))
            for action, split in _SPLITS.items()
            if action in actions
        }

    def estimate(self, language_model: str) -> tuple[int, float]:
        """Estimate how long training takes here, and check that the source of negatives fits the graph.

        :param language_model: the model to fine-tune
        :return: a pair (the number of examples, seconds)
        :raises ValueError: if the source of negatives does not fit the graph
        """
        texts = replace(self.texts, entities=self.texts.entities[: self.graph.num_entities])
        self.settings.make_source().prepare(self.graph, texts, self.settings.epochs, np.random.default_rng(0))
        num_examples = self.settings.num_examples(len(self.graph))
        length = min(self.settings.max_length, self.texts.estimate_length(self.graph.triples))
        return num_examples, num_examples / measure_throughput(language_model, length, training=True)

    @pinned_defaults()
    def train(self, language_model: str, keep_epochs: bool = False) -> None:
        """Fine-tune a language model, or go on with it after an interruption, and choose its thresholds.

        If the folder already holds the same model, and it can be loaded, nothing is done.

        :param language_model: a folder, or a name on the Hugging Face hub
        :param keep_epochs: whether to keep the model of each epoch
        """
        run = CachedClassifier(
            language_model,
            self.graph,
            self.texts,
            self.settings,
            **self._validation,
            keep_epochs=keep_epochs,
        )
        if self._key == run.key:
            fault = run.find_fault(self.output)
            if fault is None:
                logger.warning("%s holds this model already.", self.output)
                return
            logger.warning("%s holds this model, but it cannot be loaded (%s). It is made again.", self.output, fault)
        with run.borrow_or_train(self.cache) as path, atomic_folder(self.output) as folder:
            shutil.copytree(path, folder, dirs_exist_ok=True)
            report = _read(folder / REPORT)
            self._note(folder, "validation", report["metrics"], report["num_validation_triples"])
            folder.joinpath(_JOB).write_text(json.dumps({"key": run.key}), encoding="utf-8")

    @property
    def _key(self) -> str | None:
        """The fingerprint of the model in the folder, if there is one that can be read."""
        with suppress(OSError, ValueError):
            return _read(self.output / _JOB).get("key")
        return None

    @pinned_defaults()
    def validate(self) -> None:
        """Choose thresholds with the validation triples, and save the metrics on these.

        :raises FileNotFoundError: if there is no fine-tuned model
        :raises ValueError: if there are no validation triples: those that would be held out may have been trained on
        """
        self.check(["valid"])
        from .thresholds import Thresholds
        from .trainer import validation_examples

        examples = validation_examples(self.graph, self.settings, **self._validation, texts=self.texts)
        scores = self._score(examples.triples)
        relations = examples.triples[:, RELATION]
        thresholds = Thresholds.fit(
            scores, examples.labels, relations, self.graph.num_relations, self.settings.per_relation
        )
        # with other thresholds, it is no longer the model that training made
        self.output.joinpath(_JOB).unlink(missing_ok=True)
        thresholds.save(self.output, self.graph.relation_names)
        self._classify("validation", examples, scores, thresholds)

    @pinned_defaults()
    def test(self) -> None:
        """Classify the test triples with the model's thresholds, save the metrics, and write ``predictions.tsv``.

        :raises FileNotFoundError: if there is no fine-tuned model
        :raises ValueError: if there are no test triples, or the thresholds lack a relation
        """
        from .predictions import predictions_frame
        from .thresholds import Thresholds

        self.check(["test"])
        examples = LabelledTriples.combine(*(self.held_out.triples[name] for name in ("testing", "testing_negatives")))
        scores = self._score(examples.triples)
        labels = self.graph.relation_names or ()
        thresholds = Thresholds.load(self.output, self.graph.num_relations, labels)
        self._classify("test", examples, scores, thresholds)
        entity_labels = (self.graph.entity_names or ()) + self.held_out.other_entities
        frame = predictions_frame(examples.triples, scores, examples.labels, thresholds, entity_labels, labels)
        with atomic_file(self.output / _PREDICTIONS) as unfinished:
            frame.to_csv(unfinished, sep="\t", index=False, quoting=csv.QUOTE_NONE)

    def metrics(self) -> dict[str, Any]:
        """Read the metrics of the model.

        :return: the metrics of ``validation`` and ``test`` triples, if these were classified
        """
        return _read(self.output / _METRICS)

    def _score(self, triples: np.ndarray) -> np.ndarray:
        from .classifier import load_with_tokenizer, score_triples

        model, tokenizer = load_with_tokenizer(self.output, self.texts)
        return score_triples(model, tokenizer, triples, progress="Scoring triples")

    def _classify(self, split: str, examples: LabelledTriples, scores: np.ndarray, thresholds: Any) -> None:
        from .predictions import classification_metrics

        metrics = classification_metrics(scores, examples.labels, examples.triples[:, RELATION], thresholds)
        self._note(self.output, split, metrics, len(examples.triples))

    def _note(self, folder: Path, split: str, metrics: Mapping[str, float], num_triples: int) -> None:
        known = _read(folder / _METRICS) | {split: {**metrics, "num_triples": num_triples}}
        with atomic_file(folder / _METRICS) as unfinished:
            unfinished.write_text(json.dumps(known, indent=2), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content
