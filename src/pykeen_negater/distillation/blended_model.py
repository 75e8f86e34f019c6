"""A trained model and the judge together, for the best answers rather than a better model."""

from typing import Any

import numpy as np
import torch
from pykeen.models import Model
from pykeen.triples import CoreTriplesFactory, KGInfo
from pykeen.typing import FloatTensor, InductiveMode, LongTensor
from pykeen.utils import NoRandomSeedNecessary
from torch import Tensor

from ..mining.settings import MiningSettings
from ..runtime.random_state import pinned_defaults
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, TAIL
from ..triples.queries import ENTITY_SIDES
from ..utils.spelling import check_known
from .judge import Judge, judge_of
from .weighting import fit_weights

__all__ = [
    "BlendedModel",
    "blend",
]

#: The most scores that the model computes at once while weights are fitted
MAX_SCORES = 2**20


class BlendedModel(Model):
    """Scores answers by the weighted sum of a trained model's scores and of a judge's.

    It predicts and is evaluated as any of PyKEEN's models, but cannot be trained. Structural models and language models
    know different things: the one what is near in the graph, the other what an entity is, wherever it stands
    [nandi2023]_. Where the judge knows more than the model, little is left of the model in the answers.

    .. [nandi2023] Nandi et al. (2023) DynaSemble: Dynamic Ensembling of Textual and Structure-Based Models for
       Knowledge Graph Completion. arXiv:2311.03780.
    """

    def __init__(self, model: Model, judge: Judge, model_weight: float, judge_weight: float) -> None:
        """Combine a model and a judge of the same graph, on the same device.

        :param model: the trained model; one with inverse relations is asked by real ones
        :param judge: the judge
        :param model_weight: >= 0, how much the model's scores count
        :param judge_weight: >= 0, how much the judge's scores count
        """
        info = KGInfo(model.num_entities, model.num_real_relations, create_inverse_triples=False)
        super().__init__(triples_factory=info, loss=model.loss, random_seed=NoRandomSeedNecessary)  # type: ignore[arg-type]
        self.model = model
        self.judge = judge
        self.model_weight = model_weight
        self.judge_weight = judge_weight

    # docstr-coverage: inherited
    def _reset_parameters_(self) -> None:
        raise NotImplementedError("found a blend of trained models that is to be trained. Train a model of its own.")

    # docstr-coverage: inherited
    def _get_entity_len(self, *, mode: InductiveMode | None) -> int:
        return self.num_entities

    # docstr-coverage: inherited
    def collect_regularization_term(self) -> FloatTensor:  # noqa: D102
        return torch.zeros((), device=self.device)

    # docstr-coverage: inherited
    def score_t(  # noqa: D102
        self,
        hr_batch: LongTensor,
        *,
        slice_size: int | None = None,
        mode: InductiveMode | None = None,
        tails: LongTensor | None = None,
    ) -> FloatTensor:
        scores = self.model.predict_t(hr_batch, slice_size=slice_size, mode=mode, tails=tails)
        return self._blend(scores, hr_batch[:, 0], hr_batch[:, 1], tails, TAIL)

    # docstr-coverage: inherited
    def score_h(  # noqa: D102
        self,
        rt_batch: LongTensor,
        *,
        slice_size: int | None = None,
        mode: InductiveMode | None = None,
        heads: LongTensor | None = None,
    ) -> FloatTensor:
        scores = self.model.predict_h(rt_batch, slice_size=slice_size, mode=mode, heads=heads)
        return self._blend(scores, rt_batch[:, 1], rt_batch[:, 0], heads, HEAD)

    # docstr-coverage: inherited
    def score_r(  # noqa: D102
        self,
        ht_batch: LongTensor,
        *,
        slice_size: int | None = None,
        mode: InductiveMode | None = None,
        relations: LongTensor | None = None,
    ) -> FloatTensor:
        raise NotImplementedError(
            "found a query for relations, expected one for heads or tails: a judge ranks entities."
        )

    # docstr-coverage: inherited
    def score_hrt(self, hrt_batch: LongTensor, *, mode: InductiveMode | None = None) -> FloatTensor:  # noqa: D102
        scores = self.model_weight * self.model.predict_hrt(hrt_batch, mode=mode)
        for side, given in ENTITY_SIDES.items():
            judged = self.judge.score(hrt_batch[:, given], hrt_batch[:, RELATION], side)
            scores = scores + self.judge_weight / 2 * judged.gather(dim=1, index=hrt_batch[:, side : side + 1])
        return scores

    def _blend(
        self, scores: FloatTensor, entities: LongTensor, relations: LongTensor, answers: LongTensor | None, side: int
    ) -> FloatTensor:
        """Add the judge's scores to the model's; answers are those of all queries, or of each, or None for all."""
        judged = self.judge.score(entities, relations, side)
        if answers is not None:
            judged = judged[:, answers] if answers.ndim == 1 else judged.gather(dim=1, index=answers)
        return self.model_weight * scores + self.judge_weight * judged


@pinned_defaults()
def blend(model: Model, training: CoreTriplesFactory, validation: CoreTriplesFactory, **mining: Any) -> BlendedModel:
    """Blend a trained model with a judge of the graph and its texts.

    The judge is trained on the training triples, or comes from the cache. The weights make the answers of validation
    triples as likely as possible; there are two, so that these are hardly less fresh for other choices.

    :param model: the trained model
    :param training: the triples that it was trained on
    :param validation: other true triples, with the same ids
    :param mining: settings of mining, see :class:`pykeen_negater.mining.settings.MiningSettings`: what texts there are,
        how they are encoded, and the seed
    :return: the blended model
    :raises ValueError: if there is no such setting, one does not fit the graph, or there are no validation triples
    """
    check_known("parameter", mining, MiningSettings.__dataclass_fields__)
    if not validation.num_triples:
        raise ValueError("found no validation triples, expected some to weight the model and the judge with.")
    judge = judge_of(training, mining, model.device)

    def model_scores(entities: Tensor, relations: Tensor, side: int) -> Tensor:
        """Score all answers with the model, which takes many times the memory of the scores for some models."""
        predict = model.predict_t if side == TAIL else model.predict_h
        columns = (entities, relations) if side == TAIL else (relations, entities)
        batches = torch.stack(columns, dim=1).to(model.device).split(max(1, MAX_SCORES // model.num_entities))
        return torch.cat([predict(batch) for batch in batches])

    def judge_scores(entities: Tensor, relations: Tensor, side: int) -> Tensor:
        """Score all answers with the judge."""
        return judge.score(entities.to(model.device), relations.to(model.device), side)

    graph = Graph.from_factory(training)
    unseen = validation.mapped_triples.numpy().astype(np.int64)
    return BlendedModel(model, judge, *fit_weights([model_scores, judge_scores], graph, unseen))
