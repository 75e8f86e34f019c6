"""Where a ranker's model comes from: trained, given, saved, or pickled."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.models import TransE
from pykeen.triples import CoreTriplesFactory, TriplesFactory
from safetensors.torch import save_file

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.kge import KGERanker
from pykeen_negater.scorers.kge_models import identify_model, score_triples
from pykeen_negater.storage.cache import Cache
from pykeen_negater.triples.graphs import Graph

from .cases import QUICK, make_model, weights_in_cache


def test_trained_on_what_is_visible(
    nations_candidates: Candidates, nations_context: RankingContext, monkeypatch: pytest.MonkeyPatch
):
    seen = []
    monkeypatch.setattr(
        "pykeen_negater.rankers.kge_sources.train_model", lambda model, graph, *args: seen.append(graph.fingerprint)
    )
    KGERanker(**QUICK).score(nations_candidates, nations_context)
    assert seen == [nations_context.graph.fingerprint]
    assert nations_context.graph.fingerprint != nations_candidates.graph.fingerprint


def test_training_is_reproducible_and_cached(
    nations_graph: Graph, nations_candidates: Candidates, nations_context: RankingContext, tmp_path: Path
):
    scores = KGERanker(**QUICK).score(nations_candidates, nations_context)
    first = scores.values
    assert set(scores.measured.durations) == {"train RotatE", "score"}
    torch.manual_seed(17)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    contents = weights_in_cache(nations_context)
    assert len(contents) == 1
    other = RankingContext(nations_context.graph, None, Cache(tmp_path / "other"), nations_context.vectors)
    np.testing.assert_array_equal(KGERanker(**QUICK).score(nations_candidates, other).values, first)
    assert weights_in_cache(other) == contents
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    # whatever it is trained with makes another model
    for kwargs in ({"epochs": 1}, {"num_negs_per_pos": 2}, {"learning_rate": 0.1}, {"create_inverse_triples": True}):
        KGERanker(**{**QUICK, **kwargs}).score(nations_candidates, other)
    seeded = RankingContext(nations_context.graph, None, other.cache, nations_context.vectors, seed=1)
    KGERanker(**QUICK).score(nations_candidates, seeded)
    assert len(set(weights_in_cache(other))) == 6
    again = RankingContext(nations_context.graph, None, other.cache, nations_context.vectors)
    scores = KGERanker(**QUICK).score(nations_candidates, again)
    np.testing.assert_array_equal(scores.values, first)
    assert set(scores.measured.durations) == {"score"}


def test_training_tells_triples_from_corruptions(
    nations_graph: Graph, nations_candidates: Candidates, nations_context: RankingContext
):
    ranker = KGERanker(model="TransE", model_kwargs={"embedding_dim": 16}, epochs=10, learning_rate=0.1)
    model, _ = ranker.source.get(nations_graph, nations_context)
    true, false = (
        score_triples(model, triples).mean() for triples in (nations_graph.triples, nations_candidates.unique_triples)
    )
    assert true > false


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights(
    nations: TriplesFactory,
    nations_candidates: Candidates,
    nations_context: RankingContext,
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
        ranker.score(nations_candidates, nations_context).values,
        KGERanker(model=model).score(nations_candidates, nations_context).values,
    )
    if not inverse:
        with pytest.raises(ValueError, match=r"1 of the tensors.*found \(55, 8\), expected \(110, 8\)"):
            KGERanker(
                model="rotate", model_kwargs={"embedding_dim": 4}, create_inverse_triples=True, state_dict=path
            ).score(nations_candidates, nations_context)


def test_weights_that_do_not_fit(nations: TriplesFactory, nations_graph: Graph, tmp_path: Path):
    path = tmp_path / "weights.pt"
    torch.save(make_model(nations).state_dict(), path)
    for kwargs, message in (
        ({"embedding_dim": 8}, r"found \(14, 8\), expected \(14, 16\)"),
        ({}, r"found \(14, 8\), expected \(14, 400\)"),
    ):
        with pytest.raises(ValueError, match=message):
            KGERanker(model="RotatE", model_kwargs=kwargs, state_dict=path).estimate(nations_graph, None, 1)
    with pytest.raises(ValueError, match=r"relation_representations.1._embeddings.weight: found none, expected"):
        KGERanker(model="PairRE", model_kwargs={"embedding_dim": 8}, state_dict=path).estimate(nations_graph, None, 1)


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
def test_no_weights(nations_graph: Graph, tmp_path: Path, write: Callable[[Path], None], message: str):
    for name in ("a.pt", "a.safetensors"):
        write(tmp_path / name)
        with pytest.raises(ValueError, match=message if name == "a.pt" else "found no state dict"):
            KGERanker(model="RotatE", state_dict=tmp_path / name).estimate(nations_graph, None, 1)


def test_pipeline_result(saved: Path, nations_candidates: Candidates, nations_context: RankingContext):
    model = torch.load(saved / "trained_model.pkl", weights_only=False)
    scores = KGERanker(folder=str(saved), allow_pickle=True).score(nations_candidates, nations_context)
    np.testing.assert_array_equal(
        scores.values, KGERanker(model=model).score(nations_candidates, nations_context).values
    )


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


def test_pipeline_result_without_labels(saved: Path, nations_graph: Graph, tmp_path: Path):
    tmp_path.joinpath("trained_model.pkl").write_bytes(saved.joinpath("trained_model.pkl").read_bytes())
    assert min(KGERanker(folder=tmp_path, allow_pickle=True).estimate(nations_graph, None, 1).values()) >= 0
    unlabelled = Graph(nations_graph.triples, nations_graph.num_entities, nations_graph.num_relations)
    assert min(KGERanker(folder=saved, allow_pickle=True).estimate(unlabelled, None, 1).values()) >= 0
    torch.save(torch.nn.Linear(1, 1), tmp_path / "trained_model.pkl")
    with pytest.raises(ValueError, match="found a Linear, expected a PyKEEN model"):
        KGERanker(folder=tmp_path, allow_pickle=True).estimate(nations_graph, None, 1)


def test_model_of_another_graph(nations: TriplesFactory, small_graph: Graph):
    with pytest.raises(ValueError, match="found a model of 14 entities and 55 relations, expected one of the graph's"):
        KGERanker(model=make_model(nations)).estimate(small_graph, None, 1)


def test_training_that_gets_out_of_hand(nations_candidates: Candidates, nations_context: RankingContext):
    kwargs = {**QUICK, "learning_rate": 1e30}
    with pytest.raises(ValueError, match="Choose a lower learning_rate"):
        KGERanker(**kwargs).score(nations_candidates, nations_context)
    assert not weights_in_cache(nations_context)


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
