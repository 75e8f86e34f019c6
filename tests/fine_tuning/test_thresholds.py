"""Thresholds against a quadratic search, and against what NegatER publishes."""

import itertools
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pykeen_negater.fine_tuning.thresholds import Thresholds, best_threshold, describe_levels, published_threshold

#: The scores and relations of the true validation triples, and the majority, where there are none
NO_POSITIVES = (np.zeros(0), np.zeros(0, dtype=int), np.zeros(0, dtype=bool))


def _quadratic(scores: list[float], labels: list[bool]) -> tuple[float, float]:
    distinct = sorted(set(scores))
    options = [-math.inf, *((a + b) / 2 for a, b in itertools.pairwise(distinct)), math.inf]
    accuracies = [
        sum((score >= option) == label for score, label in zip(scores, labels, strict=True)) / len(scores)
        for option in options
    ]
    best = max(accuracies)
    return options[accuracies.index(best)], best


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [1, 2, 5, 1000])
def test_agrees_with_a_quadratic_search(levels, dtype):
    generator = np.random.default_rng(levels)
    for _ in range(60):
        size = generator.integers(1, 25)
        scores = (generator.integers(-levels, levels, size=size) / 7).astype(dtype)
        labels = generator.random(size) < generator.random()
        found = best_threshold(scores, labels)
        assert found == pytest.approx(_quadratic(scores.astype(np.float64).tolist(), labels.tolist()))


@pytest.mark.parametrize(("labels", "expected"), [([True, True], (-math.inf, 1.0)), ([False, False], (math.inf, 1.0))])
def test_one_class_only(labels, expected):
    assert best_threshold(np.array([0.3, 0.6]), np.array(labels)) == expected


def test_lowest_of_several_best():
    assert best_threshold(np.array([1.0, 2.0]), np.array([True, False])) == (-math.inf, 0.5)
    assert best_threshold(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 1, 0, 1])) == (1.5, 0.75)


def _published(scores: list[float], labels: list[bool]) -> tuple[float, float]:
    """Try every score as a threshold, in their order, and take another one only if it is better."""
    best, best_accuracy = math.nan, -1.0
    for option in scores:
        right = [(score >= option) == label for score, label in zip(scores, labels, strict=True)]
        accuracy = right.count(True) / len(right)
        if accuracy > best_accuracy:
            best, best_accuracy = option, accuracy
    return best, best_accuracy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [1, 2, 5, 1000])
def test_published_rule_agrees_with_a_quadratic_search(levels, dtype):
    generator = np.random.default_rng(levels)
    for _ in range(60):
        size = generator.integers(1, 25)
        scores = (generator.integers(-levels, levels, size=size) / 7).astype(dtype)
        labels = generator.random(size) < generator.random()
        assert published_threshold(scores, labels) == _published(scores.astype(np.float64).tolist(), labels.tolist())


@pytest.mark.parametrize(("labels", "expected"), [([True, True], (0.3, 1.0)), ([False, False], (0.6, 0.5))])
def test_one_class_only_by_the_published_rule(labels, expected):
    assert published_threshold(np.array([0.6, 0.3]), np.array(labels)) == expected


def test_first_of_several_best():
    labels = np.array([True, True, False, False])
    assert published_threshold(np.array([2.0, 4.0, 1.0, 3.0]), labels) == (2.0, 0.75)
    assert published_threshold(np.array([4.0, 2.0, 1.0, 3.0]), labels) == (4.0, 0.75)
    # nearly all are true: the lowest true one of several that are as good is first here, and still above −∞
    assert published_threshold(np.array([1.0, 2.0, 0.0]), np.array([True, True, False])) == (1.0, 1.0)
    assert published_threshold(np.array([1.0, 2.0, 1.5]), np.array([True, True, False])) == (1.0, 2 / 3)


@pytest.mark.parametrize("choose", [best_threshold, published_threshold])
def test_inputs_are_left_alone(choose):
    scores, labels = np.array([3.0, 1.0, 2.0]), np.array([True, False, True])
    choose(scores, labels)
    assert scores.tolist() == [3.0, 1.0, 2.0]
    assert labels.tolist() == [True, False, True]


@pytest.mark.parametrize("low", [1.0, 1.0 + 2**-52, -1.0, 0.0])
@pytest.mark.parametrize("choose", [best_threshold, published_threshold])
def test_threshold_reaches_its_accuracy_between_neighbouring_floats(low, choose):
    scores, labels = np.array([low, np.nextafter(low, np.inf)]), np.array([False, True])
    threshold, accuracy = choose(scores, labels)
    assert accuracy == np.mean((scores >= threshold) == labels) == 1.0


def _random_data(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    relations = generator.integers(4, size=80)
    scores = generator.integers(0, 12, size=80) / 3
    return scores, generator.random(80) < scores / 4, relations


@pytest.mark.parametrize("seed", range(3))
def test_each_relation_has_its_own_best(seed):
    scores, labels, relations = _random_data(seed)
    # relation 4 has true triples only, relation 5 false ones only, relation 6 none
    scores, relations = np.append(scores, [0.1, 0.2, 3.0]), np.append(relations, [4, 4, 5])
    labels = np.append(labels, [True, True, False])
    thresholds = Thresholds.fit(scores, labels, relations, 7)
    overall, _ = _published(scores.tolist(), labels.tolist())
    assert thresholds.overall == overall
    assert thresholds.by_relation[4:].tolist() == [0.1, 3.0, overall]
    for relation in range(6):
        mask = relations == relation
        expected, _ = _published(scores[mask].tolist(), labels[mask].tolist())
        assert thresholds.by_relation[relation] == expected


@pytest.mark.parametrize("seed", range(3))
def test_halfway_each_relation_with_both_kinds_has_its_own_best(seed):
    scores, labels, relations = _random_data(seed)
    scores, relations = np.append(scores, [0.1, 0.2, 3.0]), np.append(relations, [4, 4, 5])
    labels = np.append(labels, [True, True, False])
    thresholds = Thresholds.fit(scores, labels, relations, 7, halfway=True)
    overall, _ = _quadratic(scores.tolist(), labels.tolist())
    assert thresholds.overall == overall
    assert thresholds.by_relation[4:].tolist() == [overall] * 3
    for relation in range(4):
        mask = relations == relation
        expected, _ = _quadratic(scores[mask].tolist(), labels[mask].tolist())
        assert thresholds.by_relation[relation] == expected


@pytest.mark.parametrize("seed", range(3))
def test_one_threshold_for_all(seed):
    scores, labels, relations = _random_data(seed)
    thresholds = Thresholds.fit(scores, labels, relations, 5, per_relation=False)
    assert set(thresholds.by_relation) == {_published(scores.tolist(), labels.tolist())[0]}


def test_majority():
    labels = np.array([True, False, False, True, True, False])
    relations = np.array([0, 0, 0, 1, 2, 2])
    thresholds = Thresholds.fit(np.zeros(6), labels, relations, 4)
    # half and half counts as true; relation 3 has no triples, so that all count, half of which are true
    assert thresholds.majority.tolist() == [False, True, True, True]


def test_accuracy_agrees_with_a_loop():
    scores, labels, relations = _random_data(0)
    thresholds = Thresholds.fit(scores, labels, relations, 4)
    correct = 0
    for score, label, relation in zip(scores.tolist(), labels.tolist(), relations.tolist(), strict=True):
        correct += (score >= thresholds.by_relation[relation]) == label
    assert thresholds.accuracy(scores, labels, relations) == pytest.approx(correct / 80)


def test_score_at_the_threshold_is_true():
    thresholds = Thresholds(0.5, np.array([0.5]), *NO_POSITIVES)
    assert thresholds.accuracy(np.array([0.5]), np.array([True]), np.array([0])) == 1.0


def test_no_triples():
    with pytest.raises(ValueError, match="found no validation triples, expected some"):
        Thresholds.fit(np.array([]), np.array([], dtype=bool), np.array([], dtype=int), 2)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_score_that_is_not_finite(value):
    with pytest.raises(ValueError, match="found a score that is NaN or infinite: fine-tuning diverged"):
        Thresholds.fit(np.array([0.0, value]), np.array([True, False]), np.array([0, 0]), 1)


def test_saved_thresholds_are_exact(tmp_path):
    thresholds = Thresholds(1 / 3, np.array([0.1, -math.inf, math.inf, 1e-300]), *NO_POSITIVES[:2], np.zeros(4, bool))
    thresholds.save(tmp_path)
    loaded = Thresholds.load(tmp_path, 4)
    assert loaded.overall == thresholds.overall
    assert loaded.by_relation.dtype == np.float64
    assert loaded.by_relation.tolist() == thresholds.by_relation.tolist()


@pytest.mark.parametrize("num_relations", [1, 3])
def test_wrong_number_of_relations(tmp_path, num_relations):
    Thresholds(0.0, np.zeros(2), *NO_POSITIVES[:2], np.zeros(2, bool)).save(tmp_path)
    with pytest.raises(ValueError, match=f"found thresholds for 2 relations, but the graph has {num_relations}"):
        Thresholds.load(tmp_path, num_relations)


def test_relations_are_found_by_label(tmp_path):
    scores, labels, relations = _random_data(0)
    thresholds = Thresholds.fit(scores, labels, relations, 4)
    thresholds.save(tmp_path, ["a", "b", "c", "d"])
    loaded = Thresholds.load(tmp_path, 3, ["d", "a", "c"])
    assert loaded.by_relation.tolist() == thresholds.by_relation[[3, 0, 2]].tolist()
    assert loaded.majority.tolist() == thresholds.majority[[3, 0, 2]].tolist()
    for new, old in enumerate([3, 0, 2]):
        mine, theirs = loaded.positive_relations == new, thresholds.positive_relations == old
        assert loaded.positive_scores[mine].tolist() == thresholds.positive_scores[theirs].tolist()
    assert len(loaded.positive_scores) == np.sum(thresholds.positive_relations != 1)
    with pytest.raises(
        ValueError, match=r"found no threshold for 2 of the graph's 3 relations \(x, y\), but for a, b, c"
    ):
        Thresholds.load(tmp_path, 3, ["x", "a", "y"])


def test_missing_thresholds(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"found no .*thresholds\.json, expected thresholds\. Fine-tune"):
        Thresholds.load(tmp_path, 2)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("overall", math.nan, "found overall=nan, expected a number"),
        ("overall", None, "found overall=None, expected a number"),
        ("by_relation", [0.0, math.nan], r"found by_relation\[1\]=nan, expected a number"),
        ("by_relation", [0.0], r"found positive_relations\[1\]=1, expected a whole number from 0 to 0"),
        ("by_relation", {"0": 1.0}, "expected a list"),
        ("positive_scores", [0.5, math.inf], r"found positive_scores\[1\]=inf, expected a finite number"),
        ("positive_scores", [0.5, math.nan], r"found positive_scores\[1\]=nan, expected a finite number"),
        ("positive_scores", [0.5], r"found positive_relations=\[0, 1\], expected a list of 1"),
        ("positive_relations", [0, 2], r"found positive_relations\[1\]=2, expected a whole number from 0 to 1"),
        ("majority", ["no", "no"], r"found majority\[0\]='no', expected true or false"),
        ("relations", [1, 2], r"found relations\[0\]=1, expected a text"),
    ],
)
def test_damaged_thresholds_are_refused(tmp_path: Path, name: str, value: Any, message: str):
    thresholds = Thresholds(0.5, np.zeros(2), np.array([0.5, 0.7]), np.array([0, 1]), np.array([True, False]))
    thresholds.save(tmp_path, ["a", "b"])
    path = tmp_path / "thresholds.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(ValueError, match=rf"thresholds\.json holds no thresholds: .*{message}.* Fine-tune .* again"):
        Thresholds.load(tmp_path, 2)


@pytest.mark.parametrize("content", ["[]", "{", "[" * 10_000, '"a"', "{}"])
def test_what_is_no_object_holds_no_thresholds(tmp_path: Path, content: str):
    tmp_path.joinpath("thresholds.json").write_text(content)
    with pytest.raises(ValueError, match=r"thresholds\.json holds no thresholds"):
        Thresholds.load(tmp_path, 2)


def test_a_pipe_holds_no_thresholds(tmp_path: Path):
    os.mkfifo(tmp_path / "thresholds.json")
    with pytest.raises(ValueError, match=r"found the pipe .*thresholds\.json, expected thresholds"):
        Thresholds.load(tmp_path, 2)


def test_level_that_a_share_of_the_positives_reaches():
    generator = np.random.default_rng(0)
    relations = generator.choice(4, size=400, p=[0.5, 0.3, 0.19, 0.01])
    labels = generator.random(400) < 0.6
    scores = generator.normal(size=400) + relations
    thresholds = Thresholds.fit(scores, labels, relations, num_relations=5)
    for recall in (0.5, 0.9, 0.95):
        levels = thresholds.reached_by(recall)
        overall = np.quantile(scores[labels], 1 - recall)
        for relation in range(3):
            own = scores[labels & (relations == relation)]
            assert len(own) >= 20
            assert np.mean(own >= levels[relation]) == pytest.approx(recall, abs=1 / len(own))
        # few positives: never above what holds for all; none: what holds for all
        assert levels[3] <= overall
        assert levels[4] == overall


def test_no_positives_have_no_level():
    thresholds = Thresholds.fit(np.zeros(2), np.zeros(2, dtype=bool), np.zeros(2, dtype=int), num_relations=1)
    with pytest.raises(ValueError, match="found no true validation triples"):
        thresholds.reached_by(0.9)


def test_scores_around_levels_match_a_loop():
    generator = np.random.default_rng(0)
    scores, relations = generator.normal(size=500).astype(np.float32), generator.integers(4, size=500)
    levels = np.array([0.5, -9.0, 9.0, 0.0, 1.0])
    report = describe_levels(scores, relations, levels)
    assert report["thresholds"] == [0.5, -9.0, 9.0, 0.0, 1.0]
    assert report["taken_for_true"] == sum(scores[i] >= levels[relations[i]] for i in range(500))
    edges = report["score_edges"]
    for relation, counts in enumerate(report["score_counts"]):
        for number, count in enumerate(counts):
            last = number == len(counts) - 1
            inside = [
                edges[number] <= score < edges[number + 1] or (last and score == edges[-1])
                for score in scores[relations == relation]
            ]
            assert count == sum(inside)
