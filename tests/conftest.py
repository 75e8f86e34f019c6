"""Fixtures: a data folder of its own, small graphs, and tiny language models."""

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

# before anything imports PyKEEN, which looks it up once
os.environ["PYSTOW_HOME"] = tempfile.mkdtemp(prefix="negater-tests-")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.sampling import pool_source
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts, load_texts
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.utils import said_once

if TYPE_CHECKING:
    from pykeen_negater.relations.training.data import RelationPairs

pytest.register_assert_rewrite("tests.cases", "tests.report.cases")

SMALL = [
    ("dog", "IsA", "animal"),
    ("cat", "IsA", "animal"),
    ("horse", "IsA", "animal"),
    ("oak", "IsA", "plant"),
    ("dog", "AtLocation", "kennel"),
    ("cat", "AtLocation", "house"),
    ("horse", "AtLocation", "stable"),
    ("oak", "AtLocation", "forest"),
    ("dog", "Desires", "bone"),
    ("cat", "Desires", "milk"),
    ("horse", "Desires", "hay"),
]


def pytest_unconfigure() -> None:
    """Remove the data folder."""
    shutil.rmtree(os.environ["PYSTOW_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _new_process() -> None:
    """Forget the pools that the process trains with and what it has said, as if it had just started."""
    said_once._SAID.clear()
    pool_source._BY_GRAPH.clear()


@pytest.fixture(scope="module", autouse=True)
def _freeze() -> None:
    """Spare the garbage collection, which PyKEEN asks for after each epoch, what has been imported for good."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a cache of its own."""
    root = tmp_path / "cache"
    monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: root)
    return root


@pytest.fixture
def cache_of_scorers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a cache of its own, but for the scorers, which all tests train once."""
    scorers = Cache().root / "scorers"
    scorers.mkdir(parents=True, exist_ok=True)
    root = tmp_path / "cache"
    root.mkdir()
    root.joinpath("scorers").symlink_to(scorers, target_is_directory=True)
    monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: root)
    return root


@pytest.fixture(scope="session")
def small_factory() -> TriplesFactory:
    """Make eleven triples about animals."""
    return TriplesFactory.from_labeled_triples(np.array(SMALL))


@pytest.fixture(scope="session")
def nations() -> TriplesFactory:
    """Load the training triples of Nations."""
    return Nations().training


@pytest.fixture(scope="session")
def nations_pools(nations: TriplesFactory) -> NegativePools:
    """Mine pools for Nations, without texts and guard."""
    return mine(triples_factory=nations, encoder="structural", ranker="similarity", guard=None, k=4, pool_size=3)


@pytest.fixture(scope="session")
def small_graph(small_factory: TriplesFactory) -> Graph:
    """Make a graph of the small triples."""
    return Graph.from_factory(small_factory)


@pytest.fixture
def false_pools(small_graph: Graph) -> NegativePools:
    """Make pools of all that is false, hardest first."""
    known = {tuple(triple) for triple in small_graph.triples.tolist()}
    sizes, replacements, hardness = [0], [], []
    for head, relation, tail in small_graph.triples.tolist():
        for corruptions in (
            [(other, relation, tail) for other in range(small_graph.num_entities)],
            [(head, other, tail) for other in range(small_graph.num_relations)],
        ):
            false = [triple for triple in corruptions if triple not in known][: 1 + head % 3]
            sizes.append(len(false))
            replacements += [triple[0] if triple[1] == relation else triple[1] for triple in false]
            hardness += list(range(200, 200 - len(false), -1))
    return NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.tensor(sizes).cumsum(dim=0),
        replacements=torch.tensor(replacements, dtype=torch.int32),
        hardness=torch.tensor(hardness, dtype=torch.uint8),
        num_entities=small_graph.num_entities,
        num_relations=small_graph.num_relations,
        sides=(0, 1),
        vocabulary=small_graph.vocabulary,
        suspected=torch.tensor([3, 5]),
        suspected_risk=torch.tensor([80, 90], dtype=torch.uint8),
    )


@pytest.fixture(scope="session")
def small_texts(small_graph: Graph) -> Texts:
    """Make the texts of the small graph."""
    texts = load_texts(small_graph)
    assert texts is not None
    return texts


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a BERT with random weights and a vocabulary of letters, where weights don't matter."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny-bert")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + [str(digit) for digit in range(10)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    folder.joinpath("vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def fine_tuned(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Fine-tune the tiny model on the small graph."""
    from pykeen_negater.fine_tuning.settings import FineTuningSettings
    from pykeen_negater.fine_tuning.trainer import fine_tune

    folder = tmp_path_factory.mktemp("fine-tuned")
    settings = FineTuningSettings(epochs=2, batch_size=4, max_length=24, validation_share=0.3)
    fine_tune(tiny_bert, small_graph, small_texts, settings, folder)
    return folder


@pytest.fixture(scope="session")
def relation_pairs() -> "RelationPairs":
    """Make relation types."""
    from .relations.cases import make_relation_pairs

    return make_relation_pairs()


@pytest.fixture
def task_files(tmp_path: Path) -> dict[str, Path]:
    """Write data of all evaluations of relation encoders."""
    from .relations.cases import write_tasks

    return write_tasks(tmp_path / "data")


@pytest.fixture
def relation_checkpoint(tiny_bert: str, tmp_path: Path) -> Path:
    """Make a relation encoder that differs from the language model that it was trained from."""
    from .relations.cases import save_trained

    return save_trained(tiny_bert, tmp_path / "trained")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Find the datasets with real texts, which the project does not ship."""
    folder = os.environ.get("NEGATER_DATA")
    if folder is None:
        pytest.skip("NEGATER_DATA does not name a folder with datasets, see benchmarks/README.md")
    return Path(folder).resolve()
