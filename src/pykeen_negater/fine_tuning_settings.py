"""How a language model is fine-tuned: settings that can be read without loading what fine-tunes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from .indexing import check_corruption_scheme

__all__ = [
    "FineTuningSettings",
    "Pooling",
    "Precision",
]

#: How the vectors of a sequence's tokens become one: the first, their mean, or their maximum
Pooling = Literal["cls", "mean", "max"]

#: What a language model computes in: single precision, or bfloat16 where that is accurate enough for the operation
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class FineTuningSettings:
    """What a fine-tuned model depends on, apart from the language model, graph and texts."""

    #: How the vectors of a sequence's tokens become one: ``cls``, ``mean`` or ``max``
    pooling: Pooling = "mean"

    #: >= 8, the most tokens of a triple
    max_length: int = 32

    #: >= 1, how often the training triples are passed; the epoch with the best validation accuracy is kept
    epochs: int = 2

    #: >= 1, the number of examples in a batch
    batch_size: int = 32

    #: > 0, the highest learning rate of AdamW
    learning_rate: float = 1e-4

    #: >= 0, the weight decay, which biases and layer norms are exempt from
    weight_decay: float = 0.01

    #: in [0, 1), the share of the steps in which the learning rate rises; it then falls linearly to zero
    warmup: float = 0.1

    #: >= 0, how many corruptions of each side (``head``, ``relation``, ``tail``) a triple gets, new ones in each epoch
    corruptions: Mapping[str, int] = field(default_factory=lambda: {"head": 1, "tail": 1})

    #: in [0, 1], the share of the corruptions whose replacement was seen in the same slot of the relation
    in_slot_share: float = 0.5

    #: > 0, the most training triples that are learned from, drawn at random; None for all
    max_training_triples: int | None = 2_000

    #: in (0, 1), the share of the training triples held out to validate with, where no validation triples are given
    validation_share: float = 0.1

    #: The seed of everything random
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range
        """
        counts = {check_corruption_scheme([side])[0]: count for side, count in self.corruptions.items()}
        object.__setattr__(self, "corruptions", counts)
        if sum(self.corruptions.values()) < 1 or min(self.corruptions.values()) < 0:
            raise ValueError(f"found corruptions={dict(self.corruptions)}, expected at least one corruption in all.")
        for name in ("epochs", "batch_size", "max_training_triples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"found {name}={value}, expected at least 1.")
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"found pooling={self.pooling!r}, expected one of {', '.join(get_args(Pooling))}.")
        if self.max_length < 8:
            raise ValueError(f"found max_length={self.max_length}, expected at least 8 tokens for a triple.")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise ValueError(
                f"found learning_rate={self.learning_rate} and weight_decay={self.weight_decay}, expected a positive "
                f"number and one that is not negative."
            )
        if not 0 < self.validation_share < 1:
            raise ValueError(f"found validation_share={self.validation_share}, expected a share between 0 and 1.")
        if not 0 <= self.in_slot_share <= 1 or not 0 <= self.warmup < 1:
            raise ValueError(
                f"found in_slot_share={self.in_slot_share} and warmup={self.warmup}, expected shares in [0, 1]; the "
                f"latter below 1."
            )

    def num_examples(self, num_triples: int) -> int:
        """Count the examples of a training run.

        :param num_triples: the number of training triples there are
        :return: the number of examples over all epochs, true and false
        """
        used = min(num_triples, self.max_training_triples or num_triples)
        return used * (1 + sum(self.corruptions.values())) * self.epochs
