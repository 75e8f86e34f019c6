"""The keys of NegatER's configurations."""

from pathlib import Path
from typing import Any

import pytest

from pykeen_negater.cli.negater_configuration import translate
from pykeen_negater.cli.negater_keys import KEYS, is_negater_configuration, is_true, read_keys

from .negater_cases import CONFIGURATIONS


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_recognised(name: str):
    assert is_negater_configuration(CONFIGURATIONS[name])


@pytest.mark.parametrize("content", [{}, {"dataset": "nations"}, {"dataset": None, "k": 1}, {"jobs": {}}])
def test_not_recognised(content: dict[str, Any]):
    assert not is_negater_configuration(content)


def test_what_is_given_is_read_without_what_is_null():
    content = {"job": None, "negater": {"index": {"k": 3, "filename": None}, "proxy": {"train": {"lr": 0.5}}}}
    assert read_keys(content, Path("config.yaml")) == {"negater.index.k": 3, "negater.proxy.train.lr": 0.5}
    assert read_keys({}, Path("config.yaml")) == {}


def test_truth_values_are_no_others():
    assert is_true("a", True)
    assert not is_true("a", False)
    for value in (0, "no", None):
        with pytest.raises(ValueError, match=r"found a: .*, expected true or false"):
            is_true("a", value)


def test_every_default_can_be_converted():
    for known in KEYS.values():
        if known.option is not None and not isinstance(known.default, str):
            known.convert(known.default, Path("config.yaml"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"fine_tune": {"train": {"n_epoch": 3}}},
            "'fine_tune.train.n_epoch', .* Did you mean fine_tune.train.n_epochs",
        ),
        ({"negater": {"index": {"kk": 3}}}, "found the key 'negater.index.kk', .* Did you mean negater.index.k?"),
        ({"job": {"device": "cpu"}, "model": {"name": "x"}}, "found the key 'model.name'"),
        ({"job": {"device": "cpu"}, "extra": None}, "found the key 'extra'"),
        ({"fine_tune": 3}, "found fine_tune: 3, expected a section with keys of its own"),
        ({"fine_tune": {"train": [1]}}, r"found fine_tune.train: \[1\], expected a section"),
        ({"negater": {"index": {"k": {"a": 1}}}}, "found the key 'negater.index.k.a'"),
    ],
)
def test_wrong_keys(content: dict[str, Any], message: str):
    path = Path("config.yaml")
    with pytest.raises(ValueError, match=f"config.yaml: .*{message}"):
        read_keys(content, path)
    for command in ("fine-tune", "mine"):
        with pytest.raises(ValueError, match=f"config.yaml: .*{message}"):
            translate(content, command, path)
