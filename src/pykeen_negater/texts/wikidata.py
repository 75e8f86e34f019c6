"""Texts of Wikidata's items and properties, from its public query service."""

import re
from collections.abc import Sequence

__all__ = [
    "WIKIDATA",
    "wikidata_id",
    "wikidata_texts",
]

#: The name of Wikidata as a source of texts
WIKIDATA = "wikidata"

_ID = re.compile(
    r"""
    <?
    (?:
        https?://(?:www\.|m\.)?wikidata\.org/(?:[\w:.-]+/)*     # entity/Q42, wiki/Q42, prop/direct/P31
        (?:Property:)?
      | (?:wd|wdt|wikidata|p|ps|pq):                            # wd:Q42, wdt:P31
    )?
    (?P<id>[QP]\d+)
    >?
    """,
    flags=re.VERBOSE | re.IGNORECASE,
)


def wikidata_id(label: str) -> str | None:
    """Find the id of an item or a property in a label.

    :param label: the id itself, with a namespace, or a URI, in angle brackets or not
    :return: the id; None if there is none

    >>> wikidata_id("wd:Q42"), wikidata_id("<http://www.wikidata.org/prop/direct/P31>"), wikidata_id("Q-tip")
    ('Q42', 'P31', None)
    """
    match = _ID.fullmatch(label)
    return None if match is None else match["id"].upper()


def wikidata_texts(labels: Sequence[str]) -> dict[str, str]:
    """Fetch labels and descriptions of items and properties; PyKEEN caches them in its data folder.

    :param labels: ids such as ``Q42``, ``wd:Q42`` or ``http://www.wikidata.org/entity/Q42``; others are left out
    :return: the texts by label
    :raises ConnectionError: if the service does not answer
    """
    from pykeen.nn.text import WikidataTextCache
    from requests import RequestException

    found = {label: one for label in labels if (one := wikidata_id(label)) is not None}
    ids = list(dict.fromkeys(found.values()))
    try:
        texts = WikidataTextCache().get_texts(ids) if ids else []
    except RequestException as error:
        raise ConnectionError(
            f"found no answer from Wikidata ({error}), expected the texts of {len(ids):,} ids. Try again later "
            f"(answers so far are kept), or pass a file of id and text."
        ) from error
    by_id = {one: text.removesuffix(": ") for one, text in zip(ids, texts, strict=True)}
    return {label: by_id[one] for label, one in found.items()}
