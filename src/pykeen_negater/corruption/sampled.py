"""Negatives from PyKEEN's samplers, for the training of a language model."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pykeen.sampling import NegativeSampler
from pykeen.utils import set_random_seed

from ..runtime.random_state import preserved_random_state
from ..texts.readings import Readings
from ..triples.graphs import Graph
from ..triples.indexing import SIDES
from .corruptions import ATTEMPTS, Corruptor, refuses_known

__all__ = [
    "RESERVED",
    "SamplerCorruptor",
]

#: The parameters of a sampler that users cannot choose
RESERVED = ("corruption_scheme", "mapped_triples", "num_entities", "num_negs_per_pos", "num_relations")

_MAX_SEED = 2**32 - 1


class SamplerCorruptor(Corruptor):
    """Corrupts triples with a negative sampler, which chooses the side itself if it takes no ``corruption_scheme``."""

    def __init__(
        self,
        graph: Graph,
        cls: type[NegativeSampler],
        kwargs: Mapping[str, Any],
        generator: np.random.Generator,
        readings: Readings | None = None,
    ) -> None:
        """Make the samplers.

        :param graph: the graph
        :param cls: the class of the sampler
        :param kwargs: its parameters
        :param generator: the source of randomness for making them
        :param readings: how triples read; if None, all names differ
        :raises ValueError: if the sampler takes no such parameters
        """
        super().__init__(graph, readings)
        takes_scheme = "corruption_scheme" in inspect.signature(cls).parameters
        schemes: list[dict[str, Any]] = [{"corruption_scheme": (name,)} for name in SIDES] if takes_scheme else [{}]
        common = {
            "mapped_triples": torch.from_numpy(graph.triples),
            "num_entities": graph.num_entities,
            "num_relations": graph.num_relations,
            "num_negs_per_pos": 1,
            **kwargs,
        }
        with preserved_random_state():
            set_random_seed(int(generator.integers(_MAX_SEED)))
            try:
                samplers = [cls(**common, **scheme) for scheme in schemes]
            except TypeError as error:
                raise ValueError(
                    f"found sampler_kwargs with {', '.join(sorted(kwargs)) or 'nothing'}, which {cls.__name__} does "
                    f"not take: {error}"
                ) from error
        self._samplers = dict(zip(SIDES.values(), samplers if takes_scheme else samplers * len(SIDES), strict=True))

    # docstr-coverage: inherited
    def corrupt(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:  # noqa: D102
        sampler = self._samplers[side]
        corrupted = triples.copy()
        pending = np.arange(len(triples))
        with preserved_random_state():
            set_random_seed(int(generator.integers(_MAX_SEED)))
            for _ in range(ATTEMPTS):
                if not len(pending):
                    break
                negatives, mask = sampler.sample(torch.from_numpy(triples[pending]))
                corrupted[pending] = negatives.reshape(-1, 3).numpy()
                refused = refuses_known(self.graph, corrupted[pending], triples[pending], self.readings)
                if mask is not None:
                    refused |= ~mask.reshape(-1).numpy()
                pending = pending[refused]
        return np.delete(corrupted, pending, axis=0)
