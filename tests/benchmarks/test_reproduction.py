"""NegatER's experiments, in small."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from ..conftest import SMALL

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from reproduction import KINDS, Scale, classify, count_negatives

SCALE = Scale(num_training_triples=8, max_candidates=14, num_exact=10, epochs=1)

#: One with which a model of random weights finds some candidates below its thresholds
SEED = 2

#: Statements with a phrase that the training triples lack, and a known relation
LABELLED = {
    "valid": [("cow", "IsA", "animal"), ("cat", "AtLocation", "house"), ("dog", "Desires", "bone")],
    "valid_negatives": [("cow", "IsA", "plant"), ("cat", "AtLocation", "stable"), ("dog", "Desires", "hay")],
    "test": [("cow", "Desires", "hay"), ("horse", "IsA", "animal")],
    "test_negatives": [("cow", "Desires", "bone"), ("horse", "IsA", "plant")],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the small triples in the files of NegatER's datasets."""
    folder = tmp_path_factory.mktemp("data")
    for name, triples in {"train": SMALL, **LABELLED}.items():
        lines = "".join("\t".join(triple) + "\n" for triple in triples)
        folder.joinpath(f"{name}.txt").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep models for all kinds."""
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_tested(kind: str, data: Path, models: Path, tiny_bert: str):
    metrics = classify(data, kind, SEED, SCALE, models, tiny_bert)
    assert metrics["num_triples"] == 4
    assert metrics["majority_accuracy"] == 0.5
    assert metrics["accuracy"] in {0, 0.25, 0.5, 0.75, 1}
    predictions = pd.read_csv(models / f"seed-{SEED}" / kind / "predictions.tsv", sep="\t")
    assert (predictions["y_true"] == predictions["y_pred"]).mean() == metrics["accuracy"]
    path = models / f"seed-{SEED}" / f"{kind}.tsv"
    assert path.exists() == (kind not in {"uniform", "slots"})
    if path.exists():
        negatives = pd.read_csv(path, sep="\t")
        assert 0 < len(negatives) <= SCALE.epochs * 8
        assert negatives["score"].is_monotonic_decreasing
        assert not set(negatives[["head", "relation", "tail"]].itertuples(index=False, name=None)) & set(SMALL)


def test_what_was_fine_tuned_is_not_fine_tuned_again(data: Path, models: Path, tiny_bert: str):
    first = classify(data, "uniform", SEED, SCALE, models, tiny_bert)
    model = models / f"seed-{SEED}" / "uniform" / "model.safetensors"
    before = model.stat().st_mtime_ns
    assert classify(data, "uniform", SEED, SCALE, models, tiny_bert) == first
    assert model.stat().st_mtime_ns == before


def test_unknown_kind(data: Path, models: Path):
    with pytest.raises(ValueError, match="found the kind 'comet', expected one of uniform, slots, similarity"):
        classify(data, "comet", SEED, SCALE, models)


def test_negatives_are_counted_by_relation(data: Path, models: Path, tiny_bert: str):
    table = count_negatives(data, SCALE, models, language_model=tiny_bert)
    assert table.columns.tolist() == ["relation", "triples", "candidates", "scored", "negatives"]
    assert dict(zip(table["relation"], table["triples"], strict=True)) == {"AtLocation": 4, "Desires": 3, "IsA": 4}
    assert (table["negatives"] <= table["scored"]).all()
    assert (table["scored"] <= table["candidates"]).all()
    assert table["scored"].sum() == SCALE.max_candidates < table["candidates"].sum()
