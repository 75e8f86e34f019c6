"""Whatever the process has set globally: the same pools, the same batches, and the settings as they were."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.sampling import BasicNegativeSampler
from pykeen.triples import TriplesFactory

from pykeen_negater import NegatERNegativeSampler, NegativePools, mine
from pykeen_negater.runtime.random_state import pinned_defaults
from pykeen_negater.triples.graphs import Graph

from ..sampling.cases import make_pools, with_inverse


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Set PyTorch's default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device: str) -> Iterator[None]:
    """Set PyTorch's default device."""
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic() -> Iterator[None]:
    """Allow deterministic algorithms only."""
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=False)


#: Things that people set; each makes a context manager
STATES = {
    "double": lambda: default_dtype(torch.double),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "device": lambda: default_device("meta"),
    "device of a block": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no gradients": torch.no_grad,
    "deterministic": deterministic,
    "NumPy raises": lambda: np.errstate(all="raise"),
}


def _mine(root: Path, monkeypatch: pytest.MonkeyPatch, factory: TriplesFactory, **settings: Any) -> dict[str, bytes]:
    """Mine with a cache of its own, and read the pools' files."""
    with monkeypatch.context() as patch:
        patch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: root)
        path = mine(triples_factory=factory, **settings).path
    assert path is not None
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name != "durations.json"}


@pytest.fixture(scope="module")
def kinds(tiny_bert: str) -> dict[str, dict[str, Any]]:
    """Choose settings that between them use all that mining computes with."""
    fine_tuning = {"epochs": 1, "max_length": 24, "validation_share": 0.3}
    proxy = {"language_model": tiny_bert, "fine_tuning": fine_tuning, "num_exact": 20, "epochs": 2}
    return {
        "by default": {"encoder": "structural"},
        "texts": {"encoder": "sentence-transformer", "encoder_kwargs": {"model": tiny_bert}, "ranker": "similarity"},
        "fine-tuned": {"encoder": "structural", "ranker": "proxy-gradients", "ranker_kwargs": proxy, "guard": None},
        "kge": {"encoder": "structural", "ranker": "kge", "ranker_kwargs": {"epochs": 1}, "guard": None},
    }


@pytest.mark.parametrize("kind", ["by default", "texts", "fine-tuned", "kge"])
def test_pools(
    kind: str,
    kinds: dict[str, dict[str, Any]],
    small_factory: TriplesFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    expected = _mine(tmp_path / "plain", monkeypatch, small_factory, **kinds[kind])
    with ExitStack() as stack:
        for state in STATES.values():
            stack.enter_context(state())
        found = _mine(tmp_path / "all at once", monkeypatch, small_factory, **kinds[kind])
    assert found == expected


def _draw(nations: TriplesFactory, pools: NegativePools | None, base: str, strategy: str) -> list[torch.Tensor]:
    triples = with_inverse(nations.mapped_triples)
    sampler = NegatERNegativeSampler(
        mapped_triples=triples,
        num_entities=nations.num_entities,
        num_relations=2 * nations.num_relations,
        num_negs_per_pos=5,
        corruption_scheme=["head", "relation", "tail"] if base == "basic" else ["head", "tail"],
        pools=pools,
        mine="never",
        hard_fraction=0.4,
        loop_fraction=0.2,
        strategy=strategy,
        filtered=True,
        base_sampler=base,
        known_triples=[[0, 0, 1], [1, 0, 0]],
        relation_overrides=None if pools is None else {"accusation": {"hard_fraction": 0.9, "max_risk": 2.0}},
    )
    torch.manual_seed(0)
    return [*sampler.sample(triples[::3]), sampler.corrupt_batch(triples[:7])]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("base", "strategy"), [("basic", "uniform"), ("bernoulli", "softmax"), ("pseudotyped", "top"), ("basic", None)]
)
def test_batches(state: str, base: str, strategy: str | None, nations: TriplesFactory, tmp_path: Path):
    pools: NegativePools | None = None
    if strategy is not None:
        pools = make_pools(Graph.from_factory(nations), (0, 1, 2))
        pools.metadata["max_risk"] = 4.0
        pools.load_vocabulary = lambda: Graph.from_factory(nations)  # type: ignore[method-assign,assignment,return-value]
    expected = _draw(nations, pools, base, strategy or "uniform")
    with STATES[state]():
        found = _draw(nations, pools, base, strategy or "uniform")
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("state", STATES)
def test_the_exact_filterer_for_any_sampler(state: str, nations: TriplesFactory):
    triples = nations.mapped_triples
    sampler = BasicNegativeSampler(mapped_triples=triples, filterer="exact", num_negs_per_pos=3)
    torch.manual_seed(0)
    expected = sampler.sample(triples)
    with STATES[state]():
        sampler = BasicNegativeSampler(mapped_triples=triples, filterer="exact", num_negs_per_pos=3)
        torch.manual_seed(0)
        assert all(map(torch.equal, sampler.sample(triples), expected))


@pytest.mark.parametrize("state", STATES)
def test_what_was_set_is_set_again(state: str):
    def settings() -> tuple[Any, ...]:
        """Look at what may be set."""
        return torch.get_default_dtype(), torch.get_default_device(), torch.is_autocast_enabled("cpu"), np.geterr()

    plain = settings()
    with STATES[state]():
        before = settings()
        with pinned_defaults():
            assert settings() == plain
        assert settings() == before
        with pytest.raises(KeyError), pinned_defaults():
            raise KeyError
        assert settings() == before
