"""The guard: estimates how likely a candidate is true, calibrated on training triples hidden from the miner."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from ..runtime.progress import Step, step
from ..triples.queries import ENTITY_SIDES, Queries
from .features import Answers, FeatureExtractor
from .risk_model import RiskModel

__all__ = [
    "Guard",
    "GuardError",
]

#: A negative is too risky if at least this share of all answers that look like it are facts, hidden or not
TOO_MANY_FACTS = 0.8

#: Mined negatives are drawn far more often than uniform corruptions, and have to be safer by this factor
MINED_SAFETY = 8

#: The fewest queries of the visible triples that hidden triples must answer
ENOUGH_HIDDEN = 20

#: The most queries that the guard is fitted to
MAX_QUERIES = 4_000

#: The number of random answers per query, which represent all answers that are not among a scorer's most likely
RANDOM_ANSWERS = 16

#: The number of folds of the queries, each of which is evaluated with a guard that was fitted to the others
FOLDS = 3

#: The confidence with which the risk of what is accepted is at least the reported one
CONFIDENCE = 0.95

#: The number of answers whose risk is computed at once
CHUNK_SIZE = 100_000


class GuardError(ValueError):
    """Raised if too few triples of a graph can be hidden to fit a guard."""


@dataclass(frozen=True, eq=False)
class Guard:
    """Computes risks: how likely negatives are true, in multiples of a uniform corruption of a training triple."""

    extractor: FeatureExtractor
    model: RiskModel

    #: The probability that a uniform corruption of a training triple is one of the hidden triples
    uniform: float

    #: The risk from which on a negative does more harm than good, even if it is drawn at random
    max_risk: float

    #: The measurements on hidden triples; JSON-native
    report: dict[str, Any]

    @property
    def max_mined_risk(self) -> float:
        """The risk from which on a candidate does more harm than good in a pool."""
        return self.max_risk / MINED_SAFETY

    @property
    def skill(self) -> float:
        """The Brier skill over the base rates of relations and sides, among proposed candidates: ≤ 1, 0 if unknown."""
        return float(self.report["proposed"].get("brier_skill", 0.0))

    @property
    def accepted_risk(self) -> float:
        """The risk of the accepted candidates, at least; measured with queries that the guard was not fitted to.

        It is the lower end of a confidence interval (95 %): few hidden triples prove nothing.
        """
        return float(self.report["accepted"]["lowest"])

    @classmethod
    def fit(
        cls, extractor: FeatureExtractor, hidden: np.ndarray, propose: Callable[[Queries], Answers], seed: int
    ) -> "Guard":
        """Fit a guard to the hidden triples among all answers to the queries of the others.

        :param extractor: the graph without the hidden triples, and the scorers trained on it
        :param hidden: shape: (n, 3), n > 0
        :param propose: proposes unknown answers to queries, as mining does; the report covers these
        :param seed: the seed of everything random
        :return: the guard
        :raises GuardError: if too few queries of the visible triples are answered by hidden ones
        """
        graph, generator = extractor.graph, np.random.default_rng(seed)
        everything = extractor.queries
        found = _find(everything, hidden)
        asked = np.unique(found // graph.num_entities)
        if len(asked) < ENOUGH_HIDDEN:
            raise GuardError(
                f"found {len(asked)} queries of the visible triples that hidden ones answer, expected at least "
                f"{ENOUGH_HIDDEN}: the graph is too small or too sparse for a guard. Pass guard=None."
            )
        chosen, represented = _choose(len(everything), asked, generator)
        queries = everything.select(chosen)
        true = np.unique(_find(queries, hidden))
        proposed = propose(queries).keys(graph.num_entities)
        drawn = _draw_unknown(queries, generator)
        answers, features = extractor.extract(
            queries, Answers.from_keys(np.concatenate([true, proposed, drawn]), graph.num_entities), include_top_k=True
        )
        keys = answers.keys(graph.num_entities)
        labels, is_proposed = np.isin(keys, true), np.isin(keys, proposed)
        plausible = extractor.in_top_k(features) | is_proposed
        queries_represented = represented[answers.queries]
        weights = _weights(queries, answers, plausible | labels) * queries_represented
        slots = _slots(queries)[answers.queries]
        with step(Step.GUARD, FOLDS + 1, "model") as advance:
            model = RiskModel(seed).fit(slots, features, labels, weights, plausible)
            advance(1)
            unseen = np.zeros(len(labels))
            for fitted, judged in StratifiedGroupKFold(FOLDS).split(features, labels, answers.queries):
                part = RiskModel(seed).fit(*(x[fitted] for x in (slots, features, labels, weights, plausible)))
                unseen[judged] = part.predict(slots[judged], features[judged], plausible[judged])
                advance(1)
        uniform = _uniform_risk(everything, found)
        hidden_share = len(hidden) / (len(hidden) + len(graph))
        max_risk = TOO_MANY_FACTS * hidden_share / uniform
        accepted = is_proposed & (unseen <= max_risk / MINED_SAFETY * uniform)
        report = {
            "hidden_triples": len(hidden),
            "queries": len(queries),
            "asked_queries": len(asked),
            "all": _assess(labels, unseen, slots, weights),
            "proposed": _assess(*(x[is_proposed] for x in (labels, unseen, slots, queries_represented))),
            "accepted": _risks(labels[accepted], unseen[accepted], queries_represented[accepted], uniform),
            "auc_of_features": _auc_of_features(extractor, features[is_proposed], labels[is_proposed]),
        }
        return cls(extractor, model, uniform, max_risk, report)

    def risk(self, queries: Queries, answers: Answers, features: np.ndarray) -> np.ndarray:
        """Compute the risk of answers.

        :param queries: the queries
        :param answers: n answers to them
        :param features: shape: (n, num_features), from the extractor
        :return: shape: (n,), >= 0, in multiples of the risk of a uniform corruption of a training triple
        """
        if not len(features):
            return np.zeros(0, dtype=np.float32)
        count = math.ceil(len(features) / CHUNK_SIZE)
        chunks = zip(*(np.array_split(x, count) for x in (_slots(queries)[answers.queries], features)), strict=True)
        probabilities = []
        with step(Step.RISKS, count, "part") as advance:
            for chunk in chunks:
                probabilities.append(self.model.predict(*chunk))
                advance(1)
        probability = np.concatenate(probabilities)
        return (probability / self.uniform).astype(np.float32)


def _slots(queries: Queries) -> np.ndarray:
    """Combine side and relation of each query into one number."""
    return queries.sides * queries.graph.num_relations + queries.relations


def _find(queries: Queries, triples: np.ndarray) -> np.ndarray:
    """Find the queries that triples answer, as keys of answers; triples that answer none are left out."""
    keys = []
    for side in ENTITY_SIDES:
        position = queries.find(np.full(len(triples), side), triples)
        found = Answers(position[position >= 0], triples[position >= 0, side])
        keys.append(found.keys(queries.graph.num_entities))
    return np.concatenate(keys)


def _choose(size: int, asked: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Choose the queries that the guard is fitted to: half of them are answered by hidden triples, if as many are.

    Such queries are rare in a sparse graph, and without them there is nothing to learn.

    :param size: the number of queries
    :param asked: shape: (m,), m > 0, those that hidden triples answer
    :return: a pair (the chosen ones, sorted; the number of queries that each represents), both of the same shape
    """
    others = np.setdiff1d(np.arange(size), asked)
    num_asked = min(len(asked), max(MAX_QUERIES // 2, MAX_QUERIES - len(others)))
    groups = ((asked, num_asked), (others, min(len(others), MAX_QUERIES - num_asked)))
    chosen = np.concatenate([generator.permutation(group)[:count] for group, count in groups])
    represented = np.concatenate([np.full(count, len(group) / max(count, 1)) for group, count in groups])
    order = np.argsort(chosen)
    return chosen[order], represented[order]


def _draw_unknown(queries: Queries, generator: np.random.Generator) -> np.ndarray:
    """Draw unknown answers, as keys."""
    num_entities = queries.graph.num_entities
    drawn = np.arange(len(queries))[:, None] * num_entities + generator.integers(
        num_entities, size=(len(queries), RANDOM_ANSWERS)
    )
    known = Answers(np.repeat(np.arange(len(queries)), queries.num_answers), queries.answers)
    return np.setdiff1d(drawn, known.keys(num_entities))


def _weights(queries: Queries, answers: Answers, counted: np.ndarray) -> np.ndarray:
    """Weight the random answers, so that they represent all answers that are not counted one by one."""
    size = len(queries)
    total = queries.graph.num_entities - queries.num_answers - np.bincount(answers.queries[counted], minlength=size)
    drawn = np.bincount(answers.queries[~counted], minlength=size)
    return np.where(counted, 1.0, (total / drawn.clip(min=1))[answers.queries])


def _uniform_risk(queries: Queries, true: np.ndarray) -> float:
    """Compute the probability that a uniform corruption of a triple is one of the hidden triples."""
    num_entities = queries.graph.num_entities
    hidden = np.bincount(true // num_entities, minlength=len(queries))
    known = queries.num_answers
    return float(np.average(hidden / (num_entities - known).clip(min=1), weights=known))


def _assess(labels: np.ndarray, probabilities: np.ndarray, slots: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    """Measure how well probabilities tell hidden triples from others.

    :param labels: shape: (n,), whether each is a hidden triple
    :param probabilities: shape: (n,)
    :param slots: shape: (n,), the side and relation of each
    :param weights: shape: (n,), the number of answers that each represents
    :return: JSON-native measures
    """
    if labels.all() or not labels.any():
        return {"answers": len(labels), "hidden": int(labels.sum())}
    rates = np.bincount(slots, weights * labels) / np.bincount(slots, weights).clip(min=1e-9)
    brier, guessed = (brier_score_loss(labels, x, sample_weight=weights) for x in (probabilities, rates[slots]))
    by_slot = []
    for slot in np.unique(slots[labels]):
        here = slots == slot
        if not labels[here].all():
            by_slot.append(roc_auc_score(labels[here], probabilities[here], sample_weight=weights[here]))
    riskiest = probabilities >= np.quantile(probabilities, 0.9)
    expected, observed = (float(np.average(x[riskiest], weights=weights[riskiest])) for x in (probabilities, labels))
    true, predicted = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    return {
        "answers": len(labels),
        "hidden": int(labels.sum()),
        "auc": roc_auc_score(labels, probabilities, sample_weight=weights),
        "auc_by_relation_and_side": float(np.mean(by_slot)) if by_slot else None,
        # where the base rates are already perfect, there is no skill to gain
        "brier_skill": 1 - brier / guessed if guessed else 0.0,
        "riskiest_tenth": {"expected": expected, "observed": observed, "error": abs(expected - observed)},
        "reliability": {"predicted": predicted.tolist(), "observed": true.tolist()},
    }


def _risks(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, uniform: float) -> dict[str, Any]:
    """Compare expected and observed risk, in multiples of that of a uniform corruption.

    :param labels: shape: (n,), whether each is a hidden triple
    :param probabilities: shape: (n,)
    :param weights: shape: (n,), the number of answers that each represents
    :param uniform: the risk of a uniform corruption
    :return: JSON-native measures, among them the least that the observed risk is compatible with; risks are 0 if there
        is none to observe
    """
    total = max(weights.sum(), 1.0) * uniform
    expected, observed = (float((weights * x).sum() / total) for x in (probabilities, labels))
    count = int(labels.sum())
    # the exact interval of a number of events
    lowest = observed * float(chi2.ppf(1 - CONFIDENCE, 2 * count)) / (2 * count) if count else 0.0
    return {"answers": len(labels), "hidden": count, "expected": expected, "observed": observed, "lowest": lowest}


def _auc_of_features(extractor: FeatureExtractor, features: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    if labels.all() or not labels.any():
        return {}
    return {name: roc_auc_score(labels, features[:, i]) for i, name in enumerate(extractor.names)}
