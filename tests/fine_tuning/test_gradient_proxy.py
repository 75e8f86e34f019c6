"""The network that guesses gradient magnitudes."""

import numpy as np
import pytest
import torch

from pykeen_negater.fine_tuning.gradient_proxy import GradientProxy, ProxySettings, fit_proxy

FAST = ProxySettings(learning_rate=1e-2, epochs=60, patience=10)


def _examples(size: int, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Make vectors and magnitudes that depend on them, at a scale of their own."""
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(size, 8)).astype(np.float32)
    magnitudes = 300 + 40 * np.abs(vectors[:, 0]) + noise * generator.normal(size=size)
    return vectors, magnitudes.astype(np.float32)


def test_it_learns_what_can_be_learned():
    vectors, magnitudes = _examples(800)
    proxy, report = fit_proxy(vectors, magnitudes, FAST)
    assert report["held_out"] == 80
    assert report["rank_correlation"] > 0.9
    assert not proxy.training
    with torch.inference_mode():
        guesses = proxy(torch.from_numpy(vectors))["magnitudes"].numpy()
    assert np.abs(guesses - magnitudes).mean() < np.abs(magnitudes - np.median(magnitudes)).mean() / 3


def test_it_says_when_there_is_nothing_to_learn():
    vectors, magnitudes = _examples(800)
    _, report = fit_proxy(vectors, np.random.default_rng(1).permutation(magnitudes), FAST)
    assert abs(report["rank_correlation"]) < 0.35
    # early
    assert report["epochs"] < FAST.epochs


def test_the_same_again_and_equal_magnitudes():
    vectors, magnitudes = _examples(50, noise=5.0)
    first, second = (fit_proxy(vectors, magnitudes, FAST, seed=3) for _ in range(2))
    assert first[1] == second[1]
    for name, value in first[0].state_dict().items():
        torch.testing.assert_close(value, second[0].state_dict()[name], rtol=0, atol=0)
    _, report = fit_proxy(vectors, np.ones_like(magnitudes), FAST)
    assert report["rank_correlation"] == 0


def test_guesses_are_in_single_precision():
    vectors, magnitudes = _examples(800)
    proxy, _ = fit_proxy(vectors, magnitudes, FAST)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        guesses = proxy(torch.from_numpy(vectors).bfloat16())["magnitudes"]
    assert guesses.dtype == torch.float32
    assert len(guesses.unique()) > 700


def test_loss_is_the_mean_absolute_error():
    proxy = GradientProxy(8, ProxySettings(dropout=0.0))
    proxy.location.fill_(7.0)
    proxy.scale.fill_(2.0)
    vectors, magnitudes = map(torch.from_numpy, _examples(20))
    outputs = proxy(vectors, magnitudes)
    expected = (outputs["magnitudes"] - magnitudes).abs().mean() / 2
    torch.testing.assert_close(outputs["loss"], expected)


@pytest.mark.parametrize("name", ["hidden", "epochs", "batch_size", "patience"])
def test_bad_settings(name: str):
    with pytest.raises(ValueError, match=f"found {name}=0, expected at least 1"):
        ProxySettings(**{name: 0})
    with pytest.raises(ValueError, match=r"found dropout=0\.1 and learning_rate=0"):
        ProxySettings(learning_rate=0)


def test_too_few_magnitudes():
    with pytest.raises(ValueError, match="found 9 exact magnitudes to train a proxy on, expected at least 10"):
        fit_proxy(*_examples(9), FAST)
