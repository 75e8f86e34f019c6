"""A small network that estimates gradient magnitudes from a triple's vector: NegatER's proxy [safavi2021]_.

An exact magnitude costs a forward and a backward pass through the language model, an estimate only a forward pass. The
quality of the estimates is measured on candidates that the network was not trained with.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..runtime.progress import Step
from ..runtime.quiet_training import train_quietly

__all__ = [
    "MIN_EXAMPLES",
    "GradientProxy",
    "ProxySettings",
    "fit_proxy",
]

#: The shares of the exact magnitudes that decide when training stops, and that measure the estimates at the end
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.1

#: The fewest exact magnitudes that can be split into these parts
MIN_EXAMPLES = 10


@dataclass(frozen=True)
class ProxySettings:
    """Settings of a proxy and its training; the defaults are NegatER's, except for early stopping, which it lacks."""

    #: >= 1, the width of the hidden layer
    hidden: int = 100

    #: in [0, 1), the share of hidden units that is dropped while training
    dropout: float = 0.1

    #: > 0, the learning rate of Adam
    learning_rate: float = 1e-5

    #: >= 1, the most passes over the exact magnitudes
    epochs: int = 100

    #: >= 1, the number of magnitudes in a step
    batch_size: int = 16

    #: >= 1, the number of epochs without a smaller error on held-out magnitudes after which training stops
    patience: int = 5

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range
        """
        for name in ("hidden", "epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"found {name}={getattr(self, name)}, expected at least 1.")
        if not 0 <= self.dropout < 1 or not self.learning_rate > 0:
            raise ValueError(
                f"found dropout={self.dropout} and learning_rate={self.learning_rate}, expected a share in [0, 1) and "
                f"a positive number."
            )


class GradientProxy(nn.Module):
    """Estimates magnitudes from vectors, with one hidden layer."""

    location: Tensor
    scale: Tensor

    def __init__(self, dim: int, settings: ProxySettings) -> None:
        """Initialize the weights at random.

        :param dim: the dimension of the vectors
        :param settings: the width of the hidden layer, and the dropout
        """
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim, settings.hidden),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.hidden, 1),
        )
        # standardize, so that the network learns numbers around zero, whatever the magnitudes' scale
        self.register_buffer("location", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, vectors: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Estimate magnitudes.

        :param vectors: shape: (n, dim)
        :param labels: shape: (n,), the exact magnitudes
        :return: ``magnitudes`` of shape (n,), and the mean absolute error, in units of ``scale``, as ``loss`` if there
            are labels
        """
        # in single precision, whatever the language model computes in
        with torch.autocast(vectors.device.type, enabled=False):
            guesses = self.layers(vectors.float()).squeeze(dim=-1)
        outputs = {"magnitudes": guesses * self.scale + self.location}
        if labels is not None:
            outputs = {"loss": nn.functional.l1_loss(guesses, (labels - self.location) / self.scale), **outputs}
        return outputs


class _Examples(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Vectors and magnitudes that are loaded as two tensors per batch."""

    def __init__(self, vectors: np.ndarray, magnitudes: np.ndarray) -> None:
        """Wrap arrays of shapes (n, dim) and (n,)."""
        self.vectors, self.magnitudes = torch.from_numpy(vectors), torch.from_numpy(magnitudes)

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.vectors[index], self.magnitudes[index]

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        return self.vectors[indices], self.magnitudes[indices]


def fit_proxy(
    vectors: np.ndarray, magnitudes: np.ndarray, settings: ProxySettings, seed: int = 0
) -> tuple[GradientProxy, dict[str, Any]]:
    """Train a proxy.

    :param vectors: shape: (n, dim), n >= 10, dtype: float32, the vectors of triples
    :param magnitudes: shape: (n,), dtype: float32, their exact gradient magnitudes
    :param settings: the settings of training
    :param seed: the seed of the weights, the split, and the order
    :return: a pair (the proxy of the best epoch, in evaluation mode on the CPU; ``rank_correlation``, Spearman's, in
        [-1, 1], and ``mean_absolute_error`` on ``held_out`` magnitudes that were not used in training, and the number
        of ``epochs``)
    :raises ValueError: if there are too few magnitudes
    """
    from scipy.stats import spearmanr
    from transformers import EarlyStoppingCallback

    if len(vectors) < MIN_EXAMPLES:
        raise ValueError(
            f"found {len(vectors)} exact magnitudes to train a proxy on, expected at least {MIN_EXAMPLES}."
        )
    order = np.random.default_rng(seed).permutation(len(vectors))
    bounds = [round(TEST_SHARE * len(order)), round((TEST_SHARE + VALIDATION_SHARE) * len(order))]
    test, validation, training = np.split(order, [max(1, bounds[0]), max(2, bounds[1])])
    torch.manual_seed(seed)
    proxy = GradientProxy(vectors.shape[1], settings)
    quartiles = np.quantile(magnitudes[training], [0.25, 0.5, 0.75])
    proxy.location.fill_(float(quartiles[1]))
    proxy.scale.fill_(float(quartiles[2] - quartiles[0]) or 1.0)
    epochs = train_quietly(
        proxy,
        Step.PROXY,
        {
            "num_train_epochs": settings.epochs,
            "per_device_train_batch_size": settings.batch_size,
            "per_device_eval_batch_size": 1_024,
            "learning_rate": settings.learning_rate,
            "weight_decay": 0.0,
            "lr_scheduler_type": "constant",
            "eval_strategy": "epoch",
            "save_strategy": "epoch",
            "save_total_limit": 1,
            "load_best_model_at_end": True,
            "metric_for_best_model": "loss",
            "greater_is_better": False,
            "seed": seed,
        },
        train_dataset=_Examples(vectors[training], magnitudes[training]),
        eval_dataset=_Examples(vectors[validation], magnitudes[validation]),
        data_collator=lambda batch: dict(zip(("vectors", "labels"), batch, strict=True)),
        callbacks=[EarlyStoppingCallback(settings.patience)],
    )
    with torch.inference_mode():
        guesses = proxy(torch.from_numpy(vectors[test]))["magnitudes"].numpy()
    constant = len(test) < 2 or np.ptp(guesses) == 0 or np.ptp(magnitudes[test]) == 0
    return proxy, {
        "rank_correlation": 0.0 if constant else float(spearmanr(guesses, magnitudes[test]).statistic),
        "mean_absolute_error": float(np.abs(guesses - magnitudes[test]).mean()),
        "held_out": len(test),
        "epochs": epochs,
    }
