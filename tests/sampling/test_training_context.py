"""Tests for what samplers are built for, and that what is only evaluated on influences nothing."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pykeen.datasets import EagerDataset, get_dataset
from pykeen.pipeline import pipeline
from pykeen.triples import BatchedSLCWAInstances, TriplesFactory

from pykeen_negater import NegatERNegativeSampler
from pykeen_negater.sampling import pool_source
from pykeen_negater.sampling.training_context import Purpose, current_purpose, triples_factory_noted

FAST = {"encoder": "structural", "ranker": "similarity", "num_negs_per_pos": 4}

pytorch_lightning = pytest.importorskip("pytorch_lightning")


def make_sampler(factory: TriplesFactory, **kwargs) -> NegatERNegativeSampler:
    """Make a sampler in the way of PyKEEN's training loop."""
    return BatchedSLCWAInstances.from_triples_factory(
        factory, batch_size=32, negative_sampler="negater", negative_sampler_kwargs={**FAST, **kwargs}
    ).negative_sampler


def describe(sampler: NegatERNegativeSampler, factory: TriplesFactory) -> str:
    """Summarise pools, avoided triples, shares and a batch."""
    torch.manual_seed(0)
    shares = str(replace(sampler.composition, pools=None))
    parts = [sampler.sample(factory.mapped_triples[:64])[0].numpy().tobytes(), shares.encode()]
    if sampler.pools is not None:
        parts += [path.read_bytes() for path in sorted(sampler.composition.pools.glob("*.safetensors"))]
    if sampler.random_negatives.avoided is not None:
        corruptions = np.stack(np.meshgrid(range(14), range(5), range(14)), axis=-1).reshape(-1, 3)
        torch.manual_seed(0)
        parts.append(sampler.random_negatives.avoided.find(corruptions).tobytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@pytest.fixture
def purposes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Purpose, bool]]:
    """Note, for each sampler that is built, its number of triples, its purpose, and whether it has pools."""
    found: list[tuple[int, Purpose, bool]] = []
    original = NegatERNegativeSampler.__init__

    def init(self: NegatERNegativeSampler, **kwargs) -> None:
        original(self, **kwargs)
        found.append((len(kwargs["mapped_triples"]), current_purpose(), self.pools is not None))

    monkeypatch.setattr(NegatERNegativeSampler, "__init__", init)
    return found


def train_with_lightning(dataset: EagerDataset, num_sanity_val_steps: int) -> None:
    """Train for an epoch."""
    from pykeen.contrib.lightning import SLCWALitModule

    module = SLCWALitModule(
        dataset=dataset,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        batch_size=256,
        negative_sampler="negater",
        negative_sampler_kwargs=FAST,
    )
    trainer = pytorch_lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=num_sanity_val_steps,
    )
    trainer.fit(module)


@pytest.mark.parametrize("num_sanity_val_steps", [0, 2])
def test_lightning_validation_is_told_from_training(
    num_sanity_val_steps: int,
    nations: TriplesFactory,
    cache_of_scorers: Path,
    purposes: list[tuple[int, Purpose, bool]],
):
    """More validation than training triples, whose loader is built before or after that of the training triples."""
    training, validation = nations.split([0.44, 0.56], random_state=0)
    expected = describe(make_sampler(training), training)
    pool_source._BY_GRAPH.clear()
    purposes.clear()
    train_with_lightning(EagerDataset(training, validation, validation), num_sanity_val_steps)
    assert set(purposes) == {
        (training.num_triples, Purpose.TRAINING, True),
        (validation.num_triples, Purpose.EVALUATION, False),
    }
    assert len([path for path in cache_of_scorers.joinpath("pools").iterdir() if path.is_dir()]) == 1
    assert describe(make_sampler(training), training) == expected


def test_evaluation_loss_mines_nothing_and_says_nothing(
    cache_of_scorers: Path, purposes: list[tuple[int, Purpose, bool]], caplog: pytest.LogCaptureFixture
):
    dataset = get_dataset(dataset="nations")
    pipeline(
        dataset=dataset,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        negative_sampler="negater",
        negative_sampler_kwargs=FAST,
        training_kwargs={
            "num_epochs": 2,
            "use_tqdm": False,
            "batch_size": 256,
            "callbacks": "evaluation-loss",
            "callbacks_kwargs": {"triples_factory": dataset.validation},
        },
        evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
        random_seed=0,
    )
    num_training, num_validation = dataset.training.num_triples, dataset.validation.num_triples
    assert [purpose for size, purpose, _ in purposes if size == num_training].count(Purpose.TRAINING) == 1
    assert {row for row in purposes if row[0] == num_validation} == {(num_validation, Purpose.EVALUATION, False)}
    assert len([path for path in cache_of_scorers.joinpath("pools").iterdir() if path.is_dir()]) == 1
    # once for each training, whatever else is built
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Negatives: ")]
    assert len(lines) == 1
    assert "mined" in lines[0]


def test_batch_size_probe_is_told_from_training(
    cache_of_scorers: Path, purposes: list[tuple[int, Purpose, bool]], caplog: pytest.LogCaptureFixture
):
    pipeline(
        dataset="nations",
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        negative_sampler="negater",
        negative_sampler_kwargs=FAST,
        training_kwargs={"num_epochs": 1, "use_tqdm": False, "batch_size": 128},
        evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
        random_seed=0,
    )
    assert [purpose for _, purpose, _ in purposes] == [Purpose.PROBING, Purpose.TRAINING]
    assert caplog.text.count("Negatives: ") == 1


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_nothing_is_mined_where_nothing_can_be_trained(mode: type, nations: TriplesFactory, cache_of_scorers: Path):
    with mode():
        sampler = NegatERNegativeSampler(mapped_triples=nations.mapped_triples, **FAST)
    assert sampler.pools is None
    assert not cache_of_scorers.joinpath("pools").exists()
    assert sampler.corrupt_batch(nations.mapped_triples[:3]).shape == (3, 4, 3)


def test_given_pools_serve_evaluation_as_well(nations: TriplesFactory, cache_of_scorers: Path):
    pools = make_sampler(nations).composition.pools
    with torch.inference_mode():
        assert make_sampler(nations, pools=str(pools)).composition.pools == pools


def test_purpose_ends_with_the_block(nations: TriplesFactory):
    with triples_factory_noted(nations, Purpose.TRAINING):
        assert current_purpose() is Purpose.TRAINING
        with torch.no_grad():
            assert current_purpose() is Purpose.EVALUATION
    assert current_purpose() is Purpose.UNKNOWN


@pytest.fixture(scope="module")
def parts(nations: TriplesFactory) -> dict[str, TriplesFactory]:
    """Make graphs over one vocabulary that are easily taken for one another, and one over another vocabulary."""
    graph, _ = nations.split([0.3, 0.7], random_state=0)
    first, second = graph.split([0.7, 0.3], random_state=0)
    return {
        "all": graph,
        "fold": first,
        "part": first.clone_and_exchange_triples(first.mapped_triples[::2]),
        "restricted": nations.new_with_restriction(relations=["embassy", "treaties", "ngo"]),
        "evaluated": second,
    }


def run_event(name: str, parts: dict[str, TriplesFactory]) -> str:
    """Build a sampler as a process might at any time."""
    factory = parts[name]
    with torch.inference_mode(mode=name == "evaluated"):
        sampler = make_sampler(factory)
    return describe(sampler, factory)


@pytest.fixture(scope="module")
def in_a_new_process(parts: dict[str, TriplesFactory], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Describe each sampler when it is the first that a process builds, with an empty cache."""
    described = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in parts:
            root = tmp_path_factory.mktemp("cache")
            patch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *_, root=root, **__: root)
            pool_source._BY_GRAPH.clear()
            described[name] = run_event(name, parts)
    return described


@given(order=st.lists(st.sampled_from(["all", "fold", "part", "restricted", "evaluated"]), min_size=2, max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_depends_on_what_the_process_did_before(
    order: list[str], parts: dict[str, TriplesFactory], in_a_new_process: dict[str, str], cache_of_scorers: Path
):
    pool_source._BY_GRAPH.clear()
    for name in order:
        assert run_event(name, parts) == in_a_new_process[name], (name, order)
