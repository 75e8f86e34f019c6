"""Tests for lexical relation classification."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import classification_report, f1_score
from sklearn.neural_network import MLPClassifier

from pykeen_negater.relations.tasks.lexical_relations import (
    LabelledPairs,
    LexicalRelations,
    classifier_grid,
    evaluate_lexical_relations,
    read_lexical_relations,
)

from ...pair_encoders import KnownVectors

GRID = [
    {"learning_rate_init": 1e-5, "hidden_layer_sizes": 4},
    {"learning_rate_init": 1e-2, "hidden_layer_sizes": 8},
    {"learning_rate_init": 1e-2, "hidden_layer_sizes": 6},
]


def make(validation: bool = True) -> tuple[KnownVectors, LexicalRelations]:
    """Make three relations whose vectors overlap."""
    rng = np.random.default_rng(0)
    vectors, parts = {}, []
    for part, size in (("train", 120), ("test", 60), ("validation", 40)):
        labels = tuple(str(label) for label in rng.choice(["attri", "coord", "hyper"], size=size, p=[0.2, 0.3, 0.5]))
        pairs = tuple((f"{part}{row}", f"x{row}") for row in range(size))
        for (head, tail), label in zip(pairs, labels, strict=True):
            vectors[head, tail] = rng.normal(size=3) + 1.5 * np.eye(3)[["attri", "coord", "hyper"].index(label)]
            vectors[tail, head] = rng.normal(size=3)
        parts.append(LabelledPairs(pairs, labels))
    return KnownVectors(vectors), LexicalRelations(*(parts if validation else parts[:2]))


def naive_features(encoder: KnownVectors, part: LabelledPairs) -> np.ndarray:
    """Put the vectors of a pair and of the same pair swapped side by side, pair by pair."""
    rows = [[*encoder.vectors[head, tail], *encoder.vectors[tail, head]] for head, tail in part.pairs]
    return np.array(rows, dtype=np.float32).astype(np.float64)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_like_scikit_learn(n_jobs: int):
    encoder, data = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = evaluate_lexical_relations(encoder, data, grid=GRID, seed=3, n_jobs=n_jobs)
    train, test, validation = (naive_features(encoder, part) for part in (data.train, data.test, data.validation))
    best, best_score = None, -1.0
    for parameters in GRID:
        classifier = MLPClassifier(random_state=3, **parameters).fit(train, data.train.labels)
        score = f1_score(data.validation.labels, classifier.predict(validation), average="micro")
        if score > best_score:
            best, best_score, chosen = classifier, score, parameters
    assert chosen != GRID[0]
    predicted = best.predict(test)
    expected = classification_report(data.test.labels, predicted, output_dict=True, zero_division=0)
    assert report["classifier"] == {**chosen, "iterations": best.n_iter_}
    assert report["validation_micro_f1"] == pytest.approx(best_score)
    assert report["accuracy"] == report["micro_f1"] == report["micro_recall"] == pytest.approx(expected["accuracy"])
    assert 0.5 < report["accuracy"] < 1
    for name, key in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert report[f"macro_{name}"] == pytest.approx(expected["macro avg"][key])
        for label in ("attri", "coord", "hyper"):
            assert report["by_label"][label][name] == pytest.approx(expected[label][key])
    assert report["by_label"]["attri"]["support"] == data.test.labels.count("attri")
    assert json.loads(json.dumps(report)) == report
    assert len(encoder.asked) == len(set(encoder.asked)) == 2 * (120 + 60 + 40)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_classifiers_compute_in_double_precision(monkeypatch: pytest.MonkeyPatch):
    fit, dtypes = MLPClassifier.fit, []

    def fit_and_note(classifier: MLPClassifier, features: np.ndarray, labels: Sequence[str]) -> MLPClassifier:
        """Train a classifier, and note the precision of its inputs and weights."""
        fitted = fit(classifier, features, labels)
        dtypes.extend([features.dtype, *(weights.dtype for weights in fitted.coefs_)])
        return fitted

    monkeypatch.setattr(MLPClassifier, "fit", fit_and_note)
    encoder, data = make()
    assert encoder.get_embedding(data.train.pairs).dtype == np.float32
    evaluate_lexical_relations(encoder, data, grid=GRID[:2])
    assert len(dtypes) == 6
    assert set(dtypes) == {np.dtype(np.float64)}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_without_validation_pairs_the_default_is_tested():
    encoder, data = make(validation=False)
    report = evaluate_lexical_relations(encoder, data, grid=GRID)
    classifier = MLPClassifier(random_state=0).fit(naive_features(encoder, data.train), data.train.labels)
    predicted = classifier.predict(naive_features(encoder, data.test))
    assert report["accuracy"] == pytest.approx(np.mean(predicted == np.array(data.test.labels)))
    assert report["classifier"] == {"iterations": classifier.n_iter_}
    assert "validation_micro_f1" not in report


def test_default_grid():
    grid = classifier_grid()
    assert len(grid) == 9
    assert grid[1] == {"learning_rate_init": 1e-3, "hidden_layer_sizes": 150}
    assert classifier_grid([0.1], [5, 6])[1] == {"learning_rate_init": 0.1, "hidden_layer_sizes": 6}


def test_empty_grid():
    with pytest.raises(ValueError, match="found an empty grid"):
        evaluate_lexical_relations(*make(), grid=[])


def write(folder: Path, **contents: str) -> Path:
    """Write the files of a data set."""
    for name, content in contents.items():
        folder.joinpath(f"{name}.tsv").write_text(content, encoding="utf-8")
    return folder


def test_read(tmp_path: Path):
    write(tmp_path, train="a\tb\tx\nnan\tnone\ty\n", test="a\tc\ty\n")
    train = LabelledPairs((("a", "b"), ("nan", "none")), ("x", "y"))
    assert read_lexical_relations(tmp_path) == LexicalRelations(train, LabelledPairs((("a", "c"),), ("y",)))
    write(tmp_path, val="d\te\tx\n")
    assert read_lexical_relations(tmp_path).validation == LabelledPairs((("d", "e"),), ("x",))


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"test": "a\tb\tz\n"}, r"found the test label\(s\) \['z'\], expected those to train with: \['x', 'y'\]"),
        ({"val": "a\tb\tz\n"}, r"found the validation label\(s\) \['z'\]"),
        ({"train": "a\tb\tx\n"}, r"found the label\(s\) \['x'\] to train with, expected at least two"),
        ({"train": "a\tb\tx\na\tb\n"}, r"train.tsv, line 2: found 2 tab-separated column\(s\), expected 3"),
        ({"test": "a\tb\tx\ty\n"}, r"test.tsv, line 1: found 4 tab-separated column\(s\), expected 3"),
        ({"test": "a\tb\tx\n\t\ty\n"}, "test.tsv, line 2: found an empty column"),
        ({"test": ""}, "test.tsv is empty, expected two words and a label per line"),
    ],
)
def test_bad_data(tmp_path: Path, contents: dict[str, str], message: str):
    write(tmp_path, **{"train": "a\tb\tx\nc\td\ty\n", "test": "a\tb\tx\n", **contents})
    with pytest.raises(ValueError, match=message):
        read_lexical_relations(tmp_path)


@pytest.mark.parametrize("missing", ["train", "test"])
def test_missing_file(tmp_path: Path, missing: str):
    contents = {"train": "a\tb\tx\nc\td\ty\n", "test": "a\tb\tx\n"}
    write(tmp_path, **{name: content for name, content in contents.items() if name != missing})
    with pytest.raises(FileNotFoundError, match=f"found no file .*{missing}.tsv"):
        read_lexical_relations(tmp_path)


@pytest.mark.parametrize(("name", "sizes"), [("ROOT09", (8_933, 638, 3_191)), ("BLESS", (18_582, 1_327, 6_637))])
def test_published_data(data_folder: Path, name: str, sizes: tuple[int, int, int]):
    data = read_lexical_relations(data_folder / "relational" / "lexical_relation" / name)
    assert (len(data.train.pairs), len(data.validation.pairs), len(data.test.pairs)) == sizes
