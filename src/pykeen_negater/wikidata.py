"""Texts of Wikidata's items and properties, from its public query service."""

import re
from collections.abc import Sequence

__all__ = [
    "WIKIDATA",
    "wikidata_texts",
]

#: The source of texts that stands for Wikidata
WIKIDATA = "wikidata"


def wikidata_texts(labels: Sequence[str]) -> dict[str, str]:
    """Fetch label and description of items and properties; PyKEEN keeps them in its data folder.

    :param labels: ids such as ``Q42`` and ``P31``; others are left out
    :return: the texts by id
    :raises ConnectionError: if the service does not answer
    """
    from pykeen.nn.text import WikidataTextCache
    from requests import RequestException

    ids = [label for label in labels if re.fullmatch(r"[QP]\d+", label)]
    try:
        texts = WikidataTextCache().get_texts(ids) if ids else []
    except RequestException as error:
        raise ConnectionError(
            f"found no answer from Wikidata ({error}), expected the texts of {len(ids):,} ids. Try again later, when "
            f"those that have come are not asked for again, or pass a file of id and text."
        ) from error
    return {one: text.removesuffix(": ") for one, text in zip(ids, texts, strict=True)}
