"""The vectors of entities and the index of their neighbours, cached where making them takes long."""

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

    #: Its texts, if it has any
    texts: Texts | None

    #: The settings of mining, such as the metric and the neighbour index
    settings: MiningSettings

    #: The encoder, which turns entities into vectors
    encoder: Encoder

    #: The neighbours that were read from a file, if there is one
    listed: ListedNeighbors | None

    #: Whether candidates are searched among all entities
    searches_all: bool

    #: The cache that results are kept in
    cache: Cache

    @cached_property
    def identity(self) -> list[Any]:
        """The encoder's name, and what it depends on apart from graph and texts; JSON-native."""
        return [encoder_resolver.normalize_inst(self.encoder), self.encoder.identify()]

    def encode(self, graph: Graph) -> tuple[np.ndarray, Measurements]:
        """Encode the entities, or load their vectors from the cache.

        :param graph: the graph, or a part of its triples
        :return: a pair (vectors of shape (num_entities, dim); the seconds of encoding, and the count of halved batches)
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

        :return: a pair (the index of all entities, the seconds of building)
        :raises ValueError: if the index that was found is one of other vectors
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
            factory = index.factory  # the default may differ on another machine
        expected = {"metric": self.settings.metric, "index_factory": factory, "source": self._key(self.graph)}
        if found != expected:
            raise ValueError(
                f"found a neighbour index at {path} that was made for {found}, expected {expected}: another graph, "
                f"encoder or metric. Choose another path for this one."
            )
        return index

    def index_of(self, graph: Graph) -> tuple[NeighborIndex, Measurements]:
        """Make a neighbour index of the entities among which candidates are searched; if that takes long, it is cached.

        :param graph: the graph, or a part of its triples
        :return: a pair (the index of the graph's entities, the seconds of building)
        """
        if self.listed is not None:
            return self.listed, Measurements()
        durations: dict[str, float] = {}
        vectors, encoded = self.encode(graph)
        with timed("index", durations):
            index = NeighborIndex.of_vectors(
                vectors, self.settings.metric, self.settings.index_factory, self._key(graph)
            )
        del vectors  # they may take gigabytes, and the index has a copy
        # halved batches are counted where the vectors are encoded for their own sake
        measured = Measurements({**encoded.durations, **durations})
        if self.searches_all:
            measured += self._approximate(index)
        return index, measured

    def _approximate(self, index: NeighborIndex) -> Measurements:
        """Add an approximate index of all entities, unless they are searched exactly."""
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
    """Read the vectors, and the number of batches halved for them."""
    report = folder / "statistics.json"
    halved = json.loads(report.read_text(encoding="utf-8"))["batches_halved"] if report.is_file() else 0
    return np.load(folder / "vectors.npy", allow_pickle=False), halved
