"""Plausible candidates, and ranks among them, against loops over triples."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.evaluation import RankBasedEvaluator
from pykeen.models import Model

from pykeen_negater.evaluation.plausible import PlausibleCandidates, draw_candidates, evaluate_plausible
from pykeen_negater.pools.files import PoolsError
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import triples_to_keys

from .cases import Triple, corrupt, everything, make_model, mean_reciprocal, naive_rank, queries, triples_of


@pytest.fixture(scope="module")
def dataset() -> Nations:
    return Nations()


@pytest.fixture(scope="module")
def graph(dataset: Nations) -> Graph:
    return Graph.from_factory(dataset.training)


@pytest.fixture(scope="module")
def model(dataset: Nations) -> Model:
    return make_model(dataset.training)


@pytest.fixture(scope="module")
def suspected(dataset: Nations) -> list[Triple]:
    """Choose corruptions of test triples that a guard could have found likely true."""
    true = set(triples_of(everything(dataset)))
    found = {
        corrupt(triple, side, (triple[2 - side] + 3) % 14) for triple, side in queries(dataset.testing.mapped_triples)
    }
    return sorted(found - true)


@pytest.fixture(scope="module")
def pools(nations_pools: NegativePools, suspected: list[Triple]) -> NegativePools:
    keys = triples_to_keys(torch.tensor(suspected), 14, 55)
    risks = torch.zeros(len(keys), dtype=torch.uint8)
    return dataclasses.replace(nations_pools, suspected=keys.sort().values, suspected_risk=risks)


def possible(dataset: Nations, triple: Triple, side: int, false: set[Triple]) -> set[int]:
    """List all candidates of a query."""
    slot = {other[side] for other in triples_of(dataset.training.mapped_triples) if other[1] == triple[1]}
    return {entity for entity in slot if corrupt(triple, side, entity) not in false}


def candidates_of(candidates: PlausibleCandidates, query: int) -> list[int]:
    return candidates.entities[candidates.offsets[query] : candidates.offsets[query + 1]].tolist()


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("most", [1, 3, 50])
def test_candidates_agree_with_loops(dataset, graph, pools, suspected, guarded: bool, most: int):
    testing, known = dataset.testing.mapped_triples, everything(dataset)
    candidates = draw_candidates(graph, testing, known, pools if guarded else None, most)
    excluded = {*triples_of(known), *(suspected if guarded else [])}
    sizes = []
    for i, (triple, side) in enumerate(queries(testing)):
        drawn, free = candidates_of(candidates, i), possible(dataset, triple, side, excluded)
        assert len(drawn) == len(set(drawn)) == min(most, len(free))
        assert set(drawn) <= free
        assert candidates.counts[i // 2, i % 2] == len(drawn)
        sizes.append(len(free))
    assert len(candidates) == sum(min(most, size) for size in sizes)
    # there are queries of all kinds: without a candidate, with all that there are, and with a choice
    assert 0 in sizes
    assert max(sizes) > 3


def test_training_and_evaluated_triples_are_known(dataset, graph):
    testing = dataset.testing.mapped_triples
    candidates = draw_candidates(graph, testing)
    excluded = {*triples_of(testing), *triples_of(dataset.training.mapped_triples)}
    for i, (triple, side) in enumerate(queries(testing)):
        assert set(candidates_of(candidates, i)) == possible(dataset, triple, side, excluded)


def test_the_draw_is_fixed_by_the_seed(dataset, graph):
    testing, known = dataset.testing.mapped_triples, everything(dataset)
    first, again, other = (draw_candidates(graph, testing, known, None, 2, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.entities, again.entities)
    assert not np.array_equal(first.entities, other.entities)
    # and does not depend on what else is evaluated
    part = draw_candidates(graph, testing[50:60].flip(0), known, None, 2, 0)
    for i, j in enumerate(range(59, 49, -1)):
        for side in (0, 1):
            assert candidates_of(part, 2 * i + side) == candidates_of(first, 2 * j + side)


def test_all_candidates_are_drawn_alike(dataset, graph):
    """Over many seeds, each is drawn about as often, and as often the first."""
    testing, known = dataset.testing.mapped_triples, everything(dataset)
    sizes = np.diff(draw_candidates(graph, testing, known).offsets)
    query = int(sizes.argmax())
    drawn = []
    for seed in range(600):
        one = draw_candidates(graph, testing[query // 2 : query // 2 + 1], known, None, 2, seed)
        drawn.append(candidates_of(one, query % 2))
    for picked in (np.ravel(drawn), np.array(drawn)[:, 0]):
        _, counts = np.unique(picked, return_counts=True)
        assert len(counts) == sizes[query]
        expected = len(picked) / sizes[query]
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("inverse", [False, True])
def test_metrics_agree_with_loops(inverse: bool, graph):
    dataset = Nations(create_inverse_triples=inverse)
    model = make_model(dataset.training)
    testing, known = dataset.testing.mapped_triples, everything(dataset)
    candidates = draw_candidates(graph, testing, known, None, 4)
    table = evaluate_plausible(model, candidates, known, use_tqdm=False).set_index("ranked_among")
    true = set(triples_of(known))
    rows = []
    for i, (triple, side) in enumerate(queries(testing)):
        everyone = [entity for entity in range(14) if corrupt(triple, side, entity) not in true]
        some = candidates_of(candidates, i)
        scores = model.predict(torch.tensor([triple]), target={0: "head", 2: "tail"}[side])[0].tolist()
        own = scores[triple[side]]
        auc = [np.mean([(scores[e] < own) + (scores[e] == own) / 2 for e in c]) if c else 1.0 for c in (everyone, some)]
        rows.append(
            {
                "full": naive_rank(model, triple, side, everyone),
                "full_auc": auc[0],
                "full_count": len(everyone),
                "plausible": naive_rank(model, triple, side, some),
                "plausible_auc": auc[1],
                "plausible_count": len(some),
            }
        )
    with_some = [row for row in rows if row["plausible_count"]]
    assert 0 < len(with_some) < len(rows)
    for name, kind, chosen in (
        ("all entities", "full", rows),
        ("all entities, where some are plausible", "full", with_some),
        ("plausible candidates", "plausible", with_some),
    ):
        found = table.loc[name]
        assert found["queries"] == len(chosen)
        assert found["candidates"] == pytest.approx(np.mean([row[f"{kind}_count"] for row in chosen]))
        assert found["mrr"] == pytest.approx(mean_reciprocal(row[kind] for row in chosen))
        assert found["hits_at_1"] == pytest.approx(np.mean([row[kind] <= 1 for row in chosen]))
        assert found["auc"] == pytest.approx(np.mean([row[f"{kind}_auc"] for row in chosen]))
    expected = RankBasedEvaluator().evaluate(model, testing, additional_filter_triples=[known], use_tqdm=False)
    assert table.loc["all entities", "mrr"] == pytest.approx(expected.get_metric("mrr"))


def test_no_query_has_candidates(dataset, model):
    """A relation that training lacks has no slot."""
    testing = dataset.testing.mapped_triples
    only = Graph.from_triples(torch.tensor([[0, 0, 1]]), 14, 55)
    candidates = draw_candidates(only, testing[testing[:, 1] != 0])
    table = evaluate_plausible(model, candidates, use_tqdm=False).set_index("ranked_among")
    assert len(candidates) == 0
    assert table.loc["plausible candidates", "queries"] == 0
    assert pd.isna(table.loc["plausible candidates", "mrr"])
    assert table.loc["all entities", "queries"] == 2 * len(candidates.triples)


def test_pairs(dataset, graph):
    testing, known = dataset.testing.mapped_triples, everything(dataset)
    candidates = draw_candidates(graph, testing, known, None, 3)
    true, false = map(triples_of, candidates.pairs())
    expected = [
        (triple, corrupt(triple, side, candidates_of(candidates, i)[0]))
        for i, (triple, side) in enumerate(queries(testing))
        if candidates_of(candidates, i)
    ]
    assert list(zip(true, false, strict=True)) == expected
    assert not set(false) & set(triples_of(known))


def test_saved_candidates_are_the_same(dataset, graph, tmp_path: Path):
    testing, known = dataset.testing.mapped_triples, everything(dataset)
    candidates = draw_candidates(graph, testing, known, None, 3)
    candidates.save(tmp_path / "hard.parquet", graph)
    loaded = PlausibleCandidates.load(tmp_path / "hard.parquet", testing, graph)
    for name in ("triples", "offsets", "entities"):
        assert np.array_equal(getattr(loaded, name), getattr(candidates, name))
        assert getattr(loaded, name).dtype == np.int64
    frame = pd.read_parquet(tmp_path / "hard.parquet")
    assert list(frame) == ["head", "relation", "tail", "side", "candidate"]
    assert len(frame) == len(candidates)
    for row in frame.sample(20, random_state=0).to_dict("records"):
        query = triples_of(testing).index((row["head"], row["relation"], row["tail"])) * 2 + (row["side"] == "tail")
        assert row["candidate"] in candidates_of(candidates, query)


def test_saved_candidates_follow_the_order_of_the_triples(dataset, graph, tmp_path: Path):
    testing = dataset.testing.mapped_triples
    candidates = draw_candidates(graph, torch.cat([testing, testing[:3]]), None, None, 3)
    candidates.save(tmp_path / "hard.parquet", graph)
    positions = [*reversed(range(len(testing))), 0, 0]
    loaded = PlausibleCandidates.load(tmp_path / "hard.parquet", testing[positions], graph)
    for i, j in enumerate(positions):
        for side in (0, 1):
            assert candidates_of(loaded, 2 * i + side) == candidates_of(candidates, 2 * j + side)


def test_files_of_something_else(dataset, graph, small_graph, tmp_path: Path):
    testing, path = dataset.testing.mapped_triples, tmp_path / "hard.parquet"
    with pytest.raises(FileNotFoundError, match=r"found no file .* expected a file of plausible candidates"):
        PlausibleCandidates.load(path, testing, graph)
    candidates = draw_candidates(graph, testing, None, None, 3)
    candidates.save(path, graph)
    with pytest.raises(
        ValueError, match=r"found candidates for \d+ triples that are not evaluated, expected none\. Ev"
    ):
        PlausibleCandidates.load(path, testing[:50], graph)
    with pytest.raises(ValueError, match=r"found candidates for the vocabulary .*14.* expected .* Evaluate on the tri"):
        PlausibleCandidates.load(path, testing, small_graph)
    path.write_bytes(b"something")
    with pytest.raises(ValueError, match=r"found no plausible candidates, expected a file that was saved\. Draw"):
        PlausibleCandidates.load(path, testing, graph)
    pd.DataFrame({"head": [0]}).to_parquet(path)
    with pytest.raises(ValueError, match="found no plausible candidates"):
        PlausibleCandidates.load(path, testing, graph)
    dataclasses.replace(candidates, entities=candidates.entities + 14).save(path, graph)
    with pytest.raises(ValueError, match="found sides or ids that there are not"):
        PlausibleCandidates.load(path, testing, graph)


def test_bad_arguments(dataset, graph, small_graph, pools):
    testing = dataset.testing.mapped_triples
    with pytest.raises(ValueError, match="found num_candidates=0, expected at least 1"):
        draw_candidates(graph, testing, num_candidates=0)
    with pytest.raises(PoolsError, match="are for another vocabulary"):
        draw_candidates(small_graph, torch.from_numpy(small_graph.triples), pools=pools)
    with pytest.raises(ValueError, match="found ids from"):
        draw_candidates(graph, testing + 14)


def test_evaluation_of_another_graph(graph, dataset, small_factory):
    candidates = draw_candidates(graph, dataset.testing.mapped_triples)
    with pytest.raises(ValueError, match="found triples with ids"):
        evaluate_plausible(make_model(small_factory), candidates)
