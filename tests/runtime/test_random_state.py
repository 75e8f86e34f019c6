"""Randomness that leaves no trace."""

import random

import numpy as np
import pytest
import torch

from pykeen_negater.runtime.random_state import preserved_random_state


def _draw() -> tuple[float, float, float]:
    return random.random(), np.random.random(), torch.rand(1).item()


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@pytest.fixture(autouse=True)
def _leave_no_trace():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


@pytest.mark.parametrize("inside", [_draw, lambda: _seed(7), lambda: None])
def test_states_are_restored(inside):
    _seed(1)
    expected = _draw(), _draw()
    _seed(1)
    first = _draw()
    with preserved_random_state():
        inside()
    assert (first, _draw()) == expected


def test_states_are_restored_on_an_exception():
    def fail():
        with preserved_random_state():
            _seed(7)
            _draw()
            raise RuntimeError("stop")

    _seed(1)
    expected = _draw()
    _seed(1)
    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert _draw() == expected


def test_block_starts_from_the_current_state():
    _seed(1)
    with preserved_random_state():
        inside = _draw()
    assert _draw() == inside


def test_blocks_nest():
    _seed(1)
    with preserved_random_state():
        with preserved_random_state():
            inner = _draw()
        assert _draw() == inner
    assert _draw() == inner
