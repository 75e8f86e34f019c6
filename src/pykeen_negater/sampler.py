"""The negative sampler."""

import copy
import inspect
import logging
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import torch
from class_resolver import HintOrType
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.sampling.filtering import Filterer
from pykeen.typing import BoolTensor, LongTensor, MappedTriples

from .avoidance import AvoidedTriples
from .indexing import HEAD, RELATION, SIDES, TAIL, check_corruption_scheme
from .mining_settings import GuardName, MiningSettings
from .pool_source import MiningMode, find_pools
from .pools import NegativePools, PoolsError
from .texts import TextSource
from .types import TypeSource

__all__ = [
    "NegatERNegativeSampler",
    "Strategy",
]

logger = logging.getLogger(__name__)

#: How negatives are drawn from a pool: all alike, the hardest only, or the harder, the more often
Strategy = Literal["uniform", "top", "softmax"]

#: The default share of mined negatives, and from how many negatives per positive on it is good
HARD_FRACTION, MANY_NEGATIVES = 0.25, 4

#: The default share of fewer negatives, which have to meet all competitors at random
HARD_FRACTION_OF_FEW = 0.1

#: How often a negative that is a known positive is drawn again before it is masked
RESAMPLING_ROUNDS = 8

#: Below this share of a batch, negatives that are to be avoided are not drawn again once more
NEGLIGIBLE = 1e-3

#: How many are drawn at once for a negative that is to be avoided, so that hardly ever all of them are to be avoided
SPARES = 4

#: Below this share of triples with mined negatives, the log warns
LOW_COVERAGE = 0.5

#: The number of triples that the logged coverage is computed from
COVERAGE_SAMPLE = 100_000


class NegatERNegativeSampler(NegativeSampler):
    """Mixes mined negatives [safavi2021]_ with those of another sampler, and avoids what is likely true.

    For every training triple, a share of the negatives comes from its pool of plausible falsehoods, see
    :mod:`pykeen_negater.pools`, and the rest from a base sampler. Where a triple has no pool, all of them come from the
    base sampler. What the base sampler draws is drawn again if it is a known triple, or one that the guard finds too
    likely true, see :mod:`pykeen_negater.guard`. Without anything given, the pools are mined from the training triples,
    once, and cached.
    """

    #: The default strategy for optimizing the parameters that act while sampling; the others would mine in every trial
    hpo_default: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "num_negs_per_pos": {"type": int, "low": 1, "high": 100, "log": True},
        "hard_fraction": {"type": float, "low": 0.0, "high": 0.5},
        "strategy": {"type": "categorical", "choices": list(get_args(Strategy))},
        "temperature": {"type": float, "low": 0.02, "high": 1.0, "log": True},
        "max_risk": {"type": float, "low": 0.5, "high": 1000.0, "log": True},
    }

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
        max_risk: float | None = None,
        strategy: Strategy = "uniform",
        temperature: float = 0.1,
        base_sampler: HintOrType[NegativeSampler] = None,
        base_sampler_kwargs: Mapping[str, Any] | None = None,
        corruption_scheme: Collection[str] = ("head", "tail"),
        mine: MiningMode = "auto",
        entity_text: TextSource | None = None,
        relation_text: TextSource | None = None,
        encoder: str | None = None,
        encoder_kwargs: Mapping[str, Any] | None = None,
        candidates: str = "random",
        k: int = 32,
        ranker: str | None = None,
        ranker_kwargs: Mapping[str, Any] | None = None,
        entity_types: TypeSource | None = None,
        guard: GuardName | None = "calibrated",
        pool_size: int = 32,
        max_candidates: int | None = 20_000,
        max_training_triples: int | None = 2_000,
        seed: int = 0,
    ) -> None:
        """Find or mine the pools.

        :param mapped_triples: shape: (n, 3), the positive training triples
        :param num_entities: the number of entities. If None, it is inferred from the triples.
        :param num_relations: the number of relations, inverse ones included. If None, it is inferred from the triples.
        :param num_negs_per_pos: the number of negatives per positive, 1 by default
        :param filtered: whether to draw known positives again, and to mask those that remain
        :param filterer: how known positives are found, see :mod:`pykeen.sampling.filtering`
        :param filterer_kwargs: the filterer's parameters
        :param pools: pools, or the folder they were saved to. If None, they are taken from the cache or mined.
        :param hard_fraction: in [0, 1], the share of the negatives that comes from the pools, on average where it
            is no whole number of negatives. If None, a quarter, or a tenth of fewer than four negatives per positive;
            none where the guard cannot tell which candidates are true; none of few where only candidates that are less
            likely true than a uniform corruption are safe.
        :param max_risk: > 0, how likely true a negative may be, in multiples of a uniform corruption of a training
            triple. If None, the limit that the guard found. What is riskier is taken from no pool, and drawn again when
            the base sampler draws it.
        :param strategy: how they are drawn from a pool: ``uniform``, all alike and with replacement; ``top``, the
            hardest of each side; ``softmax``, with probability proportional to exp(hardness / temperature)
        :param temperature: > 0, of the softmax; hardness reaches from 0 (the easiest of all pools) to 1
        :param base_sampler: what draws the other negatives, PyKEEN's default if None
        :param base_sampler_kwargs: its parameters. It gets the corruption scheme if it takes one.
        :param corruption_scheme: the sides to corrupt, some of ``head``, ``relation``, ``tail``
        :param mine: whether to mine pools that are not cached: ``auto``, or ``never`` to do without
        :param entity_text: see :class:`pykeen_negater.mining_settings.MiningSettings`, as are all further parameters
        :param relation_text: the relations' texts
        :param encoder: what turns entities into vectors
        :param encoder_kwargs: its parameters
        :param candidates: how neighbours become candidates
        :param k: >= 1, the number of neighbours per triple and side
        :param ranker: what decides which candidates are negatives
        :param ranker_kwargs: its parameters
        :param entity_types: the entities' types, for the guard
        :param guard: what keeps candidates out that may be true: ``calibrated``, ``thresholds`` or None
        :param pool_size: >= 1, the most negatives per triple and side that are kept
        :param max_candidates: > 0, the most corrupted triples that an expensive ranker scores; None for all
        :param max_training_triples: > 0, the most triples that an expensive ranker trains on; None for all
        :param seed: the seed of mining
        :raises ValueError: if a parameter is out of range, or does not fit the graph
        :raises pykeen_negater.pools.PoolsError: if the pools cannot be used here
        :raises FileNotFoundError: if a file is missing
        """
        super().__init__(
            mapped_triples=mapped_triples,
            num_entities=num_entities,
            num_relations=num_relations,
            num_negs_per_pos=num_negs_per_pos,
            filtered=filtered,
            filterer=filterer,
            filterer_kwargs=filterer_kwargs,
        )
        if hard_fraction is not None and not 0 <= hard_fraction <= 1:
            raise ValueError(f"found hard_fraction={hard_fraction}, expected a share in [0, 1].")
        if strategy not in get_args(Strategy):
            raise ValueError(f"found strategy={strategy!r}, expected one of {', '.join(get_args(Strategy))}.")
        if not temperature > 0:
            raise ValueError(f"found temperature={temperature}, expected a positive number.")
        if max_risk is not None and not max_risk > 0:
            raise ValueError(f"found max_risk={max_risk}, expected a positive number, or None for the guard's limit.")
        self.max_risk = max_risk
        self.strategy = strategy
        self.temperature = temperature
        self.corruption_scheme = check_corruption_scheme(corruption_scheme)
        self.base_sampler = self._make_base_sampler(base_sampler, base_sampler_kwargs, mapped_triples)
        settings = MiningSettings(
            entity_text=entity_text,
            relation_text=relation_text,
            encoder=encoder,
            encoder_kwargs=encoder_kwargs,
            candidates=candidates,
            k=k,
            corruption_scheme=self.corruption_scheme,
            ranker=ranker,
            ranker_kwargs=ranker_kwargs,
            entity_types=entity_types,
            guard=guard,
            pool_size=pool_size,
            max_candidates=max_candidates,
            max_training_triples=max_training_triples,
            seed=seed,
        )
        found = find_pools(pools, mapped_triples, self.num_entities, self.num_relations, mine, settings)
        self.hard_fraction = self._default_hard_fraction(found) if hard_fraction is None else hard_fraction
        self.has_inverse_triples = found is not None and self.num_relations == 2 * found.num_relations
        self.pools: NegativePools | None = None
        self.avoided: AvoidedTriples | None = None
        if found is not None:
            limit = found.max_risk if max_risk is None else max_risk
            self.pools = found if limit is None else found.safer_than(limit)
            if limit is not None:
                self.avoided = found.avoided(limit)
                self._redrawing_sampler = copy.copy(self.base_sampler)
                self._redrawing_sampler.num_negs_per_pos = SPARES
            self._prepare(self.pools, mapped_triples)

    def _default_hard_fraction(self, pools: NegativePools | None) -> float:
        if pools is not None and pools.guard_skill is not None and pools.guard_skill <= 0:
            logger.warning(
                "No mined negatives are drawn: in this graph, the guard cannot tell which ones are true (found a Brier "
                "skill of %.2f, expected more than 0). Pass hard_fraction=... to draw some all the same.",
                pools.guard_skill,
            )
            return 0.0
        if self.num_negs_per_pos >= MANY_NEGATIVES:
            return HARD_FRACTION
        # few negatives are too precious for what is less plausible than a random one
        harmless = pools is not None and pools.max_mined_risk is not None and pools.max_mined_risk < 1
        return 0.0 if harmless else HARD_FRACTION_OF_FEW

    def _make_base_sampler(
        self,
        base_sampler: HintOrType[NegativeSampler],
        base_sampler_kwargs: Mapping[str, Any] | None,
        mapped_triples: MappedTriples,
    ) -> NegativeSampler:
        kwargs = dict(base_sampler_kwargs or {})
        reserved = {"filtered", "filterer", "filterer_kwargs", "num_negs_per_pos"}.intersection(kwargs)
        if reserved:
            raise ValueError(
                f"found {', '.join(sorted(reserved))} among base_sampler_kwargs, expected it as a parameter of the "
                f"negater sampler itself, which filters and counts for both."
            )
        cls = negative_sampler_resolver.lookup(base_sampler)
        if issubclass(cls, NegatERNegativeSampler):
            raise ValueError("found the negater sampler as its own base_sampler, expected another one.")
        if "corruption_scheme" in inspect.signature(cls).parameters:
            kwargs.setdefault("corruption_scheme", self.corruption_scheme)
        return cls(
            mapped_triples=mapped_triples,
            num_entities=self.num_entities,
            num_relations=self.num_relations,
            num_negs_per_pos=self.num_negs_per_pos,
            **kwargs,
        )

    def _prepare(self, pools: NegativePools, mapped_triples: MappedTriples) -> None:
        """Prepare what every batch needs."""
        scheme = [SIDES[side] for side in self.corruption_scheme]
        # seen from an inverse triple, heads and tails have changed places
        allowed = [[side in scheme for side in pools.sides], [2 - side in scheme for side in pools.sides]]
        if not any(allowed[0]):
            raise PoolsError(
                f"found pools that replace the columns {pools.sides} only, but corruption_scheme="
                f"{self.corruption_scheme!r} asks for {tuple(scheme)}. Mine pools with this scheme."
            )
        self._allowed = None if all(allowed[0]) else torch.tensor(allowed)
        self._sides = torch.tensor(pools.sides)
        self._num_sides = sum(allowed[0])
        sizes = pools.offsets[len(pools.sides) :: len(pools.sides)] - pools.offsets[: -1 : len(pools.sides)]
        self._width = int(sizes.max()) if len(sizes) else 0
        stride = max(1, len(mapped_triples) // COVERAGE_SAMPLE)
        coverage = pools.coverage(self._without_inverse(mapped_triples[::stride])[0])
        level = logging.INFO if coverage >= LOW_COVERAGE else logging.WARNING
        logger.log(level, "%.1f %% of the training triples have mined negatives.", 100 * coverage)

    def _without_inverse(self, triples: LongTensor) -> tuple[LongTensor, BoolTensor | None]:
        """Replace inverse triples by those they are the inverse of.

        :param triples: shape: (n, 3)
        :return: a pair (the triples with real relations, which ones were inverse; None if none can be)
        """
        if not self.has_inverse_triples:
            return triples, None
        heads, relations, tails = triples.unbind(dim=-1)
        inverse = relations % 2 == 1
        real = [torch.where(inverse, tails, heads), relations // 2, torch.where(inverse, heads, tails)]
        return torch.stack(real, dim=-1), inverse

    # docstr-coverage: inherited
    def sample(self, positive_batch: LongTensor) -> tuple[LongTensor, BoolTensor | None]:  # noqa: D102
        negative_batch = self.corrupt_batch(positive_batch)
        if self.filterer is None:
            return negative_batch, None
        mask = self.filterer(negative_batch)
        for _ in range(RESAMPLING_ROUNDS):
            known = ~mask
            rows = known.any(dim=-1)
            if not rows.any():
                break
            drawn = self.base_sampler.corrupt_batch(positive_batch[rows].reshape(-1, 3))[known[rows]]
            negative_batch[known] = drawn
            mask[known] = self.filterer(drawn)
        if not mask.any():
            # a loss of nothing is not a number
            mask.view(-1)[0] = True
        return negative_batch, mask

    # docstr-coverage: inherited
    def corrupt_batch(self, positive_batch: LongTensor) -> LongTensor:  # noqa: D102
        positives = positive_batch.reshape(-1, 3)
        negatives = self.base_sampler.corrupt_batch(positives).contiguous()
        if self.avoided is not None:
            self._redraw(self.avoided, positives, negatives)
        if self.pools is not None and len(self.pools) and self.hard_fraction > 0:
            self._put_hard_negatives(self.pools, positives, negatives)
        return negatives.view(*positive_batch.shape[:-1], self.num_negs_per_pos, 3)

    def _redraw(self, avoided: AvoidedTriples, positives: LongTensor, negatives: LongTensor) -> None:
        """Draw negatives again that are to be avoided.

        :param avoided: what is to be avoided
        :param positives: shape: (n, 3)
        :param negatives: shape: (n, num_negs_per_pos, 3), changed in place
        """
        flat = negatives.view(-1, 3)
        pending = torch.nonzero(avoided(self._without_inverse(flat)[0])).squeeze(dim=-1)
        for _ in range(RESAMPLING_ROUNDS):
            if len(pending) <= NEGLIGIBLE * len(flat):
                break
            rows = pending.div(self.num_negs_per_pos, rounding_mode="floor")
            drawn = self._redrawing_sampler.corrupt_batch(positives[rows]).view(-1, 3)
            found = avoided(self._without_inverse(drawn)[0]).view(-1, SPARES)
            # the first that is not to be avoided, or else the first
            first = found.byte().argmin(dim=-1)
            flat[pending] = drawn[torch.arange(len(pending)) * SPARES + first]
            pending = pending[found.all(dim=-1)]

    def _put_hard_negatives(self, pools: NegativePools, positives: LongTensor, negatives: LongTensor) -> None:
        """Replace the first negatives of each positive by negatives from its pool, where it has any.

        :param pools: the pools
        :param positives: shape: (n, 3)
        :param negatives: shape: (n, num_negs_per_pos, 3), changed in place
        """
        expected = self.hard_fraction * self.num_negs_per_pos
        count = math.ceil(expected)
        real, inverse = self._without_inverse(positives.cpu())
        starts, sizes = pools.rows(real)
        if self._allowed is not None:
            sizes = sizes * self._allowed[0 if inverse is None else inverse.long()]
        ends = sizes.cumsum(dim=-1)
        # an offset among all of a triple's negatives becomes a position in the arrays
        shift = starts - ends + sizes
        side, position = _locate(self._draw(pools, sizes, ends, shift, count), ends, shift)
        # what a triple without negatives drew is out of its pool, and perhaps of all pools
        replacement = torch.take(pools.replacements, position.clamp_max_(len(pools) - 1)).long()
        column = torch.take(self._sides, side)
        if inverse is not None:
            inverse = inverse.unsqueeze(dim=-1)
            replacement = torch.where(column == RELATION, 2 * replacement + inverse, replacement)
            column = torch.where(inverse, 2 - column, column)
        valid = ends[:, -1:] > 0
        if expected < count:
            valid = valid.repeat(1, count)
            valid[:, -1] &= torch.rand(len(valid)) < 1 - (count - expected)
        _write(negatives[:, :count], positives, column, replacement, valid)

    def _draw(
        self, pools: NegativePools, sizes: LongTensor, ends: LongTensor, shift: LongTensor, count: int
    ) -> LongTensor:
        """Draw offsets among each triple's negatives; what a triple without any gets is meaningless.

        :param pools: the pools
        :param sizes: shape: (n, num_sides), the number of negatives of each side
        :param ends: shape: (n, num_sides), their cumulative sum
        :param shift: shape: (n, num_sides), what turns an offset into a position
        :param count: how many to draw
        :return: shape: (n, count)
        """
        total = ends[:, -1:]
        match self.strategy:
            case "uniform":
                return (torch.rand(len(total), count) * total).long()
            case "top":
                # take the hardest of each side, and start anywhere among them, so that no side is favoured
                window = sizes.clamp_max(math.ceil(count / self._num_sides))
                window_ends = window.cumsum(dim=-1)
                window_size = window_ends[:, -1:].clamp_min(1)
                start = (torch.rand(len(total), 1) * window_size).long()
                turn = (start + torch.arange(count)) % window_size
                side, _ = _locate(turn, window_ends, shift)
                return turn - (window_ends - window).gather(1, side) + (ends - sizes).gather(1, side)
            case _:
                offset = torch.arange(self._width).expand(len(total), -1)
                _, position = _locate(offset, ends, shift)
                hardness = torch.take(pools.hardness, position.clamp_(0, len(pools) - 1)).float() / 255
                logits = (hardness / self.temperature).masked_fill_(offset >= total, -torch.inf)
                # less the highest of each row, so that a low temperature does not leave a row of zeros
                weights = torch.exp(logits - logits.amax(dim=-1, keepdim=True).clamp_min_(0))
                cumulative = weights.cumsum(dim=-1)
                drawn = torch.rand(len(total), count) * cumulative[:, -1:]
                return torch.searchsorted(cumulative, drawn, right=True).clamp_max_(total - 1).clamp_min_(0)


def _locate(offset: LongTensor, ends: LongTensor, shift: LongTensor) -> tuple[LongTensor, LongTensor]:
    """Find side and position of offsets among the negatives of a triple.

    :param offset: shape: (n, m)
    :param ends: shape: (n, num_sides)
    :param shift: shape: (n, num_sides)
    :return: a pair (side, position), each of shape (n, m)
    """
    if ends.shape[1] == 1:
        return torch.zeros_like(offset), offset + shift
    side = (offset >= ends[:, :1]).long()
    for i in range(1, ends.shape[1] - 1):
        side += offset >= ends[:, i : i + 1]
    return side, shift.gather(1, side).add_(offset)


def _write(
    negatives: LongTensor, positives: LongTensor, column: LongTensor, replacement: LongTensor, valid: BoolTensor
) -> None:
    """Overwrite negatives by corruptions of their positives.

    :param negatives: shape: (n, m, 3), changed in place
    :param positives: shape: (n, 3)
    :param column: shape: (n, m), the columns that are replaced
    :param replacement: shape: (n, m), what stands there instead
    :param valid: shape: (n, m) or (n, 1), which negatives are overwritten
    """
    column, replacement, valid = (x.to(negatives.device) for x in (column, replacement, valid))
    all_valid = bool(valid.all())
    # a column at a time is several times faster than a mask that is broadcast over the three columns
    for i in (HEAD, RELATION, TAIL):
        here, kept = column == i, positives[:, i : i + 1]
        if all_valid:
            torch.where(here, replacement, kept, out=negatives[..., i])
        else:
            negatives[..., i] = torch.where(valid, torch.where(here, replacement, kept), negatives[..., i])
