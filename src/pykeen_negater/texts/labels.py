"""Turns labels into words, and finds opaque identifiers and labels that read the same."""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote

import numpy as np
import pandas as pd

__all__ = [
    "find_alike",
    "humanize",
    "looks_opaque",
    "reading",
    "well_formed",
]

#: A literal of RDF, with its language or type, if it has one
_LITERAL = re.compile(
    r'"(?P<value>(?:[^"\\]|\\.)*)"(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*|\^\^(?:<[^<>]*>|\S+))?', flags=re.DOTALL
)
_ESCAPE = re.compile(r"""\\(?:u([0-9A-Fa-f]{4})|U(000[0-9A-Fa-f]{5}|0010[0-9A-Fa-f]{4})|([tbnrf"'\\]))""")
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}

#: A term in angle brackets, and the beginning of a URI
_BRACKETS = re.compile(r"<([^<>]+)>")
_HIERARCHICAL, _URN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://"), re.compile(r"urn:", flags=re.IGNORECASE)

#: Namespaces before a local name, e.g. ``wd:Q42``, ``Gene::9021``, ``Disease::MESH:D003920``; not ``Star Wars: ...``
_NAMESPACED = re.compile(r"(?:[\w.-]+::?)+(?P<local>[^\s:/_][^\s:]*)")

_SYNSET = re.compile(r"^(?P<lemma>.+)\.[nvasr]\.\d{2}$|^_*(?P<wordnet>.+?)_(?:NN|VB|JJ|RB)_\d+$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OPAQUE = re.compile(
    r"""
      \d[\d.,:-]*                           # numbers, e.g. WordNet offsets
    | [A-Za-z]{1,2}\d+(?:-\d+)?             # Wikidata (Q42, P31, L7), UMLS (C0001), MeSH (D017299)
    | [A-Za-z.]+[:_]?\d{3,}                 # identifiers of ontologies and databases (GO:0008150, DB00945)
    | [A-Z]\d[A-Z\d]{3}\d                   # UniProt (Q9Y6K9)
    | [A-Z]+(?:-[A-Z]+)+-\d+                # Reactome (R-HSA-109582)
    | [A-Z]{14}-[A-Z]{10}-[A-Z]             # InChIKeys
    | /?[mg][./][0-9a-z_]+                  # Freebase mids, Google knowledge graph ids
    | (?=.*\d)[0-9a-fA-F-]{16,}             # hashes, UUIDs
    | _:.+                                  # blank nodes
    """,
    flags=re.VERBOSE,
)


def humanize(label: str) -> str:
    """Turn a label into words.

    Underscores, slashes and camel case become spaces, and the suffix of a synset is dropped. Of a URI, the last part is
    taken, and of an RDF literal, its value as it is. Percent escapes are decoded. A label with spaces is a text already
    and only loses its underscores.

    :param label: any label
    :return: the words; the label itself if nothing would be left of it

    >>> humanize("acquired_abnormality"), humanize("AtLocation"), humanize("land_reform.n.01")
    ('acquired abnormality', 'at location', 'land reform')
    >>> humanize("/people/person/nationality"), humanize("http://dbpedia.org/resource/New_York"), humanize("HTML")
    ('people person nationality', 'New York', 'HTML')
    >>> humanize('"42"^^<http://www.w3.org/2001/XMLSchema#integer>'), humanize('"New York"@en')
    ('42', 'New York')
    """
    value = _literal_value(label)
    if value is not None:
        return " ".join(value.split()) or label
    text, is_uri = _local_name(label)
    if match := _SYNSET.match(text):
        text = match["lemma"] or match["wordnet"]
    if not any(character.isspace() for character in text):
        parts = _CAMEL.split(text if is_uri else text.replace("/", " "))
        if len(parts) > 1:
            # keep acronyms, but lower capitals from camel case
            parts = [part if part.isupper() and len(part) > 1 else part.lower() for part in parts]
        text = " ".join(parts)
    return " ".join(text.replace("_", " ").split()) or label


def looks_opaque(labels: Sequence[str]) -> bool:
    """Tell whether most labels are identifiers that mean nothing to a language model.

    Only the local name counts, without URI and namespace. RDF literals are readable, and are not counted.

    :param labels: the labels, e.g. Wikidata's ``Q42``, Freebase's ``/m/027rn``, or plain numbers
    :return: whether more than half of them look like identifiers

    >>> looks_opaque(["Q42", "wd:Q7259", "Gene::9021"]), looks_opaque(["brazil", "uk", "commonbloc0"])
    (True, False)
    """
    names = [label for label in labels if _literal_value(label) is None]
    return 2 * sum(map(_is_opaque, names)) > len(names)


def _is_opaque(label: str) -> bool:
    name, _ = _local_name(label.strip())
    if namespaced := _NAMESPACED.fullmatch(name):
        name = namespaced["local"]
    return _OPAQUE.fullmatch(name) is not None or not any(character.isalpha() for character in name)


def _literal_value(label: str) -> str | None:
    """Get the value of an RDF literal; None if the label is not one."""
    match = _LITERAL.fullmatch(label) if label.startswith('"') else None
    return None if match is None else _unescape(match["value"])


def _unescape(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        """Get the character that an escape stands for."""
        short, long, letter = match.groups()
        return _ESCAPED.get(letter, letter) if letter else chr(int(short or long, 16))

    return _ESCAPE.sub(character, text)


def _local_name(label: str) -> tuple[str, bool]:
    """Take the last part of a URI, and any other label as it is; tell whether it is a URI."""
    term = label
    if match := _BRACKETS.fullmatch(label):
        term = _unescape(match[1])
    is_uri = True
    if _HIERARCHICAL.match(term):
        term = re.split(r"[/#]", term.rstrip("/#"))[-1]
        # the last value of a URI's query names the entity
        query = term.partition("?")[2]
        term = (query.rpartition("=")[2] if "=" in query else "") or term
    elif _URN.match(term):
        term = term.rsplit(":", 1)[-1]
    else:
        is_uri = False
    return _decode(term), is_uri


def _decode(text: str) -> str:
    """Decode percent escapes, unless the result is no text."""
    if "%" not in text or any(character.isspace() for character in text):
        return text
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
    return text if any(unicodedata.category(character) == "Cc" for character in decoded) else decoded


def well_formed(text: str) -> str:
    r"""Replace lone surrogates, which no encoding can hold and no tokenizer reads.

    :param text: any text
    :return: the text, with U+FFFD in the place of lone surrogates

    >>> well_formed("caf\udce9"), well_formed("café")
    ('caf\ufffd', 'café')
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def reading(text: str) -> str:
    r"""Normalize a text, so that texts that read the same become equal.

    Case, white space, Unicode's compatible forms and invisible characters make no difference.

    :param text: any text
    :return: the normalized text

    >>> reading("New\u00a0York ") == reading("new york"), reading("caf\u00e9") == reading("cafe\u0301")
    (True, True)
    """
    if not text.isascii():
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(text.casefold().split())


def find_alike(texts: Sequence[str]) -> np.ndarray:
    """Find the texts that read the same.

    :param texts: n texts
    :return: shape: (n,), dtype: int64, the position of the first text that reads the same as each

    >>> find_alike(["dog", "cat", "Dog"]).tolist()
    [0, 1, 0]
    """
    codes, _ = pd.factorize(np.array([reading(text) for text in texts], dtype=object))
    _, first = np.unique(codes, return_index=True)
    return first[codes]
