"""Tests for relation mapping."""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.relations.tasks import relation_mapping
from pykeen_negater.relations.tasks.relation_mapping import (
    MappingProblem,
    best_mappings,
    evaluate_relation_mapping,
    read_relation_mapping,
    score_mappings,
)

from ...pair_encoders import KnownVectors, RandomVectors, cosine

SOURCE, TARGET = ("sun", "planet", "gravity", "mass", "moon"), ("nucleus", "electron", "charge", "orbit", "shell")


def naive_scores(encoder: RandomVectors, problem: MappingProblem) -> dict[tuple[str, ...], float]:
    """Score all orders of the target, one by one."""
    scores = {}
    for order in permutations(problem.target):
        largest = []
        for x in range(len(order)):
            pairs = [
                [(problem.source[x], problem.source[y]), (order[x], order[y])] for y in range(len(order)) if x != y
            ]
            largest.append(max(cosine(*encoder.get_embedding(pair)) for pair in pairs))
        scores[order] = sum(largest) / len(largest)
    return scores


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_like_the_naive_way(n: int):
    encoder = RandomVectors()
    problem = MappingProblem(SOURCE[:n], TARGET[:n])
    scores = naive_scores(encoder, problem)
    predicted = max(scores, key=scores.get)
    report = evaluate_relation_mapping(encoder, [problem])
    (solution,) = report["problems"]
    assert solution["predicted"] == list(predicted)
    assert report["accuracy"] == solution["accuracy"] == np.mean(np.array(predicted) == problem.target)
    assert solution["score"] == pytest.approx(scores[predicted], abs=1e-6)
    assert solution["score_of_target"] == pytest.approx(scores[problem.target], abs=1e-6)
    assert json.loads(json.dumps(report)) == report


def test_several_problems_with_shared_terms():
    encoder = RandomVectors()
    problems = [MappingProblem(SOURCE[:4], TARGET[:4]), MappingProblem(SOURCE[:3], SOURCE[1:4])]
    alone = [evaluate_relation_mapping(encoder, [problem]) for problem in problems]
    encoder.asked.clear()
    report = evaluate_relation_mapping(encoder, problems)
    assert report["problems"] == [solution for part in alone for solution in part["problems"]]
    assert report["accuracy"] == np.mean([part["accuracy"] for part in alone])
    assert len(encoder.asked) == len(set(encoder.asked))


@pytest.mark.parametrize("block", [1, 7, 24, 100])
def test_blocks_make_no_difference(block: int, monkeypatch: pytest.MonkeyPatch):
    similarities = np.random.default_rng(0).normal(size=(4, 4, 4, 4))
    orders = np.array(list(permutations(range(4))))
    expected = score_mappings(similarities, orders)
    monkeypatch.setattr(relation_mapping, "BLOCK", block)
    np.testing.assert_array_equal(score_mappings(similarities, orders), expected)
    best, score = best_mappings(similarities)
    assert best.tolist() == [orders[expected.argmax()].tolist()]
    assert score == expected.max()


def test_a_perfect_encoder_maps_eight_terms():
    source, target = tuple("abcdefgh"), tuple("ijklmnop")
    rng = np.random.default_rng(0)
    vectors = {}
    for x in range(8):
        for y in range(8):
            vectors[source[x], source[y]] = vectors[target[x], target[y]] = rng.normal(size=8)
    report = evaluate_relation_mapping(KnownVectors(vectors), [MappingProblem(source, target)])
    assert report["accuracy"] == 1.0
    assert report["problems"][0]["score"] == pytest.approx(1.0)


@pytest.mark.parametrize("n", [2, 4])
def test_an_encoder_that_knows_nothing_gains_nothing(n: int):
    vectors = {(head, tail): [1.0] for head in SOURCE + TARGET for tail in SOURCE + TARGET}
    report = evaluate_relation_mapping(KnownVectors(vectors), [MappingProblem(SOURCE[:n], TARGET[:n])])
    assert report["accuracy"] == pytest.approx(1 / n)


def test_equal_terms_are_right_in_either_place():
    problem = MappingProblem(("a", "b", "c"), ("x", "x", "y"))
    vectors = {(head, tail): [1.0] for head in "abcxy" for tail in "abcxy"}
    # of the orders xxy (twice), xyx (twice) and yxx (twice), 3, 1 and 1 terms are right
    assert evaluate_relation_mapping(KnownVectors(vectors), [problem])["accuracy"] == pytest.approx(5 / 9)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"source": ["a", "b"]}, "found no field 'target' among ['source']"),
        ({"target": ["a", "b"]}, "found no field 'source'"),
        ({"source": "ab", "target": ["a", "b"]}, "found source='ab', expected something of type list"),
        ({"source": ["a", "b"], "target": ["a"]}, "found 2 source and 1 target terms"),
        ({"source": ["a"], "target": ["a"]}, "found 1 terms, expected 2 to 10"),
        (
            {"source": list("abcdefghijk"), "target": list("abcdefghijk")},
            "found 11 terms, expected 2 to 10, since all 39,916,800 orders of the target would be tried",
        ),
        ({"source": ["a", ""], "target": ["a", "b"]}, "found the term '', expected a text"),
        ({"source": ["a", "b"], "target": ["a", 2]}, "found the term 2, expected a text"),
    ],
)
def test_bad_problems(tmp_path: Path, record: dict, message: str):
    path = tmp_path / "problems.jsonl"
    good = {"source": ["a", "b"], "target": ["c", "d"], "target_random": ["d", "c"]}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(record)}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"problems\.jsonl, line 2: found") as caught:
        read_relation_mapping(path)
    assert message in str(caught.value)


def test_no_problems():
    with pytest.raises(ValueError, match="found no relation mapping problems"):
        evaluate_relation_mapping(RandomVectors(), [])


def test_published_problems(data_folder: Path):
    problems = read_relation_mapping(data_folder / "relational" / "relation_mapping" / "test.jsonl")
    assert len(problems) == 20
    assert sum(len(problem.source) for problem in problems) == 140
