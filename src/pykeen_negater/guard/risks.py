"""The risks of candidates, and suspected positives: corruptions that are too likely true to be drawn as negatives."""

from dataclasses import dataclass

import numpy as np

from ..candidates.generators import Candidates
from ..runtime.progress import Step, step
from ..triples.indexing import HEAD, RELATION, TAIL, triples_to_keys
from ..triples.queries import Queries
from .calibrated import Guard
from .features import Answers

__all__ = [
    "Risks",
    "assess_risks",
    "to_answers",
]

#: Suspected positives are kept from this share of the guard's limit on, so that a stricter limit can be set later
MIN_SUSPECTED_SHARE = 0.1

#: The approximate ratio between the times of extracting features and of predicting risks
SHARES = (1, 2)


@dataclass(frozen=True, eq=False)
class Risks:
    """The risks of candidates, and suspected positives; in multiples of a uniform corruption of a training triple."""

    #: The risk of each candidate; shape: (n,), dtype: float32
    candidates: np.ndarray

    #: The keys of the corruptions that are likely true, sorted; shape: (m,), dtype: int64
    suspected: np.ndarray

    #: The risk of each; shape: (m,), dtype: float32
    suspected_risks: np.ndarray

    @classmethod
    def unknown(cls, size: int) -> "Risks":
        """Make risks without a guard: candidates are as risky as uniform corruptions, with no suspected positives.

        :param size: the number of candidates
        :return: their risks
        """
        none = np.zeros(0, dtype=np.int64)
        return cls(np.ones(size, dtype=np.float32), none, none.astype(np.float32))


def to_answers(candidates: Candidates, queries: Queries) -> tuple[Answers, np.ndarray]:
    """Convert candidates to answers to queries.

    A corrupted relation makes a triple that answers two queries, of which one may exist.

    :param candidates: n candidates
    :param queries: the queries; other ones are ignored
    :return: a pair (m answers, the positions of the candidates that they are; shape: (m,))
    """
    triples = candidates.triples
    sides = np.where(candidates.sides == RELATION, TAIL, candidates.sides)
    position = queries.find(sides, triples)
    missing = (position < 0) & (candidates.sides == RELATION)
    sides[missing] = HEAD
    position[missing] = queries.find(sides[missing], triples[missing])
    found = np.flatnonzero(position >= 0)
    return Answers(position[found], triples[found, sides[found]]), found


def assess_risks(
    guard: Guard, candidates: Candidates, queries: Queries | None = None, own: np.ndarray | None = None
) -> Risks:
    """Compute the risk of candidates, and find suspected positives: corruptions, mined or not, that are likely true.

    :param guard: the guard
    :param candidates: n candidates
    :param queries: all queries of the graph, if they were collected before
    :param own: shape: (m,), the queries to find suspected positives of, apart from those that candidates answer;
        by default all
    :return: the risks; a candidate that answers no query of the graph is as risky as a uniform corruption
    """
    graph = candidates.graph
    queries = Queries.from_graph(graph) if queries is None else queries
    requested, found = to_answers(candidates, queries)
    if own is not None:
        wanted = np.union1d(own, requested.queries)
        queries = queries.select(wanted)
        requested = Answers(np.searchsorted(wanted, requested.queries), requested.entities)
    with step(Step.RISKS, sum(SHARES), "part") as bar:
        with bar.piece(SHARES[0]):
            answers, features = guard.extractor.extract(queries, requested, include_top_k=True)
        with bar.piece(SHARES[1]):
            values = guard.risk(queries, answers, features)
    risks = np.ones(len(candidates), dtype=np.float32)
    keys = answers.keys(graph.num_entities)
    risks[found] = values[np.searchsorted(keys, requested.keys(graph.num_entities))]
    suspicious = values >= MIN_SUSPECTED_SHARE * guard.max_risk
    rows, entities = answers.queries[suspicious], answers.entities[suspicious]
    sides, given = queries.sides[rows], queries.entities[rows]
    triples = np.stack(
        [np.where(sides == HEAD, entities, given), queries.relations[rows], np.where(sides == HEAD, given, entities)],
        axis=1,
    )
    suspected, inverse = np.unique(
        triples_to_keys(triples, graph.num_entities, graph.num_relations), return_inverse=True
    )
    # a corruption may be suspected as an answer for its head and for its tail: the greater risk counts
    suspected_risks = np.zeros(len(suspected), dtype=np.float32)
    np.maximum.at(suspected_risks, inverse, values[suspicious])
    return Risks(risks, suspected, suspected_risks)
