"""Rankers tell how hard a candidate is as a negative, and whether it is one at all."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from class_resolver import ClassResolver

from .caching import array_digest, fingerprint, timed
from .candidates import Candidates
from .fine_tuning_settings import FineTuningSettings
from .graphs import Graph
from .indexing import RELATION
from .language_models import identify_language_model, measure_throughput, require_language_model
from .probe import TRAINING as PROBE_TRAINING
from .queries import ENTITY_SIDES
from .ranking_context import RankingContext
from .texts import Texts, texts_digest

__all__ = [
    "ProbeRanker",
    "Ranker",
    "Ranking",
    "SimilarityRanker",
    "ThresholdsRanker",
    "ranker_resolver",
]

#: How much the factorisation counts beside the probe; found on hidden triples and validation triples of CoDEx-S
FACTORIZATION_WEIGHT = 0.3


@dataclass(frozen=True, eq=False)
class Ranking:
    """The ranker's verdict on candidates."""

    #: How hard each candidate is, the higher, the harder; shape: (n,), dtype: float32, finite
    scores: np.ndarray

    #: Whether each candidate may be used as a negative; shape: (n,), dtype: bool
    accepted: np.ndarray


class Ranker(ABC):
    """Decides which candidates are negatives, and how hard they are."""

    #: Whether the ranker reads texts
    needs_texts: ClassVar[bool] = False

    #: Whether scoring a candidate is so slow that their number is limited. Such a ranker takes ``max_training_triples``
    #: and ``seed``.
    expensive: ClassVar[bool] = False

    #: Whether the ranker accepts only what is below a threshold
    has_thresholds: ClassVar[bool] = False

    @abstractmethod
    def identify(self) -> dict[str, Any]:
        """Describe everything that the ranking depends on apart from graph, texts and candidates.

        :return: a JSON-native description
        """

    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> float:
        """Estimate how long ranking takes here.

        :param graph: the graph
        :param texts: its texts
        :param num_candidates: the number of unique candidates
        :return: seconds
        """
        return 0.0

    @abstractmethod
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:
        """Rank candidates.

        :param candidates: n candidates
        :param context: graph, texts and cache
        :return: their scores, and which are accepted
        """


class SimilarityRanker(Ranker):
    """Takes the nearest for the hardest, and all for negatives.

    Without anything that tells plausible from true, unknown true triples end up in the pools.
    """

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {}

    # docstr-coverage: inherited
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:  # noqa: D102
        return Ranking(scores=-candidates.distances, accepted=np.ones(len(candidates), dtype=bool))


class ProbeRanker(Ranker):
    """Scores candidates with a small model on frozen vectors, and with what the graph itself says.

    The score is the logit of :class:`pykeen_negater.probe.Probe`, plus a share of that of
    :class:`pykeen_negater.factorization.Factorization`: one knows what entities mean, the other who keeps company with
    whom. Both are trained in minutes and score millions of candidates in seconds. All candidates are accepted: what is
    too likely true is for the guard to say.
    """

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"training": asdict(PROBE_TRAINING), "factorization_weight": FACTORIZATION_WEIGHT}

    def score(self, triples: np.ndarray, context: RankingContext) -> np.ndarray:
        """Score triples.

        :param triples: shape: (n, 3)
        :param context: what the models are trained on
        :return: shape: (n,), higher is more plausible
        """
        models = ((context.probe, 1.0), (context.factorization, FACTORIZATION_WEIGHT))
        # a triple answers two queries
        scores = [weight * model.score_triples(triples, side) for model, weight in models for side in ENTITY_SIDES]
        return np.sum(scores, axis=0) / len(ENTITY_SIDES)

    # docstr-coverage: inherited
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:  # noqa: D102
        triples = candidates.unique_triples
        # trained before the clock runs
        _ = context.probe, context.factorization
        with timed("score", context.durations):
            scores = self.score(triples, context)
        return Ranking(scores[candidates.unique_positions], np.ones(len(candidates), dtype=bool))


class ThresholdsRanker(Ranker):
    """Scores candidates with a fine-tuned language model and takes those just below a threshold: NegatER-θ_r.

    A candidate whose score reaches the threshold of its relation is taken for true, and is no negative. Of the others,
    the highest scores are the hardest [safavi2021]_. NegatER's threshold is the one that classifies best, so that as
    many true triples may lie below it as false ones above; in a dense graph, a quarter of what it lets pass is true. By
    default, the threshold is therefore the level that nearly all true validation triples reach.
    """

    needs_texts = True
    expensive = True
    has_thresholds = True

    def __init__(
        self,
        *,
        model: str | None = None,
        language_model: str | None = None,
        fine_tuning: Mapping[str, Any] | None = None,
        recall: float | None = 0.95,
        max_training_triples: int | None = 2_000,
        seed: int = 0,
    ) -> None:
        """Choose the model.

        :param model: the folder of a fine-tuned model (see ``negater fine-tune``). If None, one is fine-tuned.
        :param language_model: the model to fine-tune, a folder or a name on the Hugging Face hub; by default the
            embedded MiniLM
        :param fine_tuning: further settings, see :class:`pykeen_negater.fine_tuning_settings.FineTuningSettings`
        :param recall: in (0, 1), the share of the true validation triples that are at or above the threshold of their
            relation; None for the threshold that classifies best, as in NegatER
        :param max_training_triples: > 0, the most triples to fine-tune on; None for all
        :param seed: the seed of fine-tuning
        :raises FileNotFoundError: if there is no such fine-tuned model, or the default language model cannot be had
        :raises ValueError: if a fine-tuned model is given and a model to fine-tune as well, or there is no such setting
        """
        if model is not None and (language_model is not None or fine_tuning):
            raise ValueError("found both a fine-tuned model and how to fine-tune one, expected one of them.")
        if recall is not None and not 0 < recall < 1:
            raise ValueError(f"found recall={recall}, expected a share between 0 and 1, or None.")
        if model is not None and not Path(model).is_dir():
            raise FileNotFoundError(f"found no folder {model}, expected a fine-tuned model. Run: negater fine-tune")
        self.recall = recall
        self.model = model
        self.language_model = require_language_model(language_model) if model is None else model
        unknown = set(fine_tuning or {}) - set(FineTuningSettings.__dataclass_fields__)
        if unknown:
            raise ValueError(
                f"found the fine-tuning setting(s) {', '.join(sorted(unknown))}, expected some of: "
                f"{', '.join(FineTuningSettings.__dataclass_fields__)}."
            )
        budget = {"max_training_triples": max_training_triples, "seed": seed}
        #: The settings of fine-tuning
        self.settings = FineTuningSettings(**{**budget, **(fine_tuning or {})})

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"recall": self.recall, **self._identify_model()}

    def _identify_model(self) -> dict[str, Any]:
        if self.model is not None:
            return {"model": identify_language_model(self.model)}
        return {"language_model": identify_language_model(self.language_model), "fine_tuning": asdict(self.settings)}

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> float:  # noqa: D102
        length = 8 if texts is None else min(self.settings.max_length, texts.estimate_length(graph.triples))
        seconds = num_candidates / measure_throughput(self.language_model, length, training=False)
        if self.model is None:
            seconds += self.settings.num_examples(len(graph)) / measure_throughput(
                self.language_model, length, training=True
            )
        return seconds

    # docstr-coverage: inherited
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:  # noqa: D102
        from .thresholds import Thresholds

        graph = candidates.graph
        model = Path(self.model) if self.model is not None else self._fine_tuned(context)
        thresholds = Thresholds.load(model, graph.num_relations, graph.relation_labels)
        triples = candidates.unique_triples
        with timed("score", context.durations):
            scores = self._scores(model, triples, context)
        if not np.isfinite(scores).all():
            raise ValueError(
                f"{model} gave {np.sum(~np.isfinite(scores)):,} scores that are not finite. Check the model."
            )
        levels = thresholds.by_relation if self.recall is None else thresholds.reached_by(self.recall)
        accepted = scores < levels[triples[:, RELATION]]
        context.statistics["scored"] = len(triples)
        context.statistics["taken_for_true"] = int(np.sum(~accepted))
        return Ranking(scores[candidates.unique_positions], accepted[candidates.unique_positions])

    def _fine_tuned(self, context: RankingContext) -> Path:
        from .fine_tuning import fine_tune

        def build(folder: Path) -> None:
            """Fill a folder of the cache with a fine-tuned model."""
            with timed("fine-tune", context.durations):
                result = fine_tune(
                    self.language_model,
                    context.graph,
                    context.required_texts,
                    self.settings,
                    folder,
                    context.validation,
                    context.validation_negatives,
                )
            folder.joinpath("fine_tuning.json").write_text(json.dumps(vars(result)), encoding="utf-8")

        validation = (context.validation, context.validation_negatives)
        key = fingerprint(
            {
                "graph": context.graph.fingerprint,
                "texts": texts_digest(context.texts),
                "validation": [None if triples is None else array_digest(triples) for triples in validation],
                **self._identify_model(),
            }
        )
        path, _ = context.cache.get_or_build("models", key, build)
        context.statistics["fine_tuning"] = json.loads(path.joinpath("fine_tuning.json").read_text(encoding="utf-8"))
        return path

    def _scores(self, model: Path, triples: np.ndarray, context: RankingContext) -> np.ndarray:
        def build(folder: Path) -> None:
            """Fill a folder of the cache with the candidates' scores."""
            from transformers import AutoTokenizer

            from .classifier import load_classifier, score_triples
            from .tokenization import TripleTokenizer

            classifier = load_classifier(model)
            tokenizer = TripleTokenizer(
                AutoTokenizer.from_pretrained(model), context.required_texts, classifier.config.max_triple_length
            )
            scores = score_triples(classifier, tokenizer, triples, progress="Scoring candidates")
            np.save(folder / "scores.npy", scores, allow_pickle=False)

        key = fingerprint(
            {
                "model": identify_language_model(str(model)),
                "texts": texts_digest(context.texts),
                "triples": array_digest(triples),
            }
        )
        path, _ = context.cache.get_or_build("scores", key, build)
        return np.load(path / "scores.npy", allow_pickle=False)


#: Resolves rankers by name: ``probe`` (default), ``similarity``, ``thresholds``
ranker_resolver: ClassResolver[Ranker] = ClassResolver.from_subclasses(
    base=Ranker,  # type: ignore[type-abstract]
    default=ProbeRanker,
)
