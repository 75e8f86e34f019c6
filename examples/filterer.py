"""The exact filterer masks the known triples among the negatives of any of PyKEEN's samplers."""

import pykeen.datasets  # noqa: F401, registers the filterer
import torch
from pykeen.datasets import Nations
from pykeen.sampling import negative_sampler_resolver

triples = Nations().training.mapped_triples
for filterer in ("bloom", "exact"):
    torch.manual_seed(0)
    sampler = negative_sampler_resolver.make(
        "pseudotyped", mapped_triples=triples, num_negs_per_pos=32, filtered=True, filterer=filterer
    )
    negatives, mask = sampler.sample(triples)
    print(f"{filterer}: {1 - mask.float().mean():.1%} of {mask.numel():,} negatives are masked")

known = {tuple(triple) for triple in triples.tolist()}
assert all((tuple(triple) in known) != kept for triple, kept in zip(
    negatives.view(-1, 3).tolist(), mask.view(-1).tolist(), strict=True
))  # fmt: skip
