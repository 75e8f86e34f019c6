"""Tests for the bytes of hardness and risk."""

import numpy as np
import pytest
import torch

from pykeen_negater.pools.codec import (
    NUM_LEVELS,
    decode_hardness,
    decode_risk,
    encode_hardness,
    encode_risk,
    score_range,
)

LEVELS = np.arange(NUM_LEVELS, dtype=np.uint8)


def test_risks_round_trip_up_to_half_a_step():
    risks = 2.0 ** np.linspace(-8, 23.8, 1_000)
    encoded = encode_risk(risks)
    assert encoded.dtype == torch.uint8
    decoded = decode_risk(encoded)
    assert decoded.dtype == torch.float32
    ratio = decoded.double().numpy() / risks
    assert ratio.max() < 2 ** (1 / 16) * 1.0001
    assert ratio.min() > 2 ** (-1 / 16) / 1.0001
    assert (np.diff(encoded.numpy().astype(int)) >= 0).all()


def test_bytes_round_trip_exactly():
    every = torch.arange(256, dtype=torch.uint8)
    assert encode_risk(decode_risk(every).numpy()).tolist() == every.tolist()
    assert (decode_risk(every).diff() > 0).all()


def test_extreme_risks_are_cut():
    assert encode_risk(np.array([0.0, 1e-12, 2.0**-8, 1.0, 1e12])).tolist() == [0, 0, 0, 64, 255]
    assert encode_risk(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize(("low", "high"), [(-7.25, 3.5), (0.0, 1.0), (-1e-6, 1e-6), (-3e30, 2e30)])
def test_hardness_round_trips_in_order_and_within_half_a_step(low: float, high: float):
    scores = np.sort(np.random.default_rng(0).uniform(low, high, size=1_000))
    scores[0], scores[-1] = low, high
    levels = encode_hardness(scores, low, high)
    assert levels.dtype == np.uint8
    assert (levels[0], levels[-1]) == (0, 255)
    assert (np.diff(levels.astype(int)) >= 0).all()
    assert np.abs(decode_hardness(levels, low, high) - scores).max() <= 0.5001 * (high - low) / 255
    assert encode_hardness(decode_hardness(LEVELS, low, high), low, high).tolist() == LEVELS.tolist()


def test_scores_in_single_precision_have_the_levels_of_double_precision():
    scores = np.random.default_rng(0).normal(size=1_000).astype(np.float32)
    low, high = float(scores.min()), float(scores.max())
    expected = [round(255 * (float(score) - low) / (high - low)) for score in scores]
    assert encode_hardness(scores, low, high).tolist() == expected


def test_a_single_score_is_as_hard_as_can_be():
    assert encode_hardness(np.array([0.5, 0.5]), 0.5, 0.5).tolist() == [255, 255]
    assert encode_hardness(np.zeros(0), 0.0, 0.0).tolist() == []
    assert decode_hardness(np.array([255], dtype=np.uint8), 0.5, 0.5).tolist() == [0.5]


def test_pools_without_scores_range_from_0_to_1():
    assert score_range({}) == (0.0, 1.0)
    assert score_range({"score_range": [-2.5, 4.0]}) == (-2.5, 4.0)
