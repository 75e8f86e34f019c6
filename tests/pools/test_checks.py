"""What holds in all pools, against loops over plain numbers."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from pykeen_negater.pools import checks
from pykeen_negater.pools.checks import check_ids, check_negatives, check_scores
from pykeen_negater.pools.codec import encode_hardness
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import SIDES

from ..cases import random_graph

Arrays = dict[str, Tensor]


@pytest.fixture(autouse=True, params=[2, 2**16])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at pieces of several sizes."""
    monkeypatch.setattr(checks, "_AT_ONCE", request.param)


def make_arrays(graph: Graph, sides: tuple[int, ...], seed: int) -> Arrays:
    """Draw pools in which all is as it should be."""
    generator = np.random.default_rng(seed)
    known = set(map(tuple, graph.triples.tolist()))
    offsets, replacements, hardness = [0], [], []
    for triple in graph.triples.tolist():
        for side in sides:
            size = graph.num_relations if side == SIDES["relation"] else graph.num_entities
            false = [new for new in range(size) if (*triple[:side], new, *triple[side + 1 :]) not in known]
            drawn = generator.permutation(false)[: generator.integers(4)]
            replacements += drawn.tolist()
            hardness += sorted(generator.integers(4, size=len(drawn)).tolist(), reverse=True)
            offsets.append(len(replacements))
    return {
        "keys": graph.index.keys.clone(),
        "offsets": torch.tensor(offsets),
        "replacements": torch.tensor(replacements, dtype=torch.int32),
        "hardness": torch.tensor(hardness, dtype=torch.uint8),
        "suspected": torch.tensor([2, 3, 9]),
    }


def rows(arrays: Arrays) -> list[tuple[int, int]]:
    return list(pairwise(arrays["offsets"].tolist()))


def has_good_ids(arrays: Arrays, graph: Graph, sides: tuple[int, ...]) -> bool:
    """Look at one number after the other."""
    total = graph.num_entities**2 * graph.num_relations
    for name in ("keys", "suspected"):
        values = arrays[name].tolist()
        if any(b <= a for a, b in pairwise(values)) or not all(0 <= value < total for value in values):
            return False
    if any(end < start for start, end in rows(arrays)):
        return False
    ids = arrays["replacements"].tolist()
    for row, (start, end) in enumerate(rows(arrays)):
        size = graph.num_relations if sides[row % len(sides)] == SIDES["relation"] else graph.num_entities
        if not all(0 <= new < size for new in ids[start:end]):
            return False
    return True


def keeps_the_promise(arrays: Arrays, graph: Graph, sides: tuple[int, ...]) -> bool:
    known = set(map(tuple, graph.triples.tolist()))
    for row, (start, end) in enumerate(rows(arrays)):
        hardness = arrays["hardness"][start:end].tolist()
        if hardness != sorted(hardness, reverse=True):
            return False
        triple, side = graph.triples[row // len(sides)].tolist(), sides[row % len(sides)]
        for new in arrays["replacements"][start:end].tolist():
            if (*triple[:side], new, *triple[side + 1 :]) in known:
                return False
    return True


def is_accepted(check: Callable[..., None], arrays: Arrays, graph: Graph, sides: tuple[int, ...]) -> bool:
    try:
        check(arrays, graph.num_entities, graph.num_relations, sides)
    except ValueError as error:
        message = str(error)
        assert message.startswith("found ")
        assert message.endswith(".")
        assert "expected" in message
        return False
    return True


@pytest.mark.parametrize("sides", [(0, 2), (0, 1, 2), (1,)])
@pytest.mark.parametrize("seed", range(3))
def test_good_pools_pass(seed: int, sides: tuple[int, ...]):
    graph = random_graph(seed, 12, 4, 30)
    arrays = make_arrays(graph, sides, seed)
    assert len(arrays["replacements"]) > 5
    assert has_good_ids(arrays, graph, sides)
    assert keeps_the_promise(arrays, graph, sides)
    assert is_accepted(check_ids, arrays, graph, sides)
    assert is_accepted(check_negatives, arrays, graph, sides)


@pytest.mark.parametrize("sides", [(0, 2), (0, 1, 2)])
def test_ids_agree_with_a_loop(sides: tuple[int, ...]):
    graph = random_graph(0, 12, 4, 30)
    generator = np.random.default_rng(1)
    good, verdicts = make_arrays(graph, sides, 0), []
    for _ in range(80):
        arrays = {name: array.clone() for name, array in good.items()}
        name = generator.choice(["keys", "suspected", "offsets", "replacements"])
        # the first and the last offset are checked where the shapes are
        position = generator.integers(1, len(arrays[name]) - 1)
        arrays[name][position] += int(generator.integers(-9, 10))
        total = len(arrays["replacements"])
        arrays["offsets"].clamp_(0, total)
        verdicts.append(has_good_ids(arrays, graph, sides))
        assert is_accepted(check_ids, arrays, graph, sides) == verdicts[-1]
    assert 10 < sum(verdicts) < 70


@pytest.mark.parametrize("sides", [(0, 2), (0, 1, 2)])
def test_negatives_agree_with_a_loop(sides: tuple[int, ...]):
    graph = random_graph(0, 12, 4, 60)
    generator = np.random.default_rng(2)
    sizes = {side: graph.num_relations if side == 1 else graph.num_entities for side in sides}
    good, verdicts = make_arrays(graph, sides, 0), []
    for _ in range(80):
        arrays = {name: array.clone() for name, array in good.items()}
        row = int(generator.choice(np.flatnonzero(arrays["offsets"].diff().numpy())))
        position = int(generator.integers(*arrays["offsets"][row : row + 2].tolist()))
        if generator.random() < 0.5:
            arrays["hardness"][position] = int(generator.integers(4))
        else:
            arrays["replacements"][position] = int(generator.integers(sizes[sides[row % len(sides)]]))
        verdicts.append(keeps_the_promise(arrays, graph, sides))
        assert is_accepted(check_negatives, arrays, graph, sides) == verdicts[-1]
    assert 10 < sum(verdicts) < 75


def test_keys_that_are_far_apart_do_not_overflow():
    graph = random_graph(0, 12, 4, 30)
    arrays = make_arrays(graph, (0, 2), 0)
    arrays["suspected"] = torch.tensor([2**63 - 1, -(2**63)])
    with pytest.raises(ValueError, match="found suspected with -9223372036854775808 after 9223372036854775807"):
        check_ids(arrays, graph.num_entities, graph.num_relations, (0, 2))


def test_no_pools_are_good_pools():
    nothing = torch.zeros(0, dtype=torch.int64)
    arrays = {"keys": nothing, "offsets": torch.zeros(1, dtype=torch.int64), "suspected": nothing}
    arrays |= {"replacements": nothing.int(), "hardness": nothing.to(torch.uint8)}
    for check in (check_ids, check_negatives):
        assert check(arrays, 5, 2, (0, 2)) is None


def test_scores_are_those_that_hardness_was_rounded_from():
    scores = np.random.default_rng(0).normal(size=50).astype(np.float32)
    low, high = float(scores.min()), float(scores.max())
    hardness = torch.from_numpy(encode_hardness(scores, low, high))
    check_scores(torch.from_numpy(scores), hardness, low, high)
    check_scores(torch.zeros(0), torch.zeros(0, dtype=torch.uint8), 0.0, 0.0)
    for value in (float("nan"), float("inf"), low - 1):
        wrong = torch.from_numpy(scores.copy())
        wrong[40] = value
        with pytest.raises(ValueError, match=f"found the score {wrong[40]}, expected one from {low} to {high}"):
            check_scores(wrong, hardness, low, high)
    wrong = torch.from_numpy(scores.copy())
    wrong[scores.argmin()] = high
    with pytest.raises(ValueError, match=f"found the score {wrong.max()} with the hardness 0, expected 255"):
        check_scores(wrong, hardness, low, high)
