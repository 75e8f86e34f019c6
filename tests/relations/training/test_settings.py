"""Settings of training a relation encoder."""

import json

import pytest

from pykeen_negater.relations.training.settings import RelationTrainingSettings


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"loss": "mse"}, "found loss='mse', expected one of nce, iloob, triplet"),
        ({"num_positive": 0}, "found num_positive=0, expected at least 1"),
        ({"loss": "triplet", "num_positive": 1}, "found num_positive=1, expected at least 2"),
        ({"relations_per_step": 0}, "found relations_per_step=0"),
        ({"temperature": 0.0}, r"found temperature=0\.0"),
        ({"warmup": -1}, "found warmup=-1"),
        ({"validation_share": 1.0}, r"found validation_share=1\.0"),
    ],
)
def test_bad_settings(kwargs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        RelationTrainingSettings(**kwargs)


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        (RelationTrainingSettings(), {"temperature": 0.05, "num_negative": 400, "num_positive": 10}),
        (
            RelationTrainingSettings(loss="iloob", temperature=1.0),
            {"temperature": 1.0, "num_negative": 400, "num_positive": 10},
        ),
        (RelationTrainingSettings(loss="triplet", margin=0.5, num_positive=4), {"mse_margin": 0.5, "num_positive": 4}),
    ],
)
def test_described_as_relbert_does(settings: RelationTrainingSettings, config: dict):
    description = settings.describe()
    assert json.loads(json.dumps(description)) == description
    assert description["loss_function"] == settings.loss
    assert description["loss_function_config"] == config
    assert (description["epoch"], description["batch"], description["lr"]) == (10, 32, 5e-6)


def test_relations_to_exclude():
    settings = RelationTrainingSettings(exclude_relation=["x", "y"])
    assert settings.exclude_relation == ("x", "y")
    assert settings == RelationTrainingSettings(exclude_relation=("x", "y"))
    assert settings.describe()["exclude_relation"] == ["x", "y"]
    assert RelationTrainingSettings().describe()["exclude_relation"] is None
