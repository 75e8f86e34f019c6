"""Reading tab-separated files without surprises.

Every field is a string exactly as it stands in the file: nothing is quoted, stripped or taken for a missing value, so
that phrases such as ``none``, ``nan`` or ``NA`` survive.
"""

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from pykeen.triples import TriplesFactory

__all__ = [
    "read_labels",
    "read_rows",
    "read_triples",
]

logger = logging.getLogger(__name__)


def read_rows(path: str | Path, columns: Collection[int]) -> Iterator[tuple[int, list[str]]]:
    """Read a tab-separated file without header; blank lines are skipped.

    :param path: the UTF-8 file
    :param columns: the allowed numbers of columns. All lines need the same one.
    :return: an iterator of (line number from 1, fields)
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a line has another number of columns, or the file is no text in UTF-8
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"found no file {path}, expected a tab-separated text file.")
    allowed = set(columns)
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                line = line.rstrip("\r\n")
                if "\0" in line:
                    raise ValueError(f"{path}, line {number}: found a null character, expected a text file.")
                if not line.strip() and "\t" not in line:
                    continue
                fields = line.split("\t")
                if len(fields) not in allowed:
                    expected = " or ".join(map(str, sorted(allowed)))
                    raise ValueError(
                        f"{path}, line {number}: found {len(fields)} tab-separated column(s), expected {expected}. "
                        f"Check the delimiter, and that no text contains a tab or a line break."
                    )
                allowed = {len(fields)}
                yield number, fields
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 ({error}). Convert it, e.g. with iconv.") from error


def read_labels(path: str | Path) -> list[list[str]]:
    """Read triples as they stand there.

    :param path: a tab-separated file with the columns head, relation and tail
    :return: the labels of each triple
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a line does not have three columns, a label is empty, or there is no triple
    """
    triples = []
    for number, fields in read_rows(path, columns=[3]):
        for name, label in zip(("head", "relation", "tail"), fields, strict=True):
            if not label.strip():
                raise ValueError(f"{path}, line {number}: found an empty {name}, expected a label.")
        triples.append(fields)
    if not triples:
        raise ValueError(f"{path} is empty, expected one triple (head, relation, tail) per line.")
    return triples


def read_triples(path: str | Path, like: TriplesFactory | None = None) -> TriplesFactory:
    """Read labelled triples.

    :param path: a tab-separated file with the columns head, relation and tail
    :param like: other triples, whose ids the labels get; triples with labels that these lack are left out
    :return: the triples
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a line does not have three columns, a label is empty, or there is no triple with known labels
    """
    triples = read_labels(path)
    # a relation whose name ends like one of PyKEEN's inverse relations is a relation like any other
    factory = TriplesFactory.from_labeled_triples(
        np.array(triples, dtype=str),
        entity_to_id=None if like is None else like.entity_to_id,
        relation_to_id=None if like is None else like.relation_to_id,
        filter_out_candidate_inverse_relations=False,
    )
    dropped = len(triples) - factory.num_triples
    if like is not None and dropped:
        logger.warning(
            "%s: %d of %d triples hold an entity or a relation that the training triples lack, and are left out.",
            path,
            dropped,
            len(triples),
        )
    if not factory.num_triples:
        raise ValueError(f"{path}: found no triple whose labels are those of the training triples, expected some.")
    return factory
