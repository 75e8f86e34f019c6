"""Models of PyKEEN as scorers of triples: built, trained, loaded, asked and told apart."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.models import Model, TransE
from pykeen.triples import TriplesFactory
from safetensors.torch import save_file

from pykeen_negater.scorers.kge_models import (
    BATCH_SIZE,
    KGETraining,
    build_model,
    check_labels,
    check_size,
    estimate_scoring,
    estimate_training,
    find_model_class,
    identify_model,
    load_pickled_model,
    load_state,
    score_triples,
    train_model,
)
from pykeen_negater.triples.graphs import Graph

from ..cases import random_graph

QUICK = KGETraining(epochs=2, num_negs_per_pos=2, batch_size=256)


@pytest.fixture(scope="module")
def graph(nations: TriplesFactory) -> Graph:
    """Make the graph of Nations."""
    return Graph.from_factory(nations)


def make_model(graph: Graph, name: str = "RotatE", inverse: bool = False, seed: int = 0) -> Model:
    return build_model(name, {"embedding_dim": 4}, graph, inverse, seed)


def state_of(model: Model) -> torch.Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in model.state_dict().values()])


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("name", ["TransE", "DistMult"])
def test_scores_are_the_models(graph: Graph, name: str, inverse: bool):
    model = make_model(graph, name, inverse).eval()
    triples = graph.triples[::100]
    # relation r and its inverse have the ids 2 r and 2 r + 1
    asked = triples * [1, 1 + inverse, 1]
    with torch.no_grad():
        expected = [model.score_hrt(torch.from_numpy(triple)[None]).item() for triple in asked]
    scores = score_triples(model, triples)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_batches_make_no_difference(graph: Graph, monkeypatch: pytest.MonkeyPatch):
    model = make_model(graph)
    expected = score_triples(model, graph.triples)
    assert len(graph) < BATCH_SIZE
    monkeypatch.setattr("pykeen_negater.scorers.kge_models.BATCH_SIZE", 100)
    np.testing.assert_allclose(score_triples(model, graph.triples), expected, rtol=1e-5)
    assert score_triples(model, graph.triples[:0]).shape == (0,)


@pytest.mark.parametrize("training", [False, True])
def test_scored_in_evaluation_mode_and_left_in_its_own(graph: Graph, monkeypatch: pytest.MonkeyPatch, training: bool):
    model, seen = make_model(graph).train(training), []
    score_hrt = model.score_hrt
    monkeypatch.setattr(
        model, "score_hrt", lambda batch, **_: seen.append((len(batch), model.training)) or score_hrt(batch)
    )
    score_triples(model, graph.triples[:5], batch_size=2)
    assert seen == [(2, False), (2, False), (1, False)]
    assert {module.training for module in model.modules()} == {training}


def test_model_is_built_for_the_graph(graph: Graph):
    model = build_model("RotatE", {"embedding_dim": 4}, graph, create_inverse_triples=True)
    assert (model.num_entities, model.num_real_relations, model.num_relations) == (14, 55, 110)


def test_weights_are_a_matter_of_the_seed_and_random_states_stay(graph: Graph):
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (state_of(make_model(graph, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_training_is_reproducible_and_random_states_stay(graph: Graph):
    few, states = Graph(graph.triples[:300], graph.num_entities, graph.num_relations), []
    for noise, seed in ((1, 3), (2, 3), (1, 4)):
        model = make_model(graph)
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        train_model(model, few, QUICK, seed)
        assert torch.equal(torch.get_rng_state(), before)
        states.append(state_of(model))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_training_prefers_triples_to_others(graph: Graph):
    model = build_model("TransE", {"embedding_dim": 16}, graph)
    drawn = np.random.default_rng(0).integers([14, 55, 14], size=(1_000, 3))
    others = drawn[~graph.index.contains(torch.from_numpy(drawn)).numpy()]
    train_model(model, graph, KGETraining(epochs=5, num_negs_per_pos=4, learning_rate=0.1), 0)
    assert score_triples(model, graph.triples).mean() > score_triples(model, others).mean()


def test_estimates(graph: Graph):
    model = make_model(graph, inverse=True)
    seconds = [
        estimate_training(model, graph, KGETraining(epochs, num_negs_per_pos=2, batch_size=256))
        for epochs in (1, 1_000)
    ]
    assert 0 < seconds[0] < seconds[1] < np.inf
    assert 0 < estimate_scoring(model, graph, 10) < estimate_scoring(model, graph, 10_000_000)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"epochs": 0}, "found epochs=0, expected at least 1"),
        ({"num_negs_per_pos": 0}, "found num_negs_per_pos=0"),
        ({"batch_size": -1}, "found batch_size=-1"),
        ({"learning_rate": 0.0}, r"found learning_rate=0\.0, expected a positive number"),
        ({"learning_rate": float("nan")}, "found learning_rate=nan"),
    ],
)
def test_bad_training(kwargs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        KGETraining(**kwargs)


def test_what_is_no_model(graph: Graph):
    assert find_model_class("transe") is TransE
    with pytest.raises(ValueError, match="found model='magic', expected one of"):
        find_model_class("magic")
    with pytest.raises(ValueError, match="found model_kwargs with color, expected what TransE takes"):
        build_model("TransE", {"color": 1}, graph)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_are_loaded(graph: Graph, tmp_path: Path, suffix: str):
    saved, model = make_model(graph, seed=0), make_model(graph, seed=1)
    path = tmp_path / f"weights{suffix}"
    save_file(saved.state_dict(), path) if suffix == ".safetensors" else torch.save(saved.state_dict(), path)
    load_state(model, path)
    assert torch.equal(state_of(model), state_of(saved))
    larger = build_model("RotatE", {"embedding_dim": 6}, graph)
    before = state_of(larger)
    with pytest.raises(ValueError, match=r"2 of the tensors do not fit RotatE .*found \(14, 8\), expected \(14, 12\)"):
        load_state(larger, path)
    assert torch.equal(state_of(larger), before)


def test_what_holds_no_weights(graph: Graph, tmp_path: Path):
    model = make_model(graph)
    for name in ("a.pt", "a.safetensors"):
        tmp_path.joinpath(name).write_bytes(b"nonsense")
        with pytest.raises(ValueError, match=f"{name}: found no state dict, expected tensors by name"):
            load_state(model, tmp_path / name)
    torch.save({"epoch": 1}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt: found no state dict, expected nothing but tensors by name"):
        load_state(model, tmp_path / "a.pt")


def test_pickled_models(graph: Graph, tmp_path: Path):
    model = make_model(graph)
    torch.save(model, tmp_path / "trained_model.pkl")
    assert torch.equal(state_of(load_pickled_model(tmp_path)), state_of(model))
    torch.save([1], tmp_path / "trained_model.pkl")
    with pytest.raises(ValueError, match="found a list, expected a PyKEEN model"):
        load_pickled_model(tmp_path)


def test_labels_of_a_result(tmp_path: Path):
    graph = Graph.from_triples(np.array([[0, 0, 1]]), 3, 1, ("none", "b", "7"), ("r",))
    tmp_path.joinpath("training_triples").mkdir()

    def write(**labels: int) -> None:
        table = pd.DataFrame({"id": list(labels.values()), "label": list(labels)})
        table.to_csv(tmp_path / "training_triples" / "entity_to_id.tsv.gz", sep="\t", index=False)

    # without a file, nothing is known
    check_labels(tmp_path, graph)
    write(**{"none": 0, "b": 1, "7": 2})
    check_labels(tmp_path, graph)
    write(**{"none": 0, "b": 2, "7": 1})
    with pytest.raises(ValueError, match=r"found 2 ids that stand for another entity .* 1 for '7', expected 'b'"):
        check_labels(tmp_path, graph)
    write(none=0, b=1)
    with pytest.raises(ValueError, match=r"found 1 ids .* 2 for None, expected '7'"):
        check_labels(tmp_path, graph)
    check_labels(tmp_path, random_graph(0, 3, 1))


def test_size_of_a_model(graph: Graph):
    check_size(make_model(graph, inverse=True), graph)
    for other in (random_graph(0, 14, 54), random_graph(0, 15, 55)):
        with pytest.raises(ValueError, match="found a model of 14 entities and 55 relations, expected one of the gr"):
            check_size(make_model(graph), other)


def test_models_are_told_apart_by_what_they_do(graph: Graph):
    models = [
        make_model(graph),
        make_model(graph, seed=1),
        make_model(graph, "DistMult"),
        # the norm is no weight
        *(build_model("TransE", {"embedding_dim": 4, "scoring_fct_norm": norm}, graph) for norm in (1, 2)),
    ]
    identities = [json.dumps(identify_model(model), allow_nan=False, sort_keys=True) for model in models]
    assert len(set(identities)) == len(models)
    assert identify_model(make_model(graph)) == identify_model(models[0])
    with torch.no_grad():
        models[0].entity_representations[0]._embeddings.weight[3, 3] += 1e-6
    assert json.dumps(identify_model(models[0]), sort_keys=True) != identities[0]
