"""Pools as tables, for other programs and for people."""

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from .caching import atomic_file
from .indexing import RELATION, keys_to_triples
from .names import ExportFormat
from .pool_files import Vocabulary
from .pools import NegativePools
from .texts import Texts, humanize

__all__ = [
    "export",
    "readable_texts",
    "sentences",
    "to_frame",
    "to_triplets",
]

_PARTS = ("head", "relation", "tail")


def _unroll(pools: NegativePools) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """List all negatives.

    :param pools: the pools
    :return: a tuple (positives, negatives, sides, scores) of shapes (n, 3), (n, 3), (n,) and (n,)
    """
    rows = np.repeat(np.arange(len(pools.offsets) - 1), np.diff(pools.offsets.numpy()))
    positions, side_numbers = np.divmod(rows, len(pools.sides))
    sides = np.array(pools.sides)[side_numbers]
    positives = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations)[positions]
    negatives = positives.copy()
    negatives[np.arange(len(rows)), sides] = pools.replacements.numpy()
    low, high = pools.metadata.get("score_range", (0.0, 1.0))
    return positives, negatives, sides, low + pools.hardness.numpy() / 255 * (high - low)


def to_frame(pools: NegativePools) -> pd.DataFrame:
    """List all negatives with the positive that they corrupt.

    :param pools: the pools
    :return: one row per negative, in the order of the pools: the labels ``head``, ``relation``, ``tail`` of the
        negative, ``positive_head``, ``positive_relation``, ``positive_tail`` of the positive, the replaced ``side``,
        and the ``score`` of the ranker, rounded to one of 256 levels. Ids stand in for labels where there are none.
    """
    positives, negatives, sides, scores = _unroll(pools)
    vocabulary = pools.load_vocabulary()
    return pd.DataFrame(
        {
            **dict(zip(_PARTS, _labels(negatives, vocabulary), strict=True)),
            **{f"positive_{name}": labels for name, labels in zip(_PARTS, _labels(positives, vocabulary), strict=True)},
            "side": np.array(_PARTS, dtype=object)[sides],
            "score": scores,
        }
    )


def to_triplets(pools: NegativePools) -> pd.DataFrame:
    """Write all negatives as texts that sentence-transformers and `datasets` read as triplets.

    The anchor is what is left of a triple without the replaced part, in the order of the triple: ``dog at location`` is
    nearer to ``kennel`` than to ``sky``, and ``at location kennel`` to ``dog``.

    :param pools: the pools
    :return: one row per negative, in the order of the pools: the texts ``anchor``, ``positive`` and ``negative``
    """
    positives, negatives, sides, _ = _unroll(pools)
    texts = readable_texts(pools)
    columns = [np.array(part, dtype=object) for part in (texts.entities, texts.relations, texts.entities)]
    frame = pd.DataFrame({"anchor": "", "positive": "", "negative": ""}, index=np.arange(len(sides)), dtype=object)
    for side, part in enumerate(columns):
        rows = np.flatnonzero(sides == side)
        first, second = (columns[other][positives[rows, other]] for other in range(3) if other != side)
        frame.loc[rows, "anchor"] = first + " " + second
        frame.loc[rows, "positive"], frame.loc[rows, "negative"] = (
            part[positives[rows, side]],
            part[negatives[rows, side]],
        )
    return frame


def _labels(triples: np.ndarray, vocabulary: Vocabulary) -> list[np.ndarray]:
    names = (vocabulary.entity_labels, vocabulary.relation_labels, vocabulary.entity_labels)
    return [
        ids if labels is None else np.array(labels, dtype=object)[ids]
        for ids, labels in zip(triples.T, names, strict=True)
    ]


def export(pools: NegativePools, path: str | Path, form: ExportFormat = "tsv") -> int:
    """Write the negatives to a file, whole or not at all.

    :param pools: the pools
    :param path: the file; its folder must exist
    :param form: ``tsv``, ``negater``, ``triples``, ``parquet`` or ``triplets``, see
        :data:`~pykeen_negater.names.ExportFormat`
    :return: the number of rows
    :raises ValueError: if there is no such form, or it cannot hold a label
    :raises FileNotFoundError: if the file's folder does not exist
    """
    if form not in get_args(ExportFormat):
        raise ValueError(f"found the format {form!r}, expected one of {', '.join(get_args(ExportFormat))}.")
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"found no folder {path.parent}, expected one to write {path.name} to.")
    if form in ("tsv", "negater", "triples"):
        _check_fields(pools.load_vocabulary())
    frame = to_triplets(pools) if form == "triplets" else to_frame(pools)
    with atomic_file(path) as unfinished:
        if form in ("parquet", "triplets"):
            frame.to_parquet(unfinished, index=False)
        else:
            # of several positives with the same negative, the hardest score
            frame = frame.sort_values("score", ascending=False, kind="stable").drop_duplicates(list(_PARTS))
            if form == "negater":
                frame.to_csv(unfinished, sep="\t", index=False, columns=[*_PARTS, "score"])
                return len(frame)
            frame = frame.sort_values(["relation", "score"], ascending=[True, False], kind="stable")
            columns = [*_PARTS, "score"] if form == "tsv" else list(_PARTS)
            # labels as they are: a quote is a part of them
            lines = (
                "\t".join(f"{value:.6g}" if isinstance(value, float) else str(value) for value in row) + "\n"
                for row in frame[columns].itertuples(index=False)
            )
            with unfinished.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
    return len(frame)


def _check_fields(vocabulary: Vocabulary) -> None:
    for labels in (vocabulary.entity_labels, vocabulary.relation_labels):
        wrong = next((label for label in labels or () if any(character in label for character in "\t\n\0")), None)
        if wrong is not None:
            raise ValueError(
                f"found the label {wrong!r}, expected none with a tab, a line feed or a null character in a "
                f"tab-separated file. Choose the format parquet."
            )


def sentences(pools: NegativePools, per_relation: int = 2) -> dict[str, list[str]]:
    """Write the hardest negatives of each relation as lines for people.

    :param pools: the pools
    :param per_relation: the most lines per relation
    :return: the lines by relation, hardest first
    """
    texts = readable_texts(pools)
    _, negatives, _, scores = _unroll(pools)
    lines: dict[str, list[str]] = {relation: [] for relation in texts.relations}
    hardest = pd.DataFrame(negatives[np.argsort(-scores, kind="stable")]).drop_duplicates()
    for triple in hardest.groupby(RELATION).head(per_relation).to_numpy():
        lines[texts.relations[triple[RELATION]]].append(texts.sentence(triple))
    return lines


def readable_texts(pools: NegativePools) -> Texts:
    """Find something to read for every entity and relation.

    :param pools: the pools
    :return: the texts they were mined with, else the words of the labels, else the ids
    """
    vocabulary = pools.load_vocabulary()
    return Texts(
        entities=vocabulary.entity_texts or _names(vocabulary.entity_labels, pools.num_entities),
        relations=vocabulary.relation_texts or _names(vocabulary.relation_labels, pools.num_relations),
    )


def _names(labels: tuple[str, ...] | None, size: int) -> tuple[str, ...]:
    return tuple(map(str, range(size))) if labels is None else tuple(map(humanize, labels))
