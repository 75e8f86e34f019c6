"""Scorers: small models of how plausible a triple is, which score all answers to a query at once."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..runtime.progress import Progress
from ..runtime.quiet_training import train_quietly
from ..runtime.random_state import one_thread
from ..triples.indexing import TAIL
from ..triples.queries import Queries

__all__ = [
    "DotProductScorer",
    "Training",
    "estimate_training",
    "train_scorer",
]


#: The seconds that a scorer is trained for to estimate the time of training
TIMED_SECONDS = 0.5

#: The number of triples that are scored at once
BATCH_SIZE = 65_536


@dataclass(frozen=True)
class Training:
    """Settings for the training of a scorer."""

    #: > 0, the number of passes over the triples
    epochs: int

    #: > 0, the learning rate at the start; it falls to zero linearly
    learning_rate: float

    #: >= 0, the weight decay of AdamW
    weight_decay: float

    #: > 0, the number of triples in a batch
    batch_size: int

    #: The seed
    seed: int = 0


class DotProductScorer(nn.Module, ABC):
    """Scores triples by the dot product of a query's vector and an answer's: one matrix product scores all answers.

    ``forward`` takes triples of shape (n, 3) and returns their loss; it draws the corruptions that it needs itself.
    """

    @abstractmethod
    def reset_parameters(self) -> None:
        """Initialize the parameters at random."""

    @abstractmethod
    def encode_queries(self, entities: Tensor, relations: Tensor, side: int) -> Tensor:
        """Encode queries.

        :param entities: shape: (n,), the entities that are given
        :param relations: shape: (n,)
        :param side: the side that is asked for: 0 head, 2 tail
        :return: shape: (n, dim)
        """

    @abstractmethod
    def encode_answers(self, side: int) -> Tensor:
        """Encode all entities as answers.

        :param side: the side that is asked for: 0 head, 2 tail
        :return: shape: (num_entities, dim)
        """

    @torch.no_grad()
    def score(self, queries: Queries, answers: Tensor) -> Tensor:
        """Score all answers to queries.

        :param queries: n queries of one side
        :param answers: shape: (num_entities, dim), the answers of that side, encoded
        :return: shape: (n, num_entities)
        """
        side = int(queries.sides[0])
        vectors = self.encode_queries(torch.as_tensor(queries.entities), torch.as_tensor(queries.relations), side)
        return vectors @ answers.T

    @torch.no_grad()
    def encode_all_answers(self, side: int) -> Tensor:
        """Encode all entities as answers, for scoring.

        :param side: the side that is asked for: 0 head, 2 tail
        :return: shape: (num_entities, dim)
        """
        return self.encode_answers(side)

    @torch.no_grad()
    def score_triples(self, triples: np.ndarray, side: int, answers: Tensor | None = None) -> np.ndarray:
        """Score triples.

        :param triples: shape: (n, 3)
        :param side: the side that is asked for: 0 head, 2 tail
        :param answers: shape: (num_entities, dim), the answers of that side, if they were encoded before
        :return: shape: (n,), dtype: float32
        """
        heads, relations, tails = torch.as_tensor(triples).unbind(dim=1)
        given, asked = (heads, tails) if side == TAIL else (tails, heads)
        if not len(triples):
            return np.zeros(0, dtype=np.float32)
        # many triples answer the same query, which is encoded once
        num_relations = int(relations.max()) + 1
        unique, query = torch.unique(given * num_relations + relations, return_inverse=True)
        parts = [
            self.encode_queries(part // num_relations, part % num_relations, side) for part in unique.split(BATCH_SIZE)
        ]
        queries, answers = torch.cat(parts), self.encode_answers(side) if answers is None else answers
        rows = zip(query.split(BATCH_SIZE), asked.split(BATCH_SIZE), strict=True)
        return torch.cat([(queries[q] * answers[a]).sum(dim=1) for q, a in rows]).numpy()


class _Triples(torch.utils.data.Dataset[Tensor]):
    """Triples that are loaded as one tensor per batch."""

    def __init__(self, triples: np.ndarray) -> None:
        """Wrap triples of shape (n, 3)."""
        self.triples = torch.from_numpy(triples)

    def __len__(self) -> int:
        return len(self.triples)

    def __getitem__(self, index: int) -> Tensor:
        return self.triples[index]

    def __getitems__(self, indices: list[int]) -> Tensor:
        return self.triples[indices]


def estimate_training(scorer: DotProductScorer, triples: np.ndarray, training: Training) -> float:
    """Estimate how long training takes here, from a few steps.

    :param scorer: the scorer, whose parameters are initialized anew
    :param triples: shape: (n, 3), n > 0
    :param training: how
    :return: seconds
    """
    # imported first, since that takes seconds and is not part of the training
    from ..runtime import training_progress  # noqa: F401
    from ..runtime.step_timing import StepTimer

    timer, start = StepTimer(TIMED_SECONDS), time.perf_counter()
    # no bar of its own
    with Progress(show=False).running():
        _train(scorer, triples, replace(training, epochs=training.epochs + 1), "Timing", [timer])
    num_steps = training.epochs * math.ceil(len(triples) / training.batch_size)
    beside = time.perf_counter() - start - timer.seconds
    return beside + num_steps * timer.seconds_per_step


def train_scorer(scorer: DotProductScorer, triples: np.ndarray, training: Training, name: str = "Training") -> None:
    """Train a scorer from scratch, in one thread; afterwards, it is on the CPU and in evaluation mode.

    :param scorer: changed in place
    :param triples: shape: (n, 3), n > 0
    :param training: how
    :param name: what the progress bar says
    """
    _train(scorer, triples, training, name)


def _train(
    scorer: DotProductScorer, triples: np.ndarray, training: Training, name: str, callbacks: Sequence[Any] = ()
) -> None:
    torch.manual_seed(training.seed)
    scorer.reset_parameters()
    with one_thread():
        train_quietly(
            scorer,
            name,
            {
                "num_train_epochs": training.epochs,
                "per_device_train_batch_size": training.batch_size,
                "learning_rate": training.learning_rate,
                "weight_decay": training.weight_decay,
                "lr_scheduler_type": "linear",
                "save_strategy": "no",
                "seed": training.seed,
            },
            train_dataset=_Triples(triples),
            data_collator=lambda batch: {"triples": batch},
            callbacks=list(callbacks),
        )
