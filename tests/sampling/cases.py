"""Pools and samplers for Nations."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater import NegatERNegativeSampler, NegativePools
from pykeen_negater.pools.codec import encode_risk
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import triples_to_keys

NUM_NEGATIVES = 8


def make_pools(graph: Graph, sides: tuple[int, ...] = (0, 2), most: int = 5, seed: int = 0) -> NegativePools:
    """Make pools of random sizes, every third triple without any."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(0, most + 1, size=(len(graph), len(sides)))
    sizes[::3] = 0
    limits = np.array([graph.num_entities, graph.num_relations, graph.num_entities])[list(sides)]
    replacements = [generator.permutation(limits[s])[:size] for row in sizes for s, size in enumerate(row)]
    sizes = np.array([len(part) for part in replacements])
    flat = np.concatenate(replacements).astype(np.int32)
    return NegativePools(
        keys=graph.index.keys,
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)])),
        replacements=torch.from_numpy(flat),
        hardness=torch.from_numpy(generator.integers(0, 256, size=len(flat), dtype=np.uint8)),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        sides=sides,
        vocabulary=graph.vocabulary,
    )


@functools.cache
def triple_numbers(pools: NegativePools) -> dict[int, int]:
    """Look up the number of a triple by its key."""
    return {key: i for i, key in enumerate(pools.keys.tolist())}


def pool_of(pools: NegativePools, triple: list[int], allowed: tuple[int, ...]) -> list[list[tuple[tuple, int]]]:
    """Look up the negatives of a triple the slow way: by side, with their hardness."""
    head, relation, tail = triple
    i = triple_numbers(pools).get((head * pools.num_relations + relation) * pools.num_entities + tail)
    result = []
    for s, side in enumerate(pools.sides):
        entries = []
        if i is not None and side in allowed:
            row = i * len(pools.sides) + s
            for position in range(int(pools.offsets[row]), int(pools.offsets[row + 1])):
                negative = list(triple)
                negative[side] = int(pools.replacements[position])
                entries.append((tuple(negative), int(pools.hardness[position])))
        result.append(entries)
    return result


def make_sampler(nations: TriplesFactory, pools: NegativePools | None, **kwargs) -> NegatERNegativeSampler:
    """Make a sampler for Nations, by default without loops."""
    inverse = kwargs.pop("inverse", False)
    kwargs.setdefault("loop_fraction", 0.0)
    if kwargs.get("mine") == "never":
        # whose pools no other test has mined
        kwargs.setdefault("seed", 987)
    return NegatERNegativeSampler(
        mapped_triples=with_inverse(nations.mapped_triples) if inverse else nations.mapped_triples,
        num_entities=nations.num_entities,
        num_relations=nations.num_relations * (2 if inverse else 1),
        num_negs_per_pos=kwargs.pop("num_negs_per_pos", NUM_NEGATIVES),
        pools=pools,
        **kwargs,
    )


def with_inverse(triples: torch.Tensor) -> torch.Tensor:
    """Add inverse triples as PyKEEN does."""
    heads, relations, tails = triples.T
    return torch.cat(
        [torch.stack([heads, 2 * relations, tails], dim=1), torch.stack([tails, 2 * relations + 1, heads], dim=1)]
    )


def mark_random(sampler: NegatERNegativeSampler, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the base sampler draw what is in no pool: a negative number as head."""

    def corrupt_batch(positive_batch: torch.Tensor) -> torch.Tensor:
        negatives = positive_batch.unsqueeze(dim=1).repeat(1, sampler.num_negs_per_pos, 1)
        negatives[..., 0] = -1
        return negatives

    monkeypatch.setattr(sampler.base_sampler, "corrupt_batch", corrupt_batch)


def largest_pool(nations: TriplesFactory, pools: NegativePools) -> tuple[torch.Tensor, list]:
    """Find the triple with the most negatives."""
    return max(
        ((positive, pool_of(pools, positive.tolist(), (0, 2))) for positive in nations.mapped_triples[:300]),
        key=lambda pair: sum(map(len, pair[1])),
    )


def guarded(pools: NegativePools, suspected: torch.Tensor, risk: np.ndarray, max_risk: float = 4.0) -> NegativePools:
    """Give pools suspected positives and a limit, as a guard does."""
    keys, order = triples_to_keys(suspected, pools.num_entities, pools.num_relations).sort()
    return dataclasses.replace(
        pools,
        suspected=keys,
        suspected_risk=encode_risk(risk)[order],
        metadata={**pools.metadata, "max_risk": max_risk},
    )


def sampler_triples(nations: TriplesFactory, inverse: bool) -> torch.Tensor:
    """Get the positives, with inverse ones if wanted."""
    return with_inverse(nations.mapped_triples) if inverse else nations.mapped_triples
