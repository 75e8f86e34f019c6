"""Encoders, which turn entities into vectors such that similar entities are near each other."""

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from class_resolver import ClassResolver

from ..runtime.batch_halving import OOMBatchHalver
from ..runtime.progress import Step, step
from ..storage.cache import file_digest
from ..storage.regular_files import check_regular
from ..texts.language_models import identify_language_model, loading, require_language_model
from ..texts.loading import Texts
from ..triples.graphs import Graph
from ..triples.indexing import HEAD, TAIL

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = [
    "Encoder",
    "PrecomputedEncoder",
    "SentenceTransformerEncoder",
    "StructuralEncoder",
    "encoder_resolver",
]


#: The number of texts that are encoded for an estimate of time, and their batch size
TIMED_TEXTS, TIMED_BATCH = 48, 16

#: The number of triples with which the time of the structural encoder is estimated
TIMED_TRIPLES = 20_000


class Encoder(ABC):
    """Encodes the entities of a graph as vectors."""

    #: Whether the encoder reads texts
    needs_texts: ClassVar[bool] = False

    #: The number of batches halved for lack of memory so far
    batches_halved: int = 0

    def __str__(self) -> str:
        return f"the encoder {encoder_resolver.normalize_inst(self)}"

    @abstractmethod
    def encode(self, graph: Graph, texts: Texts | None) -> np.ndarray:
        """Encode all entities.

        :param graph: the graph
        :param texts: the texts of its entities; not None where :attr:`Encoder.needs_texts`
        :return: shape: (num_entities, dim), dtype: float32, finite
        """

    def estimate(self, graph: Graph, texts: Texts | None) -> float:
        """Estimate how long encoding takes here.

        :param graph: the graph
        :param texts: its texts
        :return: seconds
        """
        return 0.0

    @abstractmethod
    def identify(self) -> dict[str, Any]:
        """Describe everything that the vectors depend on apart from graph and texts.

        :return: a JSON-native description
        """


class SentenceTransformerEncoder(Encoder):
    """Encodes the entities' texts with a sentence-transformers model [reimers2019]_.

    .. [reimers2019] Reimers and Gurevych (2019) Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks. EMNLP.
    """

    needs_texts = True

    def __init__(self, *, model: str | None = None, max_length: int = 128, batch_size: int = 64) -> None:
        """Choose the model.

        :param model: a folder or a name on the Hugging Face hub; by default the embedded MiniLM
        :param max_length: > 0, the most tokens of a text that are read (fewer if the model reads fewer)
        :param batch_size: > 0, the number of texts encoded at once
        :raises FileNotFoundError: if no model is given and the default is not available
        :raises ValueError: if a number is not positive
        """
        for name, value in (("max_length", max_length), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"found {name}={value}, expected at least 1.")
        self.model = require_language_model(model)
        self.max_length = max_length
        self.batch_size = batch_size

    def __str__(self) -> str:
        return f"{super().__str__()} with the model {self.model}"

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"model": identify_language_model(self.model), "max_length": self.max_length}

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None) -> float:  # noqa: D102
        if texts is None:
            return 0.0
        import sentence_transformers  # noqa: F401  # imported here, since that takes seconds and is not part of loading

        start = time.perf_counter()
        model = self._load()
        loading = time.perf_counter() - start
        unique = sorted(set(texts.entities), key=len)
        sample = [unique[i] for i in np.linspace(0, len(unique) - 1, min(len(unique), TIMED_TEXTS), dtype=np.int64)]
        # in batches of texts of similar length, as for all texts; the first batch warms up
        batches = [sample[i : i + TIMED_BATCH] for i in range(0, len(sample), TIMED_BATCH)]
        model.encode(batches[0], show_progress_bar=False)
        start = time.perf_counter()
        for batch in batches:
            model.encode(batch, show_progress_bar=False)
        return loading + (time.perf_counter() - start) * len(unique) / len(sample)

    def _load(self) -> "SentenceTransformer":
        from sentence_transformers import SentenceTransformer

        with loading(self.model):
            model = SentenceTransformer(self.model, trust_remote_code=False)
        model.max_seq_length = min(self.max_length, model.max_seq_length or self.max_length)
        return model

    # docstr-coverage: inherited
    def encode(self, graph: Graph, texts: Texts | None) -> np.ndarray:  # noqa: D102
        if texts is None:
            raise ValueError(f"{type(self).__name__} needs texts, but the graph has none. Use 'structural'.")
        model = self._load()
        # equal texts are encoded once and so get equal vectors, whatever their batch
        unique, inverse = np.unique(np.array(texts.entities, dtype=object), return_inverse=True)
        halver = OOMBatchHalver("texts")
        with step(Step.ENCODE, len(unique), "text") as advance:
            # the first module of the model gets every batch
            model[0].register_forward_hook(lambda *passed: advance(len(passed[-1]["input_ids"])))
            vectors = halver.compute_all(
                lambda size: model.encode(unique.tolist(), batch_size=size, show_progress_bar=False), self.batch_size
            )
        self.batches_halved += halver.count
        return np.asarray(vectors, dtype=np.float32)[inverse]


class PrecomputedEncoder(Encoder):
    """Reads vectors from a file."""

    def __init__(self, *, path: str | Path, tensor: str | None = None) -> None:
        """Choose the file.

        :param path: a ``.npy`` or ``.safetensors`` file with one row per entity, in the order of PyKEEN's entity ids
        :param tensor: the tensor's name in a ``.safetensors`` file. If None, the file must hold exactly one.
        """
        self.path = Path(path)
        self.tensor = tensor

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        self._check_exists()
        return {"digest": file_digest(self.path), "tensor": self.tensor}

    # docstr-coverage: inherited
    def encode(self, graph: Graph, texts: Texts | None) -> np.ndarray:  # noqa: D102
        vectors = self._load()
        if vectors.ndim != 2 or vectors.shape[0] != graph.num_entities:
            raise ValueError(
                f"{self.path}: found vectors of shape {vectors.shape}, expected ({graph.num_entities}, dim): one row "
                f"per entity, in the order of the entity ids."
            )
        vectors = vectors.astype(np.float32)
        if not np.isfinite(vectors).all():
            raise ValueError(f"{self.path}: found NaN or infinite values, expected finite vectors.")
        return vectors

    def _check_exists(self) -> None:
        check_regular(self.path, "vectors (.npy or .safetensors)")

    def _load(self) -> np.ndarray:
        self._check_exists()
        if self.path.suffix == ".npy":
            return np.load(self.path, allow_pickle=False)
        if self.path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            tensors = load_file(self.path)
            name = self.tensor if self.tensor is not None or len(tensors) != 1 else next(iter(tensors))
            if name not in tensors:
                raise ValueError(f"{self.path} holds the tensors {sorted(tensors)}: name one of them, found {name!r}.")
            return tensors[name]
        raise ValueError(f"found vectors in {self.path.name!r}, expected a .npy or .safetensors file.")


class StructuralEncoder(Encoder):
    """Encodes entities by the relations and entities that they are connected with, for graphs without text.

    Each entity is a bag of the slots it occurs in (relation and direction) and of its neighbours there. Rare
    features count more (inverse document frequency), and a truncated singular value decomposition [deerwester1990]_
    makes the bags dense. Time and memory are linear in the triples.

    .. [deerwester1990] Deerwester et al. (1990) Indexing by latent semantic analysis. JASIS 41(6).
    """

    def __init__(self, *, dim: int = 64, seed: int = 0) -> None:
        """Choose the size.

        :param dim: > 0, the dimension of the vectors (less in a small graph)
        :param seed: the seed of the randomized decomposition
        :raises ValueError: if the dimension is not positive
        """
        if dim < 1:
            raise ValueError(f"found dim={dim}, expected at least 1.")
        self.dim = dim
        self.seed = seed

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"dim": self.dim, "seed": self.seed}

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None) -> float:  # noqa: D102
        count = min(len(graph), TIMED_TRIPLES)
        triples = graph.triples[np.linspace(0, len(graph) - 1, count, dtype=np.int64)].copy()
        # a part of the triples has only a part of the entities
        num_entities = max(1, graph.num_entities * count // len(graph))
        triples[:, [HEAD, TAIL]] %= num_entities
        start = time.perf_counter()
        self.encode(Graph(triples, num_entities, graph.num_relations), None)
        return (time.perf_counter() - start) * len(graph) / count

    # docstr-coverage: inherited
    def encode(self, graph: Graph, texts: Texts | None) -> np.ndarray:  # noqa: D102
        from scipy.sparse import coo_matrix
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfTransformer
        from threadpoolctl import threadpool_limits

        heads, relations, tails = graph.triples.T
        out_slot, in_slot = 2 * relations, 2 * relations + 1
        features = np.concatenate(
            [
                out_slot,
                in_slot,
                2 * graph.num_relations + out_slot * graph.num_entities + tails,
                2 * graph.num_relations + in_slot * graph.num_entities + heads,
            ]
        )
        _, columns = np.unique(features, return_inverse=True)
        bags = coo_matrix(
            (np.ones(len(columns), dtype=np.float32), (np.concatenate([heads, tails, heads, tails]), columns)),
            shape=(graph.num_entities, columns.max() + 1),
        ).tocsr()
        weighted = TfidfTransformer(sublinear_tf=True).fit_transform(bags)
        dim = min(self.dim, min(weighted.shape) - 1)
        if dim < 1:
            return weighted.toarray().astype(np.float32)
        svd = TruncatedSVD(n_components=dim, random_state=self.seed)
        # several threads sum in another order, and such rounding errors would reorder neighbours
        with threadpool_limits(limits=1):
            return svd.fit_transform(weighted).astype(np.float32)


#: Resolves encoders by name: ``sentence-transformer`` (default), ``precomputed``, ``structural``
encoder_resolver: ClassResolver[Encoder] = ClassResolver.from_subclasses(
    base=Encoder,  # type: ignore[type-abstract]
    default=SentenceTransformerEncoder,
)
