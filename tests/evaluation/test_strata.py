"""Strata against loops over queries, and hops against a breadth-first search."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.evaluation import RankBasedEvaluator
from pykeen.triples import CoreTriplesFactory

from pykeen_negater.evaluation.strata import count_degrees, count_hops, describe_queries, evaluate_strata
from pykeen_negater.triples.graphs import Graph

from .cases import Triple, corrupt, everything, make_model, mean_reciprocal, naive_rank, queries, triples_of


def naive_hops(triples: list[Triple], source: int, target: int) -> int:
    """Search in breadth."""
    reached, hops = {source}, 0
    while target not in reached:
        hops += 1
        if hops > 3:
            return 4
        reached |= {t for h, _, t in triples if h in reached} | {h for h, _, t in triples if t in reached}
    return hops


def naive_degree(triples: list[Triple], entity: int) -> int:
    return sum((h == entity) + (t == entity) for h, _, t in triples)


def sparse_triples(seed: int, num_entities: int = 40, count: int = 45) -> torch.Tensor:
    """Draw triples of a graph with a hub, loops, ways of all lengths, and parts that no way leads to."""
    generator = np.random.default_rng(seed)
    heads = np.where(generator.random(count) < 0.2, 0, generator.integers(num_entities, size=count))
    tails = generator.integers(num_entities, size=count)
    tails[:2] = heads[:2]
    return torch.from_numpy(np.stack([heads, generator.integers(3, size=count), tails], axis=1))


@pytest.mark.parametrize("seed", range(3))
def test_hops_agree_with_a_search(seed: int):
    triples = sparse_triples(seed)
    sources, targets = map(np.ravel, np.indices((40, 40)))
    hops = count_hops(Graph.from_triples(triples, 40, 3), sources, targets)
    expected = [naive_hops(triples_of(triples), *pair) for pair in zip(sources.tolist(), targets.tolist(), strict=True)]
    assert hops.tolist() == expected
    assert set(expected) == {0, 1, 2, 3, 4}


def test_degrees_agree_with_loops():
    triples = torch.unique(sparse_triples(0), dim=0)
    degrees = count_degrees(Graph.from_triples(triples, 40, 3))
    assert degrees.tolist() == [naive_degree(triples_of(triples), entity) for entity in range(40)]


@pytest.fixture(scope="module")
def graph_parts() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Make training, test and further known triples."""
    training = torch.unique(sparse_triples(0), dim=0)
    return training, sparse_triples(7, count=60), sparse_triples(8)


@pytest.mark.parametrize("inverse", [False, True])
def test_strata_agree_with_loops(graph_parts, inverse: bool):
    training, testing, known = graph_parts
    model = make_model(CoreTriplesFactory(training, 40, 3, create_inverse_triples=inverse))
    table = evaluate_strata(model, training, testing, known, use_tqdm=False)
    true = {*triples_of(training), *triples_of(testing), *triples_of(known)}
    rows = []
    for triple, side in queries(testing):
        others = [entity for entity in range(40) if corrupt(triple, side, entity) not in true]
        given = triple[2 - side]
        rows.append(
            {
                "side": {0: "head", 2: "tail"}[side],
                "rank": naive_rank(model, triple, side, others),
                "own": naive_rank(model, triple, side, [entity for entity in others if entity != given]),
                "hops": max(1, naive_hops(triples_of(training), triple[0], triple[2])),
                "degree": naive_degree(triples_of(training), triple[side]),
            }
        )
    degrees = sorted(row["degree"] for row in rows)
    # the last degree of the lowest third, and of the next one
    lower, upper = degrees[len(rows) // 3 - 1], degrees[2 * len(rows) // 3 - 1]
    strata: dict[tuple[str, str], Callable[[dict], bool]] = {
        ("all", "all"): lambda row: True,
        ("reach", "1"): lambda row: row["hops"] == 1,
        ("reach", "2"): lambda row: row["hops"] == 2,
        ("reach", "3"): lambda row: row["hops"] == 3,
        ("reach", "within 3"): lambda row: row["hops"] <= 3,
        ("reach", "beyond 3"): lambda row: row["hops"] > 3,
        ("degree", "tail"): lambda row: row["degree"] <= lower,
        ("degree", "middle"): lambda row: lower < row["degree"] <= upper,
        ("degree", "head"): lambda row: row["degree"] > upper,
        ("side", "head"): lambda row: row["side"] == "head",
        ("side", "tail"): lambda row: row["side"] == "tail",
    }
    assert list(zip(table["group"], table["stratum"], strict=True)) == list(strata)
    for (_, found), belongs in zip(table.iterrows(), strata.values(), strict=True):
        chosen = [row for row in rows if belongs(row)]
        assert found["queries"] == len(chosen) > 0
        assert found["mrr"] == pytest.approx(mean_reciprocal(row["rank"] for row in chosen))
        assert found["mrr_without_self"] == pytest.approx(mean_reciprocal(row["own"] for row in chosen))
        assert found["hits_at_1_without_self"] == pytest.approx(np.mean([row["own"] <= 1 for row in chosen]))
        for k in (1, 3, 10):
            assert found[f"hits_at_{k}"] == pytest.approx(np.mean([row["rank"] <= k for row in chosen]))
    assert (table["mrr_without_self"] >= table["mrr"]).all()
    assert table["mrr_without_self"][0] > table["mrr"][0]


def test_all_queries_are_evaluated_as_by_pykeen():
    dataset = Nations()
    model, testing = make_model(dataset.training), dataset.testing.mapped_triples
    # training triples are known without being named
    known = dataset.validation.mapped_triples
    row = evaluate_strata(model, dataset.training.mapped_triples, testing, known, use_tqdm=False).iloc[0]
    expected = RankBasedEvaluator().evaluate(
        model, testing, additional_filter_triples=[everything(dataset)], use_tqdm=False
    )
    for name in ("mrr", "hits_at_1", "hits_at_3", "hits_at_10"):
        assert row[name] == pytest.approx(expected.get_metric(name)), name


def test_the_answer_stays_although_it_is_the_query_itself(graph_parts):
    """A loop is ranked among the same entities with and without the query's own."""
    training, _, _ = graph_parts
    model = make_model(CoreTriplesFactory(training, 40, 3))
    frame = describe_queries(model, training, torch.tensor([[5, 0, 5], [6, 1, 7]]), use_tqdm=False)
    assert frame["side"].tolist() == ["head", "tail", "head", "tail"]
    assert (frame["rank"] == frame["rank_without_self"])[:2].all()
    assert frame["hops"].tolist()[:2] == [0, 0]
    assert frame[["head", "relation", "tail"]].iloc[2].tolist() == [6, 1, 7]


def test_answers_of_one_degree_only(graph_parts):
    """No answer is rarer than another: all are in the lowest third."""
    training = torch.tensor([[0, 0, 1], [2, 0, 3]])
    model = make_model(CoreTriplesFactory(training, 4, 1))
    table = evaluate_strata(model, training, torch.tensor([[1, 0, 2]]), use_tqdm=False)
    counts = table[table["group"] == "degree"].set_index("stratum")
    assert counts["queries"].to_dict() == {"tail": 2, "middle": 0, "head": 0}
    assert pd.isna(counts.loc["head", "mrr"])


def test_triples_of_another_graph(graph_parts):
    training, testing, _ = graph_parts
    model = make_model(CoreTriplesFactory(training, 40, 3))
    with pytest.raises(ValueError, match=r"found triples with ids .* expected the model's heads"):
        evaluate_strata(model, training, testing + 1)
    with pytest.raises(ValueError, match="found training with ids"):
        evaluate_strata(model, training + 1, testing)
    with pytest.raises(ValueError, match=r"found triples of shape \(0, 3\)"):
        evaluate_strata(model, training, testing[:0])
