"""The answers that a batch shares."""

import torch

from pykeen_negater.scorers.shared_answers import share_answers


def test_all_entities_of_a_small_graph_are_answers():
    targets = torch.tensor([3, 0, 3])
    answers, positions = share_answers(targets, 5, most=5)
    assert answers is None
    assert torch.equal(positions, targets)


def test_targets_and_random_entities_of_a_large_graph_are_answers():
    targets = torch.tensor([700, 2, 700, 999])
    torch.manual_seed(0)
    answers, positions = share_answers(targets, 1_000, most=10)
    assert answers is not None
    assert torch.equal(answers[positions], targets)
    assert len(answers.unique()) == len(answers)
    torch.manual_seed(0)
    assert set(answers.tolist()) == {*torch.randint(1_000, (10,)).tolist(), 2, 700, 999}
