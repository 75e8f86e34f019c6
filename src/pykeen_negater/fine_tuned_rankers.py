"""Rankers that read texts with a fine-tuned language model."""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np

from .caching import array_digest, fingerprint, timed
from .fine_tuned_models import REPORT, FineTuningRun
from .fine_tuning_settings import FineTuningSettings, Precision
from .gradient_proxy import MIN_EXAMPLES, ProxySettings
from .graphs import Graph
from .indexing import RELATION
from .language_models import identify_language_model, measure_throughput, require_language_model
from .partwise_scoring import PartwiseScoring
from .processes import main_first
from .ranking import BudgetedRanker, Ranking
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


class FineTunedRanker(BudgetedRanker):
    """Fine-tunes a language model to tell triples from corruptions, or takes one, and computes a score with it."""

    needs_texts = True

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
    def compute(self, model: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray) -> np.ndarray:
        """Compute the scores of triples.

        :param model: the fine-tuned model
        :param tokenizer: its tokenizer, for the texts of the graph
        :param triples: shape: (n, 3)
        :return: shape: (n,), dtype: float32
        """

    def _fine_tuned(self, context: RankingContext) -> Path:
        """Take the model that was given, or one from the cache, or fine-tune it."""
        return context.once((self, "fine-tuned"), lambda: self._find_fine_tuned(context))

    def _find_fine_tuned(self, context: RankingContext) -> Path:
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
        with main_first(context.processes):
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
        with timed("score", context.durations):
            scores = self._score_in_parts(self._what(), self.compute, model, triples, context)
        context.statistics["scored"] = len(triples)
        return scores

    def _score_in_parts(
        self,
        what: str,
        compute: "Callable[[TripleClassifier, TripleTokenizer, np.ndarray], np.ndarray]",
        model: Path,
        triples: np.ndarray,
        context: RankingContext,
    ) -> np.ndarray:
        """Compute something of triples with the model, or take it from the cache; the processes share the work."""
        key = fingerprint(
            {
                "what": what,
                "precision": self.precision,
                "model": identify_language_model(str(model)),
                "texts": texts_digest(context.texts),
                "triples": array_digest(triples),
            }
        )
        scoring = PartwiseScoring(model, compute, triples, context)
        values, num_halved = scoring.find_or_compute(key)
        if num_halved:
            context.statistics["batches_halved"] = context.statistics.get("batches_halved", 0) + num_halved
        return values

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
    ) -> np.ndarray:
        from .classifier import score_triples

        return score_triples(model, tokenizer, triples, precision=self.precision)

    # docstr-coverage: inherited
    def judge(self, triples: np.ndarray, context: RankingContext) -> Ranking:  # noqa: D102
        from .thresholds import Thresholds, describe_levels

        graph = context.graph
        model = self._fine_tuned(context)
        thresholds = Thresholds.load(model, graph.num_relations, graph.relation_labels)
        scores = self._scores(model, triples, context)
        levels = thresholds.by_relation if self.recall is None else thresholds.reached_by(self.recall)
        context.statistics.update(describe_levels(scores, triples[:, RELATION], levels))
        return Ranking(scores, scores < levels[triples[:, RELATION]])


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
    ) -> np.ndarray:
        from .gradients import gradient_magnitudes

        return gradient_magnitudes(model, tokenizer, triples, self.norm, precision=self.precision)

    # docstr-coverage: inherited
    def judge(self, triples: np.ndarray, context: RankingContext) -> Ranking:  # noqa: D102
        scores = self._scores(self._fine_tuned(context), triples, context)
        return Ranking(scores, np.ones(len(triples), dtype=bool))


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

    # docstr-coverage: inherited
    def _scores(self, model: Path, triples: np.ndarray, context: RankingContext) -> np.ndarray:
        order = np.random.default_rng(self.settings.seed).permutation(len(triples))
        exact, guessed = np.sort(order[: self.num_exact]), np.sort(order[self.num_exact :])
        scores = np.empty(len(triples), dtype=np.float32)
        scores[exact] = super()._scores(model, triples[exact], context)
        context.statistics["scored"] = len(triples)
        if len(guessed):
            with timed("score", context.durations):
                scores[guessed] = self._guess(model, triples[exact], scores[exact], triples[guessed], context)
        return scores

    def _guess(
        self, model: Path, exact: np.ndarray, magnitudes: np.ndarray, guessed: np.ndarray, context: RankingContext
    ) -> np.ndarray:
        """Guess the magnitudes of triples from those of others."""
        from safetensors.torch import load_model, save_model

        from .classifier import infer_triples
        from .gradient_proxy import GradientProxy, fit_proxy

        def embed(classifier: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray) -> np.ndarray:
            """Compute the vectors that the proxy reads."""
            return infer_triples(
                classifier, lambda inputs: classifier.embed(**inputs), tokenizer, triples, precision=self.precision
            )

        def build(folder: Path) -> None:
            """Fill a folder of the cache with the proxy."""
            proxy, report = fit_proxy(vectors, magnitudes, self.proxy, self.settings.seed)
            save_model(proxy, str(folder / "proxy.safetensors"))
            folder.joinpath("statistics.json").write_text(json.dumps(report), encoding="utf-8")

        vectors = self._score_in_parts("vector", embed, model, exact, context)
        key = fingerprint(
            {
                "settings": asdict(self.proxy),
                "seed": self.settings.seed,
                "examples": [array_digest(vectors), array_digest(magnitudes)],
            }
        )
        with main_first(context.processes):
            path, _ = context.cache.get_or_build("proxies", key, build)
        context.statistics["proxy"] = json.loads(path.joinpath("statistics.json").read_text(encoding="utf-8"))
        proxy = GradientProxy(vectors.shape[1], self.proxy)
        load_model(proxy, str(path / "proxy.safetensors"))
        proxy.eval()

        def guess(classifier: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray) -> np.ndarray:
            """Guess magnitudes."""
            proxy.to(classifier.device)
            return infer_triples(
                classifier,
                lambda inputs: proxy(classifier.embed(**inputs))["magnitudes"],
                tokenizer,
                triples,
                precision=self.precision,
            )

        return self._score_in_parts(f"{self._what()}, guessed with {key}", guess, model, guessed, context)
