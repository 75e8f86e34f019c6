"""The codec of hardness and risk, which encodes scores and risks as a byte each.

Hardness is linear: 0 is the easiest score of a folder of pools, 255 the hardest, and the two scores are the metadata's
``score_range``. Risk is logarithmic: eight steps double it, and 64 is 1, the risk of a uniform corruption.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "NUM_LEVELS",
    "RISK_STEPS",
    "decode_hardness",
    "decode_risk",
    "encode_hardness",
    "encode_risk",
    "score_range",
]

#: The number of values of a byte
NUM_LEVELS = 256

#: The highest level
_TOP = NUM_LEVELS - 1

#: The number of levels that double a risk
RISK_STEPS = 8

#: The base-2 logarithm of the lowest risk
_LEAST_RISK = -8


def score_range(metadata: Mapping[str, Any]) -> tuple[float, float]:
    """Read the scores of the lowest and the highest level of hardness.

    :param metadata: the pools' metadata
    :return: a pair (the easiest score, the hardest); 0 and 1 for pools without scores
    """
    low, high = metadata.get("score_range", (0.0, 1.0))
    return low, high


def encode_hardness(scores: np.ndarray, low: float, high: float) -> np.ndarray:
    """Round scores to a byte each; their order is kept.

    :param scores: shape: (n,), from low to high
    :param low: the easiest score of the pools
    :param high: the hardest score of the pools
    :return: shape: (n,), dtype: uint8, in equal steps; all 255 if there is only one score

    >>> encode_hardness(np.array([-1.0, 0.0, 3.0]), -1.0, 3.0).tolist()
    [0, 64, 255]
    """
    if high <= low:
        return np.full(len(scores), _TOP, dtype=np.uint8)
    return np.rint(_TOP * (scores.astype(np.float64) - low) / (high - low)).astype(np.uint8)


def decode_hardness(levels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Decode scores, accurate to half a step.

    :param levels: shape: (n,), from 0 to 255
    :param low: the easiest score of the pools
    :param high: the hardest score of the pools
    :return: shape: (n,), dtype: float64

    >>> decode_hardness(np.array([0, 51, 255], dtype=np.uint8), -1.0, 3.0).tolist()
    [-1.0, -0.19999999999999996, 3.0]
    """
    return low + levels / _TOP * (high - low)


def encode_risk(risk: np.ndarray) -> Tensor:
    """Round risks to a byte each; their order is kept.

    :param risk: shape: (n,), >= 0, in multiples of the risk of a uniform corruption
    :return: shape: (n,), dtype: uint8; eight steps double a risk, from 2 ** -8 to 2 ** 24

    >>> decode_risk(encode_risk(np.array([0.0, 1.0, 2.0, 1e9]))).log2().tolist()
    [-8.0, 0.0, 1.0, 23.875]
    """
    logarithm = np.log2(np.maximum(risk, 2.0**_LEAST_RISK)) - _LEAST_RISK
    return torch.from_numpy(np.rint(logarithm * RISK_STEPS).clip(0, _TOP).astype(np.uint8))


def decode_risk(risk: Tensor) -> Tensor:
    """Decode risks, accurate to half a step.

    :param risk: shape: (n,), dtype: uint8
    :return: shape: (n,), dtype: float32, in multiples of the risk of a uniform corruption
    """
    return torch.exp2(risk.float() / RISK_STEPS + _LEAST_RISK)
