"""Reads tab-separated files.

Triples are read by PyKEEN itself, so that a file has the same triples, labels and ids on the command line, in
``known_triples`` and in ``pipeline(training=...)``: a field may be quoted, compressed files are read, further columns
and blank lines are skipped, and triples of relations whose names end in ``_inverse`` are left out. Words such as
``none``, ``nan`` or ``NA`` are labels like any other.

Other tables, such as texts by label, are read literally: nothing is unquoted, stripped or taken for a missing value.
"""

import bz2
import gzip
import inspect
import logging
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd
from pykeen.triples import TriplesFactory
from pykeen.triples.triples_factory import INVERSE_SUFFIX
from pykeen.triples.utils import load_triples

from ..utils.spelling import check_known

__all__ = [
    "read_labels",
    "read_rows",
    "read_triples",
    "without_inverse_relations",
]

logger = logging.getLogger(__name__)

#: The functions that open compressed files, by suffix
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

#: The first bytes of a gzip file
_GZIP = b"\x1f\x8b"

#: Part of a triple by column
_PARTS = ("head", "relation", "tail")


def read_rows(path: str | Path, columns: Collection[int], mixed: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Read a tab-separated file without header; blank lines are skipped.

    :param path: the UTF-8 file; compressed if its name ends in ``.gz``, ``.bz2`` or ``.xz``
    :param columns: the allowed numbers of columns
    :param mixed: whether lines may differ in their number of columns. By default, all lines need the same number.
    :return: an iterator of (line number from 1, fields)
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a line has another number of columns, or the file is no text in UTF-8
    """
    path = Path(path)
    _check_file(path)
    allowed = set(columns)
    with _one_sentence(path), _open(path) as file:
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
            if not mixed:
                allowed = {len(fields)}
            yield number, fields


def read_labels(path: str | Path, load_triples_kwargs: Mapping[str, Any] | None = None) -> np.ndarray:
    """Read triples as PyKEEN does.

    :param path: a file with the columns head, relation and tail, and maybe others
    :param load_triples_kwargs: how PyKEEN reads it, see :func:`pykeen.triples.utils.load_triples`: ``delimiter``,
        ``encoding`` or ``column_remapping``
    :return: the labels of each triple; shape: (n, 3), dtype: object, n > 0
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if it is malformed, or there is no triple
    """
    path = Path(path)
    _check_file(path)
    kwargs = dict(load_triples_kwargs or {})
    known = [name for name in inspect.signature(load_triples).parameters if name != "path"]
    check_known("parameter", kwargs, known, "load_triples_kwargs")
    with _one_sentence(path, ", or name its encoding in load_triples_kwargs"):
        try:
            triples = load_triples(path, **kwargs)
        except (UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError):
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} cannot be read with load_triples_kwargs={kwargs}: {error}.") from error
    if triples.shape[1] < len(_PARTS):
        raise ValueError(
            f"{path}: found {triples.shape[1]} column(s), expected at least three: head, relation and tail, separated "
            f"by tabs. For another delimiter, see load_triples_kwargs."
        )
    triples = triples[:, : len(_PARTS)]
    empty = np.flatnonzero((triples == "").any(axis=1))
    if len(empty):
        logger.warning(
            "%s: %d of %d triples lack a head, a relation or a tail (the first: %s). PyKEEN reads that as an empty "
            "label, which is a label like any other.",
            path,
            len(empty),
            len(triples),
            triples[empty[0]].tolist(),
        )
    return triples


def read_triples(
    path: str | Path, like: TriplesFactory | None = None, load_triples_kwargs: Mapping[str, Any] | None = None
) -> TriplesFactory:
    """Read labelled triples: the same as PyKEEN's :meth:`~pykeen.triples.TriplesFactory.from_path`.

    :param path: a file with the columns head, relation and tail, and maybe others
    :param like: other triples, whose ids the labels get; triples with labels that these lack are left out
    :param load_triples_kwargs: how PyKEEN reads it, see :func:`read_labels`
    :return: the triples
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if it is malformed, or there is no triple with known labels
    """
    triples = without_inverse_relations(path, read_labels(path, load_triples_kwargs))
    if like is not None:
        triples = _known_to(like, path, triples)
    return TriplesFactory.from_labeled_triples(
        triples,
        entity_to_id=None if like is None else like.entity_to_id,
        relation_to_id=None if like is None else like.relation_to_id,
        # otherwise, ids after an unused one would differ from those of the training triples
        compact_id=like is None,
        metadata={"path": Path(path).resolve()},
    )


def _known_to(factory: TriplesFactory, path: str | Path, triples: np.ndarray) -> np.ndarray:
    """Leave out triples with labels that a factory lacks, with a line in the log."""
    entities, relations = factory.entity_to_id, factory.relation_to_id
    known = np.array(
        [head in entities and relation in relations and tail in entities for head, relation, tail in triples]
    )
    if not known.any():
        raise ValueError(f"{path}: found no triple whose labels are those of the training triples, expected some.")
    if not known.all():
        logger.warning(
            "%s: %d of %d triples hold an entity or a relation that the training triples lack, and are left out.",
            path,
            np.sum(~known),
            len(known),
        )
    return triples[known]


def without_inverse_relations(
    path: str | Path, triples: np.ndarray, relations: Collection[str] = frozenset()
) -> np.ndarray:
    """Leave out triples that PyKEEN takes for inverse ones, with a line in the log.

    :param path: where they are from
    :param triples: shape: (n, 3), dtype: object, labels
    :param relations: relations that are kept whatever their names
    :return: shape: (m, 3), m > 0, the others
    :raises ValueError: if there are no others
    """
    is_inverse = {
        relation: relation.endswith(INVERSE_SUFFIX) and relation not in relations for relation in set(triples[:, 1])
    }
    if not any(is_inverse.values()):
        return triples
    kept = np.array([not is_inverse[relation] for relation in triples[:, 1]], dtype=bool)
    if not kept.any():
        raise ValueError(
            f"{path}: found only relations whose names end in {INVERSE_SUFFIX!r}, which PyKEEN leaves out, expected "
            f"some others."
        )
    logger.warning(
        "%s: %d of %d triples have a relation whose name ends in %r. PyKEEN takes them for inverse triples, and leaves "
        "them out.",
        path,
        np.sum(~kept),
        len(kept),
        INVERSE_SUFFIX,
    )
    return triples[kept]


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"found no file {path}, expected a tab-separated text file.")


def _open(path: Path) -> TextIO:
    opener: Any = _OPENERS.get(path.suffix, open)
    file: TextIO = opener(path, "rt", encoding="utf-8-sig", newline="\n")
    return file


@contextmanager
def _one_sentence(path: Path, advice: str = "") -> Iterator[None]:
    """Explain in one sentence why a file cannot be read.

    :param path: the file
    :param advice: further advice for a file in another encoding
    """
    try:
        yield
    except UnicodeDecodeError as error:
        with path.open("rb") as file:
            is_zipped = file.read(len(_GZIP)) == _GZIP
        if is_zipped and path.suffix != ".gz":
            raise ValueError(f"{path} is compressed by gzip. Give it a name that ends in .gz.") from error
        raise ValueError(
            f"{path} is not {error.encoding.upper()} ({error}). Convert it, e.g. with iconv{advice}."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path} is empty, expected one triple (head, relation, tail) per line.") from error
    except pd.errors.ParserError as error:
        reason = str(error).strip().rstrip(".").removeprefix("Error tokenizing data. C error: ")
        raise ValueError(
            f"{path} is no table that PyKEEN can read: {reason}. Check the delimiter, and that each quote at the "
            f"beginning of a field has its end."
        ) from error
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise ValueError(f"{path} is no whole {path.suffix} file: {error}.") from error
    except OSError as error:
        if error.errno is None:  # the file was read, but does not have the format of its suffix
            raise ValueError(f"{path} is no whole {path.suffix} file: {error}.") from error
        raise
