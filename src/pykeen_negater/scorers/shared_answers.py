"""Answers that all queries of a batch share, so that one matrix product scores them."""

import torch
from torch import Tensor

__all__ = [
    "MAX_ANSWERS",
    "share_answers",
]

#: In graphs with more entities, each batch is trained against this many random ones instead of all
MAX_ANSWERS = 2_048


def share_answers(targets: Tensor, num_entities: int) -> tuple[Tensor | None, Tensor]:
    """Choose the answers that a batch of queries is trained to choose from: all entities, or the targets and some more.

    :param targets: shape: (n,), the right answers
    :param num_entities: the number of entities
    :return: a pair (the answers; shape: (m,), or None for all entities. The position of each target among them; shape:
        (n,))
    """
    if num_entities <= MAX_ANSWERS:
        return None, targets
    drawn = torch.randint(num_entities, (MAX_ANSWERS,), device=targets.device)
    chosen, positions = torch.unique(torch.cat([targets, drawn]), return_inverse=True)
    return chosen, positions[: len(targets)]
