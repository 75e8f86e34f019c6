"""The guard, what is hidden for it, and its model of risk."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pykeen_negater.guard import calibrated as module
from pykeen_negater.guard.calibrated import Guard, GuardError
from pykeen_negater.guard.features import Answers, FeatureExtractor
from pykeen_negater.guard.hold_out import hold_out_triples
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, TAIL
from pykeen_negater.triples.queries import Queries

from ..cases import random_graph, random_vectors
from .conftest import NUM_ENTITIES, fitted, is_in


@pytest.fixture(autouse=True)
def _few_are_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring up a share of the answers that is as small as in graphs with many entities."""
    monkeypatch.setattr("pykeen_negater.guard.features.TOP_K", 12)


def propose_nothing(queries: Queries) -> Answers:
    return Answers(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def unknown_answers(queries: Queries) -> Answers:
    """List all answers that are not known."""
    size = queries.graph.num_entities
    known = Answers(np.repeat(np.arange(len(queries)), queries.num_answers), queries.answers)
    return Answers.from_keys(np.setdiff1d(np.arange(len(queries) * size), known.keys(size)), size)


def as_triples(queries: Queries, answers: Answers) -> np.ndarray:
    """Turn answers into triples."""
    triples = np.empty((len(answers), 3), dtype=np.int64)
    sides, rows = queries.sides[answers.queries], np.arange(len(answers))
    triples[:, 1] = queries.relations[answers.queries]
    triples[rows, sides], triples[rows, 2 - sides] = answers.entities, queries.entities[answers.queries]
    return triples


def judge_everything(guard: Guard) -> tuple[Queries, Answers, np.ndarray]:
    """Compute the risk of all unknown answers."""
    queries = Queries.from_graph(guard.extractor.graph)
    answers, features = guard.extractor.extract(queries, unknown_answers(queries), include_top_k=False)
    return queries, answers, guard.risk(queries, answers, features)


def test_hidden_triples_are_riskier_than_others():
    guard, _, hidden, _ = fitted()
    queries, answers, risks = judge_everything(guard)
    true = is_in(hidden, as_triples(queries, answers))
    assert 150 < true.sum() <= 2 * len(hidden)
    assert roc_auc_score(true, risks) > 0.95
    assert risks[true].mean() > 3 * risks[~true].mean()
    assert (risks >= 0).all()
    assert risks.dtype == np.float32


def test_risks_add_up_to_what_is_hidden():
    """Risks are probabilities in multiples of a uniform corruption's."""
    guard, _, hidden, _ = fitted()
    queries, answers, risks = judge_everything(guard)
    true = is_in(hidden, as_triples(queries, answers))
    assert (risks * guard.uniform).sum() == pytest.approx(true.sum(), rel=0.2)


def test_uniform_risk_and_limits_agree_with_a_loop():
    guard, graph, hidden, _ = fitted()
    visible = guard.extractor.graph
    facts, known = set(map(tuple, hidden.tolist())), set(map(tuple, visible.triples.tolist()))
    shares = []
    for triple in visible.triples.tolist():
        for side in (HEAD, TAIL):
            corruptions = [(*triple[:side], other, *triple[side + 1 :]) for other in range(NUM_ENTITIES)]
            unknown = [corruption for corruption in corruptions if corruption not in known]
            shares.append(sum(corruption in facts for corruption in unknown) / len(unknown))
    assert guard.uniform == pytest.approx(np.mean(shares))
    assert guard.max_risk == pytest.approx(0.8 * len(hidden) / len(graph) / guard.uniform)
    assert guard.max_mined_risk == pytest.approx(guard.max_risk / 8)


def test_report_is_json_native_and_says_what_was_measured():
    guard, _, hidden, _ = fitted()
    report = guard.report
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["hidden_triples"] == len(hidden)
    assert report["queries"] == len(Queries.from_graph(guard.extractor.graph))
    everything, proposed = report["all"], report["proposed"]
    assert everything["auc"] > 0.9
    assert everything["auc_by_relation_and_side"] > 0.9
    assert everything["brier_skill"] > 0
    assert everything["riskiest_tenth"]["error"] < 0.1
    assert 0 < proposed["answers"] < everything["answers"]
    assert 0 < proposed["hidden"] < everything["hidden"] <= 2 * len(hidden)
    accepted = report["accepted"]
    assert 0 < accepted["answers"] < proposed["answers"]
    # all queries were asked, so that each answer counts for one
    assert accepted["observed"] == pytest.approx(accepted["hidden"] / accepted["answers"] / guard.uniform)
    assert guard.accepted_risk == accepted["lowest"] <= accepted["observed"]
    assert accepted["expected"] <= guard.max_mined_risk
    assert list(report["auc_of_features"]) == guard.extractor.names
    assert report["auc_of_features"]["score of the probe"] > 0.8


def test_what_is_hidden_is_never_seen():
    guard, graph, hidden, asked = fitted()
    assert not is_in(guard.extractor.graph, hidden).any()
    assert is_in(graph, hidden).all()
    for queries in asked:
        assert queries.graph is guard.extractor.graph
        known = Answers(np.repeat(np.arange(len(queries)), queries.num_answers), queries.answers)
        assert not is_in(hidden, as_triples(queries, known)).any()
    assert len(asked) == 1


def test_chunks_do_not_matter(monkeypatch):
    guard = fitted()[0]
    queries = Queries.from_graph(guard.extractor.graph)
    requested = Answers(*(x[::97] for x in vars(unknown_answers(queries)).values()))
    answers, features = guard.extractor.extract(queries, requested, include_top_k=False)
    whole = guard.risk(queries, answers, features)
    monkeypatch.setattr(module, "CHUNK_SIZE", 100)
    assert len(answers) > 300
    np.testing.assert_allclose(guard.risk(queries, answers, features), whole, rtol=1e-5)


def test_no_answers_have_no_risks():
    guard = fitted()[0]
    queries = Queries.from_graph(guard.extractor.graph)
    risks = guard.risk(queries, propose_nothing(queries), np.zeros((0, len(guard.extractor.names))))
    assert risks.shape == (0,)
    assert risks.dtype == np.float32


def test_no_proposals_and_few_queries(monkeypatch):
    """A guard needs no proposals, which are only reported about, and a sample of the queries will do."""
    monkeypatch.setattr(module, "MAX_QUERIES", 150)
    guard, _, hidden, _ = fitted()
    guards = [Guard.fit(guard.extractor, hidden, propose_nothing, seed=seed) for seed in (0, 0, 1)]
    assert guards[0].report["queries"] == 150
    assert guards[0].report["proposed"] == {"answers": 0, "hidden": 0}
    assert guards[0].report["auc_of_features"] == {}
    assert guards[0].report == guards[1].report != guards[2].report
    # which does not depend on the sample
    assert guards[0].uniform == guards[2].uniform == pytest.approx(guard.uniform)


def test_random_answers_stand_for_all_that_are_not_counted():
    graph = random_graph(0, num_entities=30, num_triples=80)
    queries = Queries.from_graph(graph)
    answers = Answers(*(x[::2] for x in vars(unknown_answers(queries)).values()))
    counted = np.random.default_rng(0).random(len(answers)) < 0.2
    weights = module._weights(queries, answers, counted)
    assert (weights[counted] == 1).all()
    for query in range(len(queries)):
        here = answers.queries == query
        assert (here & ~counted).any()
        assert len(set(weights[here & ~counted].tolist())) == 1
        assert weights[here].sum() == pytest.approx(30 - queries.num_answers[query])


@pytest.mark.parametrize("num_hidden", [1, 9])
def test_too_little_to_hide(num_hidden):
    guard, _, hidden, _ = fitted()
    with pytest.raises(GuardError, match=r"found \d+ queries of the visible triples .* expected at least 20"):
        Guard.fit(guard.extractor, hidden[:num_hidden], propose_nothing, seed=0)


def test_hidden_triples_that_answer_nothing():
    """As where every entity has one triple only."""
    triples = np.stack([np.arange(100), np.zeros(100, dtype=np.int64), 100 + np.arange(100)], axis=1)
    visible, hidden = hold_out_triples(Graph.from_triples(triples, 200, 1), 0.5)
    with pytest.raises(GuardError, match="found 0 queries"):
        Guard.fit(FeatureExtractor(visible, random_vectors(0, 200), {}), hidden, propose_nothing, seed=0)


def test_hidden_triples_that_all_answer_one_query():
    """A star: there is nothing to compare with, which is no reason to fail in another way than a small graph."""
    triples = np.stack([np.zeros(400, dtype=np.int64), np.zeros(400, dtype=np.int64), 1 + np.arange(400)], axis=1)
    visible, hidden = hold_out_triples(Graph.from_triples(triples, 500, 1))
    torch.manual_seed(0)
    probe = Probe(visible, random_vectors(0, 500), dim=4)
    probe.reset_parameters()
    probe.eval()
    with pytest.raises(GuardError):
        Guard.fit(FeatureExtractor(visible, random_vectors(0, 500), {"probe": probe}), hidden, propose_nothing, seed=0)


@pytest.mark.parametrize("num_asked", [3, 40, 90, 100])
def test_half_of_the_chosen_queries_are_answered_by_hidden_triples(num_asked: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_QUERIES", 60)
    generator = np.random.default_rng(0)
    asked = np.sort(generator.permutation(100)[:num_asked])
    chosen, represented = module._choose(100, asked, generator)
    assert len(chosen) == len(set(chosen.tolist())) == 60
    assert (np.diff(chosen) > 0).all()
    is_asked = np.isin(chosen, asked)
    assert is_asked.sum() == {3: 3, 40: 30, 90: 50, 100: 60}[num_asked]
    assert represented[is_asked].sum() == pytest.approx(num_asked)
    assert represented[~is_asked].sum() == pytest.approx(100 - num_asked)


def test_a_sample_of_the_queries_stands_for_all(monkeypatch: pytest.MonkeyPatch):
    """Queries with hidden answers are chosen more often, which must not make all answers look riskier."""
    monkeypatch.setattr(module, "MAX_QUERIES", 120)
    guard, _, hidden, _ = fitted()
    sampled = Guard.fit(guard.extractor, hidden, propose_nothing, seed=0)
    queries, answers, risks = judge_everything(sampled)
    true = is_in(hidden, as_triples(queries, answers))
    assert (risks * sampled.uniform).sum() == pytest.approx(true.sum(), rel=0.3)


@pytest.mark.parametrize(("hidden", "lowest"), [(0, 0.0), (1, 0.0513), (17, 10.83), (400, 367.6)])
def test_few_hidden_triples_prove_little(hidden: int, lowest: float):
    """The bounds are those of tables: so many events are expected at least, with a confidence of 95 %."""
    labels = np.arange(1_000) < hidden
    measured = module._risks(labels, np.full(1_000, 0.02), np.ones(1_000), 0.01)
    assert measured["observed"] == pytest.approx(hidden / 10)
    assert measured["expected"] == pytest.approx(2.0)
    assert measured["lowest"] == pytest.approx(lowest / 10, rel=0.01)
