"""Negatives from a file, for the training of a language model."""

import logging
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from ..texts.loading import Texts
from ..texts.naming import entity_ids, relation_ids
from ..texts.readings import Readings
from ..triples.graphs import Graph
from ..triples.tables import read_rows
from .corruptions import RandomCorruptor

__all__ = [
    "ListedNegatives",
    "other_phrases",
    "read_negatives",
    "read_scores",
]

logger = logging.getLogger(__name__)

_HEADER = ["head", "relation", "tail"]


def other_phrases(path: Path, graph: Graph, texts: Texts) -> tuple[str, ...]:
    """Find the phrases in a file of negatives that are not entities of the graph, e.g. those of test triples.

    :param path: as for :func:`read_negatives`
    :param graph: the graph
    :param texts: its texts
    :return: the phrases in the order of the file, each once
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if the file does not have that form
    """
    names = _names(graph, texts)
    known = names[0]
    rows = (_unquoted(fields, names) for _, fields in _read(path))
    phrases = dict.fromkeys(phrase for head, _, tail in rows for phrase in (head, tail))
    return tuple(phrase for phrase in phrases if phrase not in known)


def read_negatives(path: Path, graph: Graph, texts: Texts, others: Sequence[str] = ()) -> np.ndarray:
    """Read negatives in NegatER's format.

    :param path: a tab-separated file with the columns head, relation, tail and optionally score, with or without a
        header; some lines may have a score, and others none. Entities and relations are named by their labels or texts,
        which may be quoted.
    :param graph: the graph
    :param texts: its texts
    :param others: phrases that the graph lacks, and that the file may hold; their ids are after the graph's
    :return: shape: (n, 3), n > 0, the negatives in the order of the file, without duplicates and known triples
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if the file does not have that form, names unknown entities or relations, or holds only known
        triples
    """
    names = _names(graph, texts)
    rows = [_unquoted(fields, names) for _, fields in _read(path)]
    entity_to_id, relation_to_id, _ = names
    entity_to_id = {phrase: graph.num_entities + i for i, phrase in enumerate(others)} | entity_to_id
    unknown = {
        "phrase": dict.fromkeys(phrase for h, _, t in rows for phrase in (h, t) if phrase not in entity_to_id),
        "relation": dict.fromkeys(relation for _, relation, _ in rows if relation not in relation_to_id),
    }
    if any(unknown.values()):
        found = " and ".join(
            f"{len(names):,} unknown {kind}(s), e.g. {', '.join(map(repr, list(names)[:3]))}"
            for kind, names in unknown.items()
            if names
        )
        raise ValueError(
            f"{path}: found {found}, expected labels or texts of the graph's entities and relations. Remove the "
            f"triples that hold others."
        )
    # in the order of the file
    triples = list(dict.fromkeys((entity_to_id[h], relation_to_id[r], entity_to_id[t]) for h, r, t in rows))
    negatives = np.array(triples, dtype=np.int64).reshape(-1, 3)
    known = np.all(negatives < [graph.num_entities, graph.num_relations, graph.num_entities], axis=1)
    known[known] = graph.index.contains(torch.from_numpy(negatives[known])).numpy()
    if known.all():
        raise ValueError(f"{path}: found {len(negatives):,} triples, all of them known, expected some false ones.")
    if known.any():
        logger.warning("%s: %d of %d triples are known, and left out.", path, known.sum(), len(known))
    return negatives[~known]


def read_scores(path: Path, graph: Graph, texts: Texts, negatives: np.ndarray) -> np.ndarray:
    """Read the scores of negatives: how hard they are.

    :param path: a file that :func:`read_negatives` has read
    :param graph: the graph
    :param texts: its texts
    :param negatives: shape: (n, 3), the negatives that it read
    :return: shape: (n,), finite: the score of each negative, the highest one where a triple has several. A negative
        without a score gets the highest score of all.
    :raises ValueError: if a score is not a finite number
    """
    names = _names(graph, texts)
    scores: dict[tuple[int, ...], float] = {}
    for number, fields in _read(path):
        triple = tuple(ids[name] for ids, name in zip(names, _unquoted(fields, names), strict=True))
        score = _parse(fields[3], path, number) if len(fields) > len(_HEADER) else -math.inf
        scores[triple] = max(scores.get(triple, -math.inf), score)
    of_each = np.array([scores[tuple(triple)] for triple in negatives.tolist()])
    has_score = np.isfinite(of_each)
    of_each[~has_score] = of_each[has_score].max() if has_score.any() else 1.0
    return of_each


def _read(path: Path) -> list[tuple[int, list[str]]]:
    """Read the lines with their numbers, without a header."""
    lines = list(read_rows(path, columns=[3, 4], mixed=True))
    if lines and [field.lower() for field in lines[0][1][:3]] == _HEADER:
        lines = lines[1:]
    if not lines:
        raise ValueError(f"{path}: found no triple, expected negatives: head TAB relation TAB tail.")
    return lines


def _names(graph: Graph, texts: Texts) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Find the ids of heads, relations and tails by label or text."""
    entity_to_id = entity_ids(graph, texts)
    return entity_to_id, relation_ids(graph, texts), entity_to_id


def _unquoted(fields: Sequence[str], names: Iterable[Collection[str]]) -> list[str]:
    """Get the names of head, relation and tail, as PyKEEN reads them where no name begins with a quote."""
    return [
        field if field in known or not re.fullmatch('".*"', field, re.DOTALL) else field[1:-1].replace('""', '"')
        for field, known in zip(fields, names, strict=False)
    ]


def _parse(score: str, path: Path, number: int) -> float:
    try:
        value = float(score)
    except ValueError:
        value = math.nan
    # so that differences are finite, too
    if not math.isfinite(2 * value):
        raise ValueError(f"{path}, line {number}: found the score {score!r}, expected a finite number up to 8e307.")
    return value


class ListedNegatives(RandomCorruptor):
    """Distributes given negatives over the epochs, and corrupts triples within their slots where they are too few.

    Every epoch gets an equal share of the negatives, so that the last epoch is as hard as the first.
    """

    def __init__(
        self,
        graph: Graph,
        negatives: np.ndarray,
        epochs: int,
        generator: np.random.Generator,
        readings: Readings | None = None,
        others: Sequence[str] = (),
    ) -> None:
        """Distribute the negatives over the epochs.

        :param graph: the graph
        :param negatives: shape: (n, 3), none of which is known
        :param epochs: > 0, the number of epochs
        :param generator: the source of randomness
        :param readings: how triples read, for the corruptions; if None, all names differ
        :param others: the phrases of the ids after the graph's
        """
        super().__init__(graph, in_slot_share=1.0, readings=readings)
        self.extra_texts = tuple(others)
        self._shares = np.array_split(generator.permutation(negatives), epochs)

    # docstr-coverage: inherited
    def draw(  # noqa: D102
        self, triples: np.ndarray, corruptions: Mapping[str, int], epoch: int, generator: np.random.Generator
    ) -> np.ndarray:
        needed = len(triples) * sum(corruptions.values())
        listed = self._shares[epoch % len(self._shares)][:needed]
        if len(listed) == needed:
            return listed
        others = super().draw(triples, corruptions, epoch, generator)
        return np.concatenate([listed, generator.permutation(others)[: needed - len(listed)]])
