"""Whatever metadata hold, they are refused with the field that is wrong, or a report can be made of them."""

import io
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from pykeen_negater.pools.exports import to_frame
from pykeen_negater.pools.files import PoolsError, Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.pools.verification import verify_pools
from pykeen_negater.report.content import collect
from pykeen_negater.report.page import render
from pykeen_negater.report.text import print_report
from pykeen_negater.sampling.avoidance import avoid_risks
from pykeen_negater.triples.graphs import Graph

from ..pool_mutations import METADATA, ODD_VALUES, reseal

MEASURES = {
    "answers": 300,
    "hidden": 20,
    "auc": 0.91,
    "auc_by_relation_and_side": None,
    "brier_skill": -0.02,
    "riskiest_tenth": {"expected": 0.2, "observed": 0.3, "error": 0.1},
    "reliability": {"predicted": [0.001, 0.02, 0.3], "observed": [0.0, 0.03, 0.25]},
}


@pytest.fixture
def pools(small_graph: Graph) -> NegativePools:
    """Make pools with all that metadata may hold."""
    size = small_graph.num_relations
    generator = np.random.default_rng(0)
    sizes = generator.integers(0, 3, size=2 * len(small_graph))
    total = int(sizes.sum())
    return NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)])),
        replacements=torch.from_numpy(generator.integers(0, small_graph.num_entities, size=total, dtype=np.int32)),
        hardness=torch.full((total,), 9, dtype=torch.uint8),
        num_entities=small_graph.num_entities,
        num_relations=size,
        sides=(0, 2),
        vocabulary=small_graph.vocabulary,
        suspected=torch.tensor([3, 5]),
        suspected_risk=torch.tensor([80, 90], dtype=torch.uint8),
        metadata={
            "score_range": [-1.5, 2.0],
            "max_risk": 1.5,
            "max_mined_risk": 0.2,
            "guard_skill": -0.02,
            "accepted_risk": 0.3,
            "labelled": True,
            "fingerprint": "a",
            "graph": "b",
            "settings": {
                "encoder": ["structural", {"dim": 64}],
                "candidates": "random",
                "k": 32,
                "corruption_scheme": ["head", "tail"],
                "index_factory": None,
                "ranker": ["similarity", {}],
                "guard": "calibrated",
                "pool_size": 2,
                "max_candidates": 20_000,
                "seed": 0,
            },
            "language_models": ["a/b"],
            "versions": {"torch": "2.0"},
            "statistics": {
                "num_triples": len(small_graph),
                "candidates": 90,
                "candidates_within_budget": 80,
                "negatives": total,
                "coverage": 0.5,
                "outcomes": {name: [4] * size for name in OUTCOMES},
                "rejected": {
                    "positive": [0, 10], "side": [0, 2], "replacement": [1, 2], "relation": [0, 1], "outcome": [1, 2],
                    "score": [0.1, 0.2], "risk": [0.5, 7.0],
                },
                "index_recall": 0.99,
                "guard": {
                    "hidden_triples": 5,
                    "queries": 9,
                    "all": {"answers": 3, "hidden": 1},
                    "proposed": MEASURES,
                    "auc_of_features": {"score of the probe": 0.9},
                },
                "thresholds": [None, *[0.5] * (size - 1)],
                "score_edges": [0.0, 0.5, 1.0],
                "score_counts": [[1, 2]] * size,
            },
            "dataset": "animals",
        },
        durations={"encode": 1.0},
    )  # fmt: skip


@pytest.fixture
def saved(pools: NegativePools, small_graph: Graph, tmp_path: Path) -> Path:
    """Write them."""
    return pools.save(tmp_path / "a.pools", Vocabulary(small_graph.entity_labels, small_graph.relation_labels))


def _put(content: Any, place: tuple[str | int, ...], value: Any) -> None:
    for name in place[:-1]:
        content = content[name]
    content[place[-1]] = value


def _change(folder: Path, place: tuple[str | int, ...], value: Any) -> None:
    """Change a value, and let the checksums fit."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    content = json.loads(files[METADATA])
    _put(content, place, value)
    files[METADATA] = json.dumps(content).encode()
    reseal(files)
    folder.joinpath(METADATA).write_bytes(files[METADATA])


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("statistics",), [0], r"found statistics=\[0\], expected an object"),
        (("versions",), 5, "found versions=5, expected an object"),
        (("versions", "torch"), 2.0, r"found versions\.torch=2\.0, expected a text"),
        (("statistics", "outcomes", "kept"), None, r"found statistics\.outcomes\.kept=None, expected a list of 3"),
        (("statistics", "outcomes", "kept"), [1, -1, 2], r"found .*kept\[1\]=-1, expected a whole number from 0 on"),
        (("statistics", "coverage"), 1.5, r"found statistics\.coverage=1\.5, expected a number from 0 to 1"),
        (("statistics", "num_triples"), 12, r"found statistics\.num_triples=12, expected 11"),
        (("statistics", "guard", "proposed", "auc"), None, r"proposed\.auc=None, expected a number from 0 to 1"),
        (("statistics", "guard", "proposed", "reliability", "observed"), [0.0] * 3, "of which one is above 0"),
        (("statistics", "rejected", "replacement"), [1, 13], r"replacement\[1\]=13, expected .* from 0 to 12"),
        (("statistics", "rejected", "positive"), [0], r"rejected\.side=\[0, 2\], expected a list of 1"),
        (("statistics", "thresholds"), [0.5], r"expected a list of 3"),
        (("statistics", "score_counts"), [[1, 2]] * 2, r"expected a list of 3"),
        (("statistics", "score_edges"), [0.0, float("inf"), 1.0], r"score_edges\[1\]=inf, expected a finite number"),
        (("settings", "encoder"), [], r"settings\.encoder=\[\], expected null, a text, or a list whose first"),
        (("settings", "pool_size"), "2", r"settings\.pool_size='2', expected a whole number from 1 on"),
        (("score_range",), [0.0, float("nan")], r"score_range=\[0\.0, nan\], expected two finite numbers"),
        (("score_range",), [-1e308, 1e308], "expected two finite numbers"),
        (("max_risk",), -1.0, r"max_risk=-1\.0, expected a finite number from 0 on or null"),
        (("guard_skill",), float("-inf"), "guard_skill=-inf, expected a finite number up to 1 or null"),
        (("accepted_risk",), -0.1, "accepted_risk=-0.1, expected a finite number from 0 on or null"),
        (("language_models",), "a/b", "language_models='a/b', expected a list"),
        (("dataset",), {}, r"dataset=\{\}, expected a text"),
        (("anything",), json.loads("[" * 60 + "]" * 60), "found metadata='…', expected at most 50 levels"),
    ],
)  # fmt: skip
def test_the_field_that_is_wrong_is_named(saved: Path, place: tuple[str, ...], value: Any, message: str):
    _change(saved, place, value)
    for load in (NegativePools.load, verify_pools):
        with pytest.raises(PoolsError, match=message):
            load(saved)


@pytest.mark.parametrize("value", [[0], 5, None, {"coverage": float("nan")}])
def test_metadata_that_cannot_be_read_replace_nothing(pools: NegativePools, saved: Path, value: Any):
    before = saved.joinpath(METADATA).read_bytes()
    with pytest.raises(PoolsError, match=r"a\.pools is not written: found statistics"):
        replace(pools, metadata={**pools.metadata, "statistics": value}).save(saved)
    assert saved.joinpath(METADATA).read_bytes() == before


def test_ids_that_cannot_be_read_replace_nothing(pools: NegativePools, saved: Path):
    before = saved.joinpath(METADATA).read_bytes()
    wrong = replace(pools, replacements=torch.full_like(pools.replacements, 99))
    with pytest.raises(PoolsError, match=r"a\.pools is not written: found the replacement 99"):
        wrong.save(saved)
    assert saved.joinpath(METADATA).read_bytes() == before


def _places(content: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List all that can be changed."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in items:
        yield (*place, name)
        yield from _places(value, (*place, name))


def _use(path: Path, draw: bool) -> str:
    """Do what commands do."""
    try:
        pools = NegativePools.load(path)
    except PoolsError:
        return "refused"
    content = collect(pools, path.name)
    print_report(content, Console(file=io.StringIO(), width=100))
    if draw:
        assert "</html>" in render(content)
    to_frame(pools)
    avoid_risks(pools, pools.max_risk or 1.0)
    pools.save(path.with_name("copy.pools"))
    return "served"


def test_odd_values_anywhere_are_refused_or_shown(saved: Path, monkeypatch: pytest.MonkeyPatch):
    """Every field in turn, and what it holds, is replaced by odd values."""
    monkeypatch.setattr("pykeen_negater.report.page.MOST_RELATIONS", 1)
    generator = np.random.default_rng(0)
    good = saved.joinpath(METADATA).read_bytes()
    outcomes = {"refused": 0, "served": 0}
    places = [place for place in _places(json.loads(good)) if "checksum" not in str(place[0])]
    assert len(places) > 90
    for i, place in enumerate(places):
        for chosen in generator.choice(len(ODD_VALUES), size=3, replace=False):
            value = ODD_VALUES[chosen]
            saved.joinpath(METADATA).write_bytes(good)
            _change(saved, place, deepcopy(value))
            try:
                outcomes[_use(saved, draw=i % 20 == 0)] += 1
            except Exception as error:
                pytest.fail(f"{place}={value}: {type(error).__name__}: {error}")
    assert min(outcomes.values()) > 30
