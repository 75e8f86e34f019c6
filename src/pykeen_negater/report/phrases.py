"""Texts of a graph for reports: on one line, shortened, and safe for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..pools.exports import readable_texts
from ..pools.negative_pools import NegativePools
from ..utils.printable import printable

__all__ = [
    "Names",
    "Phrase",
    "TripleText",
]

#: The most characters of a name, and of its explanation
NAME_WIDTH, GLOSS_WIDTH = 60, 60


@dataclass(frozen=True)
class Phrase:
    """The text of an entity or a relation."""

    #: Its name
    name: str

    #: An explanation of the name; often empty
    gloss: str = ""

    @classmethod
    def parse(cls, text: str) -> "Phrase":
        """Split a text into name and explanation, and shorten both.

        :param text: any text
        :return: the phrase

        >>> Phrase.parse("cancer: group of diseases")
        Phrase(name='cancer', gloss='group of diseases')
        """
        name, _, gloss = " ".join(printable(text).split()).partition(": ")
        return cls(_shorten(name, NAME_WIDTH), _shorten(gloss, GLOSS_WIDTH))


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


@dataclass(frozen=True)
class TripleText:
    """A triple in words."""

    #: Head, relation and tail
    parts: tuple[Phrase, Phrase, Phrase]

    #: The column in which it differs from another triple: 0 head, 1 relation, 2 tail
    side: int

    def __str__(self) -> str:
        return " ".join(part.name for part in self.parts)


class Names:
    """The phrases of a graph."""

    def __init__(self, pools: NegativePools) -> None:
        """Load the texts.

        :param pools: the pools
        """
        self._texts = readable_texts(pools)

    def entity(self, entity: int) -> Phrase:
        """Get the phrase of an entity.

        :param entity: its id
        :return: the phrase
        """
        return Phrase.parse(self._texts.entities[entity])

    def relation(self, relation: int) -> Phrase:
        """Get the phrase of a relation.

        :param relation: its id
        :return: the phrase
        """
        return Phrase.parse(self._texts.relations[relation])

    def triple(self, triple: Sequence[int], side: int) -> TripleText:
        """Write a triple in words.

        :param triple: head, relation and tail id
        :param side: the column in which it differs from another
        :return: its text
        """
        head, relation, tail = (int(i) for i in triple)
        return TripleText((self.entity(head), self.relation(relation), self.entity(tail)), side)
