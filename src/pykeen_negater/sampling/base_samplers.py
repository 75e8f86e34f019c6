"""Base samplers: PyKEEN's samplers, which draw the negatives that are not mined, within the corruption scheme."""

import inspect
import logging
from collections.abc import Collection, Mapping
from typing import Any

import torch
from pykeen.sampling import (
    BernoulliNegativeSampler,
    NegativeSampler,
    PseudoTypedNegativeSampler,
    negative_sampler_resolver,
)
from pykeen.typing import MappedTriples

from ..triples.indexing import check_corruption_scheme
from ..utils.resolving import check_parameters

__all__ = [
    "make_base_sampler",
]

logger = logging.getLogger(__name__)

#: The sides that PyKEEN's samplers without a corruption scheme corrupt
_ENTITY_SIDES = ("head", "tail")


def make_base_sampler(
    cls: type[NegativeSampler],
    kwargs: Mapping[str, Any],
    corruption_scheme: Collection[str],
    mapped_triples: MappedTriples,
    num_entities: int,
    num_relations: int,
    num_negs_per_pos: int,
) -> NegativeSampler:
    """Make a sampler that corrupts only the sides of a scheme.

    :param cls: the sampler's class
    :param kwargs: its own parameters
    :param corruption_scheme: the sides, some of ``head``, ``relation``, ``tail``
    :param mapped_triples: shape: (n, 3), the training triples
    :param num_entities: the number of entities
    :param num_relations: the number of relations, inverse ones included
    :param num_negs_per_pos: the number of negatives per positive
    :return: the sampler
    :raises ValueError: if the sampler cannot keep to the scheme, or if there is nothing to corrupt in the graph
    """
    kwargs = dict(kwargs)
    name = negative_sampler_resolver.normalize_cls(cls)
    takes_scheme = any(
        "corruption_scheme" in inspect.signature(base).parameters
        for base in cls.__mro__
        if issubclass(base, NegativeSampler)
    )
    sides: Collection[str] = [side for side in _ENTITY_SIDES if side in corruption_scheme]
    if takes_scheme:
        sides = check_corruption_scheme(kwargs.get("corruption_scheme") or corruption_scheme)
        if not set(sides) <= set(corruption_scheme):
            raise ValueError(
                f"found corruption_scheme={tuple(sides)!r} among base_sampler_kwargs, expected no other sides than "
                f"those of the sampler's own corruption_scheme={tuple(corruption_scheme)!r}."
            )
        kwargs["corruption_scheme"] = sides
    elif not sides:
        raise ValueError(
            f"found corruption_scheme={tuple(corruption_scheme)!r} with base_sampler={name!r}, which corrupts heads "
            f"and tails only. Choose base_sampler='basic', or corrupt heads or tails, too."
        )
    elif "relation" in corruption_scheme:
        logger.warning("The base sampler %s corrupts heads and tails only: no relation is corrupted at random.", name)
    _check_choices(sides, num_entities, num_relations)
    given: dict[str, Any] = {
        "mapped_triples": mapped_triples,
        "num_entities": num_entities,
        "num_relations": num_relations,
        "num_negs_per_pos": num_negs_per_pos,
    }
    try:
        sampler = cls(**given, **kwargs)
    except TypeError:
        check_parameters("base_sampler", cls, kwargs, given)
        raise
    if not takes_scheme and len(sides) < len(_ENTITY_SIDES):
        _restrict(sampler, name, sides)
    return sampler


def _check_choices(sides: Collection[str], num_entities: int, num_relations: int) -> None:
    """Check that there are other entities or relations to replace one with."""
    if num_entities < 2 and set(sides) & set(_ENTITY_SIDES):
        raise ValueError(
            "found a graph of a single entity, expected two or more, of which one can replace another. Pass the "
            "num_entities of the whole vocabulary, or corruption_scheme=['relation']."
        )
    if num_relations < 2 and "relation" in sides:
        raise ValueError(
            "found a graph of a single relation, expected two or more, of which one can replace another. Leave "
            "'relation' out of the corruption_scheme, or pass the num_relations of the whole vocabulary."
        )


def _restrict(sampler: NegativeSampler, name: str, sides: Collection[str]) -> None:
    """Let a sampler of heads and tails draw one of the two sides only."""
    if isinstance(sampler, BernoulliNegativeSampler):
        sampler.corrupt_head_probability.fill_(float("head" in sides))
    elif isinstance(sampler, PseudoTypedNegativeSampler):
        # each relation's heads, then its tails, are rows of one array, of which every second one is left out
        sizes = sampler.offsets.diff().view(-1, 2)
        is_kept = torch.tensor([side in sides for side in _ENTITY_SIDES])
        sampler.data = sampler.data[is_kept.repeat(len(sizes)).repeat_interleave(sizes.flatten())]
        sampler.offsets = torch.cat([sampler.offsets[:1], (sizes * is_kept).flatten().cumsum(dim=0)])
    else:
        raise ValueError(
            f"found corruption_scheme={tuple(sides)!r} with base_sampler={name!r}, which takes none. Choose "
            f"base_sampler='basic', or corrupt heads and tails."
        )
