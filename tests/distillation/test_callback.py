"""The callback, in real training loops, and against a plain definition."""

from contextvars import Context
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import Model, TransE
from pykeen.pipeline import pipeline
from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop
from pykeen.training.callbacks import callback_resolver
from pykeen.triples import TriplesFactory
from torch import Tensor

from pykeen_negater import NegatERTrainingCallback
from pykeen_negater.distillation import judge as judge_module
from pykeen_negater.distillation.judge import Judge
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

pytestmark = pytest.mark.usefixtures("cache_of_scorers")

STRUCTURE = {"encoder": "structural"}


@pytest.fixture(scope="module")
def inverse() -> TriplesFactory:
    """Load the training triples of Nations, and their inverse ones."""
    return Nations(create_inverse_triples=True).training


def make_loop(factory: TriplesFactory, **kwargs: Any) -> SLCWATrainingLoop:
    """Make a small model and its loop."""
    model = TransE(triples_factory=factory, embedding_dim=8, random_seed=0)
    kwargs = {"automatic_memory_optimization": False, **kwargs}
    return SLCWATrainingLoop(model=model, triples_factory=factory, **kwargs)


def slow_divergence(model: Model, judge: Judge, positives: Tensor, count: int, likely: int, drawn: int) -> float:
    """Compute the divergence candidate by candidate, with triples as the model knows them."""
    has_inverse = model.use_inverse_triples
    real = []
    for h, r, t in positives.tolist():
        if has_inverse:
            h, t = (t, h) if r % 2 else (h, t)
            r //= 2
        real.append((h, r, t))
    total = 0.0
    for side in (HEAD, TAIL):
        chosen = torch.randint(len(real), (count,)).tolist()
        scores = [judge.score(torch.tensor([real[i][2 - side]]), torch.tensor([real[i][1]]), side)[0] for i in chosen]
        random = torch.randint(len(scores[0]), (count, drawn)).tolist()
        for i, known, others in zip(chosen, scores, random, strict=True):
            candidates = [*known.topk(likely).indices.tolist(), *others]
            taught = np.exp([known[c].item() for c in candidates])
            taught /= taught.sum()
            learned = []
            for candidate in candidates:
                triple = list(real[i])
                triple[side] = candidate
                if has_inverse:
                    triple[1] = 2 * triple[1] + (side == HEAD)
                    if side == HEAD:
                        triple[0], triple[2] = triple[2], triple[0]
                learned.append(model.score_hrt(torch.tensor([triple])).item())
            learned = np.array(learned) - np.log(np.exp(learned).sum())
            total += float((taught * (np.log(taught) - learned)).sum())
    return total / 2 / len(real)


@pytest.mark.parametrize("with_inverse", [False, True])
def test_what_is_added_to_the_gradient(nations: TriplesFactory, inverse: TriplesFactory, with_inverse: bool):
    factory = inverse if with_inverse else nations
    loop = make_loop(factory)
    model = loop.model
    callback = NegatERTrainingCallback(
        triples_factory=factory, weight=3.0, num_queries=5, num_likely=4, num_random=3, **STRUCTURE
    )
    callback.register_training_loop(loop)
    judge = callback.prepare(model.device)
    positives = factory.mapped_triples[:40]
    if with_inverse:
        positives = positives.clone()
        positives[:, RELATION] *= 2
        flipped = positives.flip(dims=(1,))
        flipped[:, RELATION] += 1
        positives = torch.cat([positives, flipped])
    before = positives.clone()
    callback.pre_batch()
    torch.manual_seed(7)
    callback.on_batch(epoch=0, batch={"positives": positives}, batch_loss=0.0)
    assert torch.equal(positives, before)
    gradients = [parameter.grad.clone() for parameter in model.get_grad_params()]
    assert all(gradient.any() for gradient in gradients)
    torch.manual_seed(7)
    expected = slow_divergence(model, judge, positives, 5, 4, 3)
    assert torch.stack(callback._divergences).mean().item() == pytest.approx(expected, rel=1e-3)
    # a second part of the same batch adds nothing, the next batch does
    callback.on_batch(epoch=0, batch={"positives": positives}, batch_loss=0.0)
    assert all(map(torch.equal, gradients, (parameter.grad for parameter in model.get_grad_params())))
    callback.pre_batch()
    callback.on_batch(epoch=0, batch={"positives": positives}, batch_loss=0.0)
    assert not all(map(torch.equal, gradients, (parameter.grad for parameter in model.get_grad_params())))


def test_a_model_learns_what_the_judge_knows(nations: TriplesFactory):
    """With hardly any loss of its own, it comes to agree with the judge."""
    agreement = []
    for weight in (1e-9, 100.0):
        loop = make_loop(nations, negative_sampler="basic", optimizer="Adam", optimizer_kwargs={"lr": 0.05})
        callback = NegatERTrainingCallback(triples_factory=nations, weight=weight, num_queries=64, **STRUCTURE)
        loop.train(nations, num_epochs=20, batch_size=256, callbacks=callback, use_tqdm=False)
        judge = callback.judge
        assert judge is not None
        heads, relations = nations.mapped_triples[::20, HEAD], nations.mapped_triples[::20, RELATION]
        with torch.no_grad():
            learned = loop.model.score_t(torch.stack([heads, relations], dim=1)).softmax(dim=1)
        taught = judge.score(heads, relations, TAIL).softmax(dim=1)
        agreement.append((taught * (taught.log() - learned.log())).sum(dim=1).mean().item())
    assert agreement[1] < 0.9 * agreement[0]


@pytest.mark.parametrize("with_inverse", [False, True])
def test_it_works_by_name_in_the_pipeline(with_inverse: bool):
    """The triples are those that the loop trains on, and the settings are the sampler's."""
    result = pipeline(
        dataset="nations",
        dataset_kwargs={"create_inverse_triples": with_inverse},
        model="PairRE",
        negative_sampler="negater",
        negative_sampler_kwargs={"mine": "never", **STRUCTURE},
        training_kwargs={"num_epochs": 2, "callbacks": "negater", "use_tqdm": False},
        random_seed=0,
        result_tracker="python",
    )
    assert np.isfinite(result.losses).all()
    assert callback_resolver.lookup("negater") is NegatERTrainingCallback


def test_the_settings_of_the_sampler_are_taken(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    found = []
    find = judge_module.find_judge
    monkeypatch.setattr(judge_module, "find_judge", lambda *args: found.append(args) or find(*args))
    sampler = {"mine": "never", "seed": 3, "loop_fraction": 0.0, **STRUCTURE}
    for own, seed in (({}, 3), ({"seed": 4}, 4)):
        loop = make_loop(nations, negative_sampler="negater", negative_sampler_kwargs=sampler)
        callback = NegatERTrainingCallback(**own)
        loop.train(nations, num_epochs=1, batch_size=256, callbacks=callback, use_tqdm=False)
        vectors, _, used, _ = found.pop()
        assert used == seed
        assert vectors.settings.encoder == "structural"


def test_training_is_repeatable_whether_the_judge_is_cached(nations: TriplesFactory):
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        loop = make_loop(nations, negative_sampler="basic")
        losses.append(
            loop.train(
                nations, num_epochs=2, batch_size=256, callbacks=NegatERTrainingCallback(**STRUCTURE), use_tqdm=False
            )
        )
    assert losses[0] == losses[1]


def test_the_divergence_is_tracked(nations: TriplesFactory):
    loop = make_loop(nations, result_tracker="python")
    callback = NegatERTrainingCallback(**STRUCTURE)
    loop.train(nations, num_epochs=2, batch_size=256, callbacks=callback, use_tqdm=False)
    tracked = [metrics["divergence"] for metrics in loop.result_tracker.metrics.values()]
    assert len(tracked) == 2
    assert tracked[0] > tracked[1] > 0


def test_loops_that_score_all_entities_are_refused(nations: TriplesFactory):
    model = TransE(triples_factory=nations, embedding_dim=8, random_seed=0)
    loop = LCWATrainingLoop(model=model, triples_factory=nations, automatic_memory_optimization=False)
    with pytest.raises(ValueError, match="expected PyKEEN's sLCWA loop"):
        loop.train(
            nations, num_epochs=1, batch_size=256, callbacks=NegatERTrainingCallback(**STRUCTURE), use_tqdm=False
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight": 0.0}, "found weight=0.0, expected a positive number"),
        ({"weight": float("nan")}, "found weight=nan, expected a positive number"),
        ({"num_queries": 0}, "found num_queries=0, expected at least 1"),
        ({"num_likely": 0}, "found num_likely=0, expected at least 1"),
        ({"num_random": -1}, "found num_random=-1, expected at least 0"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        NegatERTrainingCallback(**wrong)


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="found the parameter\\(s\\) 'entity_texts'"):
        NegatERTrainingCallback(entity_texts="texts.tsv")


def test_triples_that_are_not_known_are_asked_for():
    with pytest.raises(ValueError, match="Pass triples_factory"):
        # in a context in which nothing was trained
        Context().run(NegatERTrainingCallback().prepare, torch.device("cpu"))
