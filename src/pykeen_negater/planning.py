"""What mining is going to do, and how long that takes."""

from dataclasses import dataclass

import numpy as np
import torch

from .encoders import Encoder, encoder_resolver
from .evidence import TOP
from .factorization import Factorization
from .factorization import training_of as factorization_training_of
from .graphs import Graph
from .indexing import HEAD, RELATION, SIDES, TAIL
from .mining_settings import MiningSettings
from .probe import TRAINING as PROBE_TRAINING
from .probe import Probe
from .queries import Queries
from .rankers import ProbeRanker, ranker_resolver
from .ranking import Ranker
from .seeding import preserved_random_state
from .texts import Texts
from .witnesses import Training, Witness, estimate_training

__all__ = [
    "Plan",
    "make_plan",
    "max_candidates",
]

#: The dimension of vectors that are not there yet, to estimate how long the probe takes
TYPICAL_DIM = 384


@dataclass(frozen=True)
class Plan:
    """What mining is going to do, at most."""

    #: The number of training triples
    num_triples: int

    #: The number of entities to encode
    num_entities: int

    #: The most candidates there can be
    num_candidates: int

    #: The most corrupted triples to score
    num_scored: int

    #: The estimated seconds of encoding, training and ranking on this machine
    seconds: float

    #: The most bytes that the pools take
    num_bytes: int

    #: The names of the encoder and the ranker
    encoder: str
    ranker: str

    def __str__(self) -> str:
        return (
            f"{self.num_triples:,} triples over {self.num_entities:,} entities; encoder {self.encoder}; at most "
            f"{self.num_candidates:,} candidates, {self.num_scored:,} corrupted triples ranked by {self.ranker}; about "
            f"{_duration(self.seconds)} and {self.num_bytes / 2**20:,.1f} MiB at most."
        )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{max(seconds, 1):.0f} s"


def max_candidates(settings: MiningSettings, ranker: Ranker) -> int | None:
    """Tell how many corrupted triples are ranked at most.

    :param settings: how to mine
    :param ranker: what ranks
    :return: > 0, None for all
    """
    return settings.max_candidates if ranker.expensive else None


def make_plan(graph: Graph, settings: MiningSettings, texts: Texts | None, encoder: Encoder, ranker: Ranker) -> Plan:
    """Say what mining is going to do, without doing it.

    :param graph: the graph
    :param settings: how to mine it
    :param texts: its texts
    :param encoder: what encodes its entities
    :param ranker: what ranks its candidates
    :return: the most it can be
    """
    counts = np.bincount(graph.triples[:, RELATION], minlength=graph.num_relations)
    total = 0
    for name in settings.corruption_scheme:
        side = SIDES[name]
        slots = np.full(graph.num_relations, graph.num_relations if side == RELATION else graph.num_entities)
        if settings.candidates != "anywhere" and side != RELATION:
            slots = np.diff(graph.slots[side][0])
        total += int(np.sum(counts * np.minimum(slots - 1, settings.k).clip(min=0)))
    # heads and tails of a relation's corruptions come from its slots, unless they come from anywhere
    heads, tails = (np.diff(graph.slots[side][0]) for side in (HEAD, TAIL))
    unique = int(np.sum(heads * tails - counts)) if set(settings.corruption_scheme) <= {"head", "tail"} else total
    scored = min(
        total, total if settings.candidates == "anywhere" else unique, max_candidates(settings, ranker) or total
    )
    kept = min(total, len(graph) * len(settings.corruption_scheme) * settings.pool_size)
    num_suspects = 0
    if settings.guard == "calibrated":
        queries = Queries.from_graph(graph, settings.corruption_scheme)
        num_suspects = min(2 * TOP, graph.num_entities) * len(queries)
    return Plan(
        num_triples=len(graph),
        num_entities=graph.num_entities,
        num_candidates=total,
        num_scored=scored,
        seconds=encoder.estimate(graph, texts)
        + ranker.estimate(graph, texts, scored)
        + _estimate_witnesses(graph, settings, ranker),
        num_bytes=6 * kept + 9 * num_suspects + 8 * len(graph) * (1 + len(settings.corruption_scheme)),
        encoder=encoder_resolver.normalize_inst(encoder),
        ranker=ranker_resolver.normalize_inst(ranker),
    )


def _estimate_witnesses(graph: Graph, settings: MiningSettings, ranker: Ranker) -> float:
    if settings.guard != "calibrated" and not isinstance(ranker, ProbeRanker):
        return 0.0
    vectors = np.ones((graph.num_entities, TYPICAL_DIM), dtype=np.float32)
    witnesses: list[tuple[Witness, Training]] = [
        (Probe(graph, vectors), PROBE_TRAINING),
        (Factorization(graph), factorization_training_of(graph)),
    ]
    with preserved_random_state(), torch.inference_mode(mode=False), torch.enable_grad():
        return sum(estimate_training(witness, graph.triples, training) for witness, training in witnesses)
