"""Tests for true triples of the user's own, and for settings that are others for some relations."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.pools.codec import decode_risk, encode_risk
from pykeen_negater.sampling.avoidance import avoid_risks
from pykeen_negater.sampling.limits import Limits, Overrides
from pykeen_negater.sampling.mined import without_inverse
from pykeen_negater.sampling.positives import Positives
from pykeen_negater.sampling.training_context import triples_factory_noted
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import keys_to_triples

from .cases import make_pools, make_sampler, mark_random, with_inverse


@pytest.fixture(scope="module")
def pools(nations: TriplesFactory) -> NegativePools:
    """Make pools with risks and suspected positives."""
    graph, generator = Graph.from_factory(nations), np.random.default_rng(0)
    pools = make_pools(graph)
    suspected = np.setdiff1d(generator.integers(graph.num_entities**2 * graph.num_relations, size=500), pools.keys)
    return replace(
        pools,
        risk=encode_risk(generator.uniform(0, 4, size=len(pools))),
        suspected=torch.from_numpy(suspected),
        suspected_risk=encode_risk(generator.uniform(1, 4, size=len(suspected))),
    )


def listed(pools: NegativePools) -> list[tuple[int, ...]]:
    """List all negatives the slow way."""
    result = []
    for i, key in enumerate(pools.keys.tolist()):
        triple = keys_to_triples(np.array([key]), pools.num_entities, pools.num_relations)[0].tolist()
        for s, side in enumerate(pools.sides):
            row = i * len(pools.sides) + s
            for replacement in pools.replacements[pools.offsets[row] : pools.offsets[row + 1]].tolist():
                result.append((*triple[:side], replacement, *triple[side + 1 :]))
    return result


def label(nations: TriplesFactory, triples: list[tuple[int, ...]]) -> list[list[str]]:
    """Write triples with labels."""
    return nations.label_triples(torch.tensor(triples)).tolist()


@pytest.mark.parametrize("inverse", [False, True])
def test_known_triples_are_not_taken_from_pools(nations: TriplesFactory, pools: NegativePools, inverse: bool):
    known = sorted(set(listed(pools)))[::2]
    sampler = make_sampler(nations, pools, known_triples=known, hard_fraction=1.0, inverse=inverse)
    assert sampler.pools is not None
    assert set(listed(sampler.pools)) == set(listed(pools)) - set(known)
    assert sampler.has_inverse_triples == inverse


def real_triples(triples: torch.Tensor, inverse: bool) -> torch.Tensor:
    """Get triples of shape (n, 3), with the real relations."""
    flat = triples.reshape(-1, 3)
    return torch.from_numpy(without_inverse(flat.numpy())[0]) if inverse else flat


@pytest.mark.parametrize("inverse", [False, True])
def test_known_triples_are_drawn_again_or_masked(nations: TriplesFactory, inverse: bool):
    pools = replace(make_pools(Graph.from_factory(nations)), metadata={"max_risk": 3.0})
    positives = with_inverse(nations.mapped_triples) if inverse else nations.mapped_triples
    drawn = make_sampler(nations, pools, hard_fraction=0.0, inverse=inverse).sample(positives)[0]
    known = drawn.reshape(-1, 3).unique(dim=0)
    real = real_triples(known, inverse)
    few = real[torch.randperm(len(real), generator=torch.manual_seed(0))[:300]].tolist()
    kwargs = {"hard_fraction": 0.0, "inverse": inverse, "known_triples": few}
    sampler = make_sampler(nations, pools, **kwargs)
    assert sampler.known is not None
    again = sampler.sample(positives)[0]
    assert sampler.known.contains(real_triples(again, inverse)).float().mean() < 0.002
    assert sampler.known.contains(real_triples(drawn, inverse)).float().mean() > 0.02
    negatives, mask = make_sampler(nations, pools, filtered=True, **kwargs).sample(positives)
    assert mask is not None
    assert not (mask.view(-1) & sampler.known.contains(real_triples(negatives, inverse))).any()
    assert mask.float().mean() > 0.9


def test_labels_of_known_triples(nations: TriplesFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "known.tsv"
    pools = mine(triples_factory=nations, encoder="structural", ranker="similarity", guard=None)
    known = sorted(set(listed(pools)))[::3]
    rows = [*label(nations, known), ["atlantis", "accusation", "usa"]]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        sampler = make_sampler(nations, pools, known_triples=str(path), hard_fraction=1.0)
    assert "1 of" in caplog.text
    assert "known_triples hold an entity or a relation that the graph lacks" in caplog.text
    assert sampler.pools is not None
    assert set(listed(sampler.pools)) == set(listed(pools)) - set(known)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (["abc"], r"known_triples\[0\]='abc', expected triples of three labels"),
        ([["usa", "accusation", "uk"]], "found known_triples with labels for a graph without"),
    ],
)
def test_what_are_no_known_triples(nations: TriplesFactory, pools: NegativePools, known: list, message: str):
    with pytest.raises(ValueError, match=message):
        make_sampler(nations, pools, known_triples=known)


def test_risks_by_relation(pools: NegativePools):
    generator = np.random.default_rng(1)
    limits = torch.from_numpy(generator.uniform(0.5, 4, size=pools.num_relations))
    kept = [
        triple
        for triple, risk in zip(listed(pools), decode_risk(pools.risk).tolist(), strict=True)
        if risk <= limits[triple[1]]
    ]
    assert 0 < len(kept) < len(pools)
    assert listed(pools.safer_than(limits)) == kept
    # the same limit for all relations is one limit
    same = torch.full((pools.num_relations,), 2.0)
    assert listed(pools.safer_than(same)) == listed(pools.safer_than(2.0))
    assert (avoid_risks(pools, same)._table == avoid_risks(pools, 2.0)._table).all()
    strict = torch.full((pools.num_relations,), 100.0)
    strict[0] = 0.0
    suspected = torch.from_numpy(keys_to_triples(pools.suspected.numpy(), pools.num_entities, pools.num_relations))
    found = set(avoid_risks(pools, strict).find(suspected.numpy()).tolist())
    assert set(torch.nonzero(suspected[:, 1] == 0).squeeze(dim=1).tolist()) <= found
    assert len(found) < len(suspected) / 2


def test_hard_fraction_by_relation(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch, empty_cache: Path):
    pools = mine(triples_factory=nations, encoder="structural", ranker="similarity", guard=None)
    overrides = {"accusation": {"hard_fraction": 1.0}, "treaties": {"hard_fraction": 0.0, "max_risk": 2.0}}
    sampler = make_sampler(nations, pools, hard_fraction=0.5, relation_overrides=overrides)
    mark_random(sampler, monkeypatch)
    mined = (sampler.sample(nations.mapped_triples)[0][..., 0] >= 0).all(dim=-1)
    relations = nations.mapped_triples[:, 1]
    accusation, treaties = (nations.relation_to_id[name] for name in overrides)
    has_any = torch.from_numpy(sampler.pools.rows(nations.mapped_triples.numpy())[1].any(axis=-1))
    assert mined[(relations == accusation) & has_any].all()
    assert not mined[relations == treaties].any()
    others = mined[(relations != accusation) & (relations != treaties) & has_any].float().mean()
    assert 0.4 < others < 0.6


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"love": {"max_risk": 1.0}}, r"relation_overrides for \['love'\], expected labels of relations: e.g. \["),
        (
            {"treaties": {"strategy": 1.0}},
            r"^relation_overrides for 'treaties': found the setting\(s\) 'strategy', expected some of",
        ),
        ({"treaties": {"hard_fraction": 2.0}}, "found hard_fraction=2.0 .* between 0 and 1"),
        ({"treaties": {"max_risk": -1.0}}, "found max_risk=-1.0"),
        (
            {"treaties": {"max_risk": "high"}},
            "^found max_risk='high' in the .* for 'treaties', expected a number between",
        ),
        ({"treaties": {"hard_fraction": True}}, "^found hard_fraction=True in the relation_overrides for 'treaties'"),
        ({"treaties": 0.5}, r"^found relation_overrides\['treaties'\]=0.5, expected a mapping\.$"),
        (42, r"^found relation_overrides=42, expected a mapping\.$"),
        ([], r"^found relation_overrides=\[\], expected a mapping\.$"),
        ({("treaties",): {}}, r"^found the key \('treaties',\) in relation_overrides, expected labels\.$"),
    ],
)
def test_wrong_overrides(nations: TriplesFactory, empty_cache: Path, overrides: Any, message: str):
    pools = mine(triples_factory=nations, encoder="structural", ranker="similarity", guard=None)
    with pytest.raises(ValueError, match=message):
        make_sampler(nations, pools, relation_overrides=overrides)


def test_overrides_as_pandas_holds_them():
    frame = pd.DataFrame(
        {"a": {"hard_fraction": 0.5, "max_risk": np.nan}, "c": {"hard_fraction": None, "max_risk": 2.0}}
    )
    overrides = Overrides.check(frame.to_dict(), ("a", "b", "c"))
    assert overrides.settings == ({"hard_fraction": 0.5}, {}, {"max_risk": 2.0})
    assert Overrides.check(pd.Series(frame.to_dict()), ("a", "b", "c")) == overrides
    assert Overrides.check({1: {"max_risk": np.float32(2)}}, ("1",)).settings == ({"max_risk": 2.0},)


def test_in_a_pipeline(empty_cache: Path):
    result = pipeline(
        dataset="nations",
        dataset_kwargs={"create_inverse_triples": True},
        model="TransE",
        negative_sampler="negater",
        negative_sampler_kwargs={
            "encoder": "structural",
            "ranker": "similarity",
            "guard": None,
            "filtered": True,
            "known_triples": [["usa", "accusation", "uk"]],
            "relation_overrides": {"treaties": {"hard_fraction": 0.0}},
        },
        training_kwargs={"num_epochs": 1, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=0,
    )
    assert np.isfinite(result.losses).all()


def test_limits_are_those_of_user_pools_and_relations(nations: TriplesFactory, pools: NegativePools):
    pools = replace(pools, metadata={"max_risk": 3.0})
    positives = Positives(nations.mapped_triples, nations.num_entities, nations.num_relations)

    def find(pools: NegativePools | None, max_risk: float | None = None, known: Any = None, others: Any = None):
        return Limits.find(positives, pools, max_risk, 0.25, known, others)

    # without pools, nobody knows what is risky
    assert [find(None, 2.0).max_risk, find(pools).max_risk, find(pools, 2.0).max_risk] == [None, 3.0, 2.0]
    assert find(None).avoided(None) is None
    assert find(pools).hard_fractions is None
    assert (find(pools).negligible > 0, find(pools, known=[(0, 0, 1)]).negligible) == (True, 0.0)
    unlimited = Limits()
    assert unlimited.allowed(pools) is pools
    assert unlimited.avoided(pools) is None
    known = find(None, known=[(0, 0, 1)])
    np.testing.assert_array_equal(known.avoided(None).find(np.array([[0, 0, 2], [0, 0, 1]])), [1])

    # sampling does not touch exact scores
    class Untouchable(torch.Tensor):
        """Scores that must not be read."""

        def __getitem__(self, index: Any) -> Any:
            pytest.fail("read scores")

    scored = replace(pools, scores=torch.zeros(len(pools)).as_subclass(Untouchable))
    safest, all_of_them = find(scored, 1.0).allowed(scored), unlimited.allowed(scored)
    assert safest.scores is all_of_them.scores is None
    assert torch.equal(safest.replacements, find(pools, 1.0).allowed(pools).replacements)
    # a safer part of the pools
    allowed = find(pools, 1.0, known=listed(pools)[:200]).allowed(pools)
    assert 0 < len(allowed) < len(find(pools, 1.0).allowed(pools)) < len(pools)
    with triples_factory_noted(nations):
        positives = Positives(nations.mapped_triples, nations.num_entities, nations.num_relations)
        label = nations.relation_id_to_label[1]
        limits = find(pools, others={label: {"max_risk": 1.0, "hard_fraction": 0.5}})
    assert limits.max_risk.tolist()[:3] == [3.0, 1.0, 3.0]
    assert limits.hard_fractions.tolist()[:3] == [0.25, 0.5, 0.25]
