"""A hard test set: ranks the answer among candidates that fit the relation and that nobody holds for true."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pykeen.models import Model
from torch import Tensor

from ..pools.negative_pools import NegativePools
from ..runtime.random_state import pinned_defaults
from ..storage.atomic_writing import atomic_file
from ..storage.regular_files import check_regular
from ..triples.graphs import Graph
from ..triples.indexing import RELATION, keys_to_triples, triples_to_keys
from ..triples.queries import Queries
from .query_ranks import QUERY_SIDES, check_triples, rank_queries

__all__ = [
    "PlausibleCandidates",
    "draw_candidates",
    "evaluate_plausible",
]

#: The columns of a file of candidates
_COLUMNS = ("head", "relation", "tail", "side", "candidate")

#: Where a file of candidates says which ids they are
_METADATA = b"pykeen_negater"


@dataclass(frozen=True, eq=False)
class PlausibleCandidates:
    """False answers to queries, two for each triple: one for its head, and one for its tail."""

    #: The triples whose heads and tails are asked for; shape: (n, 3), dtype: int64
    triples: np.ndarray

    #: Where the candidates of each query start: row ``2 * i`` for the head of triple i, the next for its tail; shape:
    #: (2 * n + 1,)
    offsets: np.ndarray

    #: The candidates, in random order; shape: (num_candidates,), dtype: int64
    entities: np.ndarray

    def __len__(self) -> int:
        """Get the number of candidates, over all queries."""
        return len(self.entities)

    @property
    def counts(self) -> np.ndarray:
        """The number of candidates of each query; shape: (n, 2), columns: head, tail."""
        return np.diff(self.offsets).reshape(-1, len(QUERY_SIDES))

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Pair each query that has candidates with one of them.

        :return: a pair (true triples, false triples), each of shape (m, 3), in the same order; a triple is there twice
            if both of its sides have candidates
        """
        queries = np.flatnonzero(np.diff(self.offsets))
        rows, columns = np.divmod(queries, len(QUERY_SIDES))
        true = self.triples[rows]
        false = true.copy()
        false[np.arange(len(rows)), np.array(list(QUERY_SIDES))[columns]] = self.entities[self.offsets[queries]]
        return torch.from_numpy(true), torch.from_numpy(false)

    def save(self, path: str | Path, graph: Graph) -> None:
        """Write the candidates to a file of Parquet, to be evaluated with again.

        The file has a row for each candidate: the ids of ``head``, ``relation`` and ``tail``, the ``side`` that is
        asked for, and the id of the ``candidate``. It also says which vocabulary they are ids of.

        :param path: the file, which is replaced if it exists
        :param graph: the graph whose ids they are
        :raises OSError: if it cannot be written
        """
        import pyarrow
        import pyarrow.parquet

        queries = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        rows, columns = np.divmod(queries, len(QUERY_SIDES))
        values = (*self.triples[rows].T, np.array(list(QUERY_SIDES.values()))[columns], self.entities)
        # what is evaluated twice has the same candidates
        frame = pd.DataFrame(dict(zip(_COLUMNS, values, strict=True))).drop_duplicates()
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        described = {_METADATA: json.dumps(_describe(graph)), **(table.schema.metadata or {})}
        with atomic_file(Path(path)) as unfinished:
            pyarrow.parquet.write_table(table.replace_schema_metadata(described), unfinished)

    @classmethod
    def load(cls, path: str | Path, triples: Tensor, graph: Graph) -> "PlausibleCandidates":
        """Read candidates that were saved.

        :param path: the file
        :param triples: shape: (n, 3), the triples to evaluate; one without candidates in the file has none
        :param graph: the graph whose ids they are
        :return: the candidates
        :raises FileNotFoundError: if there is no file
        :raises ValueError: if it holds no candidates, those of other triples, or ids of another vocabulary
        """
        import pyarrow
        import pyarrow.parquet

        path = Path(path)
        check_regular(path, "a file of plausible candidates")
        hint = "Draw candidates anew, and save them."
        try:
            table = pyarrow.parquet.read_table(path)
            frame = table.select(list(_COLUMNS)).to_pandas()
            found = json.loads((table.schema.metadata or {})[_METADATA])
        except (pyarrow.ArrowException, KeyError, ValueError) as error:
            raise ValueError(
                f"{path}: found no plausible candidates, expected a file that was saved. {hint}"
            ) from error
        if found != _describe(graph):
            raise ValueError(
                f"{path}: found candidates for the vocabulary {found}, expected {_describe(graph)}. Evaluate on the "
                f"triples that they were drawn for."
            )
        ids, size = triples.cpu().numpy(), (graph.num_entities, graph.num_relations)
        wanted, row_of = np.unique(triples_to_keys(ids, *size), return_inverse=True)
        keys = triples_to_keys(frame[list(_COLUMNS[:3])].to_numpy(), *size)
        rows = np.searchsorted(wanted, keys).clip(max=len(wanted) - 1)
        others = wanted[rows] != keys
        if others.any():
            raise ValueError(
                f"{path}: found candidates for {len(np.unique(keys[others])):,} triples that are not evaluated, "
                f"expected none. Evaluate on the triples that they were drawn for."
            )
        columns = frame["side"].map({name: i for i, name in enumerate(QUERY_SIDES.values())}).to_numpy()
        candidates = frame["candidate"].to_numpy()
        is_valid = np.isin(columns, range(len(QUERY_SIDES))) & (candidates >= 0) & (candidates < graph.num_entities)
        if not is_valid.all():
            raise ValueError(f"{path}: found sides or ids that there are not, expected those of the graph. {hint}")
        # the same triple can be evaluated more than once, and has its candidates each time
        queries = rows * len(QUERY_SIDES) + columns.astype(np.int64)
        order = np.argsort(queries, kind="stable")
        asked = (row_of[:, None] * len(QUERY_SIDES) + np.arange(len(QUERY_SIDES))).ravel()
        starts, stops = (np.searchsorted(queries[order], asked, side) for side in ("left", "right"))
        return cls._from_parts(ids, [candidates[order[start:stop]] for start, stop in zip(starts, stops, strict=True)])

    @classmethod
    def _from_parts(cls, triples: np.ndarray, parts: list[np.ndarray]) -> "PlausibleCandidates":
        """Put the candidates of one query after the other together."""
        offsets = np.append(0, np.cumsum([len(part) for part in parts]))
        return cls(triples, offsets, np.concatenate([*parts, np.zeros(0, dtype=np.int64)]).astype(np.int64))


def _describe(graph: Graph) -> dict[str, Any]:
    return {
        "num_entities": graph.num_entities,
        "num_relations": graph.num_relations,
        "vocabulary": graph.vocabulary,
    }


@pinned_defaults()
def draw_candidates(
    graph: Graph,
    triples: Tensor,
    known: Tensor | None = None,
    pools: NegativePools | None = None,
    num_candidates: int = 50,
    seed: int = 0,
) -> PlausibleCandidates:
    """Draw candidates that fit the relation: entities that training has in the same slot.

    What makes a known triple is none, and neither is what a guard has found likely true. What is drawn for a triple
    depends on the seed, and not on which others are evaluated.

    :param graph: the training triples
    :param triples: shape: (n, 3), n > 0, the triples to evaluate
    :param known: shape: (m, 3), further true triples, such as those of validation and test; training and evaluated
        triples are known in any case
    :param pools: mined pools, whose suspected positives are no candidates
    :param num_candidates: > 0, the number of candidates of a query, which has all that there are if these are fewer
    :param seed: >= 0, the seed of the draw
    :return: the candidates
    :raises ValueError: if there is no triple, an id is out of range, the number is not positive, or the pools are those
        of another graph
    """
    if num_candidates < 1:
        raise ValueError(f"found num_candidates={num_candidates}, expected at least 1.")
    size = graph.num_entities, graph.num_relations
    asked = triples.cpu().numpy()
    true = [graph.triples, asked]
    if known is not None:
        true.append(known.cpu().numpy())
    if pools is not None:
        pools.check_vocabulary(graph)
        true.append(keys_to_triples(pools.suspected.numpy(), *size))
    queries = Queries.from_graph(Graph.from_triples(np.concatenate(true), *size))
    positions = np.stack([queries.find(side, asked) for side in QUERY_SIDES], axis=1)
    is_free = np.ones(graph.num_entities, dtype=bool)

    def draw() -> Iterator[np.ndarray]:
        """Draw for one query after the other."""
        for triple, found in zip(asked.tolist(), positions, strict=True):
            for side, position in zip(QUERY_SIDES, found, strict=True):
                answers = queries.answers[queries.offsets[position] : queries.offsets[position + 1]]
                slot = graph.slot(triple[RELATION], side)
                is_free[answers] = False
                free = slot[is_free[slot]]
                is_free[answers] = True
                generator = np.random.default_rng([seed, side, *triple])
                yield generator.choice(free, min(num_candidates, len(free)), replace=False)

    return PlausibleCandidates._from_parts(asked, list(draw()))


@pinned_defaults()
def evaluate_plausible(
    model: Model, candidates: PlausibleCandidates, known: Tensor | None = None, use_tqdm: bool = True
) -> pd.DataFrame:
    """Evaluate a model among plausible candidates, and beside that among all entities.

    PyKEEN's ``SampledRankBasedEvaluator`` takes as many candidates for each query, which a slot need not have.

    :param model: the model, which is in evaluation mode afterwards
    :param candidates: the candidates of the queries to evaluate
    :param known: shape: (m, 3), all true triples, those of the training included: what makes one of these or of the
        evaluated triples is no candidate
    :param use_tqdm: whether to show a progress bar
    :return: three rows: the ranking among ``all entities``, the same of the queries that have plausible candidates
        (``all entities, where some are plausible``), and that of these queries among the ``plausible
        candidates``. Columns: the number of
        ``queries``, the mean number of ``candidates`` beside the answer, PyKEEN's filtered, realistic ``mrr`` and
        ``hits_at_1``, and the mean ``auc``: the share of candidates that score lower than the answer, half of those
        that score the same. The latter three are in [0, 1]; NaN where there are no queries.
    :raises ValueError: if there are no triples, an id is out of the model's range, or the score of an answer is not
        finite
    """
    triples = torch.from_numpy(candidates.triples)
    check_triples("triples", triples, model)
    offsets, entities = torch.from_numpy(candidates.offsets), torch.from_numpy(candidates.entities)
    places = {side: i for i, side in enumerate(QUERY_SIDES)}

    def is_plausible(start: int, batch: Tensor, side: int, num_entities: int) -> Tensor:
        """Mark the candidates of each query."""
        queries = len(QUERY_SIDES) * torch.arange(start, start + len(batch)) + places[side]
        counts = offsets[queries + 1] - offsets[queries]
        rows = torch.repeat_interleave(torch.arange(len(batch)), counts)
        firsts = counts.cumsum(dim=0) - counts
        columns = entities[torch.arange(len(rows)) + (offsets[queries] - firsts)[rows]]
        stays = torch.zeros(len(batch), num_entities, dtype=torch.bool, device=batch.device)
        stays[rows.to(batch.device), columns.to(batch.device)] = True
        return stays

    others = triples[:0] if known is None else known.cpu()
    ranks = rank_queries(model, triples, others, is_plausible, use_tqdm)
    some = ranks.restricted_counts > 0
    every = np.ones_like(some)
    return pd.DataFrame(
        [
            {"ranked_among": name, **_metrics(found[chosen], counts[chosen])}
            for name, found, counts, chosen in (
                ("all entities", ranks.full, ranks.full_counts, every),
                ("all entities, where some are plausible", ranks.full, ranks.full_counts, some),
                ("plausible candidates", ranks.restricted, ranks.restricted_counts, some),
            )
        ]
    )


def _metrics(ranks: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """Summarize ranks among candidates.

    :param ranks: shape: (n,)
    :param counts: shape: (n,), the number of candidates beside the answer
    :return: the figures by name
    """
    if not len(ranks):
        return {"queries": 0} | dict.fromkeys(("candidates", "mrr", "hits_at_1", "auc"), np.nan)
    # where all others are true, none is ranked wrong
    auc = 1 - np.divide(ranks - 1, counts, out=np.zeros(len(ranks)), where=counts > 0)
    return {
        "queries": len(ranks),
        "candidates": counts.mean(),
        "mrr": (1 / ranks).mean(),
        "hits_at_1": (ranks <= 1).mean(),
        "auc": auc.mean(),
    }
