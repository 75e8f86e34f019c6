"""Settings of the sampler that are others for some relations."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Self

import torch
from pykeen.typing import FloatTensor

from ..triples.graphs import Labels, label_to_id
from ..utils.plain_values import brief, is_missing, plain_items

__all__ = [
    "Overrides",
]

#: The settings that can be others, and the largest value of each
_LIMITS = {"hard_fraction": 1.0, "max_risk": float("inf")}


@dataclass(frozen=True)
class Overrides:
    """Settings by relation."""

    #: For each relation, the settings that are others for it
    settings: tuple[Mapping[str, float], ...]

    @classmethod
    def check(cls, settings: Mapping[str, Mapping[str, float]] | None, relation_labels: Labels | None) -> Self:
        """Check overrides.

        :param settings: by the label of a relation, the settings that are others for it; a missing value is none.
            None if there are no such relations.
        :param relation_labels: the labels of the relations
        :return: the overrides
        :raises ValueError: if there is no such relation or setting, or a value is no number or out of range
        """
        settings = {
            label: {
                name: value
                for name, value in plain_items(f"relation_overrides[{label!r}]", own)
                if not is_missing(value)
            }
            for label, own in plain_items("relation_overrides", {} if settings is None else settings)
        }
        ids = label_to_id(relation_labels or ())
        unknown = [label for label in settings if label not in ids]
        if unknown:
            known = "there are none" if relation_labels is None else f"e.g. {list(ids)[:3]}"
            raise ValueError(f"found relation_overrides for {unknown[:3]}, expected labels of relations: {known}.")
        for label, own in settings.items():
            for name, value in own.items():
                if name not in _LIMITS:
                    raise ValueError(
                        f"found {name!r} in the relation_overrides for {label!r}, expected some of: "
                        f"{', '.join(_LIMITS)}."
                    )
                if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value <= _LIMITS[name]:
                    raise ValueError(
                        f"found {name}={brief(value)} in the relation_overrides for {label!r}, expected a number "
                        f"between 0 and {_LIMITS[name]:g}."
                    )
        return cls(tuple({} if label is None else settings.get(label, {}) for label in relation_labels or ()))

    def by_relation(self, name: str, default: float) -> FloatTensor | None:
        """Get the values of a setting.

        :param name: the setting
        :param default: its value where it is not overridden
        :return: shape: (num_relations,); None if none is overridden
        """
        if not any(name in own for own in self.settings):
            return None
        return torch.tensor([own.get(name, default) for own in self.settings], dtype=torch.float)
