"""Rankers by the gradients of a fine-tuned language model."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..fine_tuning.gradient_proxy import MIN_EXAMPLES, ProxySettings
from ..runtime.processes import main_process_first
from ..runtime.progress import Step
from ..storage.cache import array_digest, fingerprint, timed
from ..texts.loading import Texts
from ..triples.graphs import Graph
from ..utils.spelling import check_choice
from .base import Scores
from .context import RankingContext
from .fine_tuned import FineTunedRanker
from .measurements import Measurements

if TYPE_CHECKING:
    from ..fine_tuning.classifier import TripleClassifier
    from ..fine_tuning.tokenization import TripleTokenizer

__all__ = [
    "FullGradientsRanker",
    "ProxyGradientsRanker",
]

#: The seconds that a training step of the proxy takes, about
SECONDS_PER_STEP = 0.002

#: The norms by which gradients of many parameters become one number
NORMS = ("sum", "whole")


class FullGradientsRanker(FineTunedRanker):
    """Ranks candidates by how much a fine-tuned language model would have to change to believe them: NegatER-∇.

    The larger the gradient of the loss with label 1, the harder the candidate contradicts what the model has learned
    [safavi2021]_. It is exact, see :mod:`pykeen_negater.fine_tuning.gradients`. All candidates are accepted: rejecting
    those that are too likely true is left to the guard.
    """

    cost = 2.5

    def __init__(self, *, norm: str = "sum", **kwargs: Any) -> None:
        """Choose the model.

        :param norm: ``sum``, of the L2 norms of all parameter tensors, as NegatER does; ``whole``, the L2 norm of all
            parameters' gradient
        :param kwargs: the parameters of :class:`~pykeen_negater.rankers.fine_tuned.FineTunedRanker`
        :raises ValueError: if there is no such norm
        """
        super().__init__(**kwargs)
        check_choice("norm", norm, NORMS)
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
        from ..fine_tuning.gradients import gradient_magnitudes

        return gradient_magnitudes(model, tokenizer, triples, self.norm, precision=self.precision)

    # docstr-coverage: inherited
    def score_triples(self, triples: np.ndarray, context: RankingContext) -> Scores:  # noqa: D102
        model, measured = self._fine_tuned(context)
        scores, measured_then = self._scores(model, triples, context)
        return Scores(scores, np.ones(len(triples), dtype=bool), measured + measured_then)


class ProxyGradientsRanker(FullGradientsRanker):
    """Ranks candidates by their gradients, which a small network estimates for most of them: NegatER-∇ with a proxy.

    The magnitudes of some candidates are computed, and a network learns to estimate those of the others from the
    triples' vectors [safavi2021]_, see :mod:`pykeen_negater.fine_tuning.gradient_proxy`. The statistics tell how well
    its estimates rank candidates that it was not trained with.
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

        :param num_exact: >= 10, the number of candidates whose magnitudes are computed (20,000 in NegatER); if there
            are no more than these, none is estimated
        :param hidden: >= 1, the width of the network's hidden layer
        :param dropout: in [0, 1), the share of hidden units that is dropped while training
        :param learning_rate: > 0, the learning rate of Adam
        :param epochs: >= 1, the most passes over the exact magnitudes
        :param batch_size: >= 1, the number of magnitudes in a step
        :param patience: >= 1, the epochs without a smaller error on held-out magnitudes after which training stops
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
    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> dict[str, float]:  # noqa: D102
        exact = min(self.num_exact, num_candidates)
        steps = super().estimate(graph, texts, exact)
        if exact < num_candidates:
            steps[Step.SCORE] += num_candidates / self._throughput(graph, texts, training=False)
            steps[Step.PROXY] = SECONDS_PER_STEP * self.proxy.epochs * exact / self.proxy.batch_size
        return steps

    # docstr-coverage: inherited
    def _scores(self, model: Path, triples: np.ndarray, context: RankingContext) -> tuple[np.ndarray, Measurements]:
        order = np.random.default_rng(self.settings.seed).permutation(len(triples))
        exact, guessed = np.sort(order[: self.num_exact]), np.sort(order[self.num_exact :])
        scores = np.empty(len(triples), dtype=np.float32)
        scores[exact], measured = super()._scores(model, triples[exact], context)
        durations: dict[str, float] = {}
        if len(guessed):
            with timed("score", durations):
                scores[guessed], measured_then = self._guess(
                    model, triples[exact], scores[exact], triples[guessed], context
                )
            measured += measured_then
        return scores, measured + Measurements(durations, statistics={"scored": len(triples)})

    def _guess(
        self, model: Path, exact: np.ndarray, magnitudes: np.ndarray, guessed: np.ndarray, context: RankingContext
    ) -> tuple[np.ndarray, Measurements]:
        """Estimate the magnitudes of triples from those of others."""
        from safetensors.torch import load_model, save_model

        from ..fine_tuning.classifier import infer_triples
        from ..fine_tuning.gradient_proxy import GradientProxy, fit_proxy

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

        scoring = self._scoring(model, context)
        vectors, measured = scoring.score("vector", embed, exact)
        key = fingerprint(
            {
                "settings": asdict(self.proxy),
                "seed": self.settings.seed,
                "examples": [array_digest(vectors), array_digest(magnitudes)],
            }
        )
        proxy = GradientProxy(vectors.shape[1], self.proxy)

        def read(folder: Path) -> dict[str, Any]:
            """Load the proxy with its measures of quality."""
            load_model(proxy, str(folder / "proxy.safetensors"))
            report: dict[str, Any] = json.loads(folder.joinpath("statistics.json").read_text(encoding="utf-8"))
            return report

        with main_process_first(context.processes):
            report, _ = context.cache.read_or_build("proxies", key, build, read)
        proxy.eval()

        def guess(classifier: "TripleClassifier", tokenizer: "TripleTokenizer", triples: np.ndarray) -> np.ndarray:
            """Estimate magnitudes."""
            proxy.to(classifier.device)
            return infer_triples(
                classifier,
                lambda inputs: proxy(classifier.embed(**inputs))["magnitudes"],
                tokenizer,
                triples,
                precision=self.precision,
            )

        values, measured_then = scoring.score(f"{self._what()}, guessed with {key}", guess, guessed)
        return values, measured + measured_then + Measurements(statistics={"proxy": report})
