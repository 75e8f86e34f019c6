"""Scores part by part: whatever happens on the way, they are those of one triple after the other."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from pykeen_negater.rankers import resumable_scoring
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.resumable_scoring import ResumableScoring, TripleScorer

TRIPLES = np.random.default_rng(0).integers(9, size=(23, 3))


@dataclass
class _Sum(TripleScorer):
    """Adds ids up, the greatest sums first; dies before a part."""

    dies_at: int | None = None
    value: float = 0.0
    vectors: bool = False
    doing: str = "Adding up"
    batches_halved: int = 0
    parts: list[int] = field(default_factory=list)

    def order(self, triples: np.ndarray) -> np.ndarray:
        """Begin with the greatest sums."""
        return np.argsort(-triples.sum(axis=1), kind="stable")

    def compute(self, triples: np.ndarray) -> np.ndarray:
        """Add up; each part halves a batch."""
        if len(self.parts) == self.dies_at:
            raise KeyboardInterrupt
        self.parts.append(len(triples))
        self.batches_halved += 1
        sums = triples.sum(axis=1) + self.value
        return np.stack([sums, -sums], axis=1).astype(np.float32) if self.vectors else sums.astype(np.float32)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a part have five triples."""
    monkeypatch.setattr(resumable_scoring, "PART_SIZE", 5)


def score(
    scorer: _Sum | Callable[[], TripleScorer], context: RankingContext, triples: np.ndarray = TRIPLES, key: str = "k"
) -> tuple[np.ndarray, int]:
    """Score triples."""
    load = scorer if not isinstance(scorer, _Sum) else lambda: scorer
    return ResumableScoring(load, triples, context).find_or_compute(key)


@pytest.mark.parametrize("vectors", [False, True])
def test_scores_are_those_of_one_after_the_other(context: RankingContext, vectors: bool):
    scorer = _Sum(vectors=vectors)
    scores, num_halved = score(scorer, context)
    expected = [[sum(triple), -sum(triple)] if vectors else sum(triple) for triple in TRIPLES.tolist()]
    assert scores.tolist() == expected
    assert scores.dtype == np.float32
    assert scorer.parts == [5, 5, 5, 5, 3]
    assert num_halved == 5


def test_nothing_is_scored_twice(context: RankingContext):
    first = score(_Sum(), context)
    again = score(lambda: pytest.fail("loaded"), context)
    assert again[0].tolist() == first[0].tolist()
    assert again[1] == first[1]
    # of another key, nothing is known
    assert score(_Sum(value=1.0), context, key="other")[0].tolist() == [value + 1 for value in first[0].tolist()]


def test_it_goes_on_where_it_was_interrupted(context: RankingContext):
    first, second = _Sum(dies_at=2), _Sum()
    with pytest.raises(KeyboardInterrupt):
        score(first, context)
    scores, num_halved = score(second, context)
    assert (first.parts, second.parts) == ([5, 5], [5, 5, 3])
    assert scores.tolist() == TRIPLES.sum(axis=1).tolist()
    # those of the first run count, too
    assert num_halved == 5
    assert not list(context.cache.root.glob("scores/*-parts"))


def test_a_damaged_part_is_scored_again(context: RankingContext):
    with pytest.raises(KeyboardInterrupt):
        score(_Sum(dies_at=2), context)
    path = context.cache.root / "scores" / "k-parts" / "0" / "part.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    second = _Sum()
    assert score(second, context)[0].tolist() == TRIPLES.sum(axis=1).tolist()
    assert second.parts == [5, 5, 5, 3]


@pytest.mark.parametrize("vectors", [False, True])
def test_of_nothing_there_is_nothing(context: RankingContext, vectors: bool):
    scores, _ = score(_Sum(vectors=vectors), context, np.empty((0, 3), dtype=np.int64))
    assert len(scores) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_not_finite_are_not_kept(context: RankingContext, value: float):
    with pytest.raises(ValueError, match="gave 5 scores that are not finite"):
        score(_Sum(value=value), context)
    assert not context.cache.path("scores", "k").exists()
    assert score(_Sum(), context)[0].tolist() == TRIPLES.sum(axis=1).tolist()
