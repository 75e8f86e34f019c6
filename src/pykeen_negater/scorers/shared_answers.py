"""Answers that all queries of a batch share, so that one matrix product scores them."""

import torch
from torch import Tensor

__all__ = [
    "MAX_ANSWERS",
    "share_answers",
]

#: In graphs with more entities, scorers that choose answers are trained with this many random ones instead of all
MAX_ANSWERS = 2_048


def share_answers(targets: Tensor, num_entities: int, most: int) -> tuple[Tensor | None, Tensor]:
    """Choose the answers that a batch of queries is trained with: all entities, or the targets and some more.

    :param targets: shape: (n,), the right answers
    :param num_entities: the number of entities
    :param most: > 0, in graphs with more entities, this many random ones are taken besides the targets
    :return: a pair (the answers; shape: (m,), or None for all entities. The position of each target among them; shape:
        (n,))
    """
    if num_entities <= most:
        return None, targets
    drawn = torch.randint(num_entities, (most,), device=targets.device)
    chosen, positions = torch.unique(torch.cat([targets, drawn]), return_inverse=True)
    return chosen, positions[: len(targets)]
