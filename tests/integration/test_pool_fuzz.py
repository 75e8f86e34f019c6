"""Whatever happens to a folder of pools, it is refused with the documented error, or serves valid ids."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pykeen_negater.pools.exports import to_frame
from pykeen_negater.pools.files import PoolsError, Vocabulary
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.pools.verification import verify_pools
from pykeen_negater.sampling.avoidance import avoid_risks
from pykeen_negater.triples.graphs import Graph

from ..pool_mutations import Files, mutate


@pytest.fixture
def memory() -> Iterator[Path]:
    """Make a folder in memory where the system has one."""
    root = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=root if root.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def files(small_graph: Graph, memory: Path) -> Files:
    """Write pools with all that they may hold."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(0, 3, size=3 * len(small_graph))
    limits = np.array([small_graph.num_entities, small_graph.num_relations, small_graph.num_entities])
    replacements = generator.integers(0, np.repeat(np.tile(limits, len(small_graph)), sizes))
    pools = NegativePools(
        keys=small_graph.index.keys,
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)])),
        replacements=torch.from_numpy(replacements.astype(np.int32)),
        hardness=torch.from_numpy(generator.integers(0, 256, size=sizes.sum(), dtype=np.uint8)),
        num_entities=small_graph.num_entities,
        num_relations=small_graph.num_relations,
        sides=(0, 1, 2),
        vocabulary=small_graph.vocabulary,
        suspected=torch.tensor([3, 5]),
        suspected_risk=torch.tensor([80, 90], dtype=torch.uint8),
        metadata={
            "labelled": True, "score_range": [0.0, 1.0], "max_risk": 1.0, "max_mined_risk": 2.0, "guard_skill": 0.5,
        },
        durations={"encode": 1.0},
    )  # fmt: skip
    path = pools.save(memory / "good.pools", Vocabulary(small_graph.entity_labels, small_graph.relation_labels))
    return {file.name: file.read_bytes() for file in path.iterdir()}


def use(path: Path, queries: torch.Tensor, whole: bool) -> str:
    """Do with pools what training and people do, and see whether that goes wrong in another way than it may."""
    try:
        pools = NegativePools.load(path)
    except PoolsError:
        return "refused"
    starts, sizes = pools.rows(queries.numpy())
    assert (sizes >= 0).all()
    assert (starts >= 0).all()
    assert (starts + sizes <= len(pools)).all()
    limits = [pools.num_relations if side == 1 else pools.num_entities for side in pools.sides]
    for column, limit in enumerate(limits):
        for start, size in zip(starts[:, column].tolist(), sizes[:, column].tolist(), strict=True):
            ids = pools.replacements[start : start + size]
            assert ((ids >= 0) & (ids < limit)).all()
    pools.safer_than(pools.max_risk or 1.0)
    avoid_risks(pools, pools.max_risk or 1.0)
    if whole:
        for function in (to_frame, lambda pools: verify_pools(pools.path)):
            try:
                function(pools)
            except PoolsError:
                return "refused later"
    return "served"


def fuzz(files: Files, folder: Path, graph: Graph, number: int) -> Counter[str]:
    """Mutate pools many times over, and count what becomes of them."""
    generator = np.random.default_rng(0)
    unknown = torch.from_numpy(generator.integers(-2, 40, size=(50, 3)))
    queries = torch.cat([torch.from_numpy(graph.triples), unknown])
    outcomes: Counter[str] = Counter()
    for i in range(number):
        path = folder / f"{i}.pools"
        path.mkdir()
        for name, content in mutate(files, np.random.default_rng(i)).items():
            path.joinpath(name).write_bytes(content)
        try:
            outcomes[use(path, queries, whole=i % 4 == 0)] += 1
        except Exception as error:
            pytest.fail(f"mutation {i}: {type(error).__name__}: {error}")
        shutil.rmtree(path)
    return outcomes


def test_a_few_hundred_mutated_folders(files: Files, memory: Path, small_graph: Graph):
    outcomes = fuzz(files, memory, small_graph, 300)
    assert outcomes["refused"] > 100
    assert outcomes["served"] > 10


@pytest.mark.integration
def test_many_mutated_folders(files: Files, memory: Path, small_graph: Graph):
    outcomes = fuzz(files, memory, small_graph, 12_000)
    assert min(outcomes.values()) > 100
