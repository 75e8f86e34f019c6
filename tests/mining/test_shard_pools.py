"""Pools of a shard: what is kept and why, against a loop, and as it waits on the disk."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.candidates.generators import Candidates, SlotCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.guard.risks import Risks
from pykeen_negater.mining.shard_pools import ShardPools, assemble_shard
from pykeen_negater.pools.codec import encode_risk
from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.rankers.base import Scores
from pykeen_negater.rankers.measurements import Measurements

from ..cases import random_graph, random_vectors

SCHEME = ("head", "relation", "tail")


@pytest.fixture(scope="module")
def candidates() -> Candidates:
    """Propose corruptions of a random graph."""
    graph = random_graph(0)
    return SlotCandidateGenerator(k=6, corruption_scheme=SCHEME).generate(
        graph, NeighborIndex.build(random_vectors(0, graph.num_entities))
    )


@pytest.fixture(scope="module")
def scores(candidates: Candidates) -> Scores:
    """Score them, with many ties."""
    generator = np.random.default_rng(1)
    scores = generator.integers(4, size=len(candidates)).astype(np.float32)
    return Scores(scores, generator.random(len(candidates)) < 0.8)


@pytest.fixture(scope="module")
def risks(candidates: Candidates) -> Risks:
    """Judge them."""
    generator = np.random.default_rng(2)
    return Risks(
        generator.uniform(0.1, 4, size=len(candidates)).astype(np.float32),
        np.array([3, 8, 900]),
        np.array([5, 7, 6], dtype=np.float32),
    )


@pytest.mark.parametrize("max_risk", [None, 2.0, 0.01])
@pytest.mark.parametrize("pool_size", [1, 3, 100])
def test_the_hardest_that_are_safe_are_kept(
    candidates: Candidates, scores: Scores, risks: Risks, max_risk: float | None, pool_size: int
):
    pools = assemble_shard(candidates, scores, SCHEME, pool_size, risks, max_risk)
    expected: dict[int, list[tuple[float, int]]] = defaultdict(list)
    outcomes = np.zeros((candidates.graph.num_relations, len(OUTCOMES)), dtype=int)
    for i in range(len(candidates)):
        relation = int(candidates.triples[i, 1])
        if not scores.accepted[i]:
            outcomes[relation, OUTCOMES.index("taken_for_true")] += 1
        elif max_risk is not None and risks.candidates[i] > max_risk:
            outcomes[relation, OUTCOMES.index("too_risky")] += 1
        else:
            row = int(candidates.positives[i]) * len(SCHEME) + int(candidates.sides[i])
            expected[row].append((-float(scores.values[i]), i))
    kept = {row: [i for _, i in sorted(entries)[:pool_size]] for row, entries in sorted(expected.items())}
    for row, entries in expected.items():
        for _, i in entries:
            name = "kept" if i in kept[row] else "crowded_out"
            outcomes[int(candidates.triples[i, 1]), OUTCOMES.index(name)] += 1
    flat = [i for entries in kept.values() for i in entries]
    assert pools.rows.tolist() == list(kept)
    assert pools.sizes.tolist() == list(map(len, kept.values()))
    assert pools.replacements.tolist() == candidates.replacements[flat].tolist()
    assert pools.scores.tolist() == scores.values[flat].tolist()
    assert pools.risk.tolist() == encode_risk(risks.candidates[flat]).tolist()
    assert pools.suspected.tolist() == [3, 8, 900]
    assert pools.suspected_risk.tolist() == encode_risk(risks.suspected_risks).tolist()
    assert pools.outcomes.tolist() == outcomes.tolist()


def test_what_was_not_scored_is_counted(candidates: Candidates, scores: Scores, risks: Risks):
    unscored = {"beyond_budget": np.array([0, 0, 2]), "reads_alike": np.array([1])}
    plain = assemble_shard(candidates, scores, SCHEME, 3, risks).outcomes
    counted = assemble_shard(candidates, scores, SCHEME, 3, risks, unscored=unscored).outcomes - plain
    places = {(0, "beyond_budget"): 2, (2, "beyond_budget"): 1, (1, "reads_alike"): 1}
    expected = [[places.get((relation, name), 0) for name in OUTCOMES] for relation in range(len(plain))]
    assert counted.tolist() == expected


def test_what_is_written_is_read_again(candidates: Candidates, scores: Scores, risks: Risks, tmp_path: Path):
    measured = Measurements({"score": 0.5}, {"scored": 3}, {"seen": [1]})
    pools = assemble_shard(candidates, scores, SCHEME, 3, risks, 2.0, measured=measured)
    pools.save(tmp_path / "0")
    loaded = ShardPools.load(tmp_path / "0")
    for name, value in vars(pools).items():
        if isinstance(value, np.ndarray):
            assert getattr(loaded, name).dtype == value.dtype
            np.testing.assert_array_equal(getattr(loaded, name), value)
    assert len(loaded.rejected) > 0
    assert loaded.measured == measured
    assert ShardPools.load_measured(tmp_path / "0") == measured


def test_nothing_makes_no_pools(candidates: Candidates, scores: Scores, risks: Risks):
    none = Scores(scores.values, np.zeros(len(candidates), dtype=bool))
    pools = assemble_shard(candidates, none, SCHEME, 3, risks)
    assert (len(pools.rows), len(pools.scores)) == (0, 0)
    assert pools.outcomes[:, OUTCOMES.index("taken_for_true")].sum() == len(candidates)
