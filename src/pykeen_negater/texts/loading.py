"""Loads the texts of entities and relations that a language model reads instead of ids."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ..storage.cache import fingerprint
from ..storage.json_files import read_json_object
from ..storage.regular_files import check_regular
from ..triples.graphs import Graph, vocabulary_fingerprint
from ..triples.tables import read_rows
from ..utils.plain_values import brief, is_missing, mapping_or_path, plain_items, plain_text
from ..utils.said_once import warn_once
from .labels import humanize, looks_opaque, well_formed
from .wikidata import WIKIDATA, wikidata_id, wikidata_texts

__all__ = [
    "TextSource",
    "Texts",
    "check_texts",
    "extend_texts",
    "load_texts",
    "read_texts",
    "texts_digest",
]

logger = logging.getLogger(__name__)

#: A mapping or a series of labels to texts, the path of a file with one, or ``wikidata`` if labels are Wikidata's ids
TextSource: TypeAlias = Mapping[str, Any] | pd.Series | str | Path


def check_texts(name: str, source: Any) -> dict[str, str] | str | None:
    """Convert a source of texts to values that JSON can hold.

    :param name: the parameter that it was passed as, for errors
    :param source: a mapping or a series of pandas, of labels to texts; a path; or ``wikidata``. Numbers become strings,
        and missing values become empty texts.
    :return: the texts by label, the path as a string, or ``wikidata``; None if there is no source
    :raises ValueError: if it is something else, or holds anything but texts
    """
    source = mapping_or_path(
        name, source, f"a mapping of labels to texts, the path of a file with one, or '{WIKIDATA}'"
    )
    return source if source is None or isinstance(source, str) else _plain_texts(name, source)


def _plain_texts(name: str, source: Any) -> dict[str, str]:
    texts = {}
    for label, value in plain_items(name, source):
        text = "" if is_missing(value) else plain_text(value)
        if text is None:
            raise ValueError(
                f"found {brief(value)} for {label!r} in {name}, expected a text, or None where there is none."
            )
        texts[label] = text
    return texts


def read_texts(path: str | Path) -> dict[str, str]:
    """Read texts by label.

    :param path: a file with the columns label, text or label, name, description: tab-separated (KG-BERT's
        ``entity2text.txt``) or Parquet (``.parquet``); or a JSON object (``.json``)
    :return: the texts; a description is appended to its name. Missing values become empty texts.
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if the file does not have that form
    """
    path = Path(path)
    if path.suffix == ".json":
        return _plain_texts(str(path), read_json_object(path, "labels to texts"))
    if path.suffix != ".parquet":
        return {label: _join(parts) for _, (label, *parts) in read_rows(path, columns=(2, 3))}
    check_regular(path, "texts by label")
    frame = pd.read_parquet(path)
    if frame.shape[1] not in (2, 3):
        raise ValueError(
            f"{path}: found {frame.shape[1]} column(s), expected 2 (label, text) or 3 (label, name, description)."
        )
    labels, *columns = (frame.iloc[:, i] for i in range(frame.shape[1]))
    texts = [_plain_texts(str(path), column.set_axis(labels)) for column in columns]
    return {label: _join([column[label] for column in texts]) for label in texts[0]}


def _join(parts: Sequence[str]) -> str:
    return ": ".join(part for part in parts if part.strip())


@dataclass(frozen=True)
class Texts:
    """One text for every entity and every relation."""

    #: The text of each entity
    entities: tuple[str, ...]

    #: The text of each relation
    relations: tuple[str, ...]

    def __post_init__(self) -> None:
        """Replace lone surrogates, which tokenizers and files refuse."""
        for name in ("entities", "relations"):
            object.__setattr__(self, name, tuple(map(well_formed, getattr(self, name))))

    def estimate_length(self, triples: np.ndarray) -> int:
        """Estimate the number of tokens of a triple, by the rule of thumb of four characters a token.

        :param triples: shape: (n, 3), n > 0
        :return: the mean number of tokens, special ones included
        """
        entities = np.fromiter(map(len, self.entities), dtype=np.int64)
        relations = np.fromiter(map(len, self.relations), dtype=np.int64)
        characters = entities[triples[:, 0]] + relations[triples[:, 1]] + entities[triples[:, 2]]
        return 4 + int(np.ceil(characters / 4).mean())

    def sentence(self, triple: Sequence[int], width: int = 48) -> str:
        """Write a triple as a line of text.

        :param triple: head, relation and tail id
        :param width: the most characters of each part
        :return: the line

        >>> Texts(entities=("dog", "kennel"), relations=("at location",)).sentence([0, 0, 1])
        'dog · at location · kennel'
        """
        head, relation, tail = (int(i) for i in triple)
        parts = (self.entities[head], self.relations[relation], self.entities[tail])
        return " · ".join(part if len(part) <= width else part[: width - 1] + "…" for part in parts)


def load_texts(
    graph: Graph, entity_text: TextSource | None = None, relation_text: TextSource | None = None
) -> Texts | None:
    """Find a text for every entity and relation of a graph.

    Where a source has no text, the words of the label are used instead, and one line in the log tells how often.

    :param graph: the graph
    :param entity_text: the entities' texts. If None, their labels are used, unless these are opaque ids.
    :param relation_text: the relations' texts. If None, their labels are used, opaque or not.
    :return: the texts, or None if the entities have neither texts nor readable labels. The log then says which
        parameter would help.
    :raises FileNotFoundError: if a source is a path without a file
    :raises ValueError: if a source is malformed, holds none of the graph's labels, or the graph has no labels
    """
    entity_text, relation_text = check_texts("entity_text", entity_text), check_texts("relation_text", relation_text)
    entity_names, relation_names = graph.entity_names, graph.relation_names
    if entity_names is None or relation_names is None:
        if entity_text is not None or relation_text is not None:
            raise ValueError(
                "found texts for a graph without labels, expected a TriplesFactory, whose labels say which text "
                "belongs to which id."
            )
        warn_once(
            logger,
            graph.fingerprint,
            "The triples have no labels, so that mining uses their structure alone.",
        )
        return None
    found = _look_up("entity", entity_names, entity_text)
    if not any(found) and looks_opaque(entity_names):
        warn_once(
            logger,
            graph.fingerprint,
            "The entities' labels (e.g. %s) are opaque ids, so that mining uses the graph's structure instead of "
            "texts. Pass entity_text=..., a mapping or file of label and text%s, to mine with a language model.",
            ", ".join(entity_names[:3]),
            f", or '{WIKIDATA}'" if any(map(wikidata_id, entity_names[:3])) else "",
        )
        return None
    return Texts(
        entities=_fill("entity", entity_names, found, entity_text is not None),
        relations=_fill(
            "relation",
            relation_names,
            _look_up("relation", relation_names, relation_text),
            relation_text is not None,
        ),
    )


def extend_texts(texts: Texts, entity_labels: Sequence[str], entity_text: TextSource | None = None) -> Texts:
    """Add entities that the graph does not have, e.g. those of test triples.

    :param texts: the graph's texts
    :param entity_labels: the labels of the other entities
    :param entity_text: their texts, see :func:`load_texts`. Without a text, the words of the label are used.
    :return: the same texts, and those of the other entities after the graph's
    """
    source = _read(check_texts("entity_text", entity_text), entity_labels)
    others = tuple(source.get(label, "").strip() or humanize(label) for label in entity_labels)
    return Texts(texts.entities + others, texts.relations)


def texts_digest(texts: Texts | None) -> str | None:
    """Identify texts.

    :param texts: the texts
    :return: 32 hexadecimal digits, or None if there are no texts
    """
    return None if texts is None else fingerprint({"entities": texts.entities, "relations": texts.relations})


def _read(source: dict[str, str] | str | None, labels: Sequence[str]) -> dict[str, str]:
    if source is None or isinstance(source, dict):
        return source or {}
    return wikidata_texts(labels) if source == WIKIDATA else read_texts(source)


def _look_up(kind: str, labels: tuple[str, ...], source: dict[str, str] | str | None) -> list[str]:
    """Find the texts of labels; a label without one gets an empty text."""
    texts = _read(source, labels)
    if source is not None and texts.keys().isdisjoint(labels):
        raise ValueError(
            f"{kind}_text holds none of the {len(labels):,} {kind} labels of the graph: found e.g. "
            f"{list(texts)[:3]}, expected e.g. {list(labels[:3])}. The first column must be the label as in the graph."
        )
    return [texts.get(label, "").strip() for label in labels]


def _fill(kind: str, labels: tuple[str, ...], found: list[str], is_given: bool) -> tuple[str, ...]:
    """Use the words of labels where there is no text; log how often, if texts were given."""
    missing = [label for label, text in zip(labels, found, strict=True) if not text]
    if missing and is_given:
        warn_once(
            logger,
            vocabulary_fingerprint(len(labels), 1, labels),
            "%s_text has no text for %d of %d labels (%.1f %%, e.g. %s): their labels are used instead.",
            kind,
            len(missing),
            len(labels),
            100 * len(missing) / len(labels),
            ", ".join(missing[:3]),
        )
    return tuple(text or humanize(label) for text, label in zip(found, labels, strict=True))
