"""Settings of mining: what is out of range is refused, and what is written in several ways is one."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater import mine
from pykeen_negater.mining.settings import MiningSettings

from .cases import FAST

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        (
            {"ranker": "magic"},
            ValueError,
            "found ranker='magic', expected one of full-gradients, kge, probe, proxy-gradients, relation-embedding",
        ),
        ({"encoder": "magic"}, ValueError, "found encoder='magic', expected one of precomputed, sentence-transformer"),
        ({"candidates": "magic"}, ValueError, "found candidates='magic', expected one of anywhere, intersect, random"),
        ({"guard": "magic"}, ValueError, "found guard='magic', expected one of calibrated, thresholds, or None"),
        ({"guard": "thresholds"}, ValueError, "found guard='thresholds' with the ranker 'similarity', which has none"),
        ({"k": 0}, ValueError, "found k=0, expected at least 1"),
        ({"pool_size": 0}, ValueError, "found pool_size=0"),
        ({"keep_scores": "no"}, ValueError, "found keep_scores='no', expected true or false"),
        ({"metric": "manhattan"}, ValueError, "found metric='manhattan', expected one of l2, cosine"),
        ({"ranker_kwargs": {"a": 1}}, ValueError, "found ranker_kwargs with a for SimilarityRanker, expected nothing"),
        ({"encoder": "precomputed"}, ValueError, "expected path, tensor; path cannot be left out"),
        ({"color": "red"}, ValueError, "found the setting.*'color', expected some of entity_text"),
        ({"corruption_scheme": "ht"}, ValueError, "found corruption_scheme='ht'"),
        ({"entity_text": "nowhere.tsv"}, FileNotFoundError, "found no file nowhere.tsv"),
    ],
)
def test_bad_settings(nations: TriplesFactory, empty_cache: Path, kwargs: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        mine(triples_factory=nations, **{**FAST, **kwargs})
    assert not list(empty_cache.glob("pools/*/"))


def test_what_is_written_in_several_ways_is_one(tmp_path: Path):
    settings = MiningSettings(corruption_scheme=["t", "h"], index=tmp_path / "a", neighbor_file=tmp_path / "b")
    assert settings == MiningSettings(
        corruption_scheme=("head", "tail"), index=str(tmp_path / "a"), neighbor_file=str(tmp_path / "b")
    )
    assert (settings.index, settings.neighbor_file) == (str(tmp_path / "a"), str(tmp_path / "b"))


def test_defaults_can_be_stored():
    settings = asdict(MiningSettings())
    assert MiningSettings(**json.loads(json.dumps(settings))) == MiningSettings()
    assert MiningSettings(max_candidates=None, max_training_triples=None).max_candidates is None


@pytest.mark.parametrize("name", ["k", "pool_size", "max_candidates", "max_training_triples"])
def test_numbers_are_at_least_one(name: str):
    assert getattr(MiningSettings(**{name: 1}), name) == 1
    for value in (0, -3):
        with pytest.raises(ValueError, match=f"found {name}={value}, expected at least 1"):
            MiningSettings(**{name: value})


@pytest.mark.parametrize("name", ["encoder_kwargs", "ranker_kwargs"])
def test_parameters_have_names(name: str):
    with pytest.raises(ValueError, match=f"found {name}="):
        MiningSettings(**{name: ["dim"]})


@pytest.mark.parametrize("guard", ["Calibrated", "none", "", True])
def test_guards_that_there_are_not(guard: object):
    with pytest.raises(ValueError, match=r"found guard=.*expected one of calibrated, thresholds, or None"):
        MiningSettings(guard=guard)
