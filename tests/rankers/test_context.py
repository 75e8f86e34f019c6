"""What rankers share: models that are trained once, notes, and texts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.measurements import Measurements
from pykeen_negater.scorers import cached


def test_what_is_computed_once(context: RankingContext):
    count: list[str] = []

    def compute() -> str:
        """Note that it was called."""
        count.append("called")
        return f"result {len(count)}"

    assert [context.once("a", compute), context.once("a", compute), context.once(("a", 1), compute)] == [
        "result 1",
        "result 1",
        "result 2",
    ]
    # nothing is shared with another context
    assert replace(context).once("a", compute) == "result 3"


def test_what_was_measured_is_told_once(context: RankingContext):
    measured = Measurements({"train": 1.0}, {"seen": 2})
    assert context.once_measured("a", lambda: ("result", measured)) == ("result", measured)
    assert context.once_measured("a", lambda: pytest.fail("computed again")) == ("result", Measurements())
    assert context.once("a", lambda: pytest.fail("computed again")) == "result"
    assert context.once_measured(("a", 1), lambda: ("other", measured)) == ("other", measured)


def test_texts_that_are_required(context: RankingContext):
    assert context.required_texts is context.texts
    with pytest.raises(ValueError, match="found a graph without texts, expected some for a ranker that reads them"):
        _ = replace(context, texts=None).required_texts


def test_keys_of_what_is_chosen(candidates: Candidates, context: RankingContext):
    chosen = replace(context, chosen=candidates.unique_triples)
    graph = context.graph
    expected = [(h * graph.num_relations + r) * graph.num_entities + t for h, r, t in chosen.chosen.tolist()]
    assert chosen.chosen_keys.tolist() == expected == sorted(expected)


@pytest.mark.parametrize("name", ["probe", "factorization"])
def test_models_are_trained_once(name: str, context: RankingContext, monkeypatch: pytest.MonkeyPatch):
    assert set(context.prepare_scorers().durations) == {"train the probe", "train the factorization"}
    model = getattr(context, name)
    assert getattr(context, name) is model
    assert not model.training
    same = replace(context)
    others = [replace(context, seed=1)]
    if name == "probe":
        others.append(replace(context, vectors=context.vectors + 1))
    trained = []
    train = cached.train_scorer
    monkeypatch.setattr(cached, "train_scorer", lambda *args: trained.append(args) or train(*args))
    assert same.prepare_scorers() == Measurements()
    again = getattr(same, name)
    assert trained == []
    assert all(map(torch.equal, again.state_dict().values(), model.state_dict().values()))
    # but another seed, or other vectors, make another model
    for other in others:
        weights = getattr(other, name).state_dict()
        assert not all(map(torch.equal, weights.values(), model.state_dict().values()))
    assert len(trained) == len(others)


def test_the_factorisation_does_not_read_vectors(context: RankingContext, monkeypatch: pytest.MonkeyPatch):
    _ = context.factorization
    monkeypatch.setattr(cached, "train_scorer", lambda *_: pytest.fail("trained again"))
    _ = replace(context, vectors=np.zeros_like(context.vectors)).factorization
