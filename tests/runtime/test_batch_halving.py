"""What does not fit into memory is done in halves, and counted."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.models import RotatE
from pykeen.triples import TriplesFactory
from sentence_transformers import SentenceTransformer
from torch import Tensor

from pykeen_negater import mine
from pykeen_negater.embeddings.encoders import SentenceTransformerEncoder, StructuralEncoder
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.runtime.batch_halving import OOMBatchHalver
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB."


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")]
)
def test_memory_of_the_processor_is_halved_too(error: Exception):
    def double(inputs: dict[str, Tensor]) -> Tensor:
        if len(inputs["a"]) > 3:
            raise error
        return inputs["a"] * 2

    halver = OOMBatchHalver("things")
    assert torch.equal(halver.compute(double, {"a": torch.arange(10.0)}), torch.arange(10.0) * 2)
    assert halver.count == 3
    with pytest.raises(type(error)):
        OOMBatchHalver("things").compute(lambda inputs: double({"a": torch.zeros(4)}), {"a": torch.zeros(1)})


def refuse_more_than(limit: int, function: Any, size: Any) -> Any:
    """Let a function run out of memory for larger batches."""

    def limited(*args: Any, **kwargs: Any) -> Any:
        if size(*args, **kwargs) > limit:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        return function(*args, **kwargs)

    return limited


def test_halves_make_the_whole(caplog: pytest.LogCaptureFixture):
    sizes: list[int] = []

    def double(inputs: dict[str, Tensor]) -> Tensor:
        sizes.append(len(inputs["a"]))
        if len(inputs["a"]) > 3:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        return inputs["a"] * 2 + inputs["b"]

    halver = OOMBatchHalver("things")
    inputs = {"a": torch.arange(10.0), "b": torch.ones(10)}
    assert torch.equal(halver.compute(double, inputs), inputs["a"] * 2 + 1)
    assert sizes == [10, 5, 2, 3, 5, 2, 3]
    assert halver.count == 3
    (record,) = caplog.records
    assert "Memory does not suffice for 10 things at once" in record.message
    sizes.clear()
    assert halver.compute_all(lambda size: sizes.append(size) or double({"a": torch.zeros(size), "b": 1}), 8).shape == (
        2,
    )
    assert sizes[::2] == [8, 4, 2]
    assert halver.count == 5


def test_a_failed_attempt_leaves_nothing_in_memory():
    left: list[weakref.ref[Tensor]] = []

    def fill(size: int) -> Tensor:
        assert not any(tensor() is not None for tensor in left)
        tensor = torch.zeros(size)
        left.append(weakref.ref(tensor))
        if size > 1:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        return tensor + 1

    assert OOMBatchHalver("things").compute_all(fill, 8).tolist() == [1]
    assert len(left) == 4
    halver = OOMBatchHalver("things")
    assert halver.compute(lambda inputs: fill(len(inputs["a"])), {"a": torch.zeros(4)}).tolist() == [1] * 4
    assert halver.count == 3


@pytest.mark.parametrize("error", [torch.OutOfMemoryError(OUT_OF_MEMORY), RuntimeError("something else")])
def test_what_cannot_be_halved_is_raised(error: RuntimeError):
    def fail(*args: Any) -> Tensor:
        raise error

    size = 1 if isinstance(error, torch.OutOfMemoryError) else 4
    for call in (
        lambda: OOMBatchHalver("a").compute(fail, {"a": torch.zeros(size)}),
        lambda: OOMBatchHalver("a").compute_all(fail, size),
    ):
        with pytest.raises(RuntimeError) as raised:
            call()
        assert raised.value is error


def test_encoder(small_graph: Graph, small_texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    limited = refuse_more_than(3, SentenceTransformer.forward, lambda self, inputs, **_: len(inputs["input_ids"]))
    settings = MiningSettings(encoder="sentence-transformer", encoder_kwargs={"batch_size": 8})
    expected, _ = Miner(small_graph, settings, cache=Cache(tmp_path / "enough")).vectors.encode(small_graph)
    monkeypatch.setattr(SentenceTransformer, "forward", limited)
    for _ in range(2):
        # the second one reads it from the cache
        miner = Miner(small_graph, settings, cache=Cache(tmp_path / "too little"))
        vectors, measured = miner.vectors.encode(small_graph)
        np.testing.assert_allclose(vectors, expected, atol=1e-5)
        assert measured.counts == {"encoder_batches_halved": 2}
    assert SentenceTransformerEncoder().batches_halved == 0


def test_relation_encoder(tiny_bert: str, monkeypatch: pytest.MonkeyPatch):
    encoder = RelationEncoder(tiny_bert, template="<subj> <mask> <obj>")
    pairs = [(f"a{i}", f"b{i}") for i in range(20)]
    expected = encoder.get_embedding(pairs)
    assert encoder.halver.count == 0
    monkeypatch.setattr(encoder, "embed", refuse_more_than(5, encoder.embed, lambda inputs: len(inputs["input_ids"])))
    np.testing.assert_allclose(encoder.get_embedding(pairs), expected, atol=1e-5)
    assert encoder.halver.count == 3


@pytest.mark.parametrize(
    ("ranker", "cls", "method", "size", "limit"),
    [
        ("kge", RotatE, "predict_hrt", lambda self, triples: len(triples), 1_000),
        ("relation-embedding", RelationEncoder, "embed", lambda self, inputs: len(inputs["input_ids"]), 40),
    ],
)
def test_pools_say_so(
    nations: TriplesFactory,
    tiny_bert: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ranker: str,
    cls: type,
    method: str,
    size: Any,
    limit: int,
):
    kwargs = (
        {"model": tiny_bert, "template": "<subj> <mask> <obj>"} if ranker == "relation-embedding" else {"epochs": 1}
    )
    settings = {"encoder": "structural", "guard": None, "k": 2, "max_candidates": 300, "ranker": ranker}
    pools = []
    for name in ("enough", "too little"):
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, name=name, **_: tmp_path / name)
        pools.append(mine(triples_factory=nations, **settings, ranker_kwargs=kwargs))
        monkeypatch.setattr(cls, method, refuse_more_than(limit, getattr(cls, method), size))
    enough, too_little = (pool.metadata["statistics"] for pool in pools)
    assert "batches_halved" not in enough
    assert too_little["batches_halved"] > 0
    assert torch.equal(pools[0].keys, pools[1].keys)


def test_vectors_that_are_not_finite_are_not_kept(
    small_graph: Graph, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def encode(self: Any, texts: list[str], **kwargs: Any) -> np.ndarray:
        return np.where(np.arange(len(texts))[:, None] < 2, np.nan, np.ones((len(texts), 4)))

    monkeypatch.setattr(SentenceTransformer, "encode", encode)
    settings = MiningSettings(encoder="sentence-transformer", encoder_kwargs={"model": tiny_bert})
    cache = Cache(tmp_path / "cache")
    expected = rf"found 2 vectors with NaN or infinite values from the encoder sentencetransformer with .*{tiny_bert}"
    with pytest.raises(ValueError, match=expected):
        Miner(small_graph, settings, cache=cache).vectors.encode(small_graph)
    assert not list(cache.root.rglob("*.npy"))
    assert str(StructuralEncoder()) == "the encoder structural"
