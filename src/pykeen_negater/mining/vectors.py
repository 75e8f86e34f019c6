"""Entities as vectors, and the index of their neighbours: what takes long is in the cache."""

import importlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..embeddings.approximation import EXACT, Approximation, approximate, cells_factory
from ..embeddings.encoders import Encoder, encoder_resolver
from ..embeddings.listed_neighbors import ListedNeighbors, write_neighbors
from ..embeddings.neighbors import NeighborIndex
from ..rankers.measurements import Measurements, halved_batches
from ..runtime.progress import Step, step
from ..storage.atomic_writing import restore_folder
from ..storage.cache import Cache, fingerprint, timed
from ..texts.loading import Texts, texts_digest
from ..triples.graphs import Graph
from .settings import MiningSettings

__all__ = [
    "EntityVectors",
]


@dataclass(frozen=True, eq=False)
class EntityVectors:
    """Encodes the entities of a graph, and makes the index of their neighbours."""

    #: The graph whose entities are encoded
    graph: Graph

    #: Its texts, if it has some
    texts: Texts | None

    #: How it is mined: metric and neighbour index
    settings: MiningSettings

    #: What turns entities into vectors
    encoder: Encoder

    #: The neighbours that were found elsewhere, if there are some
    listed: ListedNeighbors | None

    #: Whether candidates are searched among all entities
    searches_all: bool

    #: Where results are kept
    cache: Cache

    @cached_property
    def identity(self) -> list[Any]:
        """The encoder's name, and what it depends on apart from graph and texts; JSON-native."""
        return [encoder_resolver.normalize_inst(self.encoder), self.encoder.identify()]

    def encode(self, graph: Graph) -> tuple[np.ndarray, Measurements]:
        """Encode the entities, or take their vectors from the cache.

        :param graph: the graph, or a part of its triples
        :return: a pair (vectors of shape (num_entities, dim); how long encoding took, and how many batches were halved)
        :raises ValueError: if a vector is not finite
        """
        durations: dict[str, float] = {}

        def encode(folder: Path) -> None:
            """Fill a folder of the cache with the entities' vectors."""
            name = Step.ENCODE if graph is self.graph else Step.ENCODE_VISIBLE
            with (
                timed("encode", durations),
                step(name, graph.num_entities, "entity") as bar,
                bar.piece(graph.num_entities),
            ):
                halved, vectors = self.encoder.batches_halved, self.encoder.encode(graph, self.texts)
            if not np.isfinite(vectors).all():
                count = np.sum(~np.isfinite(vectors).all(axis=1))
                raise ValueError(
                    f"found {count:,} vectors with NaN or infinite values from {self.encoder}, expected finite ones. "
                    f"Check the model and the texts, or choose another encoder."
                )
            np.save(folder / "vectors.npy", vectors, allow_pickle=False)
            if self.encoder.batches_halved > halved:
                report = {"batches_halved": self.encoder.batches_halved - halved}
                folder.joinpath("statistics.json").write_text(json.dumps(report), encoding="utf-8")

        (vectors, halved), _ = self.cache.read_or_build("vectors", self._key(graph), encode, _read)
        return vectors, Measurements(durations) + halved_batches("encoder_batches_halved", halved)

    def _key(self, graph: Graph) -> str:
        inputs = texts_digest(self.texts) if self.encoder.needs_texts else graph.fingerprint
        return fingerprint({"encoder": self.identity, "inputs": inputs})

    def neighbor_index(self) -> tuple[NeighborIndex, Measurements]:
        """Load the neighbour index of the graph's entities, or build it.

        :return: a pair (the index of all entities, how long building took)
        :raises ValueError: if the index that was found is one of something else
        """
        if self.listed is not None:
            return self.listed, Measurements()
        path = None if self.settings.index is None else Path(self.settings.index)
        if path is not None:
            restore_folder(path)
        if path is not None and path.exists():
            return self._load(path), Measurements()
        index, measured = self.index_of(self.graph)
        if path is not None:
            measured += self._approximate(index)
            index.save(path)
        return index, measured

    def _load(self, path: Path) -> NeighborIndex:
        index = NeighborIndex.load(path)
        found = {"metric": index.metric, "index_factory": index.factory, "source": index.source}
        factory = self.settings.index_factory
        if factory is None and index.factory in (EXACT, cells_factory(*index.vectors.shape)):
            factory = index.factory  # which may be the default on another machine only
        expected = {"metric": self.settings.metric, "index_factory": factory, "source": self._key(self.graph)}
        if found != expected:
            raise ValueError(
                f"found a neighbour index at {path} that was made for {found}, expected {expected}: another graph, "
                f"encoder or metric. Choose another path for this one."
            )
        return index

    def index_of(self, graph: Graph) -> tuple[NeighborIndex, Measurements]:
        """Make a neighbour index, of as many entities as candidates are searched among; what takes long is cached.

        :param graph: the graph, or a part of its triples
        :return: a pair (the index of the graph's entities, how long building took)
        """
        if self.listed is not None:
            return self.listed, Measurements()
        durations: dict[str, float] = {}
        vectors, encoded = self.encode(graph)
        with timed("index", durations):
            index = NeighborIndex.of_vectors(
                vectors, self.settings.metric, self.settings.index_factory, self._key(graph)
            )
        del vectors  # which may be gigabytes, and the index has its own
        # how many batches were halved is for whoever asks for the vectors to tell
        measured = Measurements({**encoded.durations, **durations})
        if self.searches_all:
            measured += self._approximate(index)
        return index, measured

    def _approximate(self, index: NeighborIndex) -> Measurements:
        """Give an index what searches all entities, if that is not exact."""
        durations: dict[str, float] = {}
        if index.factory == EXACT:
            return Measurements()

        def build(folder: Path) -> None:
            """Fill a folder of the cache with the index."""
            with timed("index", durations):
                approximate(index.vectors, index.metric, index.factory).write(folder)

        identity = {
            "vectors": index.source,
            "metric": index.metric,
            "factory": index.factory,
            "faiss": importlib.import_module("faiss").__version__,
        }
        index.approximation, _ = self.cache.read_or_build("indexes", fingerprint(identity), build, Approximation.read)
        return Measurements(durations)

    def save_neighbors(self, path: Path) -> None:
        """Write the k nearest neighbours of all entities as NegatER reads them.

        See :mod:`~pykeen_negater.embeddings.listed_neighbors`.

        :param path: the file; one that is there is replaced
        """
        index, _ = self.neighbor_index()
        if self.listed is None and index.approximation is None:
            self._approximate(index)
        labels = self.graph.entity_names or tuple(map(str, range(self.graph.num_entities)))
        write_neighbors(path, index, self.settings.k, labels)


def _read(folder: Path) -> tuple[np.ndarray, int]:
    """Read the vectors, and how many batches were halved for them."""
    report = folder / "statistics.json"
    halved = json.loads(report.read_text(encoding="utf-8"))["batches_halved"] if report.is_file() else 0
    return np.load(folder / "vectors.npy", allow_pickle=False), halved
