"""The callback that lets PyKEEN's training loops teach a model what the judge knows."""

from collections.abc import Mapping
from typing import Any

import torch
from pykeen.training.callbacks import TrainingCallback, callback_resolver
from pykeen.triples import CoreTriplesFactory
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, softmax

from ..mining.settings import MiningSettings
from ..runtime.random_state import pinned_defaults
from ..sampling.mined import without_inverse
from ..sampling.training_context import trained_factory
from ..triples.indexing import HEAD, RELATION, TAIL
from ..triples.queries import ENTITY_SIDES
from ..utils.spelling import check_known
from .judge import Judge, judge_of

__all__ = [
    "NegatERTrainingCallback",
]


class NegatERTrainingCallback(TrainingCallback):
    """Teaches a model which answers are likely, beside its own loss (distillation [hinton2015]_).

    For some queries of each batch, the Kullback–Leibler divergence of the model's distribution over candidates from the
    judge's is added to the loss, in which each of these queries counts ``weight`` times as much as a positive. The
    candidates are the answers that the judge finds most likely, and random entities.
    The judge is trained on the same training triples, and on the entities' texts, see
    :mod:`pykeen_negater.distillation.judge`; it is cached. It works with any sampler::

        pipeline(..., negative_sampler="negater", training_kwargs={"callbacks": NegatERTrainingCallback})

    .. [hinton2015] Hinton, Vinyals and Dean (2015) Distilling the Knowledge in a Neural Network. arXiv:1503.02531.
    """

    def __init__(
        self,
        *,
        weight: float = 4.0,
        num_queries: int = 32,
        num_likely: int = 32,
        num_random: int = 32,
        triples_factory: CoreTriplesFactory | None = None,
        **mining: Any,
    ) -> None:
        """Choose how to teach.

        The defaults had the best MRR of those that were tried on validation triples of CoDEx-S (TransE, 20 epochs), see
        ``benchmarks/results/distillation.tsv``.

        :param weight: > 0, how much a query counts in the loss, in multiples of a positive
        :param num_queries: > 0, the number of queries of each batch and side
        :param num_likely: > 0, the number of most likely answers to each query that are candidates
        :param num_random: >= 0, the number of random entities that are candidates
        :param triples_factory: the training triples. By default those that the loop trains on.
        :param mining: settings of mining, see :class:`pykeen_negater.mining.settings.MiningSettings`: what texts there
            are, how they are encoded, and the seed. By default those of the negater sampler, if the loop has it.
        :raises ValueError: if a number is out of range, or there is no such parameter
        """
        super().__init__()
        check_known("parameter", mining, MiningSettings.__dataclass_fields__)
        if not weight > 0:
            raise ValueError(f"found weight={weight!r}, expected a positive number.")
        for name, value, least in (
            ("num_queries", num_queries, 1),
            ("num_likely", num_likely, 1),
            ("num_random", num_random, 0),
        ):
            if value < least:
                raise ValueError(f"found {name}={value!r}, expected at least {least}.")
        self.weight = weight
        self.num_queries = num_queries
        self.num_likely = num_likely
        self.num_random = num_random
        self.triples_factory = triples_factory
        self.mining = mining
        #: The judge, once training has begun
        self.judge: Judge | None = None
        self._inverse = False
        self._is_taught = False
        self._divergences: list[Tensor] = []

    # docstr-coverage: inherited
    def pre_batch(self, **kwargs: Any) -> None:  # noqa: D102
        self._is_taught = False

    # docstr-coverage: inherited
    def on_batch(self, epoch: int, batch: Any, batch_loss: float, **kwargs: Any) -> None:  # noqa: D102
        # once per step of the optimizer, even if batches are split
        if self._is_taught:
            return
        self._is_taught = True
        if not isinstance(batch, Mapping) or "positives" not in batch:
            raise ValueError(
                "found a training loop without negatives, which scores all entities, expected PyKEEN's sLCWA loop: "
                "the judge is trained like that itself, and has nothing to add."
            )
        judge = self.judge or self.prepare(self.model.device)
        divergence = self._diverge(judge, batch["positives"].to(self.model.device))
        (self.weight * divergence).backward()
        self._divergences.append(divergence.detach())

    # docstr-coverage: inherited
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: D102
        if self._divergences:
            mean = torch.stack(self._divergences).mean().item()
            self._divergences.clear()
            self.result_tracker.log_metrics({"divergence": mean}, step=epoch)

    @pinned_defaults()
    def prepare(self, device: torch.device) -> Judge:
        """Train the judge, or load it from the cache; the first batch of training does so, too.

        :param device: where it is going to judge: that of the model
        :return: the judge
        :raises ValueError: if the training triples are not known, or a setting does not fit them
        """
        factory = self.triples_factory or trained_factory()
        if factory is None:
            raise ValueError("found no triples factory that the loop trains on. Pass triples_factory=...")
        self._inverse = factory.num_relations == 2 * factory.real_num_relations
        self.judge = judge_of(factory, {**self._inherited(), **self.mining}, device)
        return self.judge

    def _inherited(self) -> dict[str, Any]:
        """Collect the settings of mining among the sampler's parameters."""
        kwargs = getattr(self._training_loop, "negative_sampler_kwargs", None) or {}
        return {name: value for name, value in kwargs.items() if name in MiningSettings.__dataclass_fields__}

    def _diverge(self, judge: Judge, positives: Tensor) -> Tensor:
        """Compute the divergence for some queries of a batch.

        :param judge: the judge
        :param positives: shape: (n, 3), inverse ones included
        :return: shape: (), the mean over the sides of the sum over the queries, per positive of the batch, so that a
            query counts as much as a positive in the loss
        """
        if self._inverse:
            real, _ = without_inverse(positives.cpu().numpy())
            positives = torch.from_numpy(real).to(positives.device)
        parts = []
        for side, given in ENTITY_SIDES.items():
            chosen = positives[torch.randint(len(positives), (self.num_queries,), device=positives.device)]
            entities, relations = chosen[:, given], chosen[:, RELATION]
            scores = judge.score(entities, relations, side)
            likely = scores.topk(min(self.num_likely, scores.shape[1]), dim=1).indices
            drawn = torch.randint(scores.shape[1], (self.num_queries, self.num_random), device=positives.device)
            candidates = torch.cat([likely, drawn], dim=1)
            taught = softmax(scores.gather(dim=1, index=candidates), dim=1)
            learned = log_softmax(self._score(entities, relations, candidates, side), dim=1)
            parts.append(kl_div(learned, taught, reduction="sum"))
        return torch.stack(parts).mean() / len(positives)

    def _score(self, entities: Tensor, relations: Tensor, candidates: Tensor, side: int) -> Tensor:
        """Score candidates with the model; shape: (n, num_candidates)."""
        if self._inverse:
            relations = 2 * relations + (side == HEAD)
        if side == TAIL or self._inverse:
            return self.model.score_t(torch.stack([entities, relations], dim=1), tails=candidates)
        return self.model.score_h(torch.stack([relations, entities], dim=1), heads=candidates)


callback_resolver.register(NegatERTrainingCallback, raise_on_conflict=False)
