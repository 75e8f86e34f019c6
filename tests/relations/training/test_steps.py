"""What a step of training is about, against sets of pairs."""

from itertools import chain
from pathlib import Path

import pytest

from pykeen_negater.relations.training.data import RelationPairs, read_relation_pairs
from pykeen_negater.relations.training.settings import RelationTrainingSettings
from pykeen_negater.relations.training.steps import ContrastiveSteps, PairTable, TripletSteps


@pytest.mark.parametrize("augment", [False, True])
def test_table(data: RelationPairs, augment: bool):
    table = PairTable(data, augment)
    assert len(table.pairs) == len(set(table.pairs)) == 10
    for row, name in enumerate(table.types):
        negatives = set(data.negatives[name])
        if augment:
            negatives |= set(chain.from_iterable(data.positives.values())) - set(data.positives[name])
        assert {table.pairs[i] for i in table.positives[row].nonzero()[0]} == set(data.positives[name])
        assert {table.pairs[i] for i in table.negatives[row].nonzero()[0]} == negatives
    positives, negatives = table.parents
    # a pair of both parents is no negative of either
    assert {table.pairs[i] for i in positives[0].nonzero()[0]} == {*data.positives["1/a"], *data.positives["1/b"]}
    assert {table.pairs[i] for i in negatives[0].nonzero()[0]} == set(data.positives["2/a"]) - {("dog", "pet")}
    assert table.parent_of_type.tolist() == [0, 0, 1]


@pytest.mark.parametrize("relations_per_step", [None, 2, 99])
def test_contrastive_steps(data: RelationPairs, relations_per_step: int | None):
    settings = RelationTrainingSettings(num_positive=2, num_negative=3, relations_per_step=relations_per_step)
    steps = ContrastiveSteps(data, settings)
    # three types and two parents
    assert len(steps) == {None: 5, 2: 3, 99: 1}[relations_per_step]
    drawn = []
    for epoch in (0, 1, 0):
        steps.set_epoch(epoch)
        assert sorted(chain.from_iterable(types.tolist() for types in steps.steps)) == list(range(5))
        for types, step in zip(steps.steps, steps, strict=True):
            positives, negatives = step.targets["positives"], step.targets["negatives"]
            assert len(set(step.pairs)) == len(step.pairs)
            assert positives.shape == negatives.shape == (len(types), len(step.pairs))
            assert (positives.sum(axis=1) == 2).all()
            assert negatives.any(axis=1).all()
            for row, is_positive, is_negative in zip(types, positives, negatives, strict=True):
                assert steps.positives[row, step.pairs[is_positive]].all()
                assert (steps.negatives[row, step.pairs] == is_negative).all()
            if relations_per_step is None:
                assert negatives.sum() <= 3
                assert (positives | negatives).all()
        drawn.append([(step.pairs.tolist(), step.targets["positives"].tolist()) for step in steps])
    assert drawn[0] == drawn[2] != drawn[1]


def test_own_negatives_are_drawn_first(data: RelationPairs):
    settings = RelationTrainingSettings(num_negative=1, relations_per_step=99)
    (step,) = ContrastiveSteps(data, settings)
    table = PairTable(data)
    drawn = {table.pairs[row] for row in step.pairs}
    assert {("animal", "dog"), ("tool", "saw")} <= drawn


@pytest.mark.parametrize("relations_per_step", [None, 2])
def test_triplet_steps(data: RelationPairs, relations_per_step: int | None):
    settings = RelationTrainingSettings(loss="triplet", num_positive=3, relations_per_step=relations_per_step)
    steps = TripletSteps(data, settings)
    table, (similar, dissimilar) = steps.table, steps.table.parents
    groups = 1 if relations_per_step is None else 2
    assert len(steps) == 3 * groups
    couples: dict[int, list[frozenset]] = {row: [] for row in range(3)}
    for number, step in enumerate(steps):
        types = steps.groups[number % groups]
        rows = step.pairs[step.targets["triplets"]]
        for row, (anchor, positive, negative, near, far) in zip(types, rows, strict=True):
            assert table.positives[row, [anchor, positive]].all()
            assert table.negatives[row, negative]
            parent = table.parent_of_type[row]
            assert similar[parent, near]
            assert dissimilar[parent, far]
            couples[row].append(frozenset((anchor, positive)))
        for i, row in enumerate(types):
            expected = [not table.positives[row, rows[j, :2]].any() for j in range(len(types))]
            assert step.targets["strangers"][i].tolist() == expected
    assert [len(set(couples[row])) for row in range(3)] == [3, 1, 3]


def test_triplet_steps_of_semeval(data_folder: Path):
    """Every two of ten positives are used once."""
    semeval = read_relation_pairs(data_folder / "relational" / "semeval2012_task2" / "gold_ratings.tsv")
    assert len(TripletSteps(semeval, RelationTrainingSettings(loss="triplet"))) == 45


def test_no_negatives():
    data = RelationPairs({"x": (("a", "b"), ("c", "d"))})
    with pytest.raises(ValueError, match="found no negatives of the relation type 'x'"):
        ContrastiveSteps(data, RelationTrainingSettings())
    two = RelationPairs({"x": (("a", "b"),), "y": (("c", "d"),)})
    with pytest.raises(ValueError, match="found no negatives of the relation type 'x'"):
        ContrastiveSteps(two, RelationTrainingSettings(augment_negative_by_positive=False))
    with pytest.raises(ValueError, match="found a single positive of the relation type 'x'"):
        TripletSteps(two, RelationTrainingSettings(loss="triplet"))
