"""Settings of fine-tuning."""

import json
from pathlib import Path

import pytest

from pykeen_negater.fine_tuning.settings import FineTuningSettings


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"corruptions": {}}, "at least one corruption"),
        ({"corruptions": {"head": 0}}, "at least one corruption"),
        ({"corruptions": {"x": 1}}, "corruption_scheme"),
        ({"corruptions": {"head": 2, "tail": -1}}, "at least one corruption"),
        ({"warmup": 1.5}, r"found warmup=1\.5, expected a share"),
        ({"negatives": "magic"}, "found negatives='magic', expected one of antonyms, negation, precomputed, pykeen"),
        ({"negatives_kwargs": {"k": 2}}, "found negatives_kwargs with k for RandomNegativeSource, expected in_slot"),
        ({"epochs": 0}, "found epochs=0, expected at least 1"),
        ({"max_training_triples": 0}, "found max_training_triples=0"),
        ({"validation_share": 1.0}, "found validation_share=1.0"),
    ],
)
def test_bad_settings(kwargs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        FineTuningSettings(**kwargs)


def test_equal_corruptions_are_equal_settings():
    settings = FineTuningSettings(corruptions={"t": 1, "relation": 0, "head": 2})
    assert list(settings.corruptions.items()) == [("head", 2), ("tail", 1)]
    assert settings == FineTuningSettings(corruptions={"head": 2, "tail": 1})


def test_identity_holds_the_content_of_files(tmp_path: Path):
    path = tmp_path / "negatives.tsv"
    identities = []
    for content in ("a\tb\tc\n", "a\tb\td\n", "a\tb\tc\n"):
        path.write_text(content)
        settings = FineTuningSettings(negatives="precomputed", negatives_kwargs={"path": str(path)})
        identities.append(json.dumps(settings.identify()))
    assert identities[0] == identities[2] != identities[1]
    assert "negatives.tsv" not in identities[0]
    # a name and a default that are written differently are the same
    spelled_out = FineTuningSettings(negatives="RandomNegativeSource", negatives_kwargs={"in_slot_share": 0.5})
    assert spelled_out.identify() == FineTuningSettings().identify()


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_wrong_norms(value: float):
    with pytest.raises(ValueError, match=r"found max_grad_norm=.*, expected a positive number, or None"):
        FineTuningSettings(max_grad_norm=value)


@pytest.mark.parametrize("num_triples", [3, 50])
def test_examples_are_counted_over_all_epochs(num_triples: int):
    settings = FineTuningSettings(epochs=3, corruptions={"head": 2, "relation": 1}, max_training_triples=10)
    assert settings.num_examples(num_triples) == sum(1 + 2 + 1 for _ in range(min(num_triples, 10)) for _ in range(3))
    assert FineTuningSettings(max_training_triples=None).num_examples(5_000) == 5_000 * 3 * 2
