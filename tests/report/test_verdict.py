"""What a report says about pools: every sentence where it applies, and not where it does not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations

from pykeen_negater import NegativePools
from pykeen_negater.evaluation.samplers import NegativesReport, Part, PartReport
from pykeen_negater.pools.card import why_none_are_drawn
from pykeen_negater.report.comparison import Comparison
from pykeen_negater.report.verdict import CAVEAT, Verdict, reach_verdict
from pykeen_negater.sampling.hard_fraction import MANY_NEGATIVES
from pykeen_negater.sampling.sampler import NegatERNegativeSampler
from pykeen_negater.triples.graphs import Graph

#: What a guard says that was tested well, and has skill
GUARD: dict[str, Any] = {"hidden_triples": 159, "proposed": {"answers": 4_762, "hidden": 256, "auc": 0.788}}


def make_pools(skill: float | None = 0.2, max_mined_risk: float = 2.0, guard: dict[str, Any] = GUARD) -> NegativePools:
    """Make pools for the training triples of Nations: one negative for each; without a guard if there is no skill.

    A guard without any skill is one that accepts what is true.
    """
    graph = Graph.from_factory(Nations().training)
    known = set(map(tuple, graph.triples.tolist()))
    tails = []
    for head, relation, _ in graph.triples.tolist():
        tails.append(next((tail for tail in range(14) if (head, relation, tail) not in known), -1))
    has_one = np.array(tails) >= 0
    judged = {"max_risk": 8 * max_mined_risk, "max_mined_risk": max_mined_risk, "guard_skill": skill}
    judged["accepted_risk"] = max_mined_risk * (1.1 if skill is not None and skill <= 0 else 0.9)
    return NegativePools(
        keys=graph.index.keys,
        offsets=torch.from_numpy(np.append(0, has_one.cumsum())),
        replacements=torch.tensor(tails, dtype=torch.int32)[torch.from_numpy(has_one)],
        hardness=torch.zeros(int(has_one.sum()), dtype=torch.uint8),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        sides=(2,),
        vocabulary=graph.vocabulary,
        metadata={} if skill is None else {**judged, "statistics": {"guard": guard}},
    )


def make_sampler(pools: NegativePools, num_negs_per_pos: int) -> NegatERNegativeSampler:
    """Make a sampler with these pools and its defaults."""
    triples = Nations().training.mapped_triples
    return NegatERNegativeSampler(
        mapped_triples=triples, num_entities=14, num_relations=55, num_negs_per_pos=num_negs_per_pos, pools=pools
    )


def compare(
    hardness: float | None, false: float, count: int = 10_000, random: float = 0.02, guarded: bool = True
) -> Comparison:
    """Make a comparison with random negatives of hardness 0.46, of which one in twenty is true."""
    parts: dict[Part, PartReport] = {
        "mined": PartReport(0.2, count, false, 0.0, hardness),
        "random": PartReport(0.79, 100_000, random, 0.0, 0.45),
        "loops": PartReport(0.01, 100, 0.0, 0.0, 0.9),
    }
    reports = {
        "basic": NegativesReport(None, 0.03, 0.3, 0.5),
        "basic, filtered": NegativesReport(None, 0.05, 0.0, 0.46),
        "negater": NegativesReport(0.9, 0.02, 0.0, 0.47, parts),
    }
    return Comparison.from_reports(reports, "TransE", guarded)


def say(
    pools: NegativePools, comparison: Comparison | None = None, coverage: float = 0.9, advice: str | None = None
) -> Verdict:
    return reach_verdict(pools, comparison, coverage, advice)


@pytest.mark.parametrize(
    ("hardness", "false", "headline", "change"),
    [
        (0.6, 0.01, "worth a try: they are harder than random ones and less often true", None),
        (0.6, 0.05, "worth a try: they are harder than random ones and about as often true", None),
        (
            0.6,
            0.12,
            "may help or harm: they are harder than random ones and more often true",
            "Pass a max_risk below 2,",
        ),
        (0.4, 0.01, "Little is to be expected", "Pass hard_fraction=0"),
        (0.46, 0.01, "Little is to be expected", "Pass hard_fraction=0"),
        # 50 % is harder than random ones that are no training triples
        (0.5, 0.01, "worth a try", None),
        (
            0.4,
            0.12,
            "more likely to harm than to help: they are easier than random ones and more",
            "Pass hard_fraction=0",
        ),
    ],
)
def test_mined_negatives_are_weighed_against_random_ones(
    hardness: float, false: float, headline: str, change: str | None
):
    verdict = say(make_pools(), compare(hardness, false))
    assert headline in verdict.headline
    assert len(verdict.changes) == (change is not None)
    assert change is None or verdict.changes[0].startswith(change)


def test_what_may_be_chance_is_no_difference():
    few = say(make_pools(), compare(0.6, 0.12, count=20)).headline
    assert "about as hard as random ones and about as often true" in few
    many = say(make_pools(), compare(0.6, 0.12, count=2_000)).headline
    assert "harder than random ones and more often true" in many


def test_the_evidence_is_what_was_measured():
    evidence = say(make_pools(), compare(0.6, 0.01)).evidence
    assert evidence == (
        "TransE scores 60.0% of the mined negatives above a uniform corruption of the same triple, and 46.0% of random "
        "ones that are not training triples.",
        "1.0% of the mined and 2.0% of the guarded random negatives are validation or test triples, beside 5.0% of "
        "random corruptions that are not training triples.",
        "Of what the sampler draws, 20.0% is mined, 79.0% is guarded random and 1.0% is loops.",
        "90.0% of the training triples have mined negatives; the others get random ones.",
        "The guard was tested with 159 hidden triples, which 256 candidates of 4,762 turned out to be: AUC 0.788, "
        "skill 0.200.",
        CAVEAT,
    )
    unguarded = " ".join(say(make_pools(None), compare(0.6, 0.01, guarded=False)).evidence)
    assert "guarded" not in unguarded
    assert "AUC" not in unguarded
    assert "No guard has judged how many of them are true." in unguarded


def test_without_a_measurement_nothing_is_promised():
    for comparison in (None, compare(None, 0.01)):
        verdict = say(make_pools(), comparison)
        assert verdict.headline == "Whether these negatives help has not been measured."
        assert verdict.changes[0].startswith("Pass --evaluate DATASET")
        assert "TransE" not in " ".join(verdict.evidence)
    assert not any("--evaluate" in change for change in say(make_pools(), compare(0.6, 0.01)).changes)


def test_full_coverage_is_no_news():
    assert not any("have mined negatives" in sentence for sentence in say(make_pools(), coverage=1.0).evidence)


@pytest.mark.parametrize(("hidden", "rough"), [(99, True), (100, False)])
def test_a_guard_that_was_hardly_tested(hidden: int, rough: bool):
    guard = {**GUARD, "hidden_triples": hidden}
    evidence = " ".join(say(make_pools(guard=guard)).evidence)
    assert ("so few that its figures are rough" in evidence) == rough
    one = " ".join(say(make_pools(guard={"hidden_triples": 1, "proposed": {"answers": 1, "hidden": 1}})).evidence)
    assert "tested with 1 hidden triple, which 1 candidate of 1 turned out to be; so few" in one
    assert "AUC" not in one
    # what is not known of pools that others have made is not said
    assert "tested" not in " ".join(say(make_pools(guard={})).evidence)


@pytest.mark.parametrize(
    ("skill", "count", "because"),
    [(0.2, None, None), (0.0, None, "could not tell which ones are true"), (0.2, 0, "there are none in them")],
)
def test_pools_that_nothing_is_drawn_from(skill: float, count: int | None, because: str | None):
    """What the report says of the sampler's default is what the sampler does."""
    pools = make_pools(skill)
    if count == 0:
        none = {"replacements": pools.replacements[:0], "hardness": pools.hardness[:0], "risk": pools.risk[:0]}
        pools = replace(pools, **none, offsets=torch.zeros_like(pools.offsets))
    for comparison in (None, compare(0.9, 0.0)):
        verdict = say(pools, comparison)
        assert verdict.headline.startswith("No mined negatives are drawn") == (because is not None)
        assert (because or "") in verdict.headline
    draws_some = bool(make_sampler(pools, 16).hard_fraction and len(pools))
    assert (why_none_are_drawn(pools.metadata, len(pools)) is None) == draws_some
    if because is not None and skill <= 0:
        assert '"hard_fraction": 0.25' in say(pools).changes[0]


def test_how_many_negatives_where_only_dull_ones_are_safe():
    def advised(*arguments: Any) -> bool:
        return any("num_negs_per_pos" in change for change in say(*arguments).changes)

    dull, safe = make_pools(max_mined_risk=0.5), make_pools(max_mined_risk=2.0)
    for pools in (dull, safe):
        for count in (MANY_NEGATIVES - 1, MANY_NEGATIVES):
            draws_none = make_sampler(pools, count).hard_fraction == 0
            assert draws_none == (advised(pools) and count < MANY_NEGATIVES)
    assert advised(dull)
    assert advised(dull, compare(0.6, 0.01))
    assert not advised(safe)
    # nothing is to be gained from more of what is not to be drawn
    assert not advised(dull, compare(0.4, 0.01))
    assert not advised(make_pools(None))


def test_advice_is_given_where_little_is_covered():
    assert "Do this." in say(make_pools(), coverage=0.49, advice="Do this.").changes
    assert "Do this." not in say(make_pools(), coverage=0.51, advice="Do this.").changes
