"""A ranker by the similarity between a candidate's pair and the true pairs of its relation."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..candidates.generators import Candidates
from ..corruption.corruptions import corrupt_at_random
from ..fine_tuning.thresholds import Thresholds
from ..fine_tuning.throughput import measure_throughput
from ..relations.templates import find_template
from ..relations.training.settings import RelationTrainingSettings
from ..runtime.processes import main_process_first
from ..runtime.progress import Step
from ..storage.cache import array_digest, fingerprint, timed
from ..texts.language_models import identify_language_model, require_language_model
from ..texts.loading import Texts, texts_digest
from ..texts.readings import find_readings
from ..triples.graphs import Graph
from ..triples.held_out import digest_held_out
from ..triples.indexing import RELATION
from ..triples.queries import ENTITY_SIDES
from ..utils.spelling import check_choice, check_known
from .base import BudgetedRanker, Scores
from .context import RankingContext
from .measurements import Measurements, halved_batches
from .resumable_scoring import ResumableScoring
from .threshold_acceptance import accept_below_thresholds, check_recall

if TYPE_CHECKING:
    from ..relations.scorer import RelationScorer

__all__ = [
    "RelationEmbeddingRanker",
]

#: The number of true pairs of its relation that a pair is compared with, by name; None for the centroid of all
PROTOTYPES = {"centroid": None, "nearest": 5}

#: The typical number of tokens of a pair in its sentence
TYPICAL_LENGTH = 32


class RelationEmbeddingRanker(BudgetedRanker):
    """Ranks candidates by how similarly head and tail are related to the true pairs of the relation, with RelBERT.

    The vector of a pair describes its relation [ushio2021]_. A corrupted head or tail is the harder, the more similar
    the pair's vector is to those of the relation's true pairs; a corrupted relation, the more similar the two
    relations' pairs are to each other. A candidate whose pair reaches the threshold of its relation is taken for true,
    and rejected: by default, nearly all true pairs reach it.
    """

    needs_texts = True
    has_thresholds = True

    def __init__(
        self,
        *,
        model: str | None = None,
        template: str | None = None,
        training: Mapping[str, Any] | None = None,
        prototype: Literal["centroid", "nearest"] = "nearest",
        recall: float | None = 0.95,
        max_positives: int | None = 20_000,
        max_training_triples: int | None = 2_000,
        seed: int = 0,
    ) -> None:
        """Choose the encoder of pairs, and the pairs to compare with.

        :param model: a language model, a folder or a name on the Hugging Face hub, trained for relations (see ``negater
            relations train``) or not; by default the embedded MiniLM
        :param template: the sentence that pairs are written in, see
            :class:`pykeen_negater.relations.encoder.RelationEncoder`
        :param training: how the encoder is first trained on the graph's own pairs: fields of
            :class:`pykeen_negater.relations.training.settings.RelationTrainingSettings`. If None, it is not.
        :param prototype: what a pair is compared with: the ``centroid`` of the relation's true pairs, or the
            ``nearest`` five of them
        :param recall: in (0, 1), the share of a relation's true pairs that are at or above its threshold; None for the
            threshold that tells them from random corruptions best
        :param max_positives: > 0, the most true pairs that others are compared with; None for all
        :param max_training_triples: > 0, the most true pairs that are trained on, and that choose thresholds; None for
            all
        :param seed: the seed of everything random
        :raises FileNotFoundError: if the default language model is not available
        :raises ValueError: if a parameter is out of range, or there is no such template or training setting
        """
        check_choice("prototype", prototype, PROTOTYPES)
        check_known("training setting", training or {}, RelationTrainingSettings.__dataclass_fields__)
        self.model = require_language_model(model)
        self.template = None if template is None else find_template(template)
        self.training = None if training is None else RelationTrainingSettings(**{"seed": seed, **training})
        self.prototype = prototype
        self.recall = check_recall(recall)
        self.max_positives = max_positives
        self.max_training_triples = max_training_triples
        self.seed = seed

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"recall": self.recall, **self._identify_scores()}

    def _identify_scores(self) -> dict[str, Any]:
        return {
            "prototype": self.prototype,
            "max_positives": self.max_positives,
            "max_training_triples": self.max_training_triples,
            "seed": self.seed,
            **self._identify_encoder(),
        }

    def _identify_encoder(self) -> dict[str, Any]:
        return {
            "model": identify_language_model(self.model),
            "template": self.template,
            "training": None if self.training is None else asdict(self.training),
        }

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> dict[str, float]:  # noqa: D102
        num_trained = min(len(graph), self.max_training_triples or len(graph))
        num_positives = min(len(graph), self.max_positives or len(graph)) + len(ENTITY_SIDES) * num_trained
        speed = measure_throughput(self.model, TYPICAL_LENGTH, training=False)
        steps: dict[str, float] = {Step.ENCODE_PAIRS: num_positives / speed, Step.SCORE: num_candidates / speed}
        if self.training is not None:
            num_pairs = self.training.epochs * num_trained
            speed = measure_throughput(self.model, TYPICAL_LENGTH, training=True)
            steps[Step.TRAIN_RELATIONS] = num_pairs / speed
        return steps

    def make_scorer(self, context: RankingContext) -> "tuple[RelationScorer, Measurements]":
        """Encode true pairs to compare others with; the encoder is trained first if a setting asks for it.

        :param context: graph, texts, cache and processes, all of which have to call this
        :return: a pair (the scorer, the measurements)
        """
        from ..relations.encoder import RelationEncoder
        from ..relations.prototypes import Prototypes
        from ..relations.scorer import PairEncoding, RelationScorer, choose_positives

        graph, texts = context.graph, context.required_texts
        with main_process_first(context.processes):
            trained, measured = self._trained(context)
            encoder = RelationEncoder(trained, template=self.template)
        positives = choose_positives(graph, self.max_positives, self.seed)
        key = fingerprint(
            {"encoder": encoder.identify(), "texts": texts_digest(texts), "positives": array_digest(positives)}
        )
        scoring = ResumableScoring(lambda: PairEncoding(encoder, texts), positives, context)
        vectors, num_halved = scoring.find_or_compute(key)
        prototypes = Prototypes(vectors, positives[:, RELATION], graph.num_relations, PROTOTYPES[self.prototype])
        scorer = RelationScorer(encoder, texts, positives, prototypes)
        return scorer, measured + halved_batches("batches_halved", num_halved)

    # docstr-coverage: inherited
    def score_triples(self, triples: np.ndarray, context: RankingContext) -> Scores:  # noqa: D102
        values, measured = self._scores(triples, context)
        thresholds, _ = self._fitted(context)
        scores = accept_below_thresholds(values, triples[:, RELATION], thresholds, self.recall)
        measured += Measurements(statistics={"scored": len(triples)})
        return replace(scores, measured=measured + scores.measured)

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:  # noqa: D102
        scores = super().score(candidates, context)
        _, between = context.once((self, "fitted"), lambda: self._fitted(context))
        rows = np.flatnonzero(candidates.sides == RELATION)
        corrupted = candidates.graph.triples[candidates.positives[rows], RELATION]
        scores.values[rows] = between[corrupted, candidates.replacements[rows]]
        return scores

    def _scorer(self, context: RankingContext) -> "tuple[RelationScorer, Measurements]":
        return context.once_measured((self, "scorer"), lambda: self.make_scorer(context))

    def _fitted(self, context: RankingContext) -> tuple[Thresholds, np.ndarray]:
        """Choose thresholds and compare relations, or load the result from the cache.

        :param context: graph, texts and cache
        :return: a pair (thresholds; the similarity of relations, of shape (num_relations, num_relations))
        """

        def build(folder: Path) -> None:
            """Fill a folder of the cache."""
            scorer, _ = self._scorer(context)
            self._fit_thresholds(scorer, context).save(folder)
            np.save(folder / "between.npy", scorer.prototypes.between(), allow_pickle=False)

        def read(folder: Path) -> tuple[Thresholds, np.ndarray]:
            """Load the result."""
            return (
                Thresholds.load(folder, context.graph.num_relations),
                np.load(folder / "between.npy", allow_pickle=False),
            )

        key = fingerprint({**self._inputs(context), **self._identify_scores()})
        return context.cache.read_or_build("relation-thresholds", key, build, read)[0]

    def _scores(self, triples: np.ndarray, context: RankingContext) -> tuple[np.ndarray, Measurements]:
        """Compute the scores of triples, or load them from the cache; the processes share the work.

        :param triples: shape: (n, 3)
        :param context: graph, texts, cache and processes
        :return: a pair (the scores, of shape (n,) and dtype float32; what was measured)
        """
        durations: dict[str, float] = {}
        key = fingerprint({**self._inputs(context), **self._identify_scores(), "triples": array_digest(triples)})
        with timed("score", durations):
            scorer, measured = self._scorer(context)
            with main_process_first(context.processes):
                self._fitted(context)
            scores, num_halved = ResumableScoring(lambda: scorer, triples, context).find_or_compute(key)
        return scores, measured + Measurements(durations) + halved_batches("batches_halved", num_halved)

    def _fit_thresholds(self, scorer: "RelationScorer", context: RankingContext) -> Thresholds:
        """Choose thresholds that tell validation triples from false ones, or true pairs from their corruptions."""
        graph, generator = context.graph, np.random.default_rng(self.seed)
        if context.validation is None:
            positives, scores = scorer.positives, scorer.prototypes.own_similarity()
            rows = generator.permutation(np.flatnonzero(np.isfinite(scores)))[: self.max_training_triples]
            positives, scores = positives[rows], scores[rows]
        else:
            positives, scores = context.validation, scorer.compute(context.validation)
        negatives = context.validation_negatives
        if negatives is None:
            readings = find_readings(graph, context.texts)
            negatives = np.concatenate(
                [corrupt_at_random(graph, positives, side, 1.0, generator, readings) for side in ENTITY_SIDES]
            )
        return Thresholds.fit(
            np.concatenate([scores, scorer.compute(negatives)]),
            np.arange(len(positives) + len(negatives)) < len(positives),
            np.concatenate([positives[:, RELATION], negatives[:, RELATION]]),
            graph.num_relations,
        )

    def _trained(self, context: RankingContext) -> tuple[Path | str, Measurements]:
        """Train the encoder on true pairs, or load it from the cache; without training, get the model itself."""
        if self.training is None:
            return self.model, Measurements()
        from ..relations.encoder import RelationEncoder
        from ..relations.scorer import choose_positives
        from ..relations.training.data import RelationPairs
        from ..relations.training.loop import train_relation_encoder

        positives = choose_positives(context.graph, self.max_training_triples, self.seed)
        durations: dict[str, float] = {}

        def build(folder: Path) -> None:
            """Fill a folder of the cache with a trained encoder."""
            pairs = RelationPairs.from_triples(positives, context.required_texts)
            with timed("train the relation encoder", durations):
                encoder = RelationEncoder(self.model, template=self.template)
                checkpoints = context.cache.root / leftovers
                result = train_relation_encoder(
                    encoder, pairs, folder / "encoder", self.training, checkpoints=checkpoints
                )
            folder.joinpath("training.json").write_text(json.dumps(asdict(result)), encoding="utf-8")

        def read(folder: Path) -> tuple[Path, Any]:
            """Check that the encoder can be loaded, and read the report of its training."""
            RelationEncoder(folder / "encoder", template=self.template)
            report = json.loads(folder.joinpath("training.json").read_text(encoding="utf-8"))
            return folder / "encoder", report

        key = fingerprint({**self._inputs(context), **self._identify_encoder(), "positives": array_digest(positives)})
        leftovers = f"checkpoints/{key}"
        (encoder, report), _ = context.cache.read_or_build("relation-encoders", key, build, read, leftovers)
        return encoder, Measurements(durations, statistics={"training": report})

    @staticmethod
    def _inputs(context: RankingContext) -> dict[str, Any]:
        return {
            "graph": context.graph.fingerprint,
            "texts": texts_digest(context.texts),
            "validation": digest_held_out(context.validation, context.validation_negatives),
        }
