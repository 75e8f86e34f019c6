"""How many positives get mined negatives by default."""

from dataclasses import replace

import pytest

from pykeen_negater import NegativePools
from pykeen_negater.sampling.hard_fraction import MANY_NEGATIVES, choose_hard_fraction


def with_metadata(pools: NegativePools, **metadata: float) -> NegativePools:
    """Let pools say something else about themselves."""
    return replace(pools, metadata={**pools.metadata, **metadata})


def test_what_the_user_wants_is_what_there_is(false_pools: NegativePools):
    for wanted in (0.0, 0.6, 1.0):
        for pools in (false_pools, with_metadata(false_pools, accepted_risk=0.6, max_mined_risk=0.5)):
            assert choose_hard_fraction(wanted, pools, 1) == (wanted, None)


def test_without_pools_there_are_none():
    assert choose_hard_fraction(0.0, None, 4) == (0.0, None)
    for wanted in (None, 0.5):
        share, reason = choose_hard_fraction(wanted, None, 4)
        assert share == 0
        assert "no pools are cached" in reason


@pytest.mark.parametrize(
    ("count", "metadata", "expected", "reason"),
    [
        (MANY_NEGATIVES, {}, 0.25, None),
        (MANY_NEGATIVES - 1, {}, 0.1, None),
        (MANY_NEGATIVES, {"max_mined_risk": 0.9}, 0.25, None),
        (MANY_NEGATIVES - 1, {"max_mined_risk": 0.9}, 0.0, "none that are safe are"),
        (MANY_NEGATIVES - 1, {"max_mined_risk": 1.0}, 0.1, None),
        (MANY_NEGATIVES, {"accepted_risk": 2.1, "max_mined_risk": 2.0}, 0.0, "could not tell which ones are true"),
        (MANY_NEGATIVES, {"accepted_risk": 2.0, "max_mined_risk": 2.0}, 0.25, None),
        (MANY_NEGATIVES, {"guard_skill": -0.5}, 0.25, None),
    ],
)
def test_default(false_pools: NegativePools, count: int, metadata: dict, expected: float, reason: str | None):
    share, found = choose_hard_fraction(None, with_metadata(false_pools, **metadata), count)
    assert share == expected
    assert (found is None) if reason is None else (reason in found)
