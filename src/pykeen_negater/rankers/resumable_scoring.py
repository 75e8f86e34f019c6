"""Scores triples part by part; parts that were scored before an interruption are not scored again."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol

import numpy as np

from ..runtime.progress import step
from ..storage.cache import make_folder
from ..storage.checksummed_folders import checksummed_folder, find_checksummed
from .context import RankingContext

__all__ = [
    "ResumableScoring",
    "TripleScorer",
]

#: The number of triples in a part: a multiple of all batch sizes, so that batches are the same as in a single part
PART_SIZE = 2_048

_SCORES, _STATISTICS, _PART = "scores.npy", "statistics.json", "part.npz"


class TripleScorer(Protocol):
    """Computes a number or a vector of each triple, with a loaded model."""

    @property
    def doing(self) -> str:
        """The label of the progress bar."""

    @property
    def batches_halved(self) -> int:
        """The number of batches halved for lack of memory so far."""

    def order(self, triples: np.ndarray) -> np.ndarray:
        """Choose the order of scoring.

        :param triples: shape: (n, 3)
        :return: shape: (n,), a permutation: triples next to each other are scored together
        """

    def compute(self, triples: np.ndarray) -> np.ndarray:
        """Compute the numbers or vectors of triples.

        :param triples: shape: (m, 3), of one part
        :return: shape: (m, ...), dtype: float32
        """


class ResumableScoring:
    """Scores triples; several processes share the parts."""

    def __init__(self, load: Callable[[], TripleScorer], triples: np.ndarray, context: RankingContext) -> None:
        """Choose the triples to score.

        :param load: loads the scorer, if there is something to score
        :param triples: shape: (n, 3)
        :param context: cache and processes
        """
        self.load, self.triples, self.context = load, triples, context

    def find_or_compute(self, key: str) -> tuple[np.ndarray, int]:
        """Score the triples, or load the scores from the cache.

        :param key: the fingerprint of everything that the scores depend on
        :return: a pair (scores of shape (n, ...) and dtype float32, finite; the number of batches halved for lack of
            memory)
        :raises ValueError: if a score is not finite
        """
        cache, processes = self.context.cache, self.context.processes
        path, parts = cache.path("scores", key), cache.path("scores", f"{key}-parts")
        # another run may be scoring the same triples
        with cache.lock("scores", parts.name) if processes.is_main else nullcontext():
            if processes.is_main and cache.find_damage("scores", key) is None:
                cache.discard_unreadable("scores", key, _read)
            is_missing = processes.is_main and cache.find_damage("scores", key) is not None
            if processes.broadcast(json.dumps(is_missing)) == "true":
                self._compute_parts(parts)
                processes.barrier()
            if processes.is_main:
                leftovers = f"scores/{parts.name}"
                cache.get_or_build("scores", key, lambda folder: self._put_together(parts, folder), leftovers)
            processes.barrier()
        return _read(path)

    def _folders(self, parts: Path) -> list[Path]:
        # without triples, there is one empty part, so that the shape is known
        return [parts / str(i) for i in range(max(1, -(-len(self.triples) // PART_SIZE)))]

    def _compute_parts(self, parts: Path) -> None:
        processes, folders = self.context.processes, self._folders(parts)
        missing = [i for i in processes.split(len(folders)) if not find_checksummed(folders[i])]
        if not missing:
            return
        make_folder(parts)
        scorer = self.load()
        order = scorer.order(self.triples)
        rows_of = {i: order[i * PART_SIZE : (i + 1) * PART_SIZE] for i in missing}
        with step(scorer.doing, sum(map(len, rows_of.values())), "triple") as advance:
            for i, rows in rows_of.items():
                before = scorer.batches_halved
                values = scorer.compute(self.triples[rows])
                if not np.isfinite(values).all():
                    count = np.sum(~np.isfinite(values))
                    raise ValueError(f"{scorer} gave {count:,} scores that are not finite. Check the model.")
                with checksummed_folder(folders[i]) as folder:
                    num_halved = scorer.batches_halved - before
                    np.savez(folder / _PART, rows=rows, values=values, batches_halved=num_halved)
                advance(len(rows))

    def _put_together(self, parts: Path, folder: Path) -> None:
        scores, num_halved = np.zeros(0, dtype=np.float32), 0
        for path in self._folders(parts):
            with np.load(path / _PART, allow_pickle=False) as part:
                values = part["values"]
                if not len(scores):
                    scores = np.empty((len(self.triples), *values.shape[1:]), dtype=np.float32)
                scores[part["rows"]] = values
                num_halved += int(part["batches_halved"])
        np.save(folder / _SCORES, scores, allow_pickle=False)
        folder.joinpath(_STATISTICS).write_text(json.dumps({"batches_halved": num_halved}), encoding="utf-8")


def _read(folder: Path) -> tuple[np.ndarray, int]:
    report = json.loads(folder.joinpath(_STATISTICS).read_text(encoding="utf-8"))
    return np.load(folder / _SCORES, allow_pickle=False), report["batches_halved"]
