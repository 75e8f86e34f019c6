"""The guard, what is hidden for it, and its model of risk."""

import functools
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pykeen_negater.candidates.generators import RandomCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.guard import calibrated as module
from pykeen_negater.guard.calibrated import Guard, GuardError
from pykeen_negater.guard.features import Answers, Evidence
from pykeen_negater.guard.hold_out import hide_triples
from pykeen_negater.guard.risk_model import RiskModel
from pykeen_negater.guard.risks import to_answers
from pykeen_negater.scorers.base import Training, train_witness
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, TAIL
from pykeen_negater.triples.queries import Queries

from ..cases import random_graph, random_vectors

#: The block graph: ten groups of ten entities, and relations that lead from each group to another one
NUM_ENTITIES, NUM_RELATIONS, GROUP_SIZE = 100, 3, 10


def block_graph(seed: int = 0, density: float = 0.4) -> Graph:
    """Draw a graph in which a relation connects the entities of two groups, or does not."""
    generator = np.random.default_rng(seed)
    heads, relations, tails = np.meshgrid(
        np.arange(NUM_ENTITIES), np.arange(NUM_RELATIONS), np.arange(NUM_ENTITIES), indexing="ij"
    )
    num_groups = NUM_ENTITIES // GROUP_SIZE
    connected = (heads // GROUP_SIZE + 1 + 2 * relations) % num_groups == tails // GROUP_SIZE
    kept = connected & (generator.random(connected.shape) < density)
    triples = np.stack([heads[kept], relations[kept], tails[kept]], axis=1)
    labels = tuple(f"e{i}" for i in range(NUM_ENTITIES)), tuple(f"r{i}" for i in range(NUM_RELATIONS))
    return Graph.from_triples(triples, NUM_ENTITIES, NUM_RELATIONS, *labels)


def block_vectors() -> np.ndarray:
    """Make vectors of entities, near for those of a group."""
    groups = np.repeat(random_vectors(0, NUM_ENTITIES // GROUP_SIZE, 16), GROUP_SIZE, axis=0)
    return groups + 0.3 * random_vectors(1, NUM_ENTITIES, 16)


@pytest.fixture(autouse=True)
def _few_are_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring up a share of the answers that is as small as in graphs with many entities."""
    monkeypatch.setattr("pykeen_negater.guard.features.TOP", 12)


@functools.cache
def fitted() -> tuple[Guard, Graph, np.ndarray, list[Queries]]:
    """Fit a guard to the block graph, once.

    :return: the guard, the whole graph, what was hidden, and the queries that it asked proposals for
    """
    graph = block_graph()
    visible, hidden = hide_triples(graph, seed=1)
    witnesses = {
        "probe": Probe(visible, block_vectors(), dim=16),
        "factorization": Factorization(visible, dim=16),
    }
    for witness in witnesses.values():
        train_witness(witness, visible.triples, Training(8, 0.05, 0.0, 128))
    evidence = Evidence(visible, block_vectors(), witnesses)
    asked = []

    def propose(queries: Queries) -> Answers:
        asked.append(queries)
        index = NeighborIndex.build(block_vectors())
        return to_answers(RandomCandidateGenerator(k=4).generate(visible, index), queries)[0]

    return Guard.fit(evidence, hidden, propose, seed=0), graph, hidden, asked


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
    queries = Queries.from_graph(guard.evidence.graph)
    answers, features = guard.evidence.gather(queries, unknown_answers(queries), bring_up=False)
    return queries, answers, guard.risk(queries, answers, features)


def is_in(graph: Graph | np.ndarray, triples: np.ndarray) -> np.ndarray:
    members = set(map(tuple, (graph if isinstance(graph, np.ndarray) else graph.triples).tolist()))
    return np.array([tuple(triple) in members for triple in triples.tolist()])


# --- what is hidden ---


@pytest.mark.parametrize("share", [0.1, 0.25, 0.9])
def test_hiding_parts_the_triples(share):
    graph = block_graph()
    rest, hidden = hide_triples(graph, share, seed=3)
    assert len(hidden) == round(share * len(graph))
    assert len(rest) + len(hidden) == len(graph)
    assert sorted(rest.triples.tolist() + hidden.tolist()) == graph.triples.tolist()
    assert not is_in(rest, hidden).any()
    assert rest.vocabulary == graph.vocabulary


def test_hiding_is_a_matter_of_the_seed():
    graph = random_graph(0, num_triples=200)
    choices = [hide_triples(graph, seed=seed)[1].tolist() for seed in (0, 0, 1)]
    assert choices[0] == choices[1] != choices[2]


@pytest.mark.parametrize(("share", "hidden"), [(0.001, 0), (0.5, 0.5), (0.999, 1)])
def test_something_is_always_left(share: float, hidden: float):
    graph = random_graph()
    rest, away = hide_triples(graph, share)
    assert len(away) == min(round(hidden * len(graph)), len(graph) - 1)
    assert len(rest) == len(graph) - len(away)


# --- the model of risk ---


def _draw_examples(size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw slots, features, labels and the true probabilities."""
    generator = np.random.default_rng(seed)
    slots = generator.integers(4, size=size)
    features = generator.normal(size=(size, 3))
    logits = 1.5 * features[:, 0] - features[:, 1] + np.array([-3.0, -1.0, -2.0, 0.0])[slots]
    probabilities = 1 / (1 + np.exp(-logits))
    return slots, features, generator.random(size) < probabilities, probabilities


def test_model_is_calibrated_and_separates():
    slots, features, labels, _ = _draw_examples(8_000, 0)
    model = RiskModel(0).fit(slots, features, labels, np.ones(len(labels)), np.ones(len(labels), dtype=bool))
    slots, features, labels, probabilities = _draw_examples(8_000, 1)
    predicted = model.predict(slots, features)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    assert np.abs(predicted - probabilities).mean() < 0.04
    assert roc_auc_score(labels, predicted) > roc_auc_score(labels, probabilities) - 0.01
    for tenth in np.array_split(np.argsort(predicted), 10):
        assert predicted[tenth].mean() == pytest.approx(probabilities[tenth].mean(), abs=0.05)
    for slot in range(4):
        here = slots == slot
        assert predicted[here].mean() == pytest.approx(probabilities[here].mean(), abs=0.03)


def test_model_lets_examples_stand_for_others():
    """A tenth of what is absurd, each standing for ten, leads to the same probabilities as all of it."""
    slots, features, labels, probabilities = _draw_examples(20_000, 2)
    absurd = probabilities < 0.02
    labels = labels & ~absurd
    generator = np.random.default_rng(0)
    kept = ~absurd | (generator.random(len(labels)) < 0.1)
    weights = np.where(absurd, 10.0, 1.0)
    model = RiskModel(0).fit(slots[kept], features[kept], labels[kept], weights[kept], ~absurd[kept])
    predicted = model.predict(slots, features, ~absurd)
    assert predicted.sum() == pytest.approx(labels.sum(), rel=0.06)
    assert predicted[absurd].mean() < 0.02
    assert predicted[~absurd].mean() == pytest.approx(labels[~absurd].mean(), rel=0.06)


def test_true_answers_that_nobody_found_plausible_do_not_make_others_likelier():
    """In large sparse graphs most true answers are among millions, and would outnumber those that are proposed."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(12_000, 3))
    plausible = np.arange(len(features)) < 6_000
    # a true answer in fifty of the plausible ones, and as many more far away from them
    labels = generator.random(len(features)) < np.where(plausible, 0.02, 0.04)
    weights = np.where(plausible | labels, 1.0, 1_000.0)
    slots = np.zeros(len(features), dtype=np.int64)
    features[~plausible, 0] -= 4
    model = RiskModel(0).fit(slots, features, labels, weights, plausible)
    predicted = model.predict(slots, features, plausible)
    assert predicted[plausible].mean() == pytest.approx(labels[plausible].mean(), rel=0.25)
    expected = np.average(labels[~plausible], weights=weights[~plausible])
    assert np.average(predicted[~plausible], weights=weights[~plausible]) < 5 * expected


def test_model_is_not_impressed_by_a_slot_with_few_examples():
    slots, features, labels, _ = _draw_examples(6_000, 3)
    slots[:2], labels[:2], features[:2] = 9, True, 0.0
    model = RiskModel(0).fit(slots, features, labels, np.ones(len(labels)), np.ones(len(labels), dtype=bool))
    at_zero = model.predict(np.array([0, 1, 2, 3, 9]), np.zeros((5, 3)))
    assert at_zero[:4].min() - 0.05 < at_zero[4] < at_zero[:4].max() + 0.05


def test_model_depends_on_its_seed_only():
    slots, features, labels, _ = _draw_examples(1_000, 4)
    weights, plausible = np.ones(len(labels)), np.arange(len(labels)) % 3 > 0
    first, again = (
        RiskModel(5).fit(slots, features, labels, weights, plausible).predict(slots, features, plausible)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


# --- the guard ---


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
    visible = guard.evidence.graph
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
    assert report["queries"] == len(Queries.from_graph(guard.evidence.graph))
    everything, proposed = report["all"], report["proposed"]
    assert everything["auc"] > 0.9
    assert everything["auc_by_relation_and_side"] > 0.9
    assert everything["brier_skill"] > 0
    assert everything["riskiest_tenth"]["error"] < 0.1
    assert 0 < proposed["answers"] < everything["answers"]
    assert 0 < proposed["hidden"] < everything["hidden"] <= 2 * len(hidden)
    assert list(report["auc_of_features"]) == guard.evidence.names
    assert report["auc_of_features"]["score of the probe"] > 0.8


def test_what_is_hidden_is_never_seen():
    guard, graph, hidden, asked = fitted()
    assert not is_in(guard.evidence.graph, hidden).any()
    assert is_in(graph, hidden).all()
    for queries in asked:
        assert queries.graph is guard.evidence.graph
        known = Answers(np.repeat(np.arange(len(queries)), queries.num_answers), queries.answers)
        assert not is_in(hidden, as_triples(queries, known)).any()
    assert len(asked) == 1


def test_chunks_do_not_matter(monkeypatch):
    guard = fitted()[0]
    queries = Queries.from_graph(guard.evidence.graph)
    requested = Answers(*(x[::97] for x in vars(unknown_answers(queries)).values()))
    answers, features = guard.evidence.gather(queries, requested, bring_up=False)
    whole = guard.risk(queries, answers, features)
    monkeypatch.setattr(module, "CHUNK_SIZE", 100)
    assert len(answers) > 300
    np.testing.assert_allclose(guard.risk(queries, answers, features), whole, rtol=1e-5)


def test_no_answers_have_no_risks():
    guard = fitted()[0]
    queries = Queries.from_graph(guard.evidence.graph)
    risks = guard.risk(queries, propose_nothing(queries), np.zeros((0, len(guard.evidence.names))))
    assert risks.shape == (0,)
    assert risks.dtype == np.float32


def test_no_proposals_and_few_queries(monkeypatch):
    """A guard needs no proposals, which are only reported about, and a sample of the queries will do."""
    monkeypatch.setattr(module, "MAX_QUERIES", 150)
    guard, _, hidden, _ = fitted()
    guards = [Guard.fit(guard.evidence, hidden, propose_nothing, seed=seed) for seed in (0, 0, 1)]
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
        Guard.fit(guard.evidence, hidden[:num_hidden], propose_nothing, seed=0)


def test_hidden_triples_that_answer_nothing():
    """As where every entity has one triple only."""
    triples = np.stack([np.arange(100), np.zeros(100, dtype=np.int64), 100 + np.arange(100)], axis=1)
    visible, hidden = hide_triples(Graph.from_triples(triples, 200, 1), 0.5)
    with pytest.raises(GuardError, match="found 0 queries"):
        Guard.fit(Evidence(visible, random_vectors(0, 200), {}), hidden, propose_nothing, seed=0)


def test_hidden_triples_that_all_answer_one_query():
    """A star: there is nothing to compare with, which is no reason to fail in another way than a small graph."""
    triples = np.stack([np.zeros(400, dtype=np.int64), np.zeros(400, dtype=np.int64), 1 + np.arange(400)], axis=1)
    visible, hidden = hide_triples(Graph.from_triples(triples, 500, 1))
    torch.manual_seed(0)
    probe = Probe(visible, random_vectors(0, 500), dim=4)
    probe.reset_parameters()
    probe.eval()
    with pytest.raises(GuardError):
        Guard.fit(Evidence(visible, random_vectors(0, 500), {"probe": probe}), hidden, propose_nothing, seed=0)
