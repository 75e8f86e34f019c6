"""The exact filterer against a Python set, and in PyKEEN's hands."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from pykeen.pipeline import pipeline
from pykeen.sampling import negative_sampler_resolver
from pykeen.sampling.filtering import BloomFilterer, PythonSetFilterer, filterer_resolver
from pykeen.triples import TriplesFactory
from torch.utils.data import DataLoader

from pykeen_negater import _plugin
from pykeen_negater.sampling.filtering import ExactFilterer

#: 2**31 * 1 * 2**31 is 2**62, a quarter of what fits
HUGE = 2**31

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


def draw(num_entities: int, num_relations: int, size: int, seed: int = 0) -> torch.Tensor:
    """Draw triples."""
    limits = (num_entities, num_relations, num_entities)
    return torch.from_numpy(np.random.default_rng(seed).integers(limits, size=(size, 3)))


def expected(known: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    """Ask a Python set which triples are not known."""
    kept = set(map(tuple, known.tolist()))
    answers = [tuple(triple) not in kept for triple in batch.reshape(-1, 3).tolist()]
    return torch.tensor(answers, dtype=torch.bool).view(batch.shape[:-1])


def mixed_batch(known: torch.Tensor, size: int, seed: int = 1) -> torch.Tensor:
    """Draw known triples, corruptions of them, and triples with ids a little or far out of range."""
    generator = np.random.default_rng(seed)
    rows = known[torch.from_numpy(generator.integers(len(known), size=size))]
    limit = known.max().item() + 1
    changes = torch.from_numpy(generator.integers(-limit, 2 * limit, size=(size, 3)))
    corrupted = torch.where(torch.from_numpy(generator.random((size, 3)) < 0.3), changes, rows)
    far = torch.tensor([-(2**63), -HUGE, -1, limit, HUGE, 2**63 - 1])
    extremes = torch.where(
        torch.from_numpy(generator.random((size, 3)) < 0.3),
        far[torch.from_numpy(generator.integers(6, size=(size, 3)))],
        rows,
    )
    return torch.cat([rows, corrupted, extremes])


@pytest.fixture(scope="module")
def filterer(nations: TriplesFactory) -> ExactFilterer:
    """Filter the triples of Nations."""
    return ExactFilterer(nations.mapped_triples)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [1, 2, 100, 3_000])
@pytest.mark.parametrize(("num_entities", "num_relations"), [(1, 1), (6, 3), (1_000, 20), (65_536, 256), (HUGE, 2)])
def test_agrees_with_a_set(num_entities: int, num_relations: int, size: int, device: str):
    known = draw(num_entities, num_relations, size)
    batch = mixed_batch(known, 3_000)
    mask = ExactFilterer(known).to(device)(batch.to(device))
    assert mask.dtype == torch.bool
    assert mask.device.type == device
    assert torch.equal(mask.cpu(), expected(known, batch))


def test_every_triple_of_a_small_graph():
    known = draw(12, 5, 400)
    every = torch.cartesian_prod(torch.arange(-3, 16), torch.arange(-3, 9), torch.arange(-3, 16))
    mask = ExactFilterer(known)(every)
    assert torch.equal(mask, expected(known, every))
    assert (~mask).sum() == len(torch.unique(known, dim=0))


@pytest.mark.parametrize("shape", [(), (1,), (7,), (4, 6), (2, 3, 4), (0,), (5, 0), (0, 5)])
def test_any_leading_shape(nations: TriplesFactory, filterer: ExactFilterer, shape: tuple[int, ...]):
    size = int(np.prod(shape, dtype=int))
    batch = mixed_batch(nations.mapped_triples, 20)[10 : 10 + size].view(*shape, 3)
    mask = filterer(batch)
    assert mask.shape == shape
    assert torch.equal(mask, expected(nations.mapped_triples, batch))


def test_a_batch_need_not_be_contiguous(nations: TriplesFactory, filterer: ExactFilterer):
    batch = mixed_batch(nations.mapped_triples, 60).view(20, 9, 3)
    for other in (batch.transpose(0, 1), batch[::2], batch.flip(-1), batch[..., :1].expand(-1, -1, 3)):
        assert torch.equal(filterer(other), expected(nations.mapped_triples, other))


@pytest.mark.parametrize("of_known", [torch.int32, torch.int64])
@pytest.mark.parametrize("of_batch", [torch.int16, torch.int32, torch.int64])
def test_integer_types(of_known: torch.dtype, of_batch: torch.dtype):
    """Keys are made with 64 bits: these would not fit into 32."""
    known = draw(30_000, 200, 500).to(of_known)
    batch = torch.cat([known, draw(30_000, 200, 500, seed=1)]).to(of_batch)
    assert torch.equal(ExactFilterer(known)(batch), expected(known, batch))


def test_order_and_duplicates_do_not_matter(nations: TriplesFactory, filterer: ExactFilterer):
    known = nations.mapped_triples
    other = ExactFilterer(known.repeat(3, 1)[torch.randperm(3 * len(known), generator=torch.manual_seed(0))])
    assert torch.equal(other.keys, filterer.keys)
    assert torch.equal(other.table, filterer.table)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_no_known_triples(dtype: torch.dtype):
    filterer = ExactFilterer(torch.empty(0, 3, dtype=dtype))
    assert filterer(draw(3, 2, 50).view(10, 5, 3)).all()
    assert filterer(torch.empty(0, 3, dtype=dtype)).shape == (0,)


def test_largest_ids():
    # isqrt(2**63 - 1) entities
    known = torch.tensor([[3_037_000_498, 0, 3_037_000_498], [0, 0, 3_037_000_498], [0, 0, 0]])
    filterer = ExactFilterer(known)
    batch = torch.cat([known, known + 1, known - 1, known.flip(0) // 2])
    assert torch.equal(filterer(batch), expected(known, batch))
    with pytest.raises(ValueError, match=r"3,037,000,500 entities and 1 relations .* than fit into 64 bits"):
        ExactFilterer(known + torch.tensor([1, 0, 0]))


def test_ids_that_overflow_are_not_confused():
    """The key of a triple far out of range wraps around to that of a known one."""
    known = torch.tensor([[5, 0, 7], [2**30 - 1, 3, 2**30 - 1]])
    filterer = ExactFilterer(known)
    shifts = torch.tensor([[2**32, 0, 0], [-(2**32), 0, 0], [0, 2**34, 0], [2**32, -(2**34), 0]])
    impostors = (known.unsqueeze(1) + shifts).view(-1, 3)
    keys = (impostors[:, 0] * 4 + impostors[:, 1]) * 2**30 + impostors[:, 2]
    assert set(keys.tolist()) == set(filterer.keys.tolist())
    assert filterer(impostors).all()
    assert not filterer(known).any()


def test_negative_known_ids_are_refused():
    with pytest.raises(ValueError, match=r"found the id -4 among mapped_triples, expected ids from 0 on\. Leave out"):
        ExactFilterer(torch.tensor([[0, 0, 1], [-1, 0, -4]]))


def test_pykeens_promises(nations: TriplesFactory, filterer: ExactFilterer):
    """As PyKEEN's own test case has it: positives are rejected, and the same with other entities are kept."""
    positives = nations.mapped_triples.view(8, -1, 3)
    assert not filterer(negative_batch=positives).any()
    assert filterer.contains(batch=positives[0]).all()
    assert filterer(negative_batch=positives + torch.tensor([nations.num_entities, 0, 0])).all()
    assert filterer(negative_batch=positives + torch.tensor([0, 0, nations.num_entities])).all()
    assert filterer(negative_batch=positives + nations.num_entities).all()


def test_agrees_with_pykeens_filterers(nations: TriplesFactory, filterer: ExactFilterer):
    every = torch.cartesian_prod(torch.arange(14), torch.arange(55), torch.arange(14)).view(14, 55, 14, 3)
    mask = filterer(every)
    assert torch.equal(mask, PythonSetFilterer(nations.mapped_triples)(every))
    # what Bloom clears is unknown
    assert mask[BloomFilterer(nations.mapped_triples)(every)].all()


def test_batches_are_left_alone(nations: TriplesFactory, filterer: ExactFilterer):
    batch = nations.mapped_triples[:50].clone()
    filterer(batch)
    assert torch.equal(batch, nations.mapped_triples[:50])


def test_works_in_inference_mode_and_after_it(nations: TriplesFactory):
    """The evaluation-loss callback builds samplers in it."""
    with torch.inference_mode():
        filterer = ExactFilterer(nations.mapped_triples)
        assert not filterer(nations.mapped_triples).any()
    assert not filterer(nations.mapped_triples).any()


def test_state(nations: TriplesFactory, filterer: ExactFilterer):
    copy = pickle.loads(pickle.dumps(filterer))
    batch = mixed_batch(nations.mapped_triples, 500)
    assert torch.equal(copy(batch), filterer(batch))
    assert not filterer.state_dict()
    # so that .to moves it
    assert {name for name, _ in filterer.named_buffers()} == {"keys", "table"}
    num_bytes = sum(buffer.nbytes for buffer in filterer.buffers())
    assert 10 <= num_bytes / nations.num_triples <= 12
    assert repr(filterer) == f"ExactFilterer(num_triples={nations.num_triples}, num_bytes={num_bytes})"


class Batches(torch.utils.data.Dataset[torch.Tensor]):
    """Filters in whatever process asks for an item."""

    def __init__(self, filterer: ExactFilterer, batches: torch.Tensor) -> None:
        """Take both."""
        self.filterer = filterer
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, item: int) -> torch.Tensor:
        return self.filterer(self.batches[item])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers(nations: TriplesFactory, filterer: ExactFilterer, context: str):
    batches = mixed_batch(nations.mapped_triples, 40).view(4, 30, 3)
    loader = DataLoader(Batches(filterer, batches), batch_size=1, num_workers=1, multiprocessing_context=context)
    masks = torch.cat(list(loader))
    assert torch.equal(masks, expected(nations.mapped_triples, batches))


def test_resolved_by_name(nations: TriplesFactory):
    before = dict(filterer_resolver.lookup_dict)
    _plugin.register()
    assert filterer_resolver.lookup_dict == before
    for name in ("exact", "Exact", "ExactFilterer"):
        assert filterer_resolver.lookup(name) is ExactFilterer
    made = filterer_resolver.make("exact", mapped_triples=nations.mapped_triples)
    assert isinstance(made, ExactFilterer)
    # PyKEEN's default stays what it was
    assert filterer_resolver.lookup(None) is BloomFilterer


def test_there_without_an_import_by_the_user():
    code = (
        "import sys\n"
        "from pykeen.pipeline import pipeline\n"
        "from pykeen.sampling.filtering import filterer_resolver\n"
        "import pykeen_negater.sampling.filtering\n"
        "print(filterer_resolver.lookup('exact').__name__)\n"
        "print([name for name in ('sentence_transformers', 'faiss') if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["ExactFilterer", "[]"]


@pytest.mark.parametrize("sampler", ["basic", "bernoulli", "pseudotyped"])
@pytest.mark.parametrize("size", [1, 64])
def test_with_pykeens_samplers(nations: TriplesFactory, sampler: str, size: int):
    made = negative_sampler_resolver.make(
        sampler,
        mapped_triples=nations.mapped_triples,
        num_entities=nations.num_entities,
        num_relations=nations.num_relations,
        num_negs_per_pos=16,
        filtered=True,
        filterer="exact",
    )
    negatives, mask = made.sample(nations.mapped_triples[:size])
    assert mask is not None
    assert mask.shape == (size, 16)
    assert torch.equal(mask, expected(nations.mapped_triples, negatives))


@pytest.mark.parametrize("inverse", [False, True])
def test_in_a_pipeline(inverse: bool):
    losses = []
    for filterer in ("exact", "python-set"):
        result = pipeline(
            dataset="nations",
            dataset_kwargs={"create_inverse_triples": inverse},
            model="TransE",
            negative_sampler="basic",
            negative_sampler_kwargs={"filtered": True, "filterer": filterer, "num_negs_per_pos": 4},
            training_kwargs={"num_epochs": 2, "use_tqdm": False, "batch_size": 256},
            evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
            random_seed=0,
        )
        losses.append(result.losses)
    assert losses[0] == losses[1]
