"""What rankers build on."""

from pathlib import Path

import numpy as np
import pytest
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory
from transformers import AutoTokenizer

from pykeen_negater.candidates.generators import Candidates, SlotCandidateGenerator
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.guard.hold_out import hold_out_triples
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph


@pytest.fixture(scope="session")
def nations_graph(nations: TriplesFactory) -> Graph:
    """Make the graph of Nations."""
    return Graph.from_factory(nations)


@pytest.fixture(scope="session")
def nations_candidates(nations_graph: Graph) -> Candidates:
    """Propose corruptions."""
    vectors = np.random.default_rng(0).normal(size=(nations_graph.num_entities, 3))
    return SlotCandidateGenerator(k=4).generate(nations_graph, NeighborIndex.build(vectors))


@pytest.fixture
def nations_context(nations_graph: Graph, tmp_path: Path) -> RankingContext:
    """Make a context as the guard needs it, with an empty cache."""
    visible, _ = hold_out_triples(nations_graph)
    return RankingContext(visible, None, Cache(tmp_path / "cache"), np.zeros((nations_graph.num_entities, 1)))


@pytest.fixture(scope="session")
def saved(nations: TriplesFactory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the result of PyKEEN's pipeline."""
    folder = tmp_path_factory.mktemp("pipeline")
    result = pipeline(
        training=nations,
        testing=nations,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        training_kwargs={"num_epochs": 1, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=0,
    )
    result.save_to_directory(folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer(tiny_bert: str, small_texts: Texts) -> TripleTokenizer:
    """Make the tokenizer of the small graph."""
    return TripleTokenizer(AutoTokenizer.from_pretrained(tiny_bert), small_texts, max_length=24)


@pytest.fixture
def context(small_graph: Graph, small_texts: Texts, tmp_path: Path) -> RankingContext:
    """Make the context of the small graph, with an empty cache."""
    vectors = np.random.default_rng(0).normal(size=(small_graph.num_entities, 4)).astype(np.float32)
    return RankingContext(small_graph, small_texts, Cache(tmp_path / "cache"), vectors)


@pytest.fixture(scope="session")
def candidates(small_graph: Graph) -> Candidates:
    """Make candidates from random vectors."""
    vectors = np.random.default_rng(0).normal(size=(small_graph.num_entities, 4))
    return SlotCandidateGenerator(k=3).generate(small_graph, NeighborIndex.build(vectors))
