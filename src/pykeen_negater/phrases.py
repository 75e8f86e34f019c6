"""Phrases that say something else than an entity's text, as corruptions."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .corruptions import InSlotFallbackCorruptor
from .graphs import Graph
from .indexing import HEAD, TAIL, TripleIndex
from .texts import Texts

__all__ = [
    "Antonyms",
    "PhraseCorruptor",
    "negations",
]


class PhraseCorruptor(InSlotFallbackCorruptor):
    """Replaces an entity by a phrase that need not be an entity's.

    A phrase that reads like an entity is that entity, and a triple that reads like a known one is known.
    """

    def __init__(self, graph: Graph, texts: Texts, phrases: Sequence[Sequence[str]]) -> None:
        """Give every phrase an id.

        :param graph: the graph
        :param texts: its texts
        :param phrases: for each entity, the phrases that may take its place
        """
        super().__init__(graph)
        ids: dict[str, int] = {}
        for entity, text in enumerate(texts.entities):
            ids.setdefault(text, entity)
        canonical = [ids[text] for text in texts.entities]
        extra: list[str] = []
        for phrase in dict.fromkeys(phrase for group in phrases for phrase in group):
            if phrase not in ids:
                ids[phrase] = graph.num_entities + len(extra)
                extra.append(phrase)
        self.extra_texts = tuple(extra)
        num_entities = graph.num_entities + len(extra)
        #: The entity or phrase by which those that read the same are known; shape: (num_entities + num_phrases,)
        self._canonical = np.array([*canonical, *range(graph.num_entities, num_entities)], dtype=np.int64)
        self._known = TripleIndex.from_triples(self._read(graph.triples), num_entities, graph.num_relations)
        #: The phrases of entity i are those from offset i to offset i + 1
        self._offsets = np.cumsum([0, *map(len, phrases)])
        self._phrases = np.array([ids[phrase] for group in phrases for phrase in group], dtype=np.int64)

    def _read(self, triples: np.ndarray) -> np.ndarray:
        """Give entities that read the same the same id."""
        read = triples.copy()
        for side in (HEAD, TAIL):
            read[:, side] = self._canonical[triples[:, side]]
        return read

    # docstr-coverage: inherited
    def propose(self, triples: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:  # noqa: D102
        proposed = triples[:, side].copy()
        starts, sizes = self._offsets[proposed], np.diff(self._offsets)[proposed]
        positions = starts + (generator.random(len(triples)) * sizes).astype(np.int64)
        some = sizes > 0
        proposed[some] = self._phrases[positions[some]]
        return proposed

    # docstr-coverage: inherited
    def refuses(self, corrupted: np.ndarray, triples: np.ndarray) -> np.ndarray:  # noqa: D102
        read = self._read(corrupted)
        return self._known.contains(torch.from_numpy(read)).numpy() | (read == self._read(triples)).all(axis=1)


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
        :raises ValueError: if a file does not have that form, or the position of a token is none of its phrase's
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
        :return: for each entity, what stands for the opposite of its label, or of its text where the files lack its
            label
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
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path}: found another JSON value, expected one object that maps {what}.")
    wrong = next((key for key, value in data.items() if not is_valid(value)), None)
    if wrong is not None:
        raise ValueError(f"{path}: found {data[wrong]!r} for {wrong!r}, expected an object that maps {what}.")
    return data
