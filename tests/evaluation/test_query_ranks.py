"""Ranks among all and among some entities, against loops over entities and against PyKEEN's evaluator."""

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.evaluation import RankBasedEvaluator

from pykeen_negater.evaluation.query_ranks import check_triples, rank_queries

from .cases import corrupt, everything, make_model, mean_reciprocal, naive_rank, queries, triples_of


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "inverse"])
def dataset(request: pytest.FixtureRequest) -> Nations:
    return Nations(create_inverse_triples=request.param)


def odd_entities(start: int, batch: torch.Tensor, side: int, num_entities: int) -> torch.Tensor:
    """Keep what depends on all that a restriction is told."""
    positions = start + torch.arange(len(batch))[:, None]
    return (positions + side + torch.arange(num_entities)) % 2 == 1


def test_ranks_agree_with_loops(dataset: Nations):
    model, known, testing = make_model(dataset.training), everything(dataset), dataset.testing.mapped_triples
    ranks = rank_queries(model, testing, known, odd_entities, use_tqdm=False)
    true = set(triples_of(known))
    for i, (triple, side) in enumerate(queries(testing)):
        row, column = divmod(i, 2)
        others = [entity for entity in range(14) if corrupt(triple, side, entity) not in true]
        some = [entity for entity in others if (row + side + entity) % 2 == 1]
        assert ranks.full[row, column] == naive_rank(model, triple, side, others)
        assert ranks.full_counts[row, column] == len(others)
        assert ranks.restricted[row, column] == naive_rank(model, triple, side, some)
        assert ranks.restricted_counts[row, column] == len(some)
    assert (ranks.full % 1 == 0.5).any()


def test_overall_ranking_is_that_of_pykeen(dataset: Nations):
    model, known, testing = make_model(dataset.training), everything(dataset), dataset.testing.mapped_triples
    ranks = rank_queries(model, testing, known, odd_entities, use_tqdm=False)
    expected = RankBasedEvaluator().evaluate(model, testing, additional_filter_triples=[known], use_tqdm=False)
    assert mean_reciprocal(ranks.full.ravel()) == pytest.approx(expected.get_metric("mrr"))
    for column, side in enumerate(("head", "tail")):
        assert mean_reciprocal(ranks.full[:, column]) == pytest.approx(expected.get_metric(f"{side}.realistic.mrr"))


def test_scores_that_are_not_finite(dataset: Nations):
    model = make_model(dataset.training)
    model.entity_representations[0]._embeddings.weight.data[3] = torch.nan
    with pytest.raises(ValueError, match="found a score that is NaN or infinite"):
        rank_queries(model, dataset.testing.mapped_triples, everything(dataset), odd_entities, use_tqdm=False)


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        (torch.zeros(0, 3, dtype=torch.long), r"found them of shape \(0, 3\), expected \(n, 3\) with n > 0"),
        (torch.zeros(3, dtype=torch.long), r"found them of shape \(3,\)"),
        (torch.tensor([[0, 0, 14]]), r"from 0 to below \[14, 55, 14\]. Pass triples of the dataset"),
        (torch.tensor([[0, 55, 0]]), "found them with ids"),
        (torch.tensor([[-1, 0, 0]]), "found them with ids"),
    ],
)
def test_triples_of_another_graph(dataset: Nations, triples: torch.Tensor, message: str):
    with pytest.raises(ValueError, match=message):
        check_triples("them", triples, make_model(dataset.training))
