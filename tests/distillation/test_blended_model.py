"""The blend of a model and a judge, against plain sums, and as PyKEEN uses models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Dataset, Nations
from pykeen.evaluation import RankBasedEvaluator
from pykeen.models import Model, PairRE, TransE
from pykeen.predict import predict_target
from pykeen.training import SLCWATrainingLoop

from pykeen_negater import blend
from pykeen_negater.distillation.blended_model import BlendedModel
from pykeen_negater.distillation.judge import Judge, judge_of
from pykeen_negater.evaluation.strata import evaluate_strata
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

pytestmark = pytest.mark.usefixtures("cache_of_scorers")

STRUCTURE = {"encoder": "structural"}

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=[False, True], ids=["real", "inverse"])
def data(request: pytest.FixtureRequest) -> Dataset:
    return Nations(create_inverse_triples=request.param)


@pytest.fixture
def model(data: Dataset) -> Model:
    """Make an untrained model."""
    return TransE(triples_factory=data.training, embedding_dim=8, random_seed=0).eval()


@pytest.fixture
def judge(data: Dataset) -> Judge:
    return judge_of(data.training, STRUCTURE, CPU)


def evaluate(model: Model, data: Dataset) -> float:
    """Compute the test MRR."""
    known = [data.training.mapped_triples, data.validation.mapped_triples]
    if data.training.create_inverse_triples:
        known[0] = Nations().training.mapped_triples
    return (
        RankBasedEvaluator()
        .evaluate(model, data.testing.mapped_triples, additional_filter_triples=known, use_tqdm=False)
        .get_metric("mrr")
    )


def test_scores_are_weighted_sums(data: Dataset, model: Model, judge: Judge):
    blended = BlendedModel(model, judge, 0.7, 0.2)
    triples = data.testing.mapped_triples[::20]
    tails, heads = blended.predict_t(triples[:, :2].clone()), blended.predict_h(triples[:, 1:].clone())
    expected_tails = 0.7 * model.predict_t(triples[:, :2].clone())
    expected_heads = 0.7 * model.predict_h(triples[:, 1:].clone())
    expected_tails = expected_tails + 0.2 * judge.score(triples[:, HEAD], triples[:, RELATION], TAIL)
    expected_heads = expected_heads + 0.2 * judge.score(triples[:, TAIL], triples[:, RELATION], HEAD)
    torch.testing.assert_close(tails, expected_tails)
    torch.testing.assert_close(heads, expected_heads)
    chosen = torch.tensor([5, 2])
    torch.testing.assert_close(blended.score_t(triples[:, :2].clone(), tails=chosen), tails[:, chosen])
    own = torch.stack([triples[:, HEAD], triples[:, TAIL]], dim=1)
    torch.testing.assert_close(blended.score_h(triples[:, 1:].clone(), heads=own), heads.gather(1, own))
    judged = [judge.score(triples[:, 2 - side], triples[:, RELATION], side) for side in (HEAD, TAIL)]
    answers = [scores.gather(1, triples[:, side, None]) for scores, side in zip(judged, (HEAD, TAIL), strict=True)]
    expected = 0.7 * model.predict_hrt(triples.clone()) + 0.2 * (answers[0] + answers[1]) / 2
    torch.testing.assert_close(blended.predict_hrt(triples.clone()), expected)


def test_each_alone_ranks_as_in_the_blend(data: Dataset, model: Model, judge: Judge):
    assert evaluate(BlendedModel(model, judge, 2.0, 0.0), data) == pytest.approx(evaluate(model, data))
    alone, other = (BlendedModel(it, judge, 0.0, 1.0) for it in (model, TransE(triples_factory=data.training)))
    assert evaluate(alone, data) == pytest.approx(evaluate(other, data))


def test_a_blend_ranks_better_than_an_untrained_model(data: Dataset, model: Model):
    blended = blend(model, data.training, data.validation, **STRUCTURE)
    assert blended.judge_weight > 0
    assert evaluate(blended, data) > evaluate(model, data) + 0.1


def test_batches_do_not_change_the_weights(data: Dataset, model: Model, monkeypatch: pytest.MonkeyPatch):
    whole = blend(model, data.training, data.validation, **STRUCTURE)
    monkeypatch.setattr("pykeen_negater.distillation.blended_model.MAX_SCORES", 3 * data.num_entities)
    sizes: list[int] = []
    score_t = model.score_t

    def noted(hr_batch: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        """Note the size of the batch."""
        sizes.append(len(hr_batch))
        return score_t(hr_batch=hr_batch, **kwargs)

    monkeypatch.setattr(model, "score_t", noted)
    parts = blend(model, data.training, data.validation, **STRUCTURE)
    assert max(sizes) == 3
    assert parts.judge_weight == pytest.approx(whole.judge_weight, rel=1e-3)
    assert parts.model_weight == pytest.approx(whole.model_weight, rel=1e-3, abs=1e-4)


def test_a_model_that_knows_is_trusted(data: Dataset):
    """One that was trained on all triples ranks better than the judge."""
    splits = [split.mapped_triples for split in (Nations().training, data.validation, data.testing)]
    everything = data.training.clone_and_exchange_triples(torch.cat(splits))
    model = PairRE(triples_factory=data.training, embedding_dim=64, random_seed=0)
    loop = SLCWATrainingLoop(
        model=model,
        triples_factory=everything,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.02),
        automatic_memory_optimization=False,
    )
    loop.train(everything, num_epochs=60, batch_size=256, use_tqdm=False)
    blended = blend(model, data.training, data.validation, **STRUCTURE)
    assert blended.model_weight > 0.1
    assert evaluate(blended, data) > evaluate(BlendedModel(model, blended.judge, 0.0, 1.0), data) + 0.1


def test_pykeen_and_we_can_use_it(data: Dataset, model: Model, judge: Judge, tmp_path: Path):
    blended = BlendedModel(model, judge, 1.0, 1.0)
    predicted = predict_target(model=blended, head="brazil", relation="intergovorgs", triples_factory=data.training)
    assert len(predicted.df) == data.num_entities
    assert np.isfinite(predicted.df["score"]).all()
    training = Nations().training.mapped_triples
    strata = evaluate_strata(blended, training, data.testing.mapped_triples, data.validation.mapped_triples, False)
    assert strata.set_index("stratum").at["all", "mrr"] == pytest.approx(evaluate(blended, data))


def test_it_cannot_be_trained_and_ranks_no_relations(data: Dataset, model: Model, judge: Judge):
    blended = BlendedModel(model, judge, 1.0, 1.0)
    with pytest.raises(NotImplementedError, match="that is to be trained"):
        blended.reset_parameters_()
    with pytest.raises(NotImplementedError, match="expected one for heads or tails"):
        blended.predict_r(data.testing.mapped_triples[:, [HEAD, TAIL]])


def test_wrong_use_is_an_error(data: Dataset, model: Model):
    with pytest.raises(ValueError, match="found no validation triples"):
        blend(model, data.training, data.validation.clone_and_exchange_triples(torch.zeros(0, 3).long()), **STRUCTURE)
    with pytest.raises(ValueError, match=r"found the parameter .*encodr.* did you mean .*encoder|encoder"):
        blend(model, data.training, data.validation, encodr="structural")
