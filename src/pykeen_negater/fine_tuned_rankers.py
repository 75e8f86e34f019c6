"""Rankers that read texts with a fine-tuned language model."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np

from .caching import array_digest, fingerprint, timed
from .candidates import Candidates
from .fine_tuned_models import REPORT, FineTuningRun
from .fine_tuning_settings import FineTuningSettings, Precision
from .gradient_proxy import MIN_EXAMPLES, ProxySettings
from .graphs import Graph
from .indexing import RELATION
from .language_models import identify_language_model, measure_throughput, require_language_model
from .ranking import Ranker, Ranking
from .ranking_context import RankingContext
from .texts import Texts, texts_digest

if TYPE_CHECKING:
    from .classifier import TripleClassifier
    from .tokenization import TripleTokenizer

__all__ = [
    "FineTunedRanker",
    "FullGradientsRanker",
    "ProxyGradientsRanker",
    "ThresholdsRanker",
]


#: About how long a training step of the proxy takes
SECONDS_PER_STEP = 0.002

#: How gradients of many parameters become one number
NORMS = ("sum", "whole")


class FineTunedRanker(Ranker):
    """Fine-tunes a language model to tell triples from corruptions, or takes one, and computes a score with it."""

    needs_texts = True
    expensive = True

    #: How many times as long a triple takes to score as with a forward pass
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
        :param fine_tuning: further settings, see :class:`pykeen_negater.fine_tuning_settings.FineTuningSettings`
        :param max_training_triples: > 0, the most triples to fine-tune on; None for all
        :param seed: the seed of fine-tuning
        :param precision: what candidates are scored in: ``fp32``, or ``bf16``, which is faster on GPUs and on CPUs with
            AMX tiles, and changes the order of candidates a little
        :raises FileNotFoundError: if there is no such fine-tuned model, the default language model cannot be had, or a
            file of the negatives is missing
        :raises ValueError: if a fine-tuned model is given and a model to fine-tune as well, or there is no such setting
            or precision
        """
        if model is not None and (language_model is not None or fine_tuning):
            raise ValueError("found both a fine-tuned model and how to fine-tune one, expected one of them.")
        if model is not None and not Path(model).is_dir():
            raise FileNotFoundError(f"found no folder {model}, expected a fine-tuned model. Run: negater fine-tune")
        if precision not in get_args(Precision):
            raise ValueError(f"found precision={precision!r}, expected one of {', '.join(get_args(Precision))}.")
        self.precision: Precision = precision
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
        if self.model is not None:
            return {"precision": self.precision, "model": identify_language_model(self.model)}
        return {
            "precision": self.precision,
            "language_model": identify_language_model(self.language_model),
            "fine_tuning": self.settings.identify(),
        }

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> float:  # noqa: D102
        seconds = self.cost * num_candidates / self._throughput(graph, texts, training=False)
        if self.model is None:
            seconds += self.settings.num_examples(len(graph)) / self._throughput(graph, texts, training=True)
        return seconds

    def _throughput(self, graph: Graph, texts: Texts | None, training: bool) -> float:
        length = 8 if texts is None else min(self.settings.max_length, texts.estimate_length(graph.triples))
        return measure_throughput(self.language_model, length, training)

    @abstractmethod
    def compute(
        self, model: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Compute the scores of triples.

        :param model: the fine-tuned model
        :param tokenizer: its tokenizer, for the texts of the graph
        :param triples: shape: (n, 3)
        :return: a pair (scores of shape (n,) and dtype float32, what is worth telling about them; JSON-native)
        """

    def _fine_tuned(self, context: RankingContext) -> Path:
        """Take the model that was given, or one from the cache, or fine-tune it."""
        if self.model is not None:
            return Path(self.model)
        run = FineTuningRun(
            self.language_model,
            context.graph,
            context.required_texts,
            self.settings,
            context.validation,
            context.validation_negatives,
        )
        path, _ = run.find_or_train(context.cache, context.durations)
        context.statistics["fine_tuning"] = json.loads(path.joinpath(REPORT).read_text(encoding="utf-8"))
        return path

    def _scores(self, model: Path, triples: np.ndarray, context: RankingContext) -> np.ndarray:
        """Compute the scores of triples, or take them from the cache.

        :param model: the folder of the fine-tuned model
        :param triples: shape: (n, 3)
        :param context: texts and cache
        :return: shape: (n,), dtype: float32, finite
        :raises ValueError: if a score is not finite
        """

        def build(folder: Path) -> None:
            """Fill a folder of the cache with the candidates' scores."""
            from .classifier import load_with_tokenizer

            classifier, tokenizer = load_with_tokenizer(model, context.required_texts)
            scores, statistics = self.compute(classifier, tokenizer, triples)
            if not np.isfinite(scores).all():
                raise ValueError(
                    f"{model} gave {np.sum(~np.isfinite(scores)):,} scores that are not finite. Check the model."
                )
            np.save(folder / "scores.npy", scores, allow_pickle=False)
            folder.joinpath("statistics.json").write_text(json.dumps(statistics), encoding="utf-8")

        key = fingerprint(
            {
                "what": self._what(),
                "precision": self.precision,
                "model": identify_language_model(str(model)),
                "texts": texts_digest(context.texts),
                "triples": array_digest(triples),
            }
        )
        with timed("score", context.durations):
            path, _ = context.cache.get_or_build("scores", key, build)
        context.statistics["scored"] = len(triples)
        context.statistics.update(json.loads(path.joinpath("statistics.json").read_text(encoding="utf-8")))
        return np.load(path / "scores.npy", allow_pickle=False)

    def _what(self) -> str:
        """Name the score, so that those of different rankers are kept apart."""
        return "logit"


class ThresholdsRanker(FineTunedRanker):
    """Scores candidates with a fine-tuned language model and takes those just below a threshold: NegatER-θ_r.

    A candidate whose score reaches the threshold of its relation is taken for true, and is no negative. Of the others,
    the highest scores are the hardest [safavi2021]_. NegatER's threshold is the one that classifies best, so that as
    many true triples may lie below it as false ones above; in a dense graph, a quarter of what it lets pass is true. By
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
        if recall is not None and not 0 < recall < 1:
            raise ValueError(f"found recall={recall}, expected a share between 0 and 1, or None.")
        self.recall = recall

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"recall": self.recall, **super().identify()}

    # docstr-coverage: inherited
    def compute(  # noqa: D102
        self, model: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray
    ) -> tuple[np.ndarray, dict[str, Any]]:
        from .classifier import score_triples

        return score_triples(model, tokenizer, triples, progress="Scoring candidates", precision=self.precision), {}

    # docstr-coverage: inherited
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:  # noqa: D102
        from .thresholds import Thresholds

        graph = candidates.graph
        model = self._fine_tuned(context)
        thresholds = Thresholds.load(model, graph.num_relations, graph.relation_labels)
        triples = candidates.unique_triples
        scores = self._scores(model, triples, context)
        levels = thresholds.by_relation if self.recall is None else thresholds.reached_by(self.recall)
        accepted = scores < levels[triples[:, RELATION]]
        context.statistics["taken_for_true"] = int(np.sum(~accepted))
        return Ranking(scores[candidates.unique_positions], accepted[candidates.unique_positions])


class FullGradientsRanker(FineTunedRanker):
    """Ranks candidates by how much a fine-tuned language model would have to change to believe them: NegatER-∇.

    The larger the gradient of the loss with label 1, the harder the candidate contradicts what the model has learned
    [safavi2021]_. It is exact, see :mod:`pykeen_negater.gradients`. All candidates are accepted: what is too likely
    true is for the guard to say.
    """

    cost = 2.5

    def __init__(self, *, norm: str = "sum", **kwargs: Any) -> None:
        """Choose the model.

        :param norm: ``sum``, of the L2 norms of all parameter tensors, as NegatER does; ``whole``, the L2 norm of all
            parameters' gradient
        :param kwargs: the parameters of :class:`FineTunedRanker`
        :raises ValueError: if there is no such norm
        """
        super().__init__(**kwargs)
        if norm not in NORMS:
            raise ValueError(f"found norm={norm!r}, expected one of {', '.join(NORMS)}.")
        self.norm = norm

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"norm": self.norm, **super().identify()}

    def _what(self) -> str:
        return f"gradient, {self.norm}"

    # docstr-coverage: inherited
    def compute(  # noqa: D102
        self, model: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray
    ) -> tuple[np.ndarray, dict[str, Any]]:
        from .gradients import gradient_magnitudes

        return gradient_magnitudes(
            model, tokenizer, triples, self.norm, progress="Computing gradients", precision=self.precision
        ), {}

    # docstr-coverage: inherited
    def rank(self, candidates: Candidates, context: RankingContext) -> Ranking:  # noqa: D102
        model = self._fine_tuned(context)
        scores = self._scores(model, candidates.unique_triples, context)
        return Ranking(scores[candidates.unique_positions], np.ones(len(candidates), dtype=bool))


class ProxyGradientsRanker(FullGradientsRanker):
    """Ranks candidates by their gradients, which a small network guesses for most of them: NegatER-∇ with a proxy.

    The magnitudes of some candidates are computed, and a network learns to tell those of the others from the triples'
    vectors [safavi2021]_, see :mod:`pykeen_negater.gradient_proxy`. The statistics say how well its guesses rank
    candidates that it has not learned from.
    """

    def __init__(
        self,
        *,
        num_exact: int = 2_000,
        hidden: int = 100,
        dropout: float = 0.1,
        learning_rate: float = 1e-5,
        epochs: int = 100,
        batch_size: int = 16,
        patience: int = 5,
        **kwargs: Any,
    ) -> None:
        """Choose the model.

        :param num_exact: >= 10, the number of candidates whose magnitudes are computed (20,000 in NegatER); where there
            are no more than these, none is guessed
        :param hidden: >= 1, the width of the network's hidden layer
        :param dropout: in [0, 1), the share of hidden units that is dropped while training
        :param learning_rate: > 0, of Adam
        :param epochs: >= 1, the most passes over the exact magnitudes
        :param batch_size: >= 1, the number of magnitudes of a step
        :param patience: >= 1, after how many epochs without a smaller error on held-out magnitudes training stops
        :param kwargs: the parameters of :class:`FullGradientsRanker`
        :raises ValueError: if a parameter is out of range
        """
        super().__init__(**kwargs)
        if num_exact < MIN_EXAMPLES:
            raise ValueError(f"found num_exact={num_exact}, expected at least {MIN_EXAMPLES}.")
        self.num_exact = num_exact
        self.proxy = ProxySettings(
            hidden=hidden,
            dropout=dropout,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=batch_size,
            patience=patience,
        )

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"num_exact": self.num_exact, "proxy": asdict(self.proxy), **super().identify()}

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> float:  # noqa: D102
        exact = min(self.num_exact, num_candidates)
        seconds = super().estimate(graph, texts, exact)
        if exact < num_candidates:
            seconds += num_candidates / self._throughput(graph, texts, training=False)
            seconds += SECONDS_PER_STEP * self.proxy.epochs * exact / self.proxy.batch_size
        return seconds

    def _what(self) -> str:
        guessed = {"num_exact": self.num_exact, "proxy": asdict(self.proxy), "seed": self.settings.seed}
        return f"{super()._what()}, guessed with {json.dumps(guessed)}"

    # docstr-coverage: inherited
    def compute(  # noqa: D102
        self, model: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray
    ) -> tuple[np.ndarray, dict[str, Any]]:
        if len(triples) <= self.num_exact:
            return super().compute(model, tokenizer, triples)
        from .classifier import infer_triples
        from .gradient_proxy import fit_proxy

        order = np.random.default_rng(self.settings.seed).permutation(len(triples))
        exact, guessed = np.sort(order[: self.num_exact]), np.sort(order[self.num_exact :])
        scores = np.empty(len(triples), dtype=np.float32)
        scores[exact], _ = super().compute(model, tokenizer, triples[exact])
        vectors = infer_triples(
            model, lambda inputs: model.embed(**inputs), tokenizer, triples[exact], precision=self.precision
        )
        proxy, report = fit_proxy(vectors, scores[exact], self.proxy, self.settings.seed)
        proxy.to(model.device)
        scores[guessed] = infer_triples(
            model,
            lambda inputs: proxy(model.embed(**inputs))["magnitudes"],
            tokenizer,
            triples[guessed],
            "Guessing gradients",
            self.precision,
        )
        return scores, {"proxy": report}
