"""Analogy questions: find the pair of words that is related in the same way as the stem.

A file of questions has JSON lines such as ``{"stem": ["word", "language"], "choice": [["paint", "portrait"], ["note",
"music"]], "answer": 1, "prefix": "sat"}``; the prefix, which names the kind of question, may be left out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from sklearn.preprocessing import normalize

from ...utils.spelling import check_choice, check_known
from ..pair_vectors import PairEncoder, embed
from ..templates import check_pair
from .json_lines import read_json_lines, require_field

__all__ = [
    "AnalogyDistance",
    "AnalogyMode",
    "AnalogyQuestion",
    "answer_analogies",
    "evaluate_analogies",
    "read_analogies",
]

#: The direction in which pairs are read: as they are, swapped, or both, in which case the two cosines or
#: distances are multiplied
AnalogyMode = Literal["forward", "backward", "bidirectional"]

MODES: tuple[AnalogyMode, ...] = get_args(AnalogyMode)

#: How vectors are compared: by their cosine, which should be high, or their Euclidean distance, which should be low
AnalogyDistance = Literal["cosine", "euclidean"]


@dataclass(frozen=True)
class AnalogyQuestion:
    """An analogy question."""

    #: A pair of words
    stem: tuple[str, str]

    #: Pairs of words, one of which is related in the same way as the stem
    choices: tuple[tuple[str, str], ...]

    #: The position of the right choice, from 0
    answer: int

    #: The kind of question
    prefix: str | None = None

    def __post_init__(self) -> None:
        """Check the question.

        :raises ValueError: if there is no choice, an entry is not a pair, or the answer is not one of the choices
        """
        if not self.choices:
            raise ValueError("found a question without choices, expected at least one.")
        for pair in (self.stem, *self.choices):
            check_pair(pair)
        if not 0 <= self.answer < len(self.choices):
            raise ValueError(f"found answer={self.answer}, expected 0 to {len(self.choices) - 1}, one of the choices.")


def read_analogies(path: str | Path) -> list[AnalogyQuestion]:
    """Read analogy questions.

    :param path: a file of JSON lines with ``stem``, ``choice``, ``answer`` and optionally ``prefix``
    :return: the questions
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a line is malformed, or there is none
    """
    return read_json_lines(path, _parse)


def _parse(record: dict[str, Any]) -> AnalogyQuestion:
    return AnalogyQuestion(
        stem=_pair(require_field(record, "stem", list)),
        choices=tuple(_pair(pair) for pair in require_field(record, "choice", list)),
        answer=require_field(record, "answer", int),
        prefix=record.get("prefix"),
    )


def _pair(words: Any) -> tuple[str, str]:
    if not isinstance(words, list):
        raise ValueError(f"found the pair {words!r}, expected a list of two words, a head and a tail.")
    return check_pair(words)


def answer_analogies(
    encoder: PairEncoder,
    questions: Sequence[AnalogyQuestion],
    modes: Collection[AnalogyMode] = MODES,
    distance: AnalogyDistance = "cosine",
) -> dict[AnalogyMode, np.ndarray]:
    """Answer analogy questions with the choice whose vector is nearest to the stem's (first if equal).

    This is the one with the largest cosine, or with the smallest Euclidean distance. (With the latter, RelBERT's code
    chooses the largest, i.e. the farthest.)

    The cosine with a zero vector is taken to be 0. The product of two cosines, which RelBERT's authors use for both
    directions, is also large for a choice that is opposed to the stem in both. So it is of no use for differences of
    word vectors, whose sign changes with the direction.

    :param encoder: the encoder
    :param questions: n > 0 questions
    :param modes: the directions in which pairs are read
    :param distance: how vectors are compared, ``cosine`` or ``euclidean``
    :return: for each mode, shape: (n,), the positions of the chosen answers
    :raises ValueError: if there is no such mode or distance, or no question
    """
    check_known("mode", modes, MODES)
    check_choice("distance", distance, get_args(AnalogyDistance))
    if not questions:
        raise ValueError("found no analogy questions, expected some.")
    pairs = [pair for question in questions for pair in (question.stem, *question.choices)]
    directions = [1] * (set(modes) != {"backward"}) + [-1] * (set(modes) != {"forward"})
    # both directions at once, since a pair may be the reverse of another
    vectors = embed(encoder, [pair[::direction] for direction in directions for pair in pairs])  # type: ignore[misc]
    ends = np.cumsum([1 + len(question.choices) for question in questions])[:-1]
    compare, choose = (_cosines, np.argmax) if distance == "cosine" else (_distances, np.argmin)
    compared = [
        [compare(block) for block in np.split(part, ends)]
        for part in np.split(vectors.astype(np.float64), len(directions))
    ]
    by_mode = {"forward": compared[0], "backward": compared[-1]}
    by_mode["bidirectional"] = [there * back for there, back in zip(compared[0], compared[-1], strict=True)]
    return {mode: np.array([choose(choices) for choices in by_mode[mode]]) for mode in modes}


def _cosines(vectors: np.ndarray) -> np.ndarray:
    """Compare the vectors of choices with that of the stem, which is the first."""
    units = normalize(vectors)
    return units[1:] @ units[0]


def _distances(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors[1:] - vectors[0], axis=1)


def evaluate_analogies(
    encoder: PairEncoder,
    questions: Sequence[AnalogyQuestion],
    modes: Collection[AnalogyMode] = MODES,
    distance: AnalogyDistance = "cosine",
) -> dict[str, Any]:
    """Measure the share of analogy questions that are answered correctly.

    :param encoder: the encoder
    :param questions: the questions
    :param modes: the directions in which pairs are read
    :param distance: how vectors are compared, ``cosine`` or ``euclidean``
    :return: a JSON-native report: the number of ``questions``, the accuracy in [0, 1] by mode, and, where questions
        have prefixes, the same for each prefix (``by_prefix``)
    :raises ValueError: if there is no such mode or distance, or no question
    """
    correct = pd.DataFrame(answer_analogies(encoder, questions, modes, distance))
    correct = correct.eq([question.answer for question in questions], axis=0)
    report: dict[str, Any] = {"questions": len(questions), **correct.mean().to_dict()}
    prefixes = pd.Series([question.prefix for question in questions], dtype=object)
    if prefixes.notna().any():
        report["by_prefix"] = correct.groupby(prefixes.to_numpy()).mean().to_dict("index")
    return report
