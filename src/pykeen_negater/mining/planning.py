"""Estimates what mining is going to do, and how long it takes."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..embeddings.encoders import Encoder, encoder_resolver
from ..guard.features import TOP_K
from ..rankers.base import Ranker
from ..rankers.resolver import ranker_resolver
from ..runtime.progress import Step
from ..runtime.random_state import preserved_random_state
from ..scorers.base import DotProductScorer, Training, estimate_training
from ..scorers.factorization import Factorization
from ..scorers.factorization import training_of as factorization_training_of
from ..scorers.probe import Probe
from ..scorers.probe import training_of as probe_training_of
from ..texts.loading import Texts
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, RELATION, SIDES, TAIL
from ..triples.queries import ENTITY_SIDES
from ..utils.durations import duration_range
from .guard_estimate import estimate_guard
from .settings import MiningSettings

__all__ = [
    "Plan",
    "expected_range",
    "make_plan",
    "max_candidates",
]

#: The most entities with which training is timed on the graph itself; for larger graphs, on a part
MAX_TIMED_ENTITIES = 20_000

#: The bytes of memory from which on the plan mentions them
MUCH_MEMORY = 2**30

#: The approximate bytes of memory of each scored corrupted triple, while it is chosen, scored and kept
BYTES_PER_SCORED = 100

#: The dimension of vectors that is assumed before they are there, to estimate how long the probe takes
TYPICAL_DIM = 384

#: The factors between an estimate and the least and the most time that is likely, since other work varies
RANGE = (0.7, 1.5)

#: The steps that several processes share
SHARED = (Step.SCORE, Step.ENCODE_PAIRS, Step.MINE)

#: The number of corrupted triples that are scored for an estimate of time
TIMED_TRIPLES = 20_000


@dataclass(frozen=True)
class Plan:
    """A plan of mining, with upper limits of what it does."""

    #: The number of training triples
    num_triples: int

    #: The number of entities to encode
    num_entities: int

    #: The most candidates
    num_candidates: int

    #: The most corrupted triples to score
    num_scored: int

    #: The estimated seconds on this machine by step, in the order of the steps
    steps: Mapping[Step, float]

    #: The most bytes that the pools take
    num_bytes: int

    #: The approximate bytes of memory for the triples that an expensive ranker scores, which are held until the end
    num_held_bytes: int

    #: The names of the encoder and the ranker
    encoder: str
    ranker: str

    def __str__(self) -> str:
        return (
            f"{self.num_triples:,} triples over {self.num_entities:,} entities; encoder {self.encoder}; at most "
            f"{self.num_candidates:,} candidates, {self.num_scored:,} corrupted triples ranked by {self.ranker}; about "
            f"{duration_range(*self.seconds)} and {self.num_bytes / 2**20:,.1f} MiB at most.{self._memory}"
        )

    @property
    def seconds(self) -> tuple[float, float]:
        """The least and the most seconds that are to be expected on this machine."""
        return expected_range(sum(self.steps.values()))

    @property
    def _memory(self) -> str:
        if self.num_held_bytes < MUCH_MEMORY:
            return ""
        return (
            f" What is scored takes up to {self.num_held_bytes / 2**30:,.1f} GiB of memory, less with max_candidates."
        )


def expected_range(seconds: float) -> tuple[float, float]:
    """Turn an estimate into a range, since other work on the machine varies.

    :param seconds: the estimate
    :return: the least and the most seconds that are to be expected
    """
    low, high = (factor * seconds for factor in RANGE)
    return low, high


def max_candidates(settings: MiningSettings, ranker: Ranker) -> int | None:
    """Get the most corrupted triples that are ranked.

    :param settings: how to mine
    :param ranker: what ranks
    :return: > 0, None for all
    """
    return settings.max_candidates if ranker.expensive else None


def make_plan(
    graph: Graph,
    settings: MiningSettings,
    texts: Texts | None,
    encoder: Encoder,
    ranker: Ranker,
    num_processes: int = 1,
) -> Plan:
    """Make a plan of mining.

    :param graph: the graph
    :param settings: how to mine it
    :param texts: its texts
    :param encoder: the encoder of its entities
    :param ranker: the ranker of its candidates
    :param num_processes: > 0, the number of processes that share the work
    :return: the plan
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
    width = 10 if settings.keep_scores else 6  # bytes
    num_suspected = 0
    if settings.guard == "calibrated":
        # a query for one side contains an entity of the other side's slot
        given = [ENTITY_SIDES[SIDES[name]] for name in settings.corruption_scheme if SIDES[name] != RELATION]
        num_suspected = min(2 * TOP_K, graph.num_entities) * sum(len(graph.slots[side][1]) for side in given)
    return Plan(
        num_triples=len(graph),
        num_entities=graph.num_entities,
        num_candidates=total,
        num_scored=scored,
        steps=_estimate_steps(graph, settings, texts, encoder, ranker, scored, num_processes),
        num_bytes=width * kept + 9 * num_suspected + 8 * len(graph) * (1 + len(settings.corruption_scheme)),
        num_held_bytes=BYTES_PER_SCORED * scored if ranker.expensive else 0,
        encoder=encoder_resolver.normalize_inst(encoder),
        ranker=ranker_resolver.normalize_inst(ranker),
    )


def _estimate_steps(
    graph: Graph,
    settings: MiningSettings,
    texts: Texts | None,
    encoder: Encoder,
    ranker: Ranker,
    num_scored: int,
    num_processes: int,
) -> dict[Step, float]:
    """Estimate the seconds of each step, in their order."""
    guarded = settings.guard == "calibrated"
    encoding = encoder.estimate(graph, texts)
    steps: dict[str, float] = {Step.ENCODE: encoding, **ranker.estimate(graph, texts, num_scored)}
    if guarded and not encoder.needs_texts:
        steps[Step.ENCODE_VISIBLE] = encoding
    if guarded or ranker.uses_scorers:
        part = _part(graph) if graph.num_entities > MAX_TIMED_ENTITIES else graph
        with preserved_random_state(), torch.inference_mode(mode=False), torch.enable_grad():
            more = _estimate_scorers(graph, part, settings, ranker, num_scored)
        steps |= {step: seconds + steps.get(step, 0.0) for step, seconds in more.items()}
    for step in SHARED:
        if step in steps:
            steps[step] /= num_processes
    return {step: steps[step] for step in Step if step in steps}


def _estimate_scorers(
    graph: Graph, part: Graph, settings: MiningSettings, ranker: Ranker, num_scored: int
) -> dict[Step, float]:
    """Estimate how long it takes to train scorers, and to use them."""
    vectors = np.random.default_rng(0).normal(size=(part.num_entities, TYPICAL_DIM)).astype(np.float32)
    scorers: dict[Step, tuple[DotProductScorer, Training]] = {
        Step.PROBE: (Probe(part, vectors), probe_training_of(graph)),
        Step.FACTORIZATION: (Factorization(part), factorization_training_of(graph)),
    }
    steps = {step: _estimate(scorer, part, graph, training) for step, (scorer, training) in scorers.items()}
    for scorer, _ in scorers.values():
        scorer.reset_parameters()
    named = {step.name: scorer.eval() for step, (scorer, _) in scorers.items()}
    if settings.guard == "calibrated":
        steps |= estimate_guard(graph, part, settings, vectors, named)
    if ranker.uses_scorers:
        steps[Step.MINE] = steps.get(Step.MINE, 0.0) + num_scored * _time_scoring(part, list(named.values()))
    return steps


def _time_scoring(part: Graph, scorers: list[DotProductScorer]) -> float:
    """Measure the seconds per triple of scoring."""
    triples = np.resize(part.triples, (TIMED_TRIPLES, 3))
    start = time.perf_counter()
    for scorer in scorers:
        for side in ENTITY_SIDES:
            scorer.score_triples(triples, side)
    return (time.perf_counter() - start) / TIMED_TRIPLES


def _part(graph: Graph) -> Graph:
    """Make a smaller graph of some triples, with several entities merged into one."""
    rows = np.linspace(0, len(graph) - 1, min(len(graph), MAX_TIMED_ENTITIES), dtype=np.int64)
    triples = graph.triples[rows]
    triples[:, [HEAD, TAIL]] %= MAX_TIMED_ENTITIES
    return Graph.from_triples(triples, MAX_TIMED_ENTITIES, graph.num_relations)


def _estimate(scorer: DotProductScorer, part: Graph, graph: Graph, training: Training) -> float:
    """Estimate how long training with a graph takes, from a few steps with a part of it."""
    if part is graph:
        return estimate_training(scorer, graph.triples, training)
    # the same number of steps as with the graph
    num_steps = training.epochs * math.ceil(len(graph) / training.batch_size)
    once = replace(training, epochs=num_steps, batch_size=min(training.batch_size, len(part)))
    whole = estimate_training(scorer, part.triples[: once.batch_size], once)
    # a step of one triple spends nearly all its time on the parameters of entities, if there are any
    bare = estimate_training(scorer, part.triples[:1], replace(once, batch_size=1))
    has_entities = any(len(parameter) == part.num_entities for parameter in scorer.parameters())
    others = graph.num_entities / part.num_entities - 1 if has_entities else 0.0
    return whole + bare * others
