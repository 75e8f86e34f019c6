"""Exports pools as tables, for other programs and for people."""

import logging
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from pykeen.triples.triples_factory import INVERSE_SUFFIX

from ..storage.cache import atomic_file
from ..storage.regular_files import check_writable
from ..texts.labels import humanize, well_formed
from ..texts.loading import Texts
from ..triples.graphs import Labels, names_of
from ..triples.indexing import RELATION, keys_to_triples
from ..typing import ExportFormat
from ..utils.spelling import check_choice
from .codec import decode_hardness, score_range
from .files import Vocabulary
from .negative_pools import NegativePools

__all__ = [
    "export",
    "readable_texts",
    "sentences",
    "some_sentences",
    "to_frame",
    "to_triplets",
]

logger = logging.getLogger(__name__)

_PARTS = ("head", "relation", "tail")

#: Labels that have to be quoted for PyKEEN, which reads files with pandas
_QUOTED = re.compile(r'["\t\r\n]|^\ufeff')

#: Characters that would be lost in a file for PyKEEN, even in quotes, and in a file without quotes
_UNFIT_IN_QUOTES, _UNFIT = re.compile(r"\0"), re.compile(r"[\t\n\0]|^\ufeff")

_UNFIT_NAMES = {
    _UNFIT_IN_QUOTES: "a null character",
    _UNFIT: "a tab, a line feed, a null character or a byte order mark",
}


def _unroll(pools: NegativePools) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """List all negatives.

    :param pools: the pools
    :return: a tuple (positives, negatives, sides, scores) of shapes (n, 3), (n, 3), (n,) and (n,); the scores are
        float32 if exact ones were kept
    """
    rows = np.repeat(np.arange(len(pools.offsets) - 1), np.diff(pools.offsets.numpy()))
    positions, side_numbers = np.divmod(rows, len(pools.sides))
    sides = np.array(pools.sides)[side_numbers]
    positives = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations)[positions]
    negatives = positives.copy()
    negatives[np.arange(len(rows)), sides] = pools.replacements.numpy()
    if pools.scores is not None:
        return positives, negatives, sides, pools.scores.numpy()
    return positives, negatives, sides, decode_hardness(pools.hardness.numpy(), *score_range(pools.metadata))


def to_frame(pools: NegativePools) -> pd.DataFrame:
    """List all negatives with the positive that they corrupt.

    :param pools: the pools
    :return: one row per negative, in the order of the pools: the labels ``head``, ``relation``, ``tail`` of the
        negative, ``positive_head``, ``positive_relation``, ``positive_tail`` of the positive, the replaced ``side``,
        and the ``score``, which is the ranker's: the higher, the harder, and to be compared only with scores of the
        same ranker. It is exact (float32) if the pools were mined with ``keep_scores``, else rounded to one of 256
        levels, in equal steps from the easiest to the hardest. Ids are used if there are no labels at all; where only
        some are missing, the label is None.
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

    The anchor is the triple without the replaced part, in the order of the triple: ``dog at location`` is
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
        :data:`~pykeen_negater.typing.ExportFormat`
    :return: the number of rows
    :raises ValueError: if there is no such form, or it cannot hold a label
    :raises OSError: if the file's folder does not exist, or the path is not a file
    """
    check_choice("form", form, get_args(ExportFormat))
    path = Path(path)
    check_writable(path)
    vocabulary = pools.load_vocabulary()
    if form != "triplets":
        _check_characters(vocabulary)
    if form in ("tsv", "negater"):
        _check_labels(vocabulary, _UNFIT)
    elif form == "triples":
        _check_labels(vocabulary, _UNFIT_IN_QUOTES)
        _warn_of_inverses(vocabulary)
    frame = to_triplets(pools) if form == "triplets" else to_frame(pools)
    with atomic_file(path) as unfinished:
        if form in ("parquet", "triplets"):
            frame.to_parquet(unfinished, index=False)
        else:
            labelled = frame.dropna(subset=list(_PARTS))
            if len(labelled) < len(frame):
                logger.warning("%d negatives hold an id without a label, and are left out.", len(frame) - len(labelled))
            # a negative of several positives gets its hardest score
            best = labelled.sort_values("score", ascending=False, kind="stable").drop_duplicates(list(_PARTS))
            if form == "negater":
                best.to_csv(unfinished, sep="\t", index=False, columns=[*_PARTS, "score"])
                return len(best)
            frame = best.sort_values(["relation", "score"], ascending=[True, False], kind="stable")
            rows = frame[[*_PARTS, "score"] if form == "tsv" else list(_PARTS)].itertuples(index=False)
            write = _quoted if form == "triples" else _as_it_is if pools.scores is None else _exactly
            with unfinished.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines("\t".join(map(write, row)) + "\n" for row in rows)
    return len(frame)


def _as_it_is(value: Any) -> str:
    """Write a field as it is, with quotes as parts of a label, as in NegatER's files."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _exactly(value: Any) -> str:
    """Write a field as it is, and a score with the fewest digits from which the same float32 is read."""
    return str(np.float32(value)) if isinstance(value, float) else str(value)


def _quoted(value: Any) -> str:
    """Write a field for PyKEEN, which removes quotes as pandas does."""
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _check_labels(vocabulary: Vocabulary, unfit: re.Pattern[str]) -> None:
    """Check that all labels are read back unchanged."""
    for labels in (vocabulary.entity_labels, vocabulary.relation_labels):
        wrong = next((label for label in labels or () if label is not None and unfit.search(label)), None)
        if wrong is not None:
            raise ValueError(
                f"found the label {wrong!r}, expected none with {_UNFIT_NAMES[unfit]} in a tab-separated file. Choose "
                f"the format parquet."
            )


def _check_characters(vocabulary: Vocabulary) -> None:
    for labels in (vocabulary.entity_labels, vocabulary.relation_labels):
        wrong = next((label for label in labels or () if label is not None and well_formed(label) != label), None)
        if wrong is not None:
            raise ValueError(
                f"found the label {wrong!r}, which holds a lone surrogate, expected none that a file cannot hold. "
                f"Choose the format triplets, which replaces it, or mend the label and mine again."
            )


def _warn_of_inverses(vocabulary: Vocabulary) -> None:
    inverses = [label for label in vocabulary.relation_labels or () if label and label.endswith(INVERSE_SUFFIX)]
    if inverses:
        logger.warning(
            "PyKEEN leaves out triples whose relation ends in %s, such as %s, unless it is told "
            "filter_out_candidate_inverse_relations=False.",
            INVERSE_SUFFIX,
            inverses[0],
        )


def sentences(pools: NegativePools, per_relation: int = 2) -> dict[str, list[str]]:
    """Write the hardest negatives of each relation as readable lines.

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


def some_sentences(pools: NegativePools, count: int = 3) -> list[tuple[str, str]]:
    """Write some of the hardest negatives as readable lines, of as many relations as possible.

    :param pools: the pools
    :param count: > 0, the most negatives
    :return: pairs (negative, the positive that it is a corruption of); the same for the same pools
    """
    texts, offsets = readable_texts(pools), pools.offsets.numpy()
    rows = np.flatnonzero(np.diff(offsets))
    positions, side_numbers = np.divmod(rows, len(pools.sides))
    triples = keys_to_triples(pools.keys.numpy()[positions], pools.num_entities, pools.num_relations)
    _, firsts = np.unique(triples[:, RELATION], return_index=True)
    chosen = firsts[np.unique(np.linspace(0, len(firsts) - 1, min(count, len(firsts)), dtype=np.int64))]
    lines = []
    for i in chosen:
        negative = triples[i].copy()
        negative[pools.sides[side_numbers[i]]] = int(pools.replacements[offsets[rows[i]]])
        lines.append((texts.sentence(negative), texts.sentence(triples[i])))
    return lines


def readable_texts(pools: NegativePools) -> Texts:
    """Find readable texts for all entities and relations.

    :param pools: the pools
    :return: the texts they were mined with, else the words of the labels, else the ids
    """
    vocabulary = pools.load_vocabulary()
    return Texts(
        entities=vocabulary.entity_texts or _names(vocabulary.entity_labels, "entity", pools.num_entities),
        relations=vocabulary.relation_texts or _names(vocabulary.relation_labels, "relation", pools.num_relations),
    )


def _names(labels: Labels | None, kind: str, size: int) -> tuple[str, ...]:
    return tuple(map(str, range(size))) if labels is None else tuple(map(humanize, names_of(labels, kind)))
