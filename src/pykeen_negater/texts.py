"""Texts of entities and relations: what a language model reads instead of ids."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from .caching import fingerprint
from .graphs import Graph, vocabulary_fingerprint
from .said_once import warn_once
from .tables import read_rows
from .wikidata import WIKIDATA, wikidata_texts

__all__ = [
    "TextSource",
    "Texts",
    "extend_texts",
    "humanize",
    "load_texts",
    "looks_opaque",
    "read_texts",
    "texts_digest",
]

logger = logging.getLogger(__name__)

#: A mapping of labels to texts, the path of a file with one, or ``wikidata``, whose ids the labels are then
TextSource: TypeAlias = Mapping[str, str] | str | Path

_SYNSET = re.compile(r"^(?P<lemma>.+)\.[nvasr]\.\d{2}$|^_*(?P<wordnet>.+?)_(?:NN|VB|JJ|RB)_\d+$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OPAQUE = re.compile(
    r"""
      \d[\d.,:-]*                           # numbers, e.g. WordNet offsets
    | [A-Za-z]{1,2}\d+(?:-\d+)?             # Wikidata (Q42, P31, L7), UMLS (C0001)
    | [A-Za-z.]+[:_]?\d{3,}                 # identifiers of ontologies and databases (GO:0008150, DB00945)
    | /?[mg][./][0-9a-z_]+                  # Freebase mids, Google knowledge graph ids
    | (?=.*\d)[0-9a-fA-F-]{16,}             # hashes, UUIDs
    """,
    flags=re.VERBOSE,
)


def humanize(label: str) -> str:
    """Turn a label into words.

    Underscores, slashes and camel case become spaces, the suffix of a synset is dropped, and of a URI the last part is
    taken. A label with spaces is a text already and only loses its underscores.

    :param label: any label
    :return: the words; the label itself if nothing would be left of it

    >>> humanize("acquired_abnormality"), humanize("AtLocation"), humanize("land_reform.n.01")
    ('acquired abnormality', 'at location', 'land reform')
    >>> humanize("/people/person/nationality"), humanize("http://dbpedia.org/resource/New_York"), humanize("HTML")
    ('people person nationality', 'New York', 'HTML')
    """
    text = label
    if "://" in text:
        text = re.split(r"[/#]", text.rstrip("/#"))[-1]
    if match := _SYNSET.match(text):
        text = match["lemma"] or match["wordnet"]
    if not any(character.isspace() for character in text):
        parts = _CAMEL.split(text.replace("/", " "))
        if len(parts) > 1:
            # keep acronyms, lower the capital that camel case put there
            parts = [part if part.isupper() and len(part) > 1 else part.lower() for part in parts]
        text = " ".join(parts)
    return " ".join(text.replace("_", " ").split()) or label


def looks_opaque(labels: Sequence[str]) -> bool:
    """Tell whether most labels are identifiers that say nothing to a language model.

    :param labels: the labels, e.g. Wikidata's ``Q42``, Freebase's ``/m/027rn``, or plain numbers
    :return: whether more than half of them look like identifiers

    >>> looks_opaque(["Q42", "Q7259", "P31"]), looks_opaque(["brazil", "uk", "commonbloc0"])
    (True, False)
    """
    opaque = sum(
        _OPAQUE.fullmatch(label.strip()) is not None or not any(character.isalpha() for character in label)
        for label in labels
    )
    return 2 * opaque > len(labels)


def read_texts(path: str | Path) -> dict[str, str]:
    """Read texts by label.

    :param path: a file with the columns label, text or label, name, description: tab-separated (KG-BERT's
        ``entity2text.txt``) or Parquet (``.parquet``); or a JSON object (``.json``)
    :return: the texts; a description is appended to its name
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if the file does not have that form
    """
    path = Path(path)
    if path.suffix == ".json":
        return _read_json(path)
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        if frame.shape[1] not in (2, 3):
            raise ValueError(
                f"{path}: found {frame.shape[1]} column(s), expected 2 (label, text) or 3 (label, name, description)."
            )
        rows: list[list[str]] = frame.astype(object).fillna("").astype(str).to_numpy().tolist()
    else:
        rows = [fields for _, fields in read_rows(path, columns=(2, 3))]
    return {label: ": ".join(part for part in parts if part.strip()) for label, *parts in rows}


def _read_json(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise FileNotFoundError(f"found no file {path}, expected a JSON object of texts.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
        raise ValueError(f"{path}: found another JSON value, expected one object that maps labels to texts.")
    return data


@dataclass(frozen=True)
class Texts:
    """One text for every entity and every relation."""

    #: The text of each entity
    entities: tuple[str, ...]

    #: The text of each relation
    relations: tuple[str, ...]

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
        """Write a triple as a line for people.

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

    What a source does not hold falls back to the words of its label, and one line in the log tells how much that was.

    :param graph: the graph
    :param entity_text: the entities' texts. If None, their labels serve, unless those are opaque ids.
    :param relation_text: the relations' texts. If None, their labels serve, opaque or not.
    :return: the texts, or None if the entities have neither texts nor readable labels. The log then says which
        parameter would help.
    :raises FileNotFoundError: if a source is a path without a file
    :raises ValueError: if a source is malformed, holds none of the graph's labels, or the graph has no labels
    """
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
            "The triples have no labels, so that their structure is all there is to mine them with.",
        )
        return None
    if entity_text is None and looks_opaque(entity_names):
        warn_once(
            logger,
            graph.fingerprint,
            "The entities' labels (e.g. %s) are opaque ids, so that the graph's structure is mined instead of its "
            "texts. Pass entity_text=..., a mapping or file of label and text%s, to mine with a language model.",
            ", ".join(entity_names[:3]),
            ", or 'wikidata'" if re.fullmatch(r"Q\d+", entity_names[0]) else "",
        )
        return None
    return Texts(
        entities=_texts_of("entity", entity_names, entity_text),
        relations=_texts_of("relation", relation_names, relation_text),
    )


def extend_texts(texts: Texts, entity_labels: Sequence[str], entity_text: TextSource | None = None) -> Texts:
    """Add entities that the graph does not have, e.g. those of test triples.

    :param texts: the graph's texts
    :param entity_labels: the labels of the other entities
    :param entity_text: their texts, see :func:`load_texts`. What it does not hold falls back to the words of its label.
    :return: the same texts, and those of the other entities after the graph's
    """
    source = {} if entity_text is None else _read(entity_text, entity_labels)
    others = tuple((source.get(label) or "").strip() or humanize(label) for label in entity_labels)
    return Texts(texts.entities + others, texts.relations)


def texts_digest(texts: Texts | None) -> str | None:
    """Identify texts.

    :param texts: the texts
    :return: 32 hexadecimal digits, or None if there are no texts
    """
    return None if texts is None else fingerprint({"entities": texts.entities, "relations": texts.relations})


def _read(source: TextSource, labels: Sequence[str]) -> Mapping[str, str]:
    if isinstance(source, Mapping):
        return source
    return wikidata_texts(labels) if source == WIKIDATA else read_texts(source)


def _texts_of(kind: str, labels: tuple[str, ...], source: TextSource | None) -> tuple[str, ...]:
    if source is None:
        return tuple(map(humanize, labels))
    texts = _read(source, labels)
    # an empty text says nothing
    found = [(texts.get(label) or "").strip() for label in labels]
    missing = [label for label, text in zip(labels, found, strict=True) if not text]
    if len(missing) == len(labels):
        raise ValueError(
            f"{kind}_text holds none of the {len(labels):,} {kind} labels of the graph: found e.g. "
            f"{list(texts)[:3]}, expected e.g. {list(labels[:3])}. The first column must be the label as in the graph."
        )
    if missing:
        warn_once(
            logger,
            vocabulary_fingerprint(len(labels), 1, labels),
            "%s_text has no text for %d of %d labels (%.1f %%, e.g. %s): their labels serve instead.",
            kind,
            len(missing),
            len(labels),
            100 * len(missing) / len(labels),
            ", ".join(missing[:3]),
        )
    return tuple(text or humanize(label) for text, label in zip(found, labels, strict=True))
