"""Settings for the training of a relation encoder, in a module that loads fast."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from ...utils.spelling import check_choice

__all__ = [
    "LossName",
    "RelationTrainingSettings",
]

#: Noise-contrastive estimation, InfoLOOB (noise-contrastive with the positive left out of the denominator), or triplets
LossName = Literal["nce", "iloob", "triplet"]


@dataclass(frozen=True)
class RelationTrainingSettings:
    """Settings of training: everything that the result depends on, apart from the initial encoder and the pairs.

    The defaults are those of RelBERT's published models [ushio2021]_, apart from the held-out pairs. There, each step
    has one relation type, whose 400 negatives are encoded for it alone. With ``relations_per_step=16`` and
    ``num_negative=10``, say, a step takes about as long, and each pair serves up to 16 types.
    """

    #: ``nce``, ``iloob`` (InfoLOOB) or ``triplet``
    loss: LossName = "nce"

    #: Whether a classifier that tells whether two pairs are of the same type is trained as well
    classification_loss: bool = False

    #: > 0, the temperature that cosines are divided by, for ``nce`` and ``iloob``
    temperature: float = 0.05

    #: >= 0, how much farther away negatives should be, for ``triplet``
    margin: float = 1.0

    #: >= 1, the most positives of a relation type in a step; for ``triplet``, in an epoch, in which every two of them
    #: are an anchor and a positive once
    num_positive: int = 10

    #: >= 1, the most negatives that are drawn for a relation type in a step, for ``nce`` and ``iloob``. With several
    #: types in a step, these are the type's own negatives where it has any, and the other types' positives are added.
    num_negative: int = 400

    #: Whether the positives of other relation types are used as negatives, too
    augment_negative_by_positive: bool = True

    #: Whether pairs of two types with the same parent are drawn together as well, where the types form a hierarchy
    parent_relations: bool = True

    #: Relation types, or parents of them, that are not trained on
    exclude_relation: tuple[str, ...] = ()

    #: >= 1, the number of relation types in a step. If None, as in RelBERT: one, or all for ``triplet``.
    relations_per_step: int | None = None

    #: >= 1, the number of times that each relation type is trained on
    epochs: int = 10

    #: >= 1, the number of pairs that the language model encodes at once; a step has more pairs, whose gradients are all
    #: kept in memory
    batch_size: int = 32

    #: > 0, the learning rate of AdamW
    learning_rate: float = 5e-6

    #: >= 0, the number of steps in which the learning rate rises, from the first on: step k has the share
    #: min(1, k / warmup) of it
    warmup: int = 10

    #: in [0, 1), the share of each relation type's pairs that is held out for validation, unless validation pairs are
    #: given; the epoch with the lowest validation loss is kept. With 0, all pairs are trained on, and the last epoch is
    #: kept, as in RelBERT.
    validation_share: float = 0.2

    #: Whether the language model computes in bfloat16, for operations where that is accurate enough
    bf16: bool = False

    #: The seed of everything random
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range
        """
        check_choice("loss", self.loss, get_args(LossName))
        for name in ("num_positive", "num_negative", "relations_per_step", "epochs", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"found {name}={value}, expected at least 1.")
        if self.loss == "triplet" and self.num_positive < 2:
            raise ValueError("found num_positive=1, expected at least 2 for triplets: an anchor and a positive.")
        for name in ("temperature", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"found {name}={getattr(self, name)}, expected a positive number.")
        for name in ("margin", "warmup"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"found {name}={getattr(self, name)}, expected a number that is not negative.")
        if not 0 <= self.validation_share < 1:
            raise ValueError(f"found validation_share={self.validation_share}, expected a share in [0, 1).")
        object.__setattr__(self, "exclude_relation", tuple(self.exclude_relation))

    def describe(self) -> dict[str, Any]:
        """Describe the settings by RelBERT's names, and those that it lacks by the names here.

        :return: a JSON-native description
        """
        if self.loss == "triplet":
            config = {"mse_margin": self.margin, "num_positive": self.num_positive}
        else:
            config = {
                "temperature": self.temperature,
                "num_negative": self.num_negative,
                "num_positive": self.num_positive,
            }
        return {
            "epoch": self.epochs,
            "batch": self.batch_size,
            "random_seed": self.seed,
            "lr": self.learning_rate,
            "lr_warmup": self.warmup,
            "exclude_relation": list(self.exclude_relation) or None,
            "loss_function": self.loss,
            "classification_loss": self.classification_loss,
            "loss_function_config": config,
            "augment_negative_by_positive": self.augment_negative_by_positive,
            "parent_relations": self.parent_relations,
            "relations_per_step": self.relations_per_step,
            "validation_share": self.validation_share,
            "bf16": self.bf16,
        }
