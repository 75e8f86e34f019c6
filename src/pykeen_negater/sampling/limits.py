"""Limits of a sampler: triples that are too likely true, with limits by relation, and known triples are avoided."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Self

import numpy as np
import torch
from pykeen.typing import FloatTensor

from ..pools.negative_pools import NegativePools
from ..triples.graphs import Labels, label_to_id
from ..triples.indexing import TripleIndex
from ..utils.plain_values import brief, is_missing, plain_items
from ..utils.spelling import check_known
from .avoidance import AvoidedTriples, avoid_risks
from .known_triples import TripleSource, load_known_triples
from .positives import Positives
from .redrawn import NEGLIGIBLE

__all__ = [
    "Limits",
    "Overrides",
]

#: The settings that can be overridden, and the largest value of each
_LIMITS = {"hard_fraction": 1.0, "max_risk": float("inf")}


@dataclass(frozen=True)
class Overrides:
    """Settings of the sampler that are overridden for some relations."""

    #: The overridden settings of each relation
    settings: tuple[Mapping[str, float], ...]

    @classmethod
    def check(cls, settings: Mapping[str, Mapping[str, float]] | None, relation_labels: Labels | None) -> Self:
        """Check overrides.

        :param settings: the overridden settings by the label of a relation; missing values are ignored. None if there
            are none.
        :param relation_labels: the labels of the relations
        :return: the overrides
        :raises ValueError: if there is no such relation or setting, or a value is not a number or out of range
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
            check_known("setting", own, _LIMITS, f"relation_overrides for {label!r}")
            for name, value in own.items():
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


@dataclass(frozen=True)
class Limits:
    """The limits for drawing: triples beyond them are never drawn from pools, and at random less often or never."""

    #: > 0, the highest risk of a negative, in multiples of a uniform corruption, for all relations or by relation;
    #: shape of the latter: (num_relations,). None if there is no limit.
    max_risk: float | FloatTensor | None = None

    #: In [0, 1], the share of mined negatives by relation; shape: (num_relations,). None if it is one for all.
    hard_fractions: np.ndarray | None = None

    #: True triples beyond those that are trained on, if there are any
    known: TripleIndex | None = None

    @classmethod
    def find(
        cls,
        positives: Positives,
        pools: NegativePools | None,
        max_risk: float | None,
        hard_fraction: float,
        known_triples: TripleSource | None,
        relation_overrides: Mapping[str, Mapping[str, float]] | None,
    ) -> Self:
        """Find the limits of a sampler.

        :param positives: the triples that the sampler is made for
        :param pools: its pools, which have a limit of their own, if there are any
        :param max_risk: the user's limit; None for that of the pools
        :param hard_fraction: the share of mined negatives, unless a relation overrides it
        :param known_triples: true triples beyond those that are trained on
        :param relation_overrides: by the label of a relation, another ``hard_fraction`` or ``max_risk`` for it
        :return: the limits
        :raises ValueError: if the known triples or the overrides do not fit the graph
        :raises FileNotFoundError: if there is no file of known triples
        """
        limit = None if pools is None else pools.max_risk if max_risk is None else max_risk
        if known_triples is None and relation_overrides is None:
            return cls(limit)
        vocabulary = positives.vocabulary(pools)
        known = None
        if known_triples is not None:
            num_relations = positives.num_relations // (2 if positives.have_inverses(pools) else 1)
            known = load_known_triples(known_triples, positives.num_entities, num_relations, vocabulary)
        overrides = Overrides.check(relation_overrides, vocabulary.relation_labels)
        fractions = overrides.by_relation("hard_fraction", hard_fraction)
        limits = overrides.by_relation("max_risk", math.inf if limit is None else limit)
        return cls(limit if limits is None else limits, None if fractions is None else fractions.numpy(), known)

    @property
    def negligible(self) -> float:
        """The share of a batch that may remain negatives to avoid although others can be drawn, in [0, 1]."""
        return NEGLIGIBLE if self.known is None else 0.0

    def allowed(self, pools: NegativePools) -> NegativePools:
        """Leave out negatives that must not be drawn.

        :param pools: the pools
        :return: pools of the other negatives
        """
        if pools.scores is not None:
            pools = replace(pools, scores=None)  # which sampling does not need, and must not load
        safe = pools if self.max_risk is None else pools.safer_than(self.max_risk)
        return safe if self.known is None else safe.without(self.known)

    def avoided(self, pools: NegativePools | None) -> AvoidedTriples | None:
        """Get the triples that are drawn again if the base sampler draws them.

        :param pools: the pools of the training triples, if there are any
        :return: the triples, including those that are trained on; None if there is no limit
        """
        if pools is not None and (self.max_risk is not None or self.known is not None):
            return avoid_risks(pools, math.inf if self.max_risk is None else self.max_risk, self.known)
        if pools is None and self.known is not None:
            return AvoidedTriples([(self.known.keys, None)], self.known.num_entities, self.known.num_relations)
        return None
