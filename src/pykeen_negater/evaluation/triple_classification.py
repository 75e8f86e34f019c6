"""Evaluates how well a model tells true triples from verified false ones, which PyKEEN's evaluators do not."""

from collections.abc import Mapping

import numpy as np
import torch
from pykeen.models import Model
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

from ..fine_tuning.thresholds import Thresholds
from ..scorers.kge_models import score_finitely
from ..triples.indexing import RELATION
from ..triples.labelled import LabelledTriples

__all__ = [
    "TripleClassificationEvaluator",
]


class TripleClassificationEvaluator:
    """Evaluates how a PyKEEN model classifies triples, as is usual for CoDEx [safavi2020]_.

    A triple is predicted to be true if its score reaches the threshold of its relation that classifies the validation
    triples best; a relation without validation triples on both sides has the best threshold over all relations.

    .. [safavi2020] Safavi and Koutra (2020) CoDEx: A Comprehensive Knowledge Graph Completion Benchmark. EMNLP.
    """

    def __init__(self, validation: torch.Tensor, validation_negatives: torch.Tensor, batch_size: int = 4_096) -> None:
        """Choose the triples for choosing thresholds.

        :param validation: shape: (n, 3), n > 0, true triples
        :param validation_negatives: shape: (m, 3), m > 0, false triples
        :param batch_size: > 0, the number of triples that are scored at once
        :raises ValueError: if there are none
        """
        self.validation = _combine(validation, validation_negatives)
        self.batch_size = batch_size

    def evaluate(self, model: Model, positives: torch.Tensor, negatives: torch.Tensor) -> Mapping[str, float]:
        """Evaluate a model.

        :param model: the model
        :param positives: shape: (n, 3), n > 0, true triples
        :param negatives: shape: (m, 3), m > 0, false triples
        :return: ``accuracy`` and ``f1`` with the thresholds, ``roc_auc`` and ``average_precision`` over all scores; all
            in [0, 1]
        :raises ValueError: if there are none, or a score is not finite
        """
        examples = _combine(positives, negatives)
        thresholds = Thresholds.fit(
            self._score(model, self.validation.triples),
            self.validation.labels,
            self.validation.triples[:, RELATION],
            model.num_relations,
            halfway=True,
        )
        scores = self._score(model, examples.triples)
        predicted = scores >= thresholds.by_relation[examples.triples[:, RELATION]]
        return {
            "accuracy": float(accuracy_score(examples.labels, predicted)),
            "f1": float(f1_score(examples.labels, predicted)),
            "roc_auc": float(roc_auc_score(examples.labels, scores)),
            "average_precision": float(average_precision_score(examples.labels, scores)),
        }

    def _score(self, model: Model, triples: np.ndarray) -> np.ndarray:
        return score_finitely(model, triples, self.batch_size)


def _combine(positives: torch.Tensor, negatives: torch.Tensor) -> LabelledTriples:
    for name, triples in (("positives", positives), ("negatives", negatives)):
        if triples.ndim != 2 or triples.shape[1] != 3 or not len(triples):
            raise ValueError(f"found {name} of shape {tuple(triples.shape)}, expected (n, 3) with n > 0.")
    return LabelledTriples.combine(positives.cpu().numpy(), negatives.cpu().numpy())
