"""Risks of candidates and suspected positives against the guard, and how pools keep them."""

import numpy as np
import pytest
import torch

from pykeen_negater.candidates.generators import Candidates, RandomCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.guard.calibrated import Guard
from pykeen_negater.guard.features import Answers
from pykeen_negater.guard.risks import MIN_SUSPECTED_SHARE, Risks, assess_risks, to_answers
from pykeen_negater.pools.codec import decode_risk, encode_risk
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.sampling.avoidance import avoid_risks
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL, TripleIndex, keys_to_triples
from pykeen_negater.triples.queries import Queries

from ..cases import brute_force_distance, random_graph, random_vectors
from .conftest import block_vectors, fitted, is_in


@pytest.fixture(autouse=True)
def _few_are_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do as the tests of the guard."""
    monkeypatch.setattr("pykeen_negater.guard.features.TOP_K", 12)


def make_candidates(graph: Graph, scheme: tuple[str, ...] = ("head", "tail"), k: int = 3) -> Candidates:
    vectors = block_vectors() if graph.num_entities == 100 else random_vectors(0, graph.num_entities)
    return RandomCandidateGenerator(k=k, corruption_scheme=scheme).generate(graph, NeighborIndex.build(vectors))


def as_triples(candidates: Candidates) -> np.ndarray:
    triples = candidates.graph.triples[candidates.positives]
    triples[np.arange(len(candidates)), candidates.sides] = candidates.replacements
    return triples


# --- candidates as answers ---


@pytest.mark.parametrize("num_relations", [4, 60, 100, 300])
@pytest.mark.parametrize("scheme", [("head", "tail"), ("tail",), ("head", "relation", "tail")])
def test_candidates_are_the_answers_to_queries(scheme, num_relations):
    graph = random_graph(0, num_entities=12, num_relations=num_relations, num_triples=150)
    candidates, queries = make_candidates(graph, scheme), Queries.from_graph(graph)
    assert len(candidates) > 20
    answers, found = to_answers(candidates, queries)
    asked = {
        query: i
        for i, query in enumerate(
            zip(queries.sides.tolist(), queries.relations.tolist(), queries.entities.tolist(), strict=True)
        )
    }
    expected = []
    for i, (triple, side) in enumerate(zip(as_triples(candidates).tolist(), candidates.sides.tolist(), strict=True)):
        for wanted in (TAIL, HEAD) if side == RELATION else (side,):
            if (wanted, triple[RELATION], triple[2 - wanted]) in asked:
                expected.append((i, asked[wanted, triple[RELATION], triple[2 - wanted]], triple[wanted]))
                break
    columns = (found.tolist(), answers.queries.tolist(), answers.entities.tolist())
    assert list(zip(*columns, strict=True)) == expected
    assert len(set(candidates.sides[found].tolist())) == len(scheme)
    # corruptions of a head or tail answer the query of their own triple, and no relation's has to
    assert set(np.flatnonzero(candidates.sides != RELATION).tolist()) <= set(found.tolist())


def test_only_the_queries_that_count_are_answered():
    graph = random_graph(0)
    candidates = make_candidates(graph)
    queries = Queries.from_graph(graph, ("tail",))
    _, found = to_answers(candidates, queries)
    assert found.tolist() == np.flatnonzero(candidates.sides == TAIL).tolist()


# --- the assessment ---


@pytest.fixture(scope="module")
def assessed() -> tuple[Guard, Candidates, Risks]:
    """Assess the candidates of the whole block graph."""
    guard, graph, _, _ = fitted()
    candidates = make_candidates(graph, ("head", "relation", "tail"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pykeen_negater.guard.features.TOP_K", 12)
        return guard, candidates, assess_risks(guard, candidates)


def test_risks_are_the_guards(assessed):
    guard, candidates, risks = assessed
    queries = Queries.from_graph(candidates.graph)
    requested, found = to_answers(candidates, queries)
    keys = requested.keys(candidates.graph.num_entities)
    # in other company and order, some at a time
    picked, close = np.random.default_rng(0).permutation(len(keys))[:200], []
    for part in np.array_split(picked, 4):
        some = Answers(requested.queries[part], requested.entities[part])
        answers, features = guard.extractor.extract(queries, some, include_top_k=False)
        values = guard.risk(queries, answers, features)
        by_key = dict(zip(answers.keys(candidates.graph.num_entities).tolist(), values.tolist(), strict=True))
        expected = [by_key[key] for key in keys[part].tolist()]
        close.extend(np.isclose(risks.candidates[found[part]], expected, rtol=1e-3))
    # products of other sizes are rounded otherwise, which now and then decides on the side of a split in a tree
    assert np.mean(close) > 0.97
    assert risks.candidates.shape == (len(candidates),)
    assert risks.candidates.dtype == np.float32
    assert len(np.unique(risks.candidates[found])) > 100


def test_candidates_that_answer_nothing_are_as_risky_as_a_uniform_corruption():
    guard, graph, _, _ = fitted()
    # an entity of its own and a relation of its own: with the other relation, it answers no query
    generator = np.random.default_rng(0)
    triples = graph.triples[(graph.triples[:, [HEAD, TAIL]] != 5).all(axis=1)]
    triples = triples[generator.permutation(len(triples))[:300]]
    lonely = np.array([[5, 0, 5]])
    other = Graph.from_triples(np.concatenate([triples, lonely]), graph.num_entities, graph.num_relations)
    position = int(np.flatnonzero((other.triples == lonely).all(axis=1))[0])
    candidates = Candidates(
        other,
        positives=np.array([0, position, position]),
        sides=np.array([TAIL, RELATION, TAIL], dtype=np.int8),
        replacements=np.array([7, 1, 9], dtype=np.int32),
        distances=np.zeros(3, dtype=np.float32),
    )
    risks = assess_risks(guard, candidates).candidates
    assert risks[1] == 1
    assert risks[0] != 1
    assert risks[2] != 1


def test_suspected_are_all_that_reach_the_floor(assessed):
    guard, candidates, risks = assessed
    graph = candidates.graph
    floor = MIN_SUSPECTED_SHARE * guard.max_risk
    assert len(risks.suspected) > 50
    assert (np.diff(risks.suspected) > 0).all()
    assert risks.suspected.dtype == np.int64
    assert risks.suspected_risks.shape == risks.suspected.shape
    assert risks.suspected_risks.dtype == np.float32
    assert (risks.suspected_risks >= floor).all()
    triples = keys_to_triples(risks.suspected, graph.num_entities, graph.num_relations)
    assert not graph.index.contains(torch.from_numpy(triples)).any()
    # the slow way: the greater risk of the two queries that a triple answers
    queries = Queries.from_graph(graph)
    requested, _ = to_answers(candidates, queries)
    answers, features = guard.extractor.extract(queries, requested, include_top_k=True)
    expected: dict[int, float] = {}
    for i, value in enumerate(guard.risk(queries, answers, features).tolist()):
        query, entity = int(answers.queries[i]), int(answers.entities[i])
        side, given = int(queries.sides[query]), int(queries.entities[query])
        head, tail = (entity, given) if side == HEAD else (given, entity)
        key = (head * graph.num_relations + int(queries.relations[query])) * graph.num_entities + tail
        if value >= floor:
            expected[key] = max(expected.get(key, 0.0), value)
    assert risks.suspected.tolist() == sorted(expected)
    np.testing.assert_allclose(risks.suspected_risks, [expected[key] for key in sorted(expected)], rtol=1e-4)


def test_risky_candidates_are_suspected(assessed):
    guard, candidates, risks = assessed
    graph = candidates.graph
    risky = risks.candidates >= MIN_SUSPECTED_SHARE * guard.max_risk
    triples = keys_to_triples(risks.suspected, graph.num_entities, graph.num_relations)
    answered = np.zeros(len(candidates), dtype=bool)
    answered[to_answers(candidates, Queries.from_graph(graph))[1]] = True
    assert (risky & answered).sum() > 10
    assert is_in(triples, as_triples(candidates)[risky & answered]).all()


def test_suspected_connect_groups_that_are_connected(assessed):
    """What looks like a fact of the block graph is what was drawn for none by chance."""
    _, candidates, risks = assessed
    graph = candidates.graph
    worst = np.argsort(-risks.suspected_risks)[:100]
    triples = keys_to_triples(risks.suspected[worst], graph.num_entities, graph.num_relations)
    connected = (triples[:, HEAD] // 10 + 1 + 2 * triples[:, RELATION]) % 10 == triples[:, TAIL] // 10
    # one in ten would be by chance
    assert connected.mean() > 0.8


def test_no_candidates():
    guard, graph, _, _ = fitted()
    none = make_candidates(graph).select(np.zeros(len(make_candidates(graph)), dtype=bool))
    risks = assess_risks(guard, none)
    assert risks.candidates.shape == (0,)
    assert len(risks.suspected)


def test_unknown_risks():
    risks = Risks.unknown(3)
    assert risks.candidates.tolist() == [1, 1, 1]
    assert risks.candidates.dtype == risks.suspected_risks.dtype == np.float32
    assert len(risks.suspected) == len(risks.suspected_risks) == 0


# --- risks in pools ---


def make_pools(graph: Graph, seed: int = 0, suspected: int = 30) -> NegativePools:
    """Make pools of random sizes and risks."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(0, 5, size=2 * len(graph))
    size = int(sizes.sum())
    keys = np.sort(generator.choice(graph.num_entities**2 * graph.num_relations, size=suspected, replace=False))
    return NegativePools(
        keys=graph.index.keys,
        offsets=torch.from_numpy(np.append(0, np.cumsum(sizes))),
        replacements=torch.from_numpy(generator.integers(graph.num_entities, size=size).astype(np.int32)),
        hardness=torch.from_numpy(generator.integers(256, size=size).astype(np.uint8)),
        risk=encode_risk(2.0 ** generator.normal(0, 3, size=size)),
        suspected=torch.from_numpy(keys),
        suspected_risk=encode_risk(2.0 ** generator.normal(3, 3, size=suspected)),
        num_entities=graph.num_entities,
        num_relations=graph.num_relations,
        sides=(0, 2),
        vocabulary=graph.vocabulary,
        metadata={"max_risk": 2.5},
    )


@pytest.mark.parametrize("limit", [1e-3, 0.3, 1.0, 4.0, 1e7])
def test_safer_pools_agree_with_a_loop(limit):
    pools = make_pools(random_graph(0))
    safer = pools.safer_than(limit)
    kept = 0
    for row in range(len(pools.offsets) - 1):
        rows = range(int(pools.offsets[row]), int(pools.offsets[row + 1]))
        wanted = [i for i in rows if float(decode_risk(pools.risk[i])) <= limit]
        bounds = slice(int(safer.offsets[row]), int(safer.offsets[row + 1]))
        for name in ("replacements", "hardness", "risk"):
            assert getattr(safer, name)[bounds].tolist() == getattr(pools, name)[wanted].tolist()
        kept += len(wanted)
    assert len(safer) == kept
    assert (safer is pools) == (limit == 1e7)
    # what is suspected remains so
    assert safer.suspected.tolist() == pools.suspected.tolist()
    assert safer.max_risk == pools.max_risk == 2.5


def test_safer_pools_are_looked_for_piece_by_piece(monkeypatch: pytest.MonkeyPatch):
    pools = make_pools(random_graph(0))
    whole = pools.safer_than(1.0)
    by_relation = pools.safer_than(torch.linspace(0.5, 2.0, pools.num_relations))
    unknown = pools.without(TripleIndex.from_triples(pools._triples(slice(0, 9))[::2], 1_000, 1_000))
    monkeypatch.setattr("pykeen_negater.pools.negative_pools.PIECE", 7)
    pieces = (
        pools.safer_than(1.0),
        pools.safer_than(torch.linspace(0.5, 2.0, pools.num_relations)),
        pools.without(TripleIndex.from_triples(pools._triples(slice(0, 9))[::2], 1_000, 1_000)),
    )
    for expected, found in zip((whole, by_relation, unknown), pieces, strict=True):
        assert 0 < len(found) < len(pools)
        for name in ("offsets", "replacements", "hardness", "risk"):
            assert torch.equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("limit", [0.01, 0.52, 1.0, 1.3, 5.0])
def test_limit_of_mining_bounds_rounded_risks(limit: float, monkeypatch: pytest.MonkeyPatch):
    pools = make_pools(random_graph(0))
    risks = np.random.default_rng(0).uniform(0, limit, len(pools))
    risks[0] = limit
    pools.risk = encode_risk(risks)
    pools.metadata["max_mined_risk"] = limit
    largest = float(decode_risk(pools.risk).max())
    assert len(pools.safer_than(largest * 0.99)) < len(pools)
    # where nothing can be too risky, no risk is read
    monkeypatch.setattr(NegativePools, "_select", lambda *_: pytest.fail("risks were read"))
    harmless = largest * 2 ** (1 / 8) * 1.0001
    for limits in (harmless, 100.0, torch.full((pools.num_relations,), harmless)):
        assert pools.safer_than(limits) is pools


def test_safer_pools_do_not_pretend_to_lie_in_a_folder(tmp_path):
    pools = make_pools(random_graph(0))
    loaded = NegativePools.load(pools.save(tmp_path / "pools"))
    assert loaded.suspected.tolist() == pools.suspected.tolist()
    assert loaded.risk.tolist() == pools.risk.tolist()
    assert loaded.suspected_risk.tolist() == pools.suspected_risk.tolist()
    assert loaded.safer_than(1.0).path is None
    assert loaded.safer_than(1e7).path is not None


@pytest.mark.parametrize("limit", [1e-3, 2.0, 8.0, 1e7])
def test_suspected_are_avoided_as_far_as_they_are_too_risky(limit):
    pools = make_pools(random_graph(0, num_entities=2_000, num_relations=50))
    avoided = avoid_risks(pools, limit)
    graph_triples, suspected = (keys_to_triples(keys.numpy(), 2_000, 50) for keys in (pools.keys, pools.suspected))
    torch.manual_seed(0)
    drawn = torch.zeros(len(suspected), dtype=torch.double)
    for _ in range(1_000):
        drawn[avoided.find(suspected)] += 1 / 1_000
    # what is twice as risky as allowed is drawn half as often
    expected = [max(0.0, 1 - limit / risk) for risk in decode_risk(pools.suspected_risk).tolist()]
    assert drawn.tolist() == pytest.approx(expected, abs=0.06)
    assert all(len(avoided.find(graph_triples)) == len(graph_triples) for _ in range(50))


def test_no_guard_has_no_limit():
    pools = make_pools(random_graph(0))
    pools.metadata.clear()
    assert pools.max_risk is None


def test_negatives_that_nobody_judged_are_as_risky_as_uniform_corruptions():
    judged = make_pools(random_graph(0))
    names = ("keys", "offsets", "replacements", "hardness", "num_entities", "num_relations", "sides", "vocabulary")
    pools = NegativePools(**{name: getattr(judged, name) for name in names})
    assert decode_risk(pools.risk).tolist() == [1.0] * len(judged)
    assert len(pools.suspected) == len(pools.suspected_risk) == 0
    assert pools.safer_than(1.0) is pools
    nothing = pools.safer_than(0.9)
    assert len(nothing) == 0
    assert not nothing.offsets.any()


# --- candidates that no text chooses ---


@pytest.mark.parametrize("k", [1, 3, 1_000])
@pytest.mark.parametrize("size", [2, 3, 12])
def test_random_neighbours_are_others_of_the_slot(k, size):
    vectors = random_vectors(0, 40)
    slot = np.sort(np.random.default_rng(size).permutation(40)[:size])
    index = NeighborIndex.build(vectors, "l2")
    ((neighbors, distances),) = RandomCandidateGenerator(k=k).neighbors_in_slot(index, slot)
    assert neighbors.shape == distances.shape
    for entity, row, away in zip(slot.tolist(), neighbors.tolist(), distances.tolist(), strict=True):
        found = [other for other in row if other >= 0]
        assert 0 < len(found) <= min(k, size - 1)
        assert len(set(found)) == len(found)
        assert set(found) <= set(slot.tolist()) - {entity}
        if k >= size - 1:
            assert set(found) == set(slot.tolist()) - {entity}
        for other, distance in zip(row, away, strict=True):
            expected = brute_force_distance(vectors[entity], vectors[other], "l2") if other >= 0 else np.inf
            assert distance == pytest.approx(expected, rel=1e-4)


def test_random_neighbours_are_all_alike_and_stay_the_same():
    index = NeighborIndex.build(random_vectors(0, 300))
    slot = np.arange(0, 300, 3)
    generator = RandomCandidateGenerator(k=40)
    ((neighbors, _),) = generator.neighbors_in_slot(index, slot)
    ((again, _),) = RandomCandidateGenerator(k=40).neighbors_in_slot(index, slot)
    np.testing.assert_array_equal(neighbors, again)
    counts = np.bincount(neighbors[neighbors >= 0], minlength=300)[slot]
    # of 40 draws from 99, a third is left of the others: about 33.2 for each
    assert counts.mean() == pytest.approx(99 * (1 - (98 / 99) ** 40), abs=1)
    assert counts.std() < 8
    assert counts.min() > 10


@pytest.mark.parametrize("size", [0, 1])
def test_slots_without_others_have_no_random_neighbours(size):
    index = NeighborIndex.build(random_vectors(0, 40))
    blocks = [neighbors for neighbors, _ in RandomCandidateGenerator(k=4).neighbors_in_slot(index, np.arange(size))]
    assert sum(map(len, blocks)) == size
    assert all((neighbors == -1).all() for neighbors in blocks)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_distances_agree_with_brute_force(metric):
    vectors = random_vectors(0, 30)
    generator = np.random.default_rng(0)
    queries, others = generator.integers(30, size=10), generator.integers(-1, 30, size=(10, 12))
    found = NeighborIndex.build(vectors, metric).distances(queries, others)
    assert found.dtype == np.float32
    for i, j in np.ndindex(10, 12):
        known = others[i, j] >= 0
        expected = brute_force_distance(vectors[queries[i]], vectors[others[i, j]], metric) if known else np.inf
        assert found[i, j] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert np.isinf(found).any()
