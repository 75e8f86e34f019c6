"""Pairs of words by relation type, for the training of a relation encoder."""

import logging
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from pykeen.triples import CoreTriplesFactory

from ...storage.regular_files import check_regular
from ...texts.loading import Texts
from ...triples.graphs import Graph
from ...triples.indexing import HEAD, RELATION, TAIL
from ...triples.tables import read_rows
from ...utils.spelling import check_known
from ..tasks.json_lines import read_json_lines, require_field
from ..templates import check_pair

__all__ = [
    "Pair",
    "RelationPairs",
    "read_relation_pairs",
]

logger = logging.getLogger(__name__)

#: Head and tail
Pair: TypeAlias = tuple[str, str]

#: The names of a row's fields
_TYPE, _POSITIVES, _NEGATIVES = "relation_type", "positives", "negatives"

#: Splits the code of a subcategory of SemEval-2012, e.g. ``10a``
_SUBCATEGORY = re.compile(r"(?P<parent>\d+)(?P<child>[a-z]+)")


def _by_parent(types: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Group relation types by the part before the slash, if any has one."""
    types = list(types)
    children: dict[str, tuple[str, ...]] = {}
    if any("/" in name for name in types):
        for name in types:
            parent = name.split("/")[0]
            children[parent] = (*children.get(parent, ()), name)
    return children


@dataclass(frozen=True)
class RelationPairs:
    """Pairs of words by relation type: positives of the type, and negatives that look like it but are not."""

    #: The pairs of each relation type
    positives: Mapping[str, tuple[Pair, ...]]

    #: Pairs that are not of a relation type, for each that has some
    negatives: Mapping[str, tuple[Pair, ...]] = field(default_factory=dict)

    #: The relation types of each parent, if they form a hierarchy. Pairs of two types with the same parent are related
    #: in a similar way, too.
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    #: The name of the source, for errors
    name: str = "pairs"

    def __post_init__(self) -> None:
        """Check the pairs.

        :raises ValueError: if there are none, or a type has negatives without positives
        """
        empty = [name for name, pairs in self.positives.items() if not pairs]
        if not self.positives or empty:
            what = f"no positives of the relation type {empty[0]!r}" if empty else "no relation type"
            raise ValueError(f"{self.name}: found {what}, expected at least one pair.")
        unknown = [name for name in self.negatives if name not in self.positives]
        if unknown:
            raise ValueError(
                f"{self.name}: found negatives without positives of {unknown[0]!r}, expected positives as well."
            )

    @classmethod
    def from_rows(cls, rows: Iterable[dict[str, Any]], name: str = "pairs") -> "RelationPairs":
        """Make relation types from rows in the form of RelBERT's training data.

        Types whose names have a slash form a hierarchy: ``1/a`` and ``1/b`` have the parent ``1``.

        :param rows: for each relation type a row with the fields ``relation_type``, ``positives`` and ``negatives``, of
            which the latter two are lists of pairs
        :param name: where the rows are from
        :return: the pairs
        :raises ValueError: if a row lacks a field or positives, an entry is not a pair, or there are two rows of one
            type
        """
        collector = _Collector()
        for number, row in enumerate(rows, start=1):
            try:
                collector.add(row)
            except ValueError as error:
                raise ValueError(f"{name}, row {number}: {error}") from error
        return collector.finish(name)

    @classmethod
    def from_ratings(cls, path: str | Path, num_positives: int = 10, num_negatives: int = 10) -> "RelationPairs":
        """Take the best and the worst examples of each relation, by the human ratings of SemEval-2012 Task 2.

        The subcategory ``10a`` becomes the relation type ``10/a``, with the parent ``10``, as in RelBERT's data, which
        were made from the same ratings. The pairs of all subcategories are taken, whatever the split.

        :param path: a tab-separated file with the columns split, subcategory, word, word, rating
        :param num_positives: >= 1, how many of the best rated pairs are positives
        :param num_negatives: >= 0, how many of the worst rated pairs are negatives, as far as they are left
        :return: the pairs, positives and negatives each sorted from the best to the worst rating
        :raises FileNotFoundError: if there is no such file
        :raises ValueError: if a number is out of range, or the file is malformed or empty
        """
        if num_positives < 1 or num_negatives < 0:
            raise ValueError(
                f"found num_positives={num_positives} and num_negatives={num_negatives}, expected at least one and "
                f"at least none."
            )
        rated: dict[str, list[tuple[float, Pair]]] = {}
        for number, (_, code, head, tail, rating) in read_rows(path, columns=[5]):
            try:
                pair, value = check_pair((head, tail)), _parse_rating(rating)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            parts = _SUBCATEGORY.fullmatch(code)
            name = code if parts is None else f"{parts['parent']}/{parts['child']}"
            rated.setdefault(name, []).append((value, pair))
        positives, negatives = {}, {}
        for name, examples in rated.items():
            pairs = tuple(pair for _, pair in sorted(examples, key=lambda example: -example[0]))
            positives[name] = pairs[:num_positives]
            negatives[name] = pairs[max(num_positives, len(pairs) - num_negatives) :]
        return cls(positives, negatives, _by_parent(positives), Path(path).name)

    @classmethod
    def from_factory(
        cls,
        factory: CoreTriplesFactory,
        texts: Texts,
        max_pairs: int = 100,
        seed: int = 0,
        name: str = "triples",
    ) -> "RelationPairs":
        """Take the pairs of entities that each relation of a graph connects.

        There are no negatives of their own: if negatives are augmented by positives, those of a relation are the pairs
        of the others. Relations with fewer than two pairs are left out.

        :param factory: the triples
        :param texts: their texts
        :param max_pairs: >= 2, the most pairs of a relation, chosen at random
        :param seed: the seed of the choice
        :param name: what the triples are called
        :return: the pairs
        :raises ValueError: if max_pairs is too small, or no relation has two pairs
        """
        if max_pairs < 2:
            raise ValueError(f"found max_pairs={max_pairs}, expected at least 2.")
        graph = Graph.from_factory(factory)
        shuffled = np.random.default_rng(seed).permutation(graph.triples)
        return cls.from_triples(shuffled, texts, graph.relation_names, max_pairs, name)

    @classmethod
    def from_triples(
        cls,
        triples: np.ndarray,
        texts: Texts,
        relation_labels: Sequence[str] | None = None,
        max_pairs: int | None = None,
        name: str = "triples",
    ) -> "RelationPairs":
        """Take the pairs of entities that relations connect, see :meth:`from_factory`.

        :param triples: shape: (n, 3)
        :param texts: their texts
        :param relation_labels: the names of the relation types; their ids if None
        :param max_pairs: >= 2, the most pairs of a relation, of which the first are taken; None for all
        :param name: what the triples are called
        :return: the pairs
        :raises ValueError: if no relation has two pairs
        """
        connected: dict[int, dict[Pair, None]] = {}
        for head, relation, tail in triples[:, [HEAD, RELATION, TAIL]].tolist():
            connected.setdefault(relation, {})[texts.entities[head], texts.entities[tail]] = None
        positives = {
            str(relation) if relation_labels is None else relation_labels[relation]: tuple(pairs)[:max_pairs]
            for relation, pairs in sorted(connected.items())
            if len(pairs) >= 2
        }
        if len(positives) < len(connected):
            logger.warning(
                "%d of %d relations have fewer than two pairs and are left out.",
                len(connected) - len(positives),
                len(connected),
            )
        return cls(positives, name=name)

    def exclude(self, names: Collection[str]) -> "RelationPairs":
        """Leave out relation types, e.g. to evaluate an encoder on relations that it was not trained on.

        :param names: relation types, or parents, which stand for all their types
        :return: the other types
        :raises ValueError: if there is no such type, or no other one
        """
        check_known("excluded relation type", names, sorted({*self.positives, *self.parents}))
        excluded = {child for name in names for child in self.parents.get(name, (name,))} | set(names)
        return self._choose(name for name in self.positives if name not in excluded)

    def hold_out(self, share: float, seed: int = 0) -> tuple["RelationPairs", "RelationPairs | None"]:
        """Split the pairs of each relation type.

        :param share: in [0, 1), the share of the positives and of the negatives that is held out: at least two
            positives of a type if it keeps at least two, else none
        :param seed: the seed of the choice
        :return: a pair (the pairs that are left, the held-out pairs or None if there are none)
        :raises ValueError: if share is out of range
        """
        if not 0 <= share < 1:
            raise ValueError(f"found the share {share}, expected one in [0, 1).")
        generator = np.random.default_rng(seed)
        kept: tuple[dict, dict] = ({}, {})
        held: tuple[dict, dict] = ({}, {})
        for name, positives in self.positives.items():
            negatives = self.negatives.get(name, ())
            num_positives = max(2, round(share * len(positives)))
            splits = share > 0 and len(positives) - num_positives >= 2
            numbers = (num_positives, round(share * len(negatives))) if splits else (0, 0)
            for side, pairs, number in zip((0, 1), (positives, negatives), numbers, strict=True):
                chosen = set(generator.permutation(len(pairs))[:number].tolist())
                kept[side][name] = tuple(pair for row, pair in enumerate(pairs) if row not in chosen)
                if splits:
                    held[side][name] = tuple(pair for row, pair in enumerate(pairs) if row in chosen)
        if not held[0]:
            return self, None
        others = RelationPairs(held[0], held[1], self._parents_of(held[0]), self.name)
        return RelationPairs(kept[0], kept[1], self.parents, self.name), others

    def rows(self) -> list[dict[str, Any]]:
        """Write the pairs as rows.

        :return: JSON-native rows with the fields ``relation_type``, ``positives`` and ``negatives``
        """
        return [
            {
                _TYPE: name,
                _POSITIVES: [list(pair) for pair in pairs],
                _NEGATIVES: [list(pair) for pair in self.negatives.get(name, ())],
            }
            for name, pairs in self.positives.items()
        ]

    def _choose(self, names: Iterable[str]) -> "RelationPairs":
        chosen = {name: self.positives[name] for name in names}
        negatives = {name: pairs for name, pairs in self.negatives.items() if name in chosen}
        return RelationPairs(chosen, negatives, self._parents_of(chosen), self.name)

    def _parents_of(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        parents = {
            parent: tuple(name for name in children if name in names) for parent, children in self.parents.items()
        }
        return {parent: children for parent, children in parents.items() if children}


def _parse_rating(rating: str) -> float:
    try:
        return float(rating)
    except ValueError as error:
        raise ValueError(f"found the rating {rating!r}, expected a number.") from error


class _Collector:
    """Collects rows one by one."""

    def __init__(self) -> None:
        """Start without rows."""
        self.positives: dict[str, tuple[Pair, ...]] = {}
        self.negatives: dict[str, tuple[Pair, ...]] = {}

    def add(self, row: dict[str, Any]) -> None:
        """Add a row; a ValueError says what is wrong with it."""
        name = require_field(row, _TYPE, str)
        if name in self.positives:
            raise ValueError(f"found the relation type {name!r} a second time, expected all its pairs in one row.")
        positives, negatives = (self._pairs(row, side) for side in (_POSITIVES, _NEGATIVES))
        if not positives:
            raise ValueError("found an empty list of positives, expected at least one pair.")
        self.positives[name], self.negatives[name] = positives, negatives

    @staticmethod
    def _pairs(row: dict[str, Any], side: str) -> tuple[Pair, ...]:
        try:
            return tuple(check_pair(pair) for pair in require_field(row, side, list))
        except TypeError as error:  # the value has no length
            raise ValueError(f"found {side}={row[side]!r}, expected a list of pairs.") from error

    def finish(self, name: str) -> RelationPairs:
        """Make relation types from the rows."""
        return RelationPairs(self.positives, self.negatives, _by_parent(self.positives), name)


def read_relation_pairs(path: str | Path, num_positives: int = 10, num_negatives: int = 10) -> RelationPairs:
    """Read pairs by relation type.

    :param path: rows ``{relation_type, positives, negatives}`` as JSON lines (``.jsonl``) or Parquet (``.parquet``), or
        the ratings of SemEval-2012 Task 2 (``.tsv``: split, subcategory, word, word, rating)
    :param num_positives: >= 1, how many of the best rated pairs are positives, where there are ratings
    :param num_negatives: >= 0, how many of the worst rated pairs are negatives, where there are ratings
    :return: the pairs
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if the file has another suffix or is malformed
    """
    path = Path(path)
    check_regular(path, "pairs by relation type in .jsonl, .parquet or .tsv")
    match path.suffix:
        case ".jsonl":
            collector = _Collector()
            read_json_lines(path, collector.add)
            return collector.finish(path.name)
        case ".parquet":
            import pyarrow.parquet

            return RelationPairs.from_rows(pyarrow.parquet.read_table(path).to_pylist(), path.name)
        case ".tsv":
            return RelationPairs.from_ratings(path, num_positives, num_negatives)
        case suffix:
            raise ValueError(f"{path}: found the suffix {suffix!r}, expected .jsonl, .parquet or .tsv.")
