"""Tests for the ranker that asks a knowledge graph embedding, with PyKEEN's own models."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.models import Model, TransE, model_resolver
from pykeen.pipeline import pipeline
from pykeen.triples import CoreTriplesFactory, TriplesFactory
from safetensors.torch import save_file

from pykeen_negater import mine
from pykeen_negater.candidates.generators import Candidates, SlotCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.guard.hold_out import hide_triples
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.kge import KGERanker
from pykeen_negater.runtime.progress import Step
from pykeen_negater.scorers.kge_models import identify_model, score_triples
from pykeen_negater.storage.cache import Cache
from pykeen_negater.triples.graphs import Graph

#: Trains in a moment
QUICK = {"model": "RotatE", "model_kwargs": {"embedding_dim": 4}, "epochs": 2, "batch_size": 256}


@pytest.fixture(scope="module")
def graph(nations: TriplesFactory) -> Graph:
    """Make the graph of Nations."""
    return Graph.from_factory(nations)


@pytest.fixture(scope="module")
def candidates(graph: Graph) -> Candidates:
    """Propose corruptions."""
    vectors = np.random.default_rng(0).normal(size=(graph.num_entities, 3))
    return SlotCandidateGenerator(k=4).generate(graph, NeighborIndex.build(vectors))


@pytest.fixture
def context(graph: Graph, tmp_path: Path) -> RankingContext:
    """Make a context as the guard needs it, with an empty cache."""
    visible, _ = hide_triples(graph)
    return RankingContext(visible, None, Cache(tmp_path / "cache"), np.zeros((graph.num_entities, 1)))


@pytest.fixture(scope="module")
def saved(nations: TriplesFactory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the result of PyKEEN's pipeline."""
    folder = tmp_path_factory.mktemp("pipeline")
    result = pipeline(
        training=nations,
        testing=nations,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        training_kwargs={"num_epochs": 1, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=0,
    )
    result.save_to_directory(folder)
    return folder


def make_model(factory: CoreTriplesFactory, name: str = "RotatE", **kwargs: object) -> Model:
    return model_resolver.make(name, {"embedding_dim": 4, **kwargs}, triples_factory=factory, random_seed=0)


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


def weights_in_cache(context: RankingContext) -> list[bytes]:
    return [path.read_bytes() for path in sorted(context.cache.root.glob("models/*/*"))]


@pytest.mark.parametrize("name", ["RotatE", "PairRE", "ComplEx"])
@pytest.mark.parametrize("inverse", [False, True])
def test_scores_are_the_models(
    nations: TriplesFactory, candidates: Candidates, context: RankingContext, name: str, inverse: bool
):
    factory = CoreTriplesFactory(
        nations.mapped_triples, nations.num_entities, nations.num_relations, create_inverse_triples=inverse
    )
    model = make_model(factory, name)
    few = candidates.select(np.arange(len(candidates)) % 20 == 0)
    ranking = KGERanker(model=model).rank(few, context)
    np.testing.assert_allclose(ranking.scores, one_by_one(model, few), rtol=1e-4, atol=1e-5)
    assert np.std(ranking.scores) > 0
    assert ranking.scores.dtype == np.float32
    assert ranking.accepted.all()


def test_model_is_left_as_it_was(nations: TriplesFactory, candidates: Candidates, context: RankingContext):
    model = make_model(nations, "ConvE", embedding_dim=16).train()
    model.interaction.hr2d.eval()
    modes = [module.training for module in model.modules()]
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ranker = KGERanker(model=model)
    ranker.identify()
    first, second = (ranker.rank(candidates, context).scores for _ in range(2))
    # neither dropout nor batch statistics were at work
    np.testing.assert_array_equal(first, second)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_trained_on_what_is_visible(candidates: Candidates, context: RankingContext, monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr(
        "pykeen_negater.rankers.kge_sources.train_model", lambda model, graph, *args: seen.append(graph.fingerprint)
    )
    KGERanker(**QUICK).rank(candidates, context)
    assert seen == [context.graph.fingerprint]
    assert context.graph.fingerprint != candidates.graph.fingerprint


def test_training_is_reproducible_and_cached(
    graph: Graph, candidates: Candidates, context: RankingContext, tmp_path: Path
):
    first = KGERanker(**QUICK).rank(candidates, context).scores
    assert "train RotatE" in context.measured.durations
    torch.manual_seed(17)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    contents = weights_in_cache(context)
    assert len(contents) == 1
    other = RankingContext(context.graph, None, Cache(tmp_path / "other"), context.vectors)
    np.testing.assert_array_equal(KGERanker(**QUICK).rank(candidates, other).scores, first)
    assert weights_in_cache(other) == contents
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    # whatever it is trained with makes another model
    for kwargs in ({"epochs": 1}, {"num_negs_per_pos": 2}, {"learning_rate": 0.1}, {"create_inverse_triples": True}):
        KGERanker(**{**QUICK, **kwargs}).rank(candidates, other)
    seeded = RankingContext(context.graph, None, other.cache, context.vectors, seed=1)
    KGERanker(**QUICK).rank(candidates, seeded)
    assert len(set(weights_in_cache(other))) == 6
    again = RankingContext(context.graph, None, other.cache, context.vectors)
    np.testing.assert_array_equal(KGERanker(**QUICK).rank(candidates, again).scores, first)
    assert "train RotatE" not in again.measured.durations


def test_training_tells_triples_from_corruptions(graph: Graph, candidates: Candidates, context: RankingContext):
    ranker = KGERanker(model="TransE", model_kwargs={"embedding_dim": 16}, epochs=10, learning_rate=0.1)
    model = ranker.source.get(graph, context)
    true, false = (score_triples(model, triples).mean() for triples in (graph.triples, candidates.unique_triples))
    assert true > false


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights(
    nations: TriplesFactory,
    candidates: Candidates,
    context: RankingContext,
    tmp_path: Path,
    suffix: str,
    inverse: bool,
):
    factory = CoreTriplesFactory(
        nations.mapped_triples, nations.num_entities, nations.num_relations, create_inverse_triples=inverse
    )
    model, path = make_model(factory), tmp_path / f"weights{suffix}"
    if suffix == ".pt":
        torch.save(model.state_dict(), path)
    else:
        save_file(model.state_dict(), path)
    ranker = KGERanker(
        model="rotate", model_kwargs={"embedding_dim": 4}, create_inverse_triples=inverse, state_dict=str(path)
    )
    np.testing.assert_array_equal(
        ranker.rank(candidates, context).scores, KGERanker(model=model).rank(candidates, context).scores
    )
    if not inverse:
        with pytest.raises(ValueError, match=r"1 of the tensors.*found \(55, 8\), expected \(110, 8\)"):
            KGERanker(
                model="rotate", model_kwargs={"embedding_dim": 4}, create_inverse_triples=True, state_dict=path
            ).rank(candidates, context)


def test_weights_that_do_not_fit(nations: TriplesFactory, graph: Graph, tmp_path: Path):
    path = tmp_path / "weights.pt"
    torch.save(make_model(nations).state_dict(), path)
    for kwargs, message in (
        ({"embedding_dim": 8}, r"found \(14, 8\), expected \(14, 16\)"),
        ({}, r"found \(14, 8\), expected \(14, 400\)"),
    ):
        with pytest.raises(ValueError, match=message):
            KGERanker(model="RotatE", model_kwargs=kwargs, state_dict=path).estimate(graph, None, 1)
    with pytest.raises(ValueError, match=r"relation_representations.1._embeddings.weight: found none, expected"):
        KGERanker(model="PairRE", model_kwargs={"embedding_dim": 8}, state_dict=path).estimate(graph, None, 1)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"nonsense"), "found no state dict, expected tensors by name"),
        (lambda path: path.write_bytes(b""), "found no state dict, expected tensors by name"),
        (lambda path: torch.save({"epoch": 1}, path), "expected nothing but tensors by name"),
        (lambda path: torch.save([torch.ones(1)], path), "expected nothing but tensors by name"),
        (lambda path: torch.save(torch.nn.Linear(1, 1), path), "found no state dict, expected tensors by name"),
    ],
)
def test_no_weights(graph: Graph, tmp_path: Path, write: Callable[[Path], None], message: str):
    for name in ("a.pt", "a.safetensors"):
        write(tmp_path / name)
        with pytest.raises(ValueError, match=message if name == "a.pt" else "found no state dict"):
            KGERanker(model="RotatE", state_dict=tmp_path / name).estimate(graph, None, 1)


def test_pipeline_result(saved: Path, candidates: Candidates, context: RankingContext):
    model = torch.load(saved / "trained_model.pkl", weights_only=False)
    ranking = KGERanker(folder=str(saved), allow_pickle=True).rank(candidates, context)
    np.testing.assert_array_equal(ranking.scores, KGERanker(model=model).rank(candidates, context).scores)


def test_pickles_are_not_trusted(saved: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.load", lambda *args, **kwargs: pytest.fail("unpickled"))
    with pytest.raises(ValueError, match=r"unpickling runs any code.*allow_pickle=True"):
        KGERanker(folder=saved)
    # pools that are cached need no unpickling either
    KGERanker(folder=saved, allow_pickle=True).identify()


def test_ids_with_another_meaning(saved: Path, nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.load", lambda *args, **kwargs: pytest.fail("unpickled"))
    ranker = KGERanker(folder=saved, allow_pickle=True)
    turned = {label: (i + 1) % nations.num_entities for label, i in nations.entity_to_id.items()}
    swapped = {**nations.relation_to_id, "accusation": 1, "aidenemy": 0}
    for entities, relations, message in (
        (turned, nations.relation_to_id, "14 ids that stand for another entity.*0 for 'brazil', expected 'ussr'"),
        (nations.entity_to_id, swapped, "2 ids.*another relation.*0 for 'accusation', expected 'aidenemy'"),
    ):
        graph = Graph.from_factory(TriplesFactory(nations.mapped_triples, entities, relations))
        with pytest.raises(ValueError, match=message):
            ranker.estimate(graph, None, 1)


def test_pipeline_result_without_labels(saved: Path, graph: Graph, tmp_path: Path):
    tmp_path.joinpath("trained_model.pkl").write_bytes(saved.joinpath("trained_model.pkl").read_bytes())
    assert min(KGERanker(folder=tmp_path, allow_pickle=True).estimate(graph, None, 1).values()) >= 0
    unlabelled = Graph(graph.triples, graph.num_entities, graph.num_relations)
    assert min(KGERanker(folder=saved, allow_pickle=True).estimate(unlabelled, None, 1).values()) >= 0
    torch.save(torch.nn.Linear(1, 1), tmp_path / "trained_model.pkl")
    with pytest.raises(ValueError, match="found a Linear, expected a PyKEEN model"):
        KGERanker(folder=tmp_path, allow_pickle=True).estimate(graph, None, 1)


def test_model_of_another_graph(nations: TriplesFactory, small_graph: Graph):
    with pytest.raises(ValueError, match="found a model of 14 entities and 55 relations, expected one of the graph's"):
        KGERanker(model=make_model(nations)).estimate(small_graph, None, 1)


def test_scores_that_are_not_finite(nations: TriplesFactory, candidates: Candidates, context: RankingContext):
    model = make_model(nations)
    with torch.no_grad():
        model.entity_representations[0]._embeddings.weight[0] = torch.nan
    with pytest.raises(ValueError, match=r"RotatE gave .* scores that are not finite"):
        KGERanker(model=model).rank(candidates, context)


def test_training_that_gets_out_of_hand(candidates: Candidates, context: RankingContext):
    kwargs = {**QUICK, "learning_rate": 1e30}
    with pytest.raises(ValueError, match="Choose a lower learning_rate"):
        KGERanker(**kwargs).rank(candidates, context)
    assert not weights_in_cache(context)


def test_identity_tells_models_apart(nations: TriplesFactory, saved: Path, tmp_path: Path):
    first, second = make_model(nations), make_model(nations)
    assert identify_model(first) == identify_model(second)
    torch.save(first.state_dict(), tmp_path / "a.pt")
    with torch.no_grad():
        second.entity_representations[0]._embeddings.weight[3, 3] += 1e-6
    torch.save(second.state_dict(), tmp_path / "b.pt")
    # the norm is no weight
    norms = [TransE(triples_factory=nations, embedding_dim=4, scoring_fct_norm=p, random_seed=0) for p in (1, 2)]
    named = {"model": "RotatE", "model_kwargs": {"embedding_dim": 4}}
    rankers = [
        *(KGERanker(model=model) for model in (first, second, *norms)),
        *(KGERanker(**named, state_dict=tmp_path / name) for name in ("a.pt", "b.pt")),
        KGERanker(folder=saved, allow_pickle=True),
        KGERanker(),
        KGERanker(**named),
        KGERanker(**named, create_inverse_triples=True),
        KGERanker(**named, epochs=1),
    ]
    identities = [json.dumps(ranker.identify(), sort_keys=True, allow_nan=False) for ranker in rankers]
    assert len(set(identities)) == len(rankers)
    assert KGERanker(model="rotate").identify() == KGERanker(model="RotatE", model_kwargs={}).identify()


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


def test_trained_model_is_given_alone(nations: TriplesFactory, graph: Graph):
    model = make_model(nations)
    for kwargs in ({"epochs": 3}, {"model_kwargs": {}}, {"folder": "a"}, {"create_inverse_triples": True}):
        with pytest.raises(ValueError, match=r"found a trained model and .* as well"):
            KGERanker(model=model, **kwargs)
    with pytest.raises(ValueError, match="found model_kwargs with color, expected what TransE takes"):
        KGERanker(model="TransE", model_kwargs={"color": 1}).estimate(graph, None, 1)


@pytest.mark.parametrize("inverse", [False, True])
def test_estimate_leaves_no_trace(graph: Graph, inverse: bool):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    seconds = [
        KGERanker(**{**QUICK, "epochs": epochs, "create_inverse_triples": inverse}).estimate(graph, None, 1_000)
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
    # the risks come from the guard's own witnesses, whatever the ranker has seen
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
