"""Tests for analogy questions."""

import json
import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from pykeen_negater.relations.tasks.analogies import (
    AnalogyQuestion,
    answer_analogies,
    evaluate_analogies,
    read_analogies,
)

from ...pair_encoders import KnownVectors, RandomVectors, cosine

GOOD = {"stem": ["a", "b"], "answer": 1, "choice": [["c", "d"], ["e", "f"]], "prefix": "letters"}


def naive_answers(encoder: RandomVectors, questions: Sequence[AnalogyQuestion], mode: str) -> list[int]:
    """Answer questions one by one."""
    answers = []
    for question in questions:
        cosines = []
        for choice in question.choices:
            forward, backward = (
                cosine(*encoder.get_embedding([question.stem[::step], choice[::step]])) for step in (1, -1)
            )
            cosines.append({"forward": forward, "backward": backward, "bidirectional": forward * backward}[mode])
        answers.append(cosines.index(max(cosines)))
    return answers


@pytest.fixture
def questions() -> list[AnalogyQuestion]:
    """Make questions with 1 to 6 choices, some of which share pairs."""
    words = "abcdefg"
    pairs = list(product(words, words))
    rng = np.random.default_rng(0)
    drawn = [[pairs[i] for i in rng.integers(len(pairs), size=2 + row % 6)] for row in range(50)]
    return [AnalogyQuestion(stem, tuple(choices), int(rng.integers(len(choices)))) for stem, *choices in drawn]


@pytest.mark.parametrize("mode", ["forward", "backward", "bidirectional"])
def test_answers_like_the_naive_way(questions: list[AnalogyQuestion], mode: str):
    encoder = RandomVectors()
    for modes in ([mode], ["forward", "backward", "bidirectional"]):
        assert answer_analogies(encoder, questions, modes)[mode].tolist() == naive_answers(encoder, questions, mode)
    expected = np.mean(np.equal(naive_answers(encoder, questions, mode), [question.answer for question in questions]))
    assert evaluate_analogies(encoder, questions, [mode]) == {"questions": 50, mode: expected}


@pytest.mark.parametrize("mode", ["forward", "backward", "bidirectional"])
def test_the_nearest_by_euclidean_distance(questions: list[AnalogyQuestion], mode: str):
    encoder, expected = RandomVectors(), []
    for question in questions:
        distances = []
        for choice in question.choices:
            forward, backward = (
                math.dist(*encoder.get_embedding([question.stem[::step], choice[::step]])) for step in (1, -1)
            )
            distances.append({"forward": forward, "backward": backward, "bidirectional": forward * backward}[mode])
        expected.append(distances.index(min(distances)))
    answers = answer_analogies(encoder, questions, distance="euclidean")[mode].tolist()
    assert answers == expected != naive_answers(encoder, questions, mode)
    right = np.mean(np.equal(expected, [question.answer for question in questions]))
    assert evaluate_analogies(encoder, questions, [mode], "euclidean") == {"questions": 50, mode: right}


def test_each_pair_is_encoded_once_and_only_as_needed(questions: list[AnalogyQuestion]):
    pairs = {pair for question in questions for pair in (question.stem, *question.choices)}
    swapped = {(tail, head) for head, tail in pairs}
    for modes, expected in ([["forward"], pairs], [["backward"], swapped], [["bidirectional"], pairs | swapped]):
        encoder = RandomVectors()
        answer_analogies(encoder, questions, modes)
        assert sorted(encoder.asked) == sorted(expected)


def test_by_hand():
    vectors = {("a", "b"): [1, 0], ("c", "d"): [0, 5], ("e", "f"): [3, 3], ("g", "h"): [0, 0], ("i", "j"): [-1, 0]}
    backward = {
        ("b", "a"): [1, 0], ("d", "c"): [1, 0], ("f", "e"): [1, 1], ("h", "g"): [1, 0], ("j", "i"): [-1, 0]
    }  # fmt: skip
    choices = (("c", "d"), ("e", "f"), ("g", "h"), ("i", "j"))
    encoder = KnownVectors(vectors | backward)
    # forward 0, .71, 0 (a zero vector), -1; backward 1, .71, 1, -1: the first of equals; their products 0, .5, 0, 1
    answers = answer_analogies(encoder, [AnalogyQuestion(("a", "b"), choices, 0)])
    assert {mode: chosen.tolist() for mode, chosen in answers.items()} == {
        "forward": [1],
        "backward": [0],
        "bidirectional": [3],
    }
    kinds = [(1, "x"), (2, "x"), (1, "y"), (1, None)]
    questions = [AnalogyQuestion(("a", "b"), choices, answer, prefix) for answer, prefix in kinds]
    report = evaluate_analogies(encoder, questions, ["forward"])
    by_prefix = {"x": {"forward": 0.5}, "y": {"forward": 1.0}}
    assert report == {"questions": 4, "forward": 0.75, "by_prefix": by_prefix}
    assert json.loads(json.dumps(report)) == report


def test_read(tmp_path: Path):
    path = tmp_path / "questions.jsonl"
    without = {name: value for name, value in GOOD.items() if name != "prefix"}
    path.write_text(f"{json.dumps(GOOD)}\n\n{json.dumps(without)}\n", encoding="utf-8")
    question = AnalogyQuestion(("a", "b"), (("c", "d"), ("e", "f")), 1, "letters")
    assert read_analogies(path) == [question, AnalogyQuestion(("a", "b"), (("c", "d"), ("e", "f")), 1)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stem": None}, "found no field 'stem' among ['answer', 'choice', 'prefix']"),
        ({"choice": None}, "found no field 'choice'"),
        ({"answer": None}, "found no field 'answer'"),
        ({"stem": ["a"]}, "found the pair ['a'], expected two words"),
        ({"stem": "ab"}, "found stem='ab', expected something of type list"),
        ({"choice": [["c", "d"], ["e", "f", "g"]]}, "found the pair ['e', 'f', 'g'], expected two words"),
        ({"choice": [["c", "d"], 5]}, "found the pair 5, expected a list of two words"),
        ({"choice": [["c", "d"], ["e", 6]]}, "found the pair ['e', 6], expected two words"),
        ({"choice": []}, "found a question without choices"),
        ({"answer": 2}, "found answer=2, expected 0 to 1"),
        ({"answer": -1}, "found answer=-1, expected 0 to 1"),
        ({"answer": "1"}, "found answer='1', expected something of type int"),
        ({"answer": True}, "found answer=True, expected something of type int"),
    ],
)
def test_bad_questions(tmp_path: Path, change: dict, message: str):
    path = tmp_path / "questions.jsonl"
    bad = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    path.write_text(f"{json.dumps(GOOD)}\n{json.dumps(bad)}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"questions\.jsonl, line 2: found") as caught:
        read_analogies(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "questions.jsonl is empty, expected one JSON object per line"),
        (b"\n \n", "is empty"),
        (b"{", "line 1: found malformed JSON"),
        (b"\n[1]\n", "line 2: found JSON of type list, expected an object"),
        (json.dumps(GOOD).encode() + b"\n\xff\n", "is not UTF-8"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_analogies(path)


def test_bad_arguments(tmp_path: Path, questions: list[AnalogyQuestion]):
    with pytest.raises(FileNotFoundError, match="found no file"):
        read_analogies(tmp_path / "nowhere.jsonl")
    with pytest.raises(ValueError, match=r"found the mode\(s\) 'sideways', expected some of forward, backward"):
        answer_analogies(RandomVectors(), questions, ["sideways"])
    with pytest.raises(ValueError, match="found distance='manhattan', expected one of cosine, euclidean"):
        answer_analogies(RandomVectors(), questions, distance="manhattan")
    with pytest.raises(ValueError, match="found no analogy questions"):
        evaluate_analogies(RandomVectors(), [])


@pytest.mark.parametrize(("name", "number", "prefixes"), [("google", 500, 14), ("bats", 1_799, 40)])
def test_published_questions(data_folder: Path, name: str, number: int, prefixes: int):
    questions = read_analogies(data_folder / "relational" / "analogy" / f"{name}.test.jsonl")
    assert len(questions) == number
    assert len({question.prefix for question in questions}) == prefixes
    # with vectors at random, a quarter is right
    report = evaluate_analogies(RandomVectors(dim=16), questions, ["forward"])
    assert report["forward"] == pytest.approx(0.25, abs=0.06)
