"""A model that trains in a moment."""

import torch
from torch import Tensor, nn


class Line(nn.Module):
    """Learns that y is 3 x."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(()))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the mean squared error."""
        return {"loss": ((self.slope * x - 3 * x) ** 2).mean()}


def collate(examples: list[tuple[Tensor]]) -> dict[str, Tensor]:
    """Make a batch."""
    return {"x": torch.stack([x for (x,) in examples])}
