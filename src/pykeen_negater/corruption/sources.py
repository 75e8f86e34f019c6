"""Negative sources, by name: they provide the false triples that a language model learns to tell from true ones."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from class_resolver import ClassResolver
from pykeen.sampling import negative_sampler_resolver

from ..storage.cache import file_digest, fingerprint
from ..storage.regular_files import check_regular
from ..texts.loading import Texts, humanize, looks_opaque
from ..texts.readings import find_readings
from ..triples.graphs import Graph
from ..utils.resolving import find_class
from .corruptions import Corruptor, RandomCorruptor
from .listed import ListedNegatives, other_phrases, read_negatives
from .neighborhoods import NeighborhoodCorruptor
from .phrases import Antonyms, PhraseCorruptor, negations
from .sampled import RESERVED, SamplerCorruptor

__all__ = [
    "AntonymsNegativeSource",
    "NegationNegativeSource",
    "NegativeSource",
    "PrecomputedNegativeSource",
    "PyKEENNegativeSource",
    "RandomNegativeSource",
    "SANSNegativeSource",
    "SlotsNegativeSource",
    "UniformNegativeSource",
    "negative_source_resolver",
]

logger = logging.getLogger(__name__)


class NegativeSource(ABC):
    """A source of negatives, whose parameters are checked before there is a graph.

    No source yields a triple of the graph, nor, except from a file, one that reads like it. All corrupt heads,
    relations and tails. Unless said otherwise, a relation is replaced by any other relation, and an entity for which a
    source has no replacement by one that occurs in the same slot.
    """

    def identify(self) -> dict[str, Any]:
        """Describe everything that the negatives depend on apart from graph and texts.

        :return: a JSON-native description, in which files are identified by their content
        """
        return {}

    @abstractmethod
    def prepare(self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator) -> Corruptor:
        """Prepare to draw negatives.

        :param graph: the graph
        :param texts: its texts
        :param epochs: > 0, the number of epochs that negatives are drawn for
        :param generator: the source of the randomness that preparing needs
        :return: draws the negatives
        :raises ValueError: if a file is malformed, or does not fit the graph
        """


class RandomNegativeSource(NegativeSource):
    """Random entities, a share of them from those that occur in the same slot of the relation."""

    def __init__(self, *, in_slot_share: float = 0.5) -> None:
        """Choose the share.

        :param in_slot_share: in [0, 1], the share of the corruptions whose replacement occurs in the same slot
        :raises ValueError: if the share is out of range
        """
        if not isinstance(in_slot_share, int | float) or not 0 <= in_slot_share <= 1:
            raise ValueError(f"found in_slot_share={in_slot_share!r}, expected a share in [0, 1].")
        self.in_slot_share = in_slot_share

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"in_slot_share": self.in_slot_share}

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        return RandomCorruptor(graph, self.in_slot_share, find_readings(graph, texts))


class UniformNegativeSource(NegativeSource):
    """Any entity, as likely as any other."""

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        return RandomCorruptor(graph, 0.0, find_readings(graph, texts))


class SlotsNegativeSource(NegativeSource):
    """Entities that occur in the same slot of the relation."""

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        return RandomCorruptor(graph, 1.0, find_readings(graph, texts))


class NegationNegativeSource(NegativeSource):
    """The entity's text after "not"."""

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        return PhraseCorruptor(graph, texts, negations(texts))


class AntonymsNegativeSource(NegativeSource):
    """The entity's text with one token replaced by an antonym, drawn at random.

    Where a phrase has no token to replace, NegatER replaces its last one; here such a phrase has no antonym.
    """

    def __init__(self, *, mapping_file: str, tag_file: str, token_file: str) -> None:
        """Choose the files, which are those of NegatER.

        :param mapping_file: a JSON object that maps tokens to lists of antonyms
        :param tag_file: a JSON object that maps phrases to the position of the token to replace; −1 for none
        :param token_file: a JSON object that maps phrases to their lists of tokens
        :raises FileNotFoundError: if there is no such file
        """
        self.mapping_file = _existing(mapping_file, "a JSON object that maps tokens to lists of antonyms")
        self.tag_file = _existing(tag_file, "a JSON object that maps phrases to positions of tokens")
        self.token_file = _existing(token_file, "a JSON object that maps phrases to lists of tokens")

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {name: file_digest(getattr(self, name)) for name in ("mapping_file", "tag_file", "token_file")}

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        antonyms = Antonyms(self.mapping_file, self.tag_file, self.token_file)
        return PhraseCorruptor(graph, texts, antonyms.of(graph, texts))


class SANSNegativeSource(NegativeSource):
    """Entities near the other entity of the triple in the graph [ahrabian2020]_.

    .. [ahrabian2020] Ahrabian et al. (2020) Structure Aware Negative Sampling in Knowledge Graphs. EMNLP.
    """

    def __init__(self, *, k: int = 2) -> None:
        """Choose the distance.

        :param k: >= 1, the most hops between the entity that stays and the replacement, over any relations
        :raises ValueError: if it is out of range
        """
        if not isinstance(k, int) or k < 1:
            raise ValueError(f"found k={k!r}, expected a number of hops of at least 1.")
        self.k = k

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"k": self.k}

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        return NeighborhoodCorruptor(graph, self.k, find_readings(graph, texts))


class PrecomputedNegativeSource(NegativeSource):
    """Negatives from a file, e.g. one that was mined before.

    They need not be corruptions of a triple, and may hold phrases that are not entities. Every epoch has its own, as
    many as there would be corruptions; where the file has too few, the rest is drawn from the slots.
    """

    def __init__(self, *, path: str) -> None:
        """Choose the file.

        :param path: a tab-separated file with the columns head, relation, tail and optionally score, with or without a
            header
        :raises FileNotFoundError: if there is no such file
        """
        self.path = _existing(path, "negatives: head TAB relation TAB tail")

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"path": file_digest(self.path)}

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        others = other_phrases(self.path, graph, texts)
        if others:
            logger.warning(
                "%s: %d phrases, e.g. %s, are no entities of the training triples; their triples are used, too.",
                self.path,
                len(others),
                ", ".join(map(repr, others[:3])),
            )
        negatives = read_negatives(self.path, graph, texts, others)
        # where labels are opaque ids, files name entities by their texts
        is_text = graph.entity_names is None or looks_opaque(graph.entity_names)
        phrases = others if is_text else tuple(map(humanize, others))
        return ListedNegatives(graph, negatives, epochs, generator, find_readings(graph, texts), phrases)


class PyKEENNegativeSource(NegativeSource):
    """Negatives of a PyKEEN sampler, which chooses the side to corrupt itself if it takes no ``corruption_scheme``.

    Corruptions that are still known triples after several attempts are left out.
    """

    def __init__(self, *, sampler: str = "basic", sampler_kwargs: Mapping[str, Any] | None = None) -> None:
        """Choose the sampler.

        :param sampler: its name, see PyKEEN's ``negative_sampler_resolver``
        :param sampler_kwargs: its parameters, apart from triples, sizes and the sides to corrupt
        :raises ValueError: if there is no such sampler, it is that of this package, or a parameter cannot be chosen
        """
        self.sampler = find_class("sampler", negative_sampler_resolver, sampler)
        if getattr(self.sampler, "mines", False):
            raise ValueError(
                f"found sampler={sampler!r}, whose negatives are mined with the model that is fine-tuned on them, "
                f"expected another one. For negatives that were mined before, run: negater export POOLS --output FILE, "
                f"and pass this file to negatives='precomputed'."
            )
        self.sampler_kwargs = dict(sampler_kwargs or {})
        reserved = sorted(self.sampler_kwargs.keys() & set(RESERVED))
        if reserved:
            raise ValueError(
                f"found {', '.join(reserved)} among sampler_kwargs, expected none of what follows from the graph and "
                f"the sides to corrupt."
            )

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        kwargs = {name: _identify(value) for name, value in self.sampler_kwargs.items()}
        return {"sampler": negative_sampler_resolver.normalize_cls(self.sampler), "sampler_kwargs": kwargs}

    # docstr-coverage: inherited
    def prepare(  # noqa: D102
        self, graph: Graph, texts: Texts, epochs: int, generator: np.random.Generator
    ) -> Corruptor:
        return SamplerCorruptor(graph, self.sampler, self.sampler_kwargs, generator, find_readings(graph, texts))


def _existing(path: str, what: str) -> Path:
    check_regular(Path(path), what)
    return Path(path)


def _identify(value: Any) -> Any:
    """Identify files and folders by their content."""
    if not isinstance(value, str) or not value or not Path(value).exists():
        return value
    path = Path(value)
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return fingerprint({file.relative_to(path).as_posix(): file_digest(file) for file in files})


#: Resolves the sources of negatives by name: ``random`` (default), ``uniform``, ``slots``, ``negation``, ``antonyms``,
#: ``sans``, ``precomputed``, ``pykeen``
negative_source_resolver: ClassResolver[NegativeSource] = ClassResolver.from_subclasses(
    base=NegativeSource,  # type: ignore[type-abstract]
    default=RandomNegativeSource,
)
