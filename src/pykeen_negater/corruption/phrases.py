"""Corruptions with phrases that contradict an entity's text: negations and antonyms."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..storage.json_files import read_json_object
from ..texts.labels import reading
from ..texts.loading import Texts
from ..texts.readings import Readings
from ..triples.graphs import Graph
from .corruptions import InSlotFallbackCorruptor

__all__ = [
    "Antonyms",
    "PhraseCorruptor",
    "negations",
]


class PhraseCorruptor(InSlotFallbackCorruptor):
    """Replaces an entity by a phrase, which need not be the text of an entity.

    A phrase that reads like an entity counts as that entity, and a triple that reads like a known one counts as known.
    """

    def __init__(self, graph: Graph, texts: Texts, phrases: Sequence[Sequence[str]]) -> None:
        """Assign an id to every phrase.

        :param graph: the graph
        :param texts: its texts
        :param phrases: for each entity, the phrases that may take its place
        """
        ids: dict[str, int] = {}
        for entity, text in enumerate(texts.entities):
            ids.setdefault(reading(text), entity)
        extra: list[str] = []
        for phrase in dict.fromkeys(phrase for group in phrases for phrase in group):
            if reading(phrase) not in ids:
                ids[reading(phrase)] = graph.num_entities + len(extra)
                extra.append(phrase)
        self.extra_texts = tuple(extra)
        super().__init__(graph, Readings(graph, texts, extra))
        #: The phrases of entity i are those from offset i to offset i + 1
        self._offsets = np.cumsum([0, *map(len, phrases)])
        self._phrases = np.array([ids[reading(phrase)] for group in phrases for phrase in group], dtype=np.int64)

    # docstr-coverage: inherited
    def propose(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:  # noqa: D102
        proposed = triples[:, side].copy()
        starts, sizes = self._offsets[proposed], np.diff(self._offsets)[proposed]
        positions = starts + (generator.random(len(triples)) * sizes).astype(np.int64)
        some = sizes > 0
        proposed[some] = self._phrases[positions[some]]
        return proposed


def negations(texts: Texts) -> list[list[str]]:
    """Negate the texts of entities.

    :param texts: the texts
    :return: for each entity, its text after "not"
    """
    return [[f"not {text}"] for text in texts.entities]


class Antonyms:
    """Phrases in which one token has opposites, as in the files of NegatER."""

    def __init__(self, mapping_file: Path, tag_file: Path, token_file: Path) -> None:
        """Read the files.

        :param mapping_file: a JSON object that maps tokens to lists of antonyms
        :param tag_file: a JSON object that maps phrases to the position of the token to replace; −1 for none
        :param token_file: a JSON object that maps phrases to their lists of tokens
        :raises ValueError: if a file does not have that form, or a position is not one of a token of its phrase
        """
        self.antonyms = _read_object(mapping_file, "tokens to lists of antonyms", _is_list_of_strings)
        self.tags = _read_object(tag_file, "phrases to positions of tokens", lambda value: type(value) is int)
        self.tokens = _read_object(token_file, "phrases to lists of tokens", _is_list_of_strings)
        for phrase, tag in self.tags.items():
            if phrase in self.tokens and not -1 <= tag < len(self.tokens[phrase]):
                raise ValueError(
                    f"{tag_file}: found the position {tag} for {phrase!r}, expected one of its "
                    f"{len(self.tokens[phrase])} tokens in {token_file}, counted from 0, or -1 for none."
                )
        self._files = f"{tag_file} and {token_file}"

    def opposites(self, phrase: str) -> list[str]:
        """Replace the tagged token of a phrase by its antonyms.

        :param phrase: the phrase
        :return: one phrase per antonym; none if the phrase is unknown, has no tagged token, or that has no antonym
        """
        tokens, tag = self.tokens.get(phrase, []), self.tags.get(phrase, -1)
        if tag == -1 or not tokens:
            return []
        return [
            " ".join([*tokens[:tag], antonym, *tokens[tag + 1 :]]) for antonym in self.antonyms.get(tokens[tag], [])
        ]

    def of(self, graph: Graph, texts: Texts) -> list[list[str]]:
        """Find the opposites of entities.

        :param graph: the graph
        :param texts: its texts
        :return: for each entity, the opposites of its label, or of its text where the files lack its label
        :raises ValueError: if the files have neither label nor text of any entity
        """
        known = self.tags.keys() & self.tokens.keys()
        labels = graph.entity_names or texts.entities
        phrases = [label if label in known else text for label, text in zip(labels, texts.entities, strict=True)]
        if known.isdisjoint(phrases):
            raise ValueError(
                f"{self._files} hold none of the {graph.num_entities:,} entities: found e.g. {sorted(known)[:3]}, "
                f"expected e.g. {list(labels[:3])}. The keys must be labels or texts as in the graph."
            )
        return [self.opposites(phrase) for phrase in phrases]


def _is_list_of_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _read_object(path: Path, what: str, is_valid: Callable[[Any], bool]) -> dict[str, Any]:
    data = read_json_object(path, what)
    wrong = next((key for key, value in data.items() if not is_valid(value)), None)
    if wrong is not None:
        raise ValueError(f"{path}: found {data[wrong]!r} for {wrong!r}, expected an object that maps {what}.")
    return data
