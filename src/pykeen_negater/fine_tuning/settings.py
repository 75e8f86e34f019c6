"""Settings of fine-tuning, in a module that loads fast."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from ..corruption.sources import NegativeSource, negative_source_resolver
from ..triples.indexing import SIDES, check_corruption_scheme
from ..utils.resolving import find_class, make
from ..utils.spelling import check_choice

__all__ = [
    "FineTuningSettings",
    "Pooling",
    "Precision",
]

#: How the vectors of a sequence's tokens are pooled: the first one, their mean, or their maximum
Pooling = Literal["cls", "mean", "max"]

#: The precision of a language model's computations: single, or bfloat16 for operations where that is accurate enough
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class FineTuningSettings:
    """Settings of fine-tuning: everything that a model depends on, apart from the language model, graph and texts."""

    #: How the vectors of a sequence's tokens are pooled: ``cls``, ``mean`` or ``max``
    pooling: Pooling = "mean"

    #: >= 8, the most tokens of a triple
    max_length: int = 32

    #: >= 1, the number of passes over the training triples; the epoch with the best validation accuracy is kept
    epochs: int = 2

    #: >= 1, the number of examples in a batch
    batch_size: int = 32

    #: > 0, the highest learning rate of AdamW
    learning_rate: float = 1e-4

    #: >= 0, the weight decay, from which biases and layer norms are exempt
    weight_decay: float = 0.01

    #: > 0, the norm to which the gradients of a step are clipped; None for no limit
    max_grad_norm: float | None = None

    #: in [0, 1), the share of the steps in which the learning rate rises, or their number if at least 1; it then falls
    #: linearly to zero
    warmup: float = 0.1

    #: >= 0, the number of corruptions of each side (``head``, ``relation``, ``tail``) per triple, new ones in each
    #: epoch
    corruptions: Mapping[str, int] = field(default_factory=lambda: {"head": 1, "tail": 1})

    #: The source of the corruptions, see :data:`~pykeen_negater.corruption.sources.negative_source_resolver`
    negatives: str = "random"

    #: The parameters of that source, JSON-native
    negatives_kwargs: Mapping[str, Any] | None = None

    #: > 0, the most training triples that are used, drawn at random; None for all
    max_training_triples: int | None = 2_000

    #: in (0, 1), the share of the training triples held out for validation, unless validation triples are given
    validation_share: float = 0.1

    #: Whether each relation has a threshold of its own, rather than one for all
    per_relation: bool = True

    #: The seed of everything random
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range, or there is no such source of negatives
        :raises FileNotFoundError: if that source lacks a file
        """
        counts = {check_corruption_scheme([side])[0]: count for side, count in self.corruptions.items()}
        if sum(counts.values()) < 1 or min(counts.values()) < 0:
            raise ValueError(f"found corruptions={dict(self.corruptions)}, expected at least one corruption in all.")
        # make equal settings equal: neither the order nor sides that are not corrupted matter
        object.__setattr__(self, "corruptions", {side: counts[side] for side in SIDES if counts.get(side)})
        for name in ("epochs", "batch_size", "max_training_triples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"found {name}={value}, expected at least 1.")
        check_choice("pooling", self.pooling, get_args(Pooling))
        if self.max_length < 8:
            raise ValueError(f"found max_length={self.max_length}, expected at least 8 tokens for a triple.")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise ValueError(
                f"found learning_rate={self.learning_rate} and weight_decay={self.weight_decay}, expected a positive "
                f"number and one that is not negative."
            )
        if self.max_grad_norm is not None and not self.max_grad_norm > 0:
            raise ValueError(f"found max_grad_norm={self.max_grad_norm}, expected a positive number, or None.")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"found validation_share={self.validation_share}, expected a share between 0 and 1.")
        if not self.warmup >= 0 or (self.warmup >= 1 and self.warmup % 1):
            raise ValueError(f"found warmup={self.warmup}, expected a share in [0, 1), or a whole number of steps.")
        self.make_source()

    def make_source(self) -> NegativeSource:
        """Make the source of the negatives.

        :return: the source
        :raises ValueError: if there is none of that name, or it takes no such parameters
        :raises FileNotFoundError: if it lacks a file
        """
        cls = find_class("negatives", negative_source_resolver, self.negatives)
        return make("negatives", cls, self.negatives_kwargs or {})

    def identify(self) -> dict[str, Any]:
        """Describe the settings.

        :return: a JSON-native description, in which files are identified by their content
        """
        source = self.make_source()
        name = negative_source_resolver.normalize_cls(type(source))
        return {**asdict(self), "negatives": name, "negatives_kwargs": source.identify()}

    def num_examples(self, num_triples: int) -> int:
        """Count the examples of a training run.

        :param num_triples: the number of training triples there are
        :return: the number of examples over all epochs, true and false
        """
        used = min(num_triples, self.max_training_triples or num_triples)
        return used * (1 + sum(self.corruptions.values())) * self.epochs
