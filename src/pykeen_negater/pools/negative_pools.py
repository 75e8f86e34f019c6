"""Pools of negatives: the replacements for each triple and side, with their hardness and risk.

A pool belongs to a training triple and a side. All pools lie in one compressed array, sorted by triple, then side, then
hardness, so that a batch of triples is looked up with one binary search. Their format on disk is described in
:mod:`~pykeen_negater.pools.files`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..runtime.random_state import pinned_defaults
from ..storage.atomic_writing import restore_folder
from ..storage.cache import file_stamps
from ..triples.graphs import Graph
from ..triples.indexing import RELATION, TripleIndex, check_key_space, keys_to_triples
from .checks import check_ids
from .codec import decode_risk, encode_risk
from .files import (
    DTYPES,
    PoolsError,
    Vocabulary,
    is_small,
    read_durations,
    read_pools,
    read_vocabulary,
    write_pools,
)
from .vocabularies import describe_differences

__all__ = [
    "NegativePools",
]

#: The number of training triples whose negatives are processed together
PIECE = 2**16


@dataclass(eq=False)
class NegativePools:
    """Negatives for every training triple and side, hardest first. None of them is a training triple."""

    #: The sorted keys of the training triples; shape: (num_triples,), dtype: int64
    keys: Tensor

    #: Where the pool of each triple and side starts: row ``i * num_sides + s``; shape: (num_triples * num_sides + 1,)
    offsets: Tensor

    #: The id that replaces the triple's part on that side; shape: (num_negatives,), dtype: int32
    replacements: Tensor

    #: How hard each negative is, from 0 for the easiest score to 255 for the hardest; shape: (num_negatives,)
    hardness: Tensor

    #: The number of entities
    num_entities: int

    #: The number of relations, inverse ones not counted
    num_relations: int

    #: The columns that are replaced, in order: 0 head, 1 relation, 2 tail
    sides: tuple[int, ...]

    #: The fingerprint of the vocabulary
    vocabulary: str

    #: The risk of each negative, see :func:`~pykeen_negater.pools.codec.encode_risk`; by default that of a uniform
    #: corruption; shape: (num_negatives,)
    risk: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.uint8))

    #: Suspected positives: the sorted keys of corruptions of training triples that are likely true; shape:
    #: (num_suspected,), dtype: int64
    suspected: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    #: The risk of each of them; shape: (num_suspected,)
    suspected_risk: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.uint8))

    #: The ranker's score of each negative, if it was kept; shape: (num_negatives,), dtype: float32
    scores: Tensor | None = None

    #: Settings, package versions and statistics; JSON-native
    metadata: dict[str, Any] = field(default_factory=dict)

    #: The seconds that each step of mining took
    durations: dict[str, float] = field(default_factory=dict)

    #: The folder the pools were loaded from
    path: Path | None = None

    #: The versions of its files, see :func:`~pykeen_negater.storage.cache.file_stamps`
    stamps: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the arrays fit together.

        :raises PoolsError: if they do not
        """
        check_key_space(self.num_entities, self.num_relations)
        if not len(self.risk):
            self.risk = encode_risk(np.ones(len(self.replacements)))
        if not len(self.keys):
            raise PoolsError("found pools for no triples, expected some.")
        rows = len(self.keys) * len(self.sides)
        if not self.sides or not set(self.sides) <= {0, 1, 2}:
            raise PoolsError(f"found the sides {self.sides}, expected some of 0, 1 and 2.")
        equal = (self.replacements.shape == self.hardness.shape == self.risk.shape) and (
            self.suspected.shape == self.suspected_risk.shape
        )
        if self.scores is not None:
            equal = equal and self.scores.shape == self.replacements.shape
        if self.offsets.shape != (rows + 1,) or not equal:
            shapes = {name: tuple(array.shape) for name, array in self.arrays.items()}
            raise PoolsError(
                f"found arrays of shapes {shapes}, expected {rows + 1} offsets, equally many replacements, hardnesses, "
                f"risks and scores if there are any, and as many suspected positives as risks of theirs."
            )
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.replacements):
            raise PoolsError(
                f"found offsets from {self.offsets[0]} to {self.offsets[-1]}, expected 0 to {len(self.replacements)}."
            )
        self.index = TripleIndex(self.keys, self.num_entities, self.num_relations)

    @property
    def arrays(self) -> dict[str, Tensor]:
        """The arrays by name, see :data:`~pykeen_negater.pools.files.DTYPES`; the scores only if they were kept."""
        arrays = {name: getattr(self, name) for name in DTYPES}
        return arrays if self.scores is None else {**arrays, "scores": self.scores}

    def __len__(self) -> int:
        """Count the negatives of all triples and sides."""
        return len(self.replacements)

    @property
    def num_triples(self) -> int:
        """The number of training triples, with or without negatives."""
        return len(self.keys)

    def rows(self, triples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look up the pools of triples.

        :param triples: shape: (n, 3), dtype: int64
        :return: a pair (starts, sizes), each of shape (n, num_sides): the position in the arrays where each side's pool
            starts, and its number of negatives, 0 for an unknown triple
        """
        position, found = self.index.lookup(triples)
        num_sides = len(self.sides)
        # the starts of each triple's pools, and the end of the last
        bounds = self.offsets.numpy()[(position * num_sides)[:, np.newaxis] + np.arange(num_sides + 1)]
        starts = bounds[:, :-1]
        return starts, (bounds[:, 1:] - starts) * found[:, np.newaxis]

    @property
    def max_risk(self) -> float | None:
        """The risk from which on a negative does more harm than good; None without a guard."""
        return self.metadata.get("max_risk")

    @property
    def max_mined_risk(self) -> float | None:
        """The risk from which on the guard rejected candidates; None without a guard."""
        return self.metadata.get("max_mined_risk")

    @property
    def guard_skill(self) -> float | None:
        """The Brier skill of the guard among candidates: ≤ 1, and no better than a guess at 0; None without a guard."""
        return self.metadata.get("guard_skill")

    def safer_than(self, max_risk: float | Tensor) -> "NegativePools":
        """Leave out the negatives that are too risky.

        :param max_risk: >= 0, in multiples of the risk of a uniform corruption, for all relations or by relation;
            shape of the latter: (num_relations,)
        :return: the other negatives; the same pools if there are no others
        """
        if self.max_mined_risk is not None:
            # rounding keeps the order, so that mined negatives stay below the limit of mining, and need not be read
            bound = decode_risk(encode_risk(np.array([self.max_mined_risk])).int() + 1)
            if bool((torch.as_tensor(max_risk) >= bound).all()):
                return self

        def is_safe(part: slice) -> Tensor:
            """Compare risks with their limits."""
            limit = max_risk
            if isinstance(max_risk, Tensor):
                limit = max_risk[self._triples(part)[:, RELATION]]
            return decode_risk(self.risk[self._negatives(part)]) <= limit

        return self._select(is_safe)

    def without(self, known: TripleIndex) -> "NegativePools":
        """Leave out negatives that are true.

        :param known: true triples
        :return: the other negatives; the same pools if there are no others
        """
        return self._select(lambda part: ~known.contains(self._triples(part)))

    def _negatives(self, part: slice) -> slice:
        """Find the negatives of some training triples."""
        width = len(self.sides)
        return slice(int(self.offsets[part.start * width]), int(self.offsets[part.stop * width]))

    def _triples(self, part: slice) -> Tensor:
        """Get the negatives of some training triples as triples; shape: (n, 3)."""
        width = len(self.sides)
        sizes = self.offsets[part.start * width : part.stop * width + 1].diff()
        rows = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        positives = keys_to_triples(self.keys[part].numpy(), self.num_entities, self.num_relations)
        triples = torch.from_numpy(positives)[rows // width]
        columns = torch.tensor(self.sides)[rows % width]
        return triples.scatter_(1, columns.unsqueeze(-1), self.replacements[self._negatives(part)].long().unsqueeze(-1))

    def _select(self, is_kept: Callable[[slice], Tensor]) -> "NegativePools":
        """Keep some negatives, piece by piece: a piece's intermediate results are many times larger than the pools.

        :param is_kept: tells which negatives of some training triples to keep; shape: (n,)
        :return: pools of these negatives; the same pools if all are kept
        """
        kept = torch.empty(len(self), dtype=torch.bool)
        offsets, total = torch.zeros_like(self.offsets), 0
        width = len(self.sides)
        for start in range(0, self.num_triples, PIECE):
            part = slice(start, min(start + PIECE, self.num_triples))
            negatives = self._negatives(part)
            kept[negatives] = is_kept(part)
            counts = torch.cat([torch.zeros(1, dtype=torch.long), kept[negatives].cumsum(dim=0)])
            ends = slice(part.start * width + 1, part.stop * width + 1)
            offsets[ends] = total + counts[self.offsets[ends] - negatives.start]
            total += int(counts[-1])
        if total == len(self):
            return self
        arrays = {name: getattr(self, name)[kept] for name in ("replacements", "hardness", "risk")}
        scores = None if self.scores is None else self.scores[kept]
        return replace(self, **arrays, scores=scores, offsets=offsets, path=None)

    def coverage(self, triples: Tensor) -> float:
        """Compute the share of triples that have a negative.

        :param triples: shape: (n, 3), dtype: int64
        :return: the share, in [0, 1]
        """
        return float(self.rows(triples.numpy())[1].any(axis=1).mean())

    def check_size(self, num_entities: int, num_relations: int) -> None:
        """Check that a graph has as many entities and relations as these pools.

        :param num_entities: the graph's number of entities
        :param num_relations: the graph's number of relations, inverse ones not counted
        :raises PoolsError: if not
        """
        if (num_entities, num_relations) != (self.num_entities, self.num_relations):
            raise PoolsError(
                f"{self._name} are for {self.num_entities:,} entities and {self.num_relations:,} relations, but the "
                f"graph has {num_entities:,} and {num_relations:,}. Mine pools for this graph."
            )

    def check_vocabulary(self, graph: Graph) -> None:
        """Check that ids stand for the same labels here and in a graph, if both have labels.

        :param graph: the graph, which may have other triples
        :raises PoolsError: if not
        """
        labelled = graph.entity_labels is not None and self.metadata.get("labelled", True)
        if labelled and graph.vocabulary != self.vocabulary:
            differences = describe_differences(self.load_vocabulary(), graph)
            if differences is None:
                self.check_size(graph.num_entities, graph.num_relations)
                differences = f"found the fingerprint {self.vocabulary}, expected {graph.vocabulary}"
            raise PoolsError(
                f"{self._name} are for another vocabulary than the graph's: {differences}. The same labels must have "
                f"the same ids; mine pools for this graph."
            )
        self.check_size(graph.num_entities, graph.num_relations)

    @property
    def _name(self) -> str:
        return "The pools" if self.path is None else f"The pools {self.path}"

    def save(self, path: str | Path, vocabulary: Vocabulary | None = None) -> Path:
        """Write the pools to a folder, whole or not at all.

        :param path: the folder. Pools that are already there are replaced.
        :param vocabulary: the meaning of the ids. If None and the pools were loaded from a folder, the one from there.
        :return: the folder
        :raises FileExistsError: if something else is there
        :raises PoolsError: if the pools could not be loaded again, in which case nothing is written
        """
        path = Path(path)
        metadata = {
            "num_entities": self.num_entities,
            "num_relations": self.num_relations,
            "sides": list(self.sides),
            "vocabulary": self.vocabulary,
            **self.metadata,
        }
        arrays = self.arrays
        try:
            check_ids(arrays, self.num_entities, self.num_relations, self.sides)
        except ValueError as error:
            raise PoolsError(f"{path} is not written: {error} Correct the pools.") from error
        write_pools(path, arrays, metadata, vocabulary or self.load_vocabulary(), self.durations)
        return path

    @classmethod
    @pinned_defaults()
    def load(cls, path: str | Path) -> "NegativePools":
        """Load pools; the arrays are mapped into memory, not read.

        Small pools are read once to check that they are undamaged; large ones are checked by
        :func:`~pykeen_negater.pools.verification.verify_pools`.

        :param path: a folder written by :meth:`save`
        :return: the pools
        :raises PoolsError: if there are none, or they are damaged or of another version
        """
        path = Path(path)
        restore_folder(path)
        stamps = file_stamps(path)  # before reading, so that a replacement meanwhile is noticed
        arrays, metadata = read_pools(path)
        try:
            pools = cls(
                **arrays,
                num_entities=metadata.pop("num_entities"),
                num_relations=metadata.pop("num_relations"),
                sides=tuple(metadata.pop("sides")),
                vocabulary=metadata.pop("vocabulary"),
                metadata=metadata,
                path=path.resolve(),
                stamps=stamps,
            )
            if is_small(path):
                check_ids(arrays, pools.num_entities, pools.num_relations, pools.sides)
        except (PoolsError, TypeError, ValueError) as error:
            raise PoolsError(f"{path} is damaged: {error} Mine the pools again.") from error
        pools.durations = read_durations(path)
        return pools

    def is_replaced(self) -> bool:
        """Tell whether these pools have been replaced on disk.

        :return: whether a file in their folder has changed; False if the folder is gone, or there never was one
        """
        return self.path is not None and self.path.is_dir() and file_stamps(self.path) != self.stamps

    def __reduce__(self) -> str | tuple[Any, ...]:
        # a spawned worker maps the same file instead of receiving a copy
        if self.path is None:
            return super().__reduce__()
        return type(self).load, (self.path,)

    def load_vocabulary(self) -> Vocabulary:
        """Load the meaning of the ids.

        :return: the vocabulary, empty if the pools were not loaded from a folder
        """
        return Vocabulary() if self.path is None else read_vocabulary(self.path)
