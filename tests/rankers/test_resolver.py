"""A ranker of one's own needs nothing but its class, registered in the resolver."""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from pykeen.triples import TriplesFactory

from pykeen_negater import mine
from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.cli.main import main
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.rankers import resolver as ranker_resolver_module
from pykeen_negater.rankers.base import Ranker, Scores
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.measurements import Measurements
from pykeen_negater.rankers.resolver import ranker_resolver
from pykeen_negater.typing import RANKERS

from . import test_fine_tuned, test_gradients, test_kge, test_probe, test_relation_embedding, test_similarity
from .cases import RankerCase

#: The modules that test the rankers, one each
CASES = (test_fine_tuned, test_gradients, test_kge, test_probe, test_relation_embedding, test_similarity)


class FarthestRanker(Ranker):
    """Takes the farthest for the hardest."""

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:
        return {}

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:
        return Scores(candidates.distances, np.ones(len(candidates), dtype=bool))


@pytest.fixture
def farthest() -> Iterator[None]:
    """Register the ranker for a while."""
    ranker_resolver.register(FarthestRanker)
    yield
    del ranker_resolver.lookup_dict[ranker_resolver.normalize_cls(FarthestRanker)]


@pytest.mark.usefixtures("farthest", "empty_cache")
def test_a_ranker_from_outside(nations: TriplesFactory, tmp_path: Path):
    settings = {"encoder": "structural", "guard": None, "candidates": "slot", "k": 4}
    pools = mine(triples_factory=nations, ranker="farthest", **settings)
    nearest_first = mine(triples_factory=nations, ranker="similarity", **settings)
    assert pools.metadata["settings"]["ranker"] == ["farthest", {}]
    assert pools.offsets.tolist() == nearest_first.offsets.tolist()
    pairs = list(zip(*(x.replacements.split(x.offsets.diff().tolist()) for x in (pools, nearest_first)), strict=True))
    assert all(farthest.sort()[0].equal(nearest.sort()[0]) for farthest, nearest in pairs)
    # entities that are equally far keep their order
    assert sum(farthest.equal(nearest.flip(0)) for farthest, nearest in pairs) > len(pairs) / 2

    command = ["mine", "--dataset", "nations", "--ranker", "farthest", "--encoder", "structural", "--guard", "none"]
    command += ["--candidates", "slot"]
    output = tmp_path / "pools"
    result = CliRunner().invoke(main, [*command, "-k", "4", "--output", str(output)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert NegativePools.load(output).replacements.tolist() == pools.replacements.tolist()


class CountingRanker(FarthestRanker):
    """Returns what it has measured."""

    # docstr-coverage: inherited
    def prepare(self, context: RankingContext) -> Measurements:
        return Measurements({"look": 2.0}, statistics={"seed": context.seed})

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:
        measured = Measurements({"look": 0.5}, {"looked_at": len(candidates)})
        return replace(super().score(candidates, context), measured=measured)


@pytest.mark.usefixtures("empty_cache")
def test_what_a_ranker_from_outside_measures(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.mining.shards.SHARD_SIZE", 1_000)
    monkeypatch.setitem(ranker_resolver.lookup_dict, "counting", CountingRanker)
    pools = mine(triples_factory=nations, ranker="counting", encoder="structural", guard=None, seed=3)
    statistics = pools.metadata["statistics"]
    assert statistics["looked_at"] == statistics["candidates_within_budget"] == statistics["candidates"] > 0
    assert statistics["seed"] == 3
    # once for all, and twice for a shard
    assert pools.durations["look"] == 2.0 + 2 * 0.5


def test_one_line_lists_a_ranker(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pykeen_negater.rankers.farthest", SimpleNamespace(FarthestRanker=FarthestRanker))
    monkeypatch.setitem(RANKERS, "farthest", ("farthest", "FarthestRanker"))
    spec = importlib.util.find_spec(ranker_resolver_module.__name__)
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    assert again.ranker_resolver.lookup("farthest") is FarthestRanker
    assert set(again.ranker_resolver.options) == {*ranker_resolver.options, "farthest"}
    arguments = {"_NEGATER_COMPLETE": "bash_complete", "COMP_WORDS": "negater mine --ranker f", "COMP_CWORD": "3"}
    assert "plain,farthest" in CliRunner().invoke(main, prog_name="negater", env=arguments).output.split()


@pytest.mark.parametrize("name", sorted(ranker_resolver.options))
def test_what_a_ranker_needs_is_said_by_its_class(name: str):
    cls = ranker_resolver.lookup(name)
    # small models on vectors are those of the default alone
    assert (cls.needs_vectors, cls.uses_scorers) == ((True, True) if name == "probe" else (False, False))


def test_every_ranker_has_a_case():
    cases = RankerCase.__subclasses__()
    assert {it.__name__ for it in CASES} <= {case.__module__ for case in cases}
    assert {case.cls for case in cases} == set(ranker_resolver.lookup_dict.values())
