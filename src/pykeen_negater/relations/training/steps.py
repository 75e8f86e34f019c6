"""Steps in the training of a relation encoder: the pairs of each, and which of them are positives of each other."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
import torch

from .data import Pair, RelationPairs
from .settings import RelationTrainingSettings

__all__ = [
    "ContrastiveSteps",
    "PairTable",
    "Step",
    "TrainingSteps",
    "TripletSteps",
]


@dataclass(frozen=True, eq=False)
class Step:
    """The distinct pairs that are encoded in a step, and the targets of the loss."""

    #: Rows of the table of pairs; shape: (num_pairs,)
    pairs: np.ndarray

    #: The targets, as arrays over these pairs: for contrastive losses ``positives`` and ``negatives``, for triplets
    #: ``triplets`` and ``strangers``, see :mod:`.losses`
    targets: dict[str, np.ndarray]


class PairTable:
    """The distinct pairs, and the relation types that each is a positive or a negative of."""

    #: The pairs
    pairs: tuple[Pair, ...]

    #: Whether a pair (column) is a positive of a relation type (row); dtype: bool
    positives: np.ndarray

    #: Whether a pair is a negative of a relation type; dtype: bool
    negatives: np.ndarray

    #: Whether a pair is among the negatives given for the relation type; dtype: bool
    own_negatives: np.ndarray

    def __init__(self, data: RelationPairs, augment_negative_by_positive: bool = True) -> None:
        """Build the table. A positive of a type is never a negative of it.

        :param data: the pairs by relation type
        :param augment_negative_by_positive: whether the positives of other types are negatives, too
        """
        self.types = list(data.positives)
        every = chain.from_iterable((*data.positives.values(), *data.negatives.values()))
        self.pairs = tuple(dict.fromkeys(every))
        self.positives = self._mark(data.positives)
        self.own_negatives = self._mark(data.negatives) & ~self.positives
        self.negatives = self.own_negatives
        if augment_negative_by_positive:
            self.negatives = self.negatives | (self.positives.any(axis=0) & ~self.positives)
        rows = {name: row for row, name in enumerate(self.types)}
        children = [[rows[name] for name in names] for names in data.parents.values()]
        self._children = np.zeros((len(children), len(rows)), dtype=bool)
        for parent, row in enumerate(children):
            self._children[parent, row] = True

    def _mark(self, pairs: Mapping[str, Iterable[Pair]]) -> np.ndarray:
        columns = {pair: column for column, pair in enumerate(self.pairs)}
        marked = np.zeros((len(self.types), len(self.pairs)), dtype=bool)
        for row, name in enumerate(self.types):
            marked[row, [columns[pair] for pair in pairs.get(name, ())]] = True
        return marked

    @property
    def parents(self) -> tuple[np.ndarray, np.ndarray]:
        """The positives of each parent's types, and its negatives, which are the positives of the others' types."""
        positives = self._children.astype(np.int64) @ self.positives > 0
        negatives = (~self._children).astype(np.int64) @ self.positives > 0
        return positives, negatives & ~positives

    @property
    def parent_of_type(self) -> np.ndarray | None:
        """The parent of each relation type, or None if not each has one."""
        return self._children.argmax(axis=0) if len(self._children) and self._children.any(axis=0).all() else None


class TrainingSteps(torch.utils.data.Dataset, ABC):
    """The steps of an epoch, drawn anew for every epoch."""

    def __init__(self, data: RelationPairs, settings: RelationTrainingSettings) -> None:
        """Prepare the steps of the first epoch.

        :param data: the pairs by relation type
        :param settings: what a step is like, and the seed
        :raises ValueError: if a relation type has no negatives
        """
        self.table = PairTable(data, settings.augment_negative_by_positive)
        self.data, self.settings = data, settings
        self.epoch = -1
        lacking = np.flatnonzero(~self.table.negatives.any(axis=1))
        if len(lacking):
            remedy = "some in the data, or other relation types and augment_negative_by_positive"
            raise self._fail(lacking[0], "no negatives", remedy)

    def set_epoch(self, epoch: int) -> None:
        """Prepare the steps of an epoch; called by the data loader of the Trainer.

        :param epoch: >= 0
        """
        if epoch != self.epoch:
            self.epoch = epoch
            self._prepare(np.random.default_rng([self.settings.seed, epoch]))

    @abstractmethod
    def _prepare(self, generator: np.random.Generator) -> None:
        """Choose the relation types of the steps of an epoch.

        :param generator: the randomness of the epoch
        """

    @abstractmethod
    def _draw(self, step: int, generator: np.random.Generator) -> Step:
        """Draw the pairs of a step.

        :param step: the number of the step in its epoch
        :param generator: the randomness of the step
        """

    @abstractmethod
    def __len__(self) -> int:
        """Count the steps of an epoch, which is the same number in each."""

    def __getitem__(self, item: int) -> Step:
        if item >= len(self):
            raise IndexError(item)  # ends an iteration over the steps
        return self._draw(item, np.random.default_rng([self.settings.seed, self.epoch, item]))

    def _fail(self, row: int, what: str, remedy: str) -> ValueError:
        name = self.table.types[row]
        return ValueError(f"{self.data.name}: found {what} of the relation type {name!r}, expected {remedy}.")


def _sample(mask: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw some of the marked positions without replacement."""
    marked = np.flatnonzero(mask)
    return marked if len(marked) <= size else generator.choice(marked, size, replace=False)


class ContrastiveSteps(TrainingSteps):
    """Steps for NCE and InfoLOOB: in each epoch, each relation type and each parent is trained on once.

    A parent's positives are those of its types, and its negatives those of the others' types.
    """

    def __init__(self, data: RelationPairs, settings: RelationTrainingSettings) -> None:
        """Prepare the steps of the first epoch.

        :param data: the pairs by relation type
        :param settings: what a step is like, and the seed
        :raises ValueError: if a relation type has no negatives
        """
        super().__init__(data, settings)
        table = self.table
        positives, negatives = table.parents
        usable = negatives.any(axis=1)
        self.positives = np.concatenate([table.positives, positives[usable]])
        self.negatives = np.concatenate([table.negatives, negatives[usable]])
        self.own_negatives = np.concatenate([table.own_negatives, np.zeros_like(negatives[usable])])
        self.per_step = settings.relations_per_step or 1
        self.set_epoch(0)

    # docstr-coverage: inherited
    def _prepare(self, generator: np.random.Generator) -> None:
        self.steps = np.array_split(generator.permutation(len(self.positives)), len(self))

    def __len__(self) -> int:
        return -(-len(self.positives) // self.per_step)

    # docstr-coverage: inherited
    def _draw(self, step: int, generator: np.random.Generator) -> Step:
        types = self.steps[step]
        drawn_positives, drawn_negatives = [], []
        for row in types:
            drawn_positives.append(_sample(self.positives[row], self.settings.num_positive, generator))
            prefers_own = self.per_step > 1 and self.own_negatives[row].any()
            pool = self.own_negatives[row] if prefers_own else self.negatives[row]
            drawn_negatives.append(_sample(pool, self.settings.num_negative, generator))
        pairs = np.unique(np.concatenate(drawn_positives + drawn_negatives))
        return Step(
            pairs,
            {
                "positives": np.stack([np.isin(pairs, drawn) for drawn in drawn_positives]),
                "negatives": self.negatives[types][:, pairs],
            },
        )


class TripletSteps(TrainingSteps):
    """Steps for triplets: in each epoch, every two positives of a relation type are an anchor and its positive once.

    A type with fewer positives than others has its pairs of positives repeated.
    """

    def __init__(self, data: RelationPairs, settings: RelationTrainingSettings) -> None:
        """Prepare the steps of the first epoch.

        :param data: the pairs by relation type
        :param settings: what a step is like, and the seed
        :raises ValueError: if a relation type has a single positive, or no negatives
        """
        super().__init__(data, settings)
        table = self.table
        single = np.flatnonzero(table.positives.sum(axis=1) < 2)
        if len(single):
            raise self._fail(single[0], "a single positive", "two for the triplet loss, an anchor and a positive")
        parent_of_type, (positives, negatives) = table.parent_of_type, table.parents
        self.similar = self.dissimilar = None
        if parent_of_type is not None and negatives.any(axis=1).all():
            self.similar, self.dissimilar = positives[parent_of_type], negatives[parent_of_type]
        self.num_groups = -(-len(table.types) // (settings.relations_per_step or len(table.types)))
        self.set_epoch(0)

    # docstr-coverage: inherited
    def _prepare(self, generator: np.random.Generator) -> None:
        self.groups = np.array_split(generator.permutation(len(self.table.types)), self.num_groups)
        self.couples = []
        for mask in self.table.positives:
            couples = np.array(list(combinations(_sample(mask, self.settings.num_positive, generator), 2)))
            self.couples.append(generator.permuted(generator.permutation(couples), axis=1))

    def __len__(self) -> int:
        return self.num_groups * max(map(len, self.couples))

    # docstr-coverage: inherited
    def _draw(self, step: int, generator: np.random.Generator) -> Step:
        turn, group = divmod(step, self.num_groups)
        types = self.groups[group]
        rows = []
        for row in types:
            couple = self.couples[row][turn % len(self.couples[row])]
            others = [self.table.negatives[row]]
            if self.similar is not None and self.dissimilar is not None:
                others += [self.similar[row], self.dissimilar[row]]
            rows.append([*couple, *(_sample(mask, 1, generator)[0] for mask in others)])
        pairs, triplets = np.unique(np.array(rows), return_inverse=True)
        triplets = triplets.reshape(len(types), -1)
        # neither of the other type's two pairs is of this type
        strangers = np.logical_not(self.table.positives[types][:, pairs[triplets[:, :2]]]).all(axis=2)
        return Step(pairs, {"triplets": triplets, "strangers": np.asarray(strangers)})
