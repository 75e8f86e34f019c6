"""Ranks the answer to each query twice in one pass of PyKEEN's evaluation: among all entities, and among some."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.evaluation.ranks import Ranks
from pykeen.models import Model
from pykeen.typing import LABEL_HEAD, LABEL_TAIL, RANK_REALISTIC, Target
from torch import Tensor

from ..triples.indexing import HEAD, TAIL

__all__ = [
    "QUERY_SIDES",
    "QueryRanks",
    "check_triples",
    "rank_queries",
]

#: The sides that are asked for, in the order of the columns of ranks, and what PyKEEN calls them
QUERY_SIDES: dict[int, Target] = {HEAD: LABEL_HEAD, TAIL: LABEL_TAIL}

#: Tells which entities stay beside the answer. Takes the position of the first of the queries that are scored together,
#: their triples, of shape (b, 3), the side that is asked for, and the number of entities; returns a boolean tensor of
#: shape (b, num_entities).
Restriction: TypeAlias = Callable[[int, Tensor, int, int], Tensor]


@dataclass(frozen=True, eq=False)
class QueryRanks:
    """PyKEEN's filtered, realistic ranks of the answers to queries.

    Each array has the shape (n, 2): a row for each triple, and a column for each side that is asked for, head and tail.
    """

    #: The ranks among all entities, from 1
    full: np.ndarray

    #: The ranks among the entities that stay, from 1
    restricted: np.ndarray

    #: How many entities there are beside the answer that make no known triple
    full_counts: np.ndarray

    #: How many of these stay
    restricted_counts: np.ndarray


def check_triples(name: str, triples: Tensor, model: Model) -> None:
    """Check that triples are there, and are some that a model can score.

    :param name: what they are called in an error
    :param triples: shape: (n, 3), n > 0
    :param model: the model
    :raises ValueError: if there are none, or an id is out of the model's range
    """
    if triples.ndim != 2 or triples.shape[1] != 3 or not len(triples):
        raise ValueError(f"found {name} of shape {tuple(triples.shape)}, expected (n, 3) with n > 0.")
    low, high = (bound.tolist() for bound in torch.aminmax(triples, dim=0))
    limits = [model.num_entities, model.num_real_relations, model.num_entities]
    if min(low) < 0 or any(x >= limit for x, limit in zip(high, limits, strict=True)):
        raise ValueError(
            f"found {name} with ids from {low} to {high}, expected the model's heads, relations and tails, from 0 to "
            f"below {limits}. Pass triples of the dataset that it was trained on."
        )


def rank_queries(
    model: Model, triples: Tensor, known: Tensor, restriction: Restriction, use_tqdm: bool = True
) -> QueryRanks:
    """Rank the head and the tail of each triple, as PyKEEN's evaluator does, and among fewer entities.

    :param model: the model, which is in evaluation mode afterwards
    :param triples: shape: (n, 3), n > 0, the triples whose heads and tails are asked for
    :param known: shape: (m, 3), true triples; what makes one of them, or of the others asked for, is no candidate
    :param restriction: which entities stay beside the answer
    :param use_tqdm: whether to show a progress bar
    :return: the ranks
    :raises ValueError: if the score of an answer is not finite
    """
    evaluator = _QueryRankEvaluator(restriction)
    evaluator.evaluate(model, triples, additional_filter_triples=[known], use_tqdm=use_tqdm)
    targets = QUERY_SIDES.values()
    return QueryRanks(
        full=_columns([evaluator.ranks[target, RANK_REALISTIC] for target in targets]),
        restricted=_columns([evaluator.restricted[target] for target in targets]),
        full_counts=_columns([evaluator.num_candidates[target] for target in targets]) - 1,
        restricted_counts=_columns([evaluator.counts[target] for target in targets]),
    )


def _columns(batches: list[list[np.ndarray]]) -> np.ndarray:
    return np.stack([np.concatenate(column) for column in batches], axis=1)


class _QueryRankEvaluator(RankBasedEvaluator):
    """Keeps the ranks of all queries, and ranks among fewer entities as well."""

    def __init__(self, restriction: Restriction) -> None:
        """Start with no ranks."""
        super().__init__(filtered=True, metrics=["mrr"], add_defaults=False, clear_on_finalize=False)
        self.restriction = restriction
        self.restricted: defaultdict[Target, list[np.ndarray]] = defaultdict(list)
        self.counts: defaultdict[Target, list[np.ndarray]] = defaultdict(list)
        self.num_done: defaultdict[Target, int] = defaultdict(int)

    # docstr-coverage: inherited
    def process_scores_(
        self,
        hrt_batch: Tensor,
        target: Target,
        scores: Tensor,
        true_scores: Tensor | None = None,
        dense_positive_mask: Tensor | None = None,
    ) -> None:
        super().process_scores_(hrt_batch, target, scores, true_scores, dense_positive_mask)
        if true_scores is None or not torch.isfinite(true_scores).all():
            raise ValueError("found a score that is NaN or infinite, expected finite ones. Check the model.")
        side = next(side for side, name in QUERY_SIDES.items() if name == target)
        stays = self.restriction(self.num_done[target], hrt_batch, side, scores.shape[1])
        stays = stays.scatter(1, hrt_batch[:, side, None], True)
        # what is not a number does not count, as with what PyKEEN has filtered
        fewer = scores.masked_fill(~stays, torch.nan)
        ranks = Ranks.from_scores(true_score=true_scores, all_scores=fewer)
        self.restricted[target].append(ranks.realistic.cpu().numpy())
        self.counts[target].append(ranks.number_of_options.cpu().numpy() - 1)
        self.num_done[target] += len(hrt_batch)

    # docstr-coverage: inherited
    def clear(self) -> None:
        super().clear()
        for noted in (self.restricted, self.counts, self.num_done):
            noted.clear()
