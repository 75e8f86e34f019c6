"""The negative sampler."""

import functools
import logging
import math
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import torch
from class_resolver import HintOrType
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.sampling.filtering import Filterer
from pykeen.typing import BoolTensor, LongTensor, MappedTriples
from torch import Tensor

from ..mining.settings import MiningSettings
from ..pools.negative_pools import NegativePools
from ..runtime.random_state import pinned_defaults
from ..texts.loading import TextSource
from ..triples.entity_types import TypeSource
from ..triples.indexing import RELATION, TripleIndex, check_corruption_scheme, keys_to_triples
from ..utils.described_fields import takes_fields
from ..utils.resolving import find_class, names_unknown_parameters
from .base_samplers import make_base_sampler
from .composition import Composition
from .filtering import ExactFilterer
from .hard_fraction import choose_hard_fraction
from .known_triples import TripleSource
from .limits import Limits
from .mined import HardNegatives, Strategy, check_strategy, without_inverse
from .pool_source import MiningMode, find_pools
from .positives import Positives
from .redrawn import RandomNegatives
from .self_loops import SelfLoops, default_loop_fraction
from .training_context import Purpose, current_purpose

__all__ = [
    "NegatERNegativeSampler",
]

logger = logging.getLogger(__name__)

#: The number of triples that the filterer is asked about at once
COMPARED = 2**20

#: The number of triples that the shares of negatives are computed from
COVERAGE_SAMPLE = 100_000


#: The settings for those who mine before they train
SETTINGS_OF_SEPARATE_MINING = ("metric", "index", "neighbor_file", "index_factory", "keep_scores")


class NegatERNegativeSampler(NegativeSampler):
    """Mixes mined negatives [safavi2021]_ with those of another sampler, and avoids triples that are likely true.

    In every batch, a share of the positives gets negatives from their pools of plausible false triples, see
    :mod:`pykeen_negater.pools.negative_pools`, and the others from a base sampler, as do those without a pool. Mined
    and random ones are not mixed for one positive: a loss that weights negatives by their scores, as the
    self-adversarial one does, would then hardly see the random ones. What the base sampler draws is drawn again if it
    is a known triple, or one that the guard finds too likely true, see :mod:`pykeen_negater.guard.calibrated`. Without
    anything given, the pools are mined from the training triples, once, and cached.
    """

    #: Whether its negatives are mined, perhaps with a language model, which must then not be trained with them
    mines: ClassVar[bool] = True

    #: The default search space of the parameters that affect sampling alone; others would need mining in every trial
    hpo_default: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "num_negs_per_pos": {"type": int, "low": 1, "high": 100, "log": True},
        "hard_fraction": {"type": float, "low": 0.0, "high": 0.5},
        "loop_fraction": {"type": float, "low": 0.001, "high": 0.03, "log": True},
        "strategy": {"type": "categorical", "choices": list(get_args(Strategy))},
        "temperature": {"type": float, "low": 0.02, "high": 1.0, "log": True},
        "max_risk": {"type": float, "low": 0.5, "high": 1000.0, "log": True},
    }

    @names_unknown_parameters
    @takes_fields(
        MiningSettings, {"TextSource": TextSource, "TypeSource": TypeSource}, without=SETTINGS_OF_SEPARATE_MINING
    )
    @pinned_defaults()
    def __init__(
        self,
        *,
        mapped_triples: MappedTriples,
        num_entities: int | None = None,
        num_relations: int | None = None,
        num_negs_per_pos: int | None = None,
        filtered: bool = False,
        filterer: HintOrType[Filterer] = None,
        filterer_kwargs: Mapping[str, Any] | None = None,
        pools: str | Path | NegativePools | None = None,
        hard_fraction: float | None = None,
        loop_fraction: float | None = None,
        max_risk: float | None = None,
        strategy: Strategy = "uniform",
        temperature: float = 0.1,
        base_sampler: HintOrType[NegativeSampler] = None,
        base_sampler_kwargs: Mapping[str, Any] | None = None,
        corruption_scheme: Collection[str] = ("head", "tail"),
        known_triples: TripleSource | None = None,
        relation_overrides: Mapping[str, Mapping[str, float]] | None = None,
        mine: MiningMode = "auto",
        **mining: Any,
    ) -> None:
        """Find or mine the pools.

        :param mapped_triples: shape: (n, 3), the positive training triples
        :param num_entities: the number of entities. If None, it is inferred from the triples.
        :param num_relations: the number of relations, inverse ones included. If None, it is inferred from the triples.
        :param num_negs_per_pos: >= 1, the number of negatives per positive, 1 by default
        :param filtered: whether to draw known positives again, and to mask those that remain
        :param filterer: how known positives are found, see :mod:`pykeen.sampling.filtering`. Without it and its
            parameters, they are found exactly, see :mod:`pykeen_negater.sampling.filtering`.
        :param filterer_kwargs: the filterer's parameters, or those of PyKEEN's default
        :param pools: pools, or the folder they were saved to. If None, they are taken from the cache or mined.
        :param hard_fraction: in [0, 1], the share of the positives of a batch all of whose negatives come from the
            pools, drawn anew for each batch. If None, a quarter, or a tenth of fewer than four negatives per positive;
            none where the guard cannot tell which candidates are true; none of fewer than four where only candidates
            less likely true than a uniform corruption are safe.
        :param loop_fraction: in [0, 1], the share of the negatives that is replaced by loops, where these are not to be
            expected, see :mod:`pykeen_negater.sampling.self_loops`. If None, 0.012 / √num_negs_per_pos, or less in
            large graphs (0.003 or more).
        :param max_risk: > 0, the highest risk of a negative, in multiples of that of a uniform corruption of a training
            triple. If None, the guard's limit. Riskier negatives are left out of pools, and drawn again when
            the base sampler draws them.
        :param strategy: how to draw from a pool: ``uniform``, with equal probability and replacement; ``top``, the
            hardest of each side; ``softmax``, with probability proportional to exp(hardness / temperature)
        :param temperature: > 0, of the softmax; hardness ranges from 0 (the easiest of all pools) to 1, in 255 steps
        :param base_sampler: the sampler of the other negatives, PyKEEN's default if None
        :param base_sampler_kwargs: its parameters
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``, for all negatives.
            With inverse triples, they are those of the triple in the batch, and a relation keeps its direction, unless
            there is but one. ``bernoulli`` and ``pseudotyped`` corrupt the heads and tails of the scheme, but no
            relations.
        :param known_triples: true triples beyond those that are trained on, by labels or by ids: a file (head,
            relation, tail) as PyKEEN reads it, a list, an array, a data frame, or a triples factory. They are never
            drawn from pools or as loops, and drawn again when the base sampler draws them, unless nearly all of a
            triple's corruptions are known; with ``filtered=True``, those are masked.
        :param relation_overrides: by the label of a relation, another ``hard_fraction`` or ``max_risk`` for it
        :param mine: whether to mine pools that are not cached (``auto``), or to do without (``never``)
        :param mining: the settings of mining, see :class:`pykeen_negater.mining.settings.MiningSettings`
        :raises ValueError: if a parameter is out of range, or does not fit the graph
        :raises pykeen_negater.pools.files.PoolsError: if the pools cannot be used here
        :raises FileNotFoundError: if a file is missing
        :raises TypeError: if there is no such parameter
        """
        _check_numbers(num_negs_per_pos, hard_fraction, loop_fraction, max_risk)
        check_strategy(strategy, temperature)
        if filtered and filterer is None and not filterer_kwargs:
            filterer = ExactFilterer
        mapped_triples = mapped_triples.long()
        super().__init__(
            mapped_triples=mapped_triples,
            num_entities=num_entities,
            num_relations=num_relations,
            num_negs_per_pos=num_negs_per_pos,
            filtered=filtered,
            filterer=filterer,
            filterer_kwargs=filterer_kwargs,
        )
        self.max_risk = max_risk
        self.loop_fraction = (
            default_loop_fraction(self.num_entities, self.num_negs_per_pos) if loop_fraction is None else loop_fraction
        )
        self.corruption_scheme = check_corruption_scheme(corruption_scheme)
        self.base_sampler = self._make_base_sampler(base_sampler, base_sampler_kwargs or {}, mapped_triples)
        self.loops = SelfLoops(mapped_triples, self.num_relations, self.corruption_scheme)
        positives = Positives(mapped_triples, self.num_entities, self.num_relations)
        settings = MiningSettings(corruption_scheme=self.corruption_scheme, **mining)
        found = find_pools(pools, positives, mine, settings)
        self.hard_fraction, reason = choose_hard_fraction(hard_fraction, found, self.num_negs_per_pos)
        self.has_inverse_triples = positives.have_inverses(found)
        limits = Limits.find(positives, found, max_risk, self.hard_fraction, known_triples, relation_overrides)
        #: True triples beyond those that are trained on
        self.known = limits.known
        self._hard_fractions = limits.hard_fractions
        self.hard_negatives = None if found is None else self._make_hard(limits.allowed(found), strategy, temperature)
        avoided = limits.avoided(found)
        self.random_negatives = RandomNegatives(self.base_sampler, avoided, self.has_inverse_triples, limits.negligible)
        #: Whether the random negatives avoid all triples that the filterer knows
        self._avoids_all_known = avoided is not None and found is not None and self._is_known_to(found.index)
        #: Whether pools are free of known triples, as mined ones are; given pools may come from anywhere
        self._trusts_pools = pools is None
        #: The expected composition of the negatives
        self.composition = self._compose(mapped_triples, found, reason)
        self._say_composition()

    @property
    def pools(self) -> NegativePools | None:
        """The pools that negatives are drawn from, without those that are too risky."""
        return None if self.hard_negatives is None else self.hard_negatives.pools

    def _make_hard(self, pools: NegativePools, strategy: Strategy, temperature: float) -> HardNegatives:
        return HardNegatives(pools, self.corruption_scheme, self.has_inverse_triples, strategy, temperature)

    def _make_base_sampler(
        self, hint: HintOrType[NegativeSampler], kwargs: Mapping[str, Any], mapped_triples: MappedTriples
    ) -> NegativeSampler:
        reserved = {"filtered", "filterer", "filterer_kwargs", "num_negs_per_pos"}.intersection(kwargs)
        if reserved:
            raise ValueError(
                f"found {', '.join(sorted(reserved))} among base_sampler_kwargs, expected it as a parameter of the "
                f"negater sampler itself, which filters and counts for both."
            )
        cls = find_class("base_sampler", negative_sampler_resolver, hint)
        if issubclass(cls, NegatERNegativeSampler):
            raise ValueError("found the negater sampler as its own base_sampler, expected another one.")
        return make_base_sampler(
            cls,
            kwargs,
            self.corruption_scheme,
            mapped_triples,
            self.num_entities,
            self.num_relations,
            self.num_negs_per_pos,
        )

    def _is_known_to(self, index: TripleIndex) -> bool:
        """Tell whether an index has all triples that the filterer knows, if the filterer can tell them."""
        if not isinstance(self.filterer, ExactFilterer):
            return False
        size = self.filterer.num_entities, self.filterer.num_relations
        return all(
            index.contains(self._real(keys_to_triples(keys.cpu().numpy(), *size))).all()
            for keys in self.filterer.keys.split(COMPARED)
        )

    def _compose(self, mapped_triples: MappedTriples, found: NegativePools | None, reason: str | None) -> Composition:
        """Compute the composition of the negatives of these triples.

        :param mapped_triples: shape: (n, 3), the positives
        :param found: the pools, including negatives that are too risky, if there are any
        :param reason: the reason if none are mined
        :return: the expected shares
        """
        stride = max(1, len(mapped_triples) // COVERAGE_SAMPLE)
        triples = mapped_triples[::stride].cpu().numpy()
        loops = self.loop_fraction * self.loops.possible(triples)
        covered = np.zeros(len(triples), bool) if self.hard_negatives is None else self.hard_negatives.covers(triples)
        mined = self._fraction_of(triples) * covered * (1 - loops)
        if found is not None and not covered.any():
            reason = "the pools have none for these triples, or none that are safe enough."
        return Composition(
            mined=float(mined.mean()),
            loops=float(loops.mean()),
            coverage=float(covered.mean()),
            guarded=found is not None and found.max_risk is not None,
            pools=None if found is None else found.path,
            reason=reason,
        )

    def _say_composition(self) -> None:
        """Log the composition of the negatives, once for each training, at a level that PyKEEN shows by default."""
        is_said = current_purpose() in (Purpose.TRAINING, Purpose.UNKNOWN)
        logger.log(logging.WARNING if is_said else logging.DEBUG, "%s", self.composition)

    # docstr-coverage: inherited
    @pinned_defaults()
    def sample(self, positive_batch: LongTensor) -> tuple[LongTensor, BoolTensor | None]:  # noqa: D102
        positives = _to_ids(positive_batch)
        negatives, is_unsure = self._corrupt(positives)
        if self.filterer is None:
            return self._like(positive_batch, negatives), None
        flat = negatives.reshape(-1, 3)
        pending = np.flatnonzero(is_unsure) if self._avoids_all_known else np.arange(len(flat))
        find = functools.partial(self._find_known, self.filterer)
        pending = pending[find(flat[pending])]
        pending = self.random_negatives.draw_again(
            positives, negatives, pending, lambda x: np.union1d(find(x), self.random_negatives.find_avoided(x))
        )
        # risky negatives are not masked, only known triples
        pending = pending[find(flat[pending])]
        mask = np.ones(len(flat), dtype=bool)
        # without any negative, the loss would be NaN, so one stays
        mask[pending if len(pending) < len(flat) else pending[1:]] = False
        return self._like(positive_batch, negatives), self._like(positive_batch, mask)

    # docstr-coverage: inherited
    @pinned_defaults()
    def corrupt_batch(self, positive_batch: LongTensor) -> LongTensor:  # noqa: D102
        return self._like(positive_batch, self._corrupt(_to_ids(positive_batch))[0])

    def _like(self, positive_batch: LongTensor, array: np.ndarray) -> Tensor:
        """Reshape an array like the batch, and move it to its device."""
        shape = (*positive_batch.shape[:-1], self.num_negs_per_pos)
        return torch.from_numpy(array).view(*shape, *([3] if array.dtype == np.int64 else [])).to(positive_batch.device)

    def _corrupt(self, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw negatives.

        :param positives: shape: (n, 3), dtype: int64
        :return: a pair (the negatives; shape: (n, num_negs_per_pos, 3). Which of them may be among
            the triples to avoid; shape: (n, num_negs_per_pos), dtype: bool)
        """
        count = self.num_negs_per_pos
        is_unsure = np.zeros((len(positives), count), dtype=bool)
        if self.hard_negatives is None or not (self.hard_fraction or self._hard_fractions is not None):
            negatives, pending = self.random_negatives.draw(positives)
            is_unsure.ravel()[pending] = True
        else:
            is_mined = torch.rand(len(positives), dtype=torch.float).numpy() < self._fraction_of(positives)
            mined = np.flatnonzero(is_mined)
            hard, has_any = self.hard_negatives.draw(positives[mined], count)
            is_mined[mined[~has_any]] = False
            mined = mined[has_any]
            others = np.flatnonzero(~is_mined)
            negatives = np.empty((len(positives), count, 3), dtype=np.int64)
            negatives[mined] = hard
            negatives[others], pending = self.random_negatives.draw(positives[others])
            if not self._trusts_pools:
                is_unsure[mined] = True
            if len(pending):
                is_unsure[others[pending // count], pending % count] = True
        if self.loop_fraction:
            is_unsure.ravel()[self._put_loops(positives, negatives)] = True
        return negatives, is_unsure

    def _fraction_of(self, positives: np.ndarray) -> float | np.ndarray:
        if self._hard_fractions is None:
            return self.hard_fraction
        return self._hard_fractions[self._real(positives)[:, RELATION]]

    def _put_loops(self, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
        """Replace a share of the negatives by loops.

        :param positives: shape: (n, 3)
        :param negatives: shape: (n, num_negs_per_pos, 3), changed in place
        :return: shape: (m,), the positions of the loops among all n * num_negs_per_pos
        """
        flat = negatives.reshape(-1, 3)
        # at equal distances from a random start, which needs one random number instead of one per negative
        turns = np.arange(math.ceil(self.loop_fraction * len(flat))) + torch.rand((), dtype=torch.float).item()
        chosen = (turns / self.loop_fraction).astype(np.int64)
        chosen = chosen[chosen < len(flat)]
        chosen = chosen[self.loops.possible(positives[chosen // self.num_negs_per_pos])]
        loops = self.loops.draw(positives[chosen // self.num_negs_per_pos])
        avoided = self.random_negatives.find_avoided(loops)
        if len(avoided):
            chosen, loops = np.delete(chosen, avoided), np.delete(loops, avoided, axis=0)
        flat[chosen] = loops
        return chosen

    def _real(self, triples: np.ndarray) -> np.ndarray:
        return without_inverse(triples)[0] if self.has_inverse_triples else triples

    def _find_known(self, filterer: Filterer, triples: np.ndarray) -> np.ndarray:
        """Find the positions of known triples among some of shape (n, 3)."""
        known = ~filterer(torch.from_numpy(triples)).numpy()
        if self.known is not None:
            known |= self.known.contains(self._real(triples))
        return np.flatnonzero(known)


def _check_numbers(
    num_negs_per_pos: int | None, hard_fraction: float | None, loop_fraction: float | None, max_risk: float | None
) -> None:
    """Check the sampler's numbers, if they are given."""
    if num_negs_per_pos is not None and not (isinstance(num_negs_per_pos, Integral) and num_negs_per_pos > 0):
        raise ValueError(f"found num_negs_per_pos={num_negs_per_pos!r}, expected a whole number of 1 or more.")
    for name, share in (("hard_fraction", hard_fraction), ("loop_fraction", loop_fraction)):
        if share is not None and not (isinstance(share, Real) and 0 <= share <= 1):
            raise ValueError(f"found {name}={share!r}, expected a share in [0, 1].")
    if max_risk is not None and not (isinstance(max_risk, Real) and max_risk > 0):
        raise ValueError(f"found max_risk={max_risk!r}, expected a positive number, or None for the guard's limit.")


def _to_ids(batch: LongTensor) -> np.ndarray:
    """Turn a batch of triples of any shape and integer type into an array of shape (n, 3), dtype: int64."""
    return batch.reshape(-1, 3).cpu().long().numpy()
