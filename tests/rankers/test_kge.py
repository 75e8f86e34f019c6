"""Tests for the ranker that asks a knowledge graph embedding, with PyKEEN's own models."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.models import Model
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater import mine
from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.rankers.base import Ranker
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.kge import KGERanker
from pykeen_negater.runtime.progress import Step
from pykeen_negater.triples.graphs import Graph

from .cases import QUICK, RankerCase, make_model


def one_by_one(model: Model, candidates: Candidates) -> list[float]:
    """Score candidates in the plainest way."""
    model.eval()
    scores = []
    for i in range(len(candidates)):
        triple = candidates.graph.triples[candidates.positives[i]].copy()
        triple[candidates.sides[i]] = candidates.replacements[i]
        if model.use_inverse_triples:
            triple[1] *= 2
        scores.append(model.score_hrt(torch.from_numpy(triple)[None]).item())
    return scores


@pytest.mark.parametrize("name", ["RotatE", "PairRE", "ComplEx"])
@pytest.mark.parametrize("inverse", [False, True])
def test_scores_are_the_models(
    nations: TriplesFactory, nations_candidates: Candidates, nations_context: RankingContext, name: str, inverse: bool
):
    factory = CoreTriplesFactory(
        nations.mapped_triples, nations.num_entities, nations.num_relations, create_inverse_triples=inverse
    )
    model = make_model(factory, name)
    few = nations_candidates.select(np.arange(len(nations_candidates)) % 20 == 0)
    scores = KGERanker(model=model).score(few, nations_context)
    np.testing.assert_allclose(scores.values, one_by_one(model, few), rtol=1e-4, atol=1e-5)
    assert np.std(scores.values) > 0
    assert scores.values.dtype == np.float32
    assert scores.accepted.all()


def test_model_is_left_as_it_was(
    nations: TriplesFactory, nations_candidates: Candidates, nations_context: RankingContext
):
    model = make_model(nations, "ConvE", embedding_dim=16).train()
    model.interaction.hr2d.eval()
    modes = [module.training for module in model.modules()]
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ranker = KGERanker(model=model)
    ranker.identify()
    first, second = (ranker.score(nations_candidates, nations_context).values for _ in range(2))
    # neither dropout nor batch statistics were at work
    np.testing.assert_array_equal(first, second)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_scores_that_are_not_finite(
    nations: TriplesFactory, nations_candidates: Candidates, nations_context: RankingContext
):
    model = make_model(nations)
    with torch.no_grad():
        model.entity_representations[0]._embeddings.weight[0] = torch.nan
    with pytest.raises(ValueError, match=r"RotatE gave .* scores that are not finite"):
        KGERanker(model=model).score(nations_candidates, nations_context)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"model": "magic"}, ValueError, "found model='magic', expected one of autosf"),
        ({"model": 5}, ValueError, "found a int as model, expected a PyKEEN model, or its name"),
        ({"epochs": 0}, ValueError, "found epochs=0, expected at least 1"),
        ({"num_negs_per_pos": 0}, ValueError, "found num_negs_per_pos=0"),
        ({"batch_size": 0}, ValueError, "found batch_size=0"),
        ({"learning_rate": -1.0}, ValueError, "found learning_rate=-1.0, expected a positive number"),
        ({"model_kwargs": {"a": {1}}}, ValueError, "found model_kwargs that JSON cannot hold"),
        ({"model": "TransE", "state_dict": "nowhere.pt"}, FileNotFoundError, "found no file nowhere.pt"),
        ({"state_dict": "nowhere.pt"}, ValueError, "found a state_dict without its model"),
        ({"folder": "nowhere", "allow_pickle": True}, FileNotFoundError, "found no trained_model.pkl in nowhere"),
        ({"folder": "a", "state_dict": "b"}, ValueError, "found a folder and state_dict as well"),
        ({"folder": "a", "model": "TransE", "epochs": 3}, ValueError, "found a folder and model, how to train one"),
        ({"model": "TransE", "state_dict": "a", "epochs": 3}, ValueError, "a state_dict and how to train one"),
    ],
)
def test_bad_parameters(kwargs: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        KGERanker(**kwargs)


def test_trained_model_is_given_alone(nations: TriplesFactory, nations_graph: Graph):
    model = make_model(nations)
    for kwargs in ({"epochs": 3}, {"model_kwargs": {}}, {"folder": "a"}, {"create_inverse_triples": True}):
        with pytest.raises(ValueError, match=r"found a trained model and .* as well"):
            KGERanker(model=model, **kwargs)
    with pytest.raises(ValueError, match="found model_kwargs with color, expected what TransE takes"):
        KGERanker(model="TransE", model_kwargs={"color": 1}).estimate(nations_graph, None, 1)


@pytest.mark.parametrize("inverse", [False, True])
def test_estimate_leaves_no_trace(nations_graph: Graph, inverse: bool):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    seconds = [
        KGERanker(**{**QUICK, "epochs": epochs, "create_inverse_triples": inverse}).estimate(nations_graph, None, 1_000)
        for epochs in (1, 1_000)
    ]
    assert all(set(steps) == {Step.TRAIN_MODEL, Step.MINE} for steps in seconds)
    assert 0 < seconds[0][Step.TRAIN_MODEL] < seconds[1][Step.TRAIN_MODEL]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.usefixtures("empty_cache")
def test_mining_with_a_model_trained_on_the_spot(monkeypatch: pytest.MonkeyPatch):
    settings = {"dataset": "nations", "encoder": "structural", "ranker": "kge", "ranker_kwargs": QUICK}
    first = mine(**settings)
    assert first.max_risk is not None
    assert len(first)
    assert "train RotatE" in first.durations
    assert first.metadata["settings"]["ranker"][0] == "kge"
    monkeypatch.setattr(MiningRun, "build", lambda *args: pytest.fail("mined again"))
    assert mine(**settings).path == first.path


@pytest.mark.usefixtures("empty_cache")
def test_mining_with_a_given_model(nations: TriplesFactory, saved: Path, monkeypatch: pytest.MonkeyPatch):
    model = torch.load(saved / "trained_model.pkl", weights_only=False)
    # what has a history of gradients cannot be copied
    model.noted = model.score_hrt(nations.mapped_triples[:1])
    settings = {"triples_factory": nations, "encoder": "structural", "ranker": "kge"}
    first = mine(**settings, ranker_kwargs={"model": model})
    other = mine(**settings, ranker_kwargs={"folder": str(saved), "allow_pickle": True})
    # the risks come from the guard's own scorers, whatever the ranker has seen
    assert first.path != other.path
    assert torch.equal(first.replacements, other.replacements)
    assert first.metadata["max_risk"] == other.metadata["max_risk"]
    monkeypatch.setattr(MiningRun, "build", lambda *args: pytest.fail("mined again"))
    assert mine(**settings, ranker_kwargs={"model": model}).path == first.path


def test_plan_refuses_a_model_of_another_graph(nations: TriplesFactory, small_graph: Graph):
    settings = MiningSettings(encoder="structural", ranker="kge", ranker_kwargs={"model": make_model(nations)})
    with pytest.raises(ValueError, match="found a model of 14 entities"):
        Miner(small_graph, settings).plan()


def test_sampler_asks_for_settings_that_can_be_stored(nations: TriplesFactory):
    from pykeen_negater import NegatERNegativeSampler

    with pytest.raises(ValueError, match=r"found mining settings that JSON cannot hold.*pass the result as pools="):
        NegatERNegativeSampler(
            mapped_triples=nations.mapped_triples, ranker="kge", ranker_kwargs={"model": make_model(nations)}
        )


class TestKGERanker(RankerCase):
    """A PyKEEN model says how plausible a triple is, see test_kge_ranker."""

    cls = KGERanker

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker that trains in a moment."""
        return KGERanker(model="TransE", epochs=1)
