"""Chooses the share of mined negatives, unless the user does."""

from ..pools.card import why_none_are_drawn
from ..pools.negative_pools import NegativePools

__all__ = [
    "MANY_NEGATIVES",
    "choose_hard_fraction",
]

#: The default share of mined negatives, and the least number of negatives per positive for which it is used
HARD_FRACTION, MANY_NEGATIVES = 0.25, 4

#: The default share for fewer negatives per positive, of which more have to be random
HARD_FRACTION_OF_FEW = 0.1


def choose_hard_fraction(
    hard_fraction: float | None, pools: NegativePools | None, num_negs_per_pos: int
) -> tuple[float, str | None]:
    """Choose the share of mined negatives.

    :param hard_fraction: the user's choice, if there is one
    :param pools: the pools, if there are any
    :param num_negs_per_pos: > 0, the number of negatives per positive
    :return: a pair (the share in [0, 1], why no mined negatives are drawn, unless some are or the user wants none)
    """
    if pools is None and hard_fraction != 0:
        return 0.0, "no pools are cached for this graph and these settings, and mine='never'."
    if hard_fraction is not None or pools is None:
        return hard_fraction or 0.0, None
    none = why_none_are_drawn(pools.metadata, len(pools))
    if none is not None:
        return 0.0, f"{none.because}. {none.remedy}"
    if num_negs_per_pos >= MANY_NEGATIVES:
        return HARD_FRACTION, None
    if pools.max_mined_risk is not None and pools.max_mined_risk < 1:
        return 0.0, (
            f"with fewer than {MANY_NEGATIVES} negatives per positive, they should be at least as plausible as "
            f"random ones, and in this graph, none that are safe are. Pass num_negs_per_pos={MANY_NEGATIVES} or "
            f"more, or hard_fraction=..., to draw some."
        )
    return HARD_FRACTION_OF_FEW, None
