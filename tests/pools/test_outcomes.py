"""Which relations get no negatives, and why."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater import mine
from pykeen_negater.pools.outcomes import OUTCOMES, count_outcomes, explain_none


def test_relations_without_negatives_match_a_loop():
    generator = np.random.default_rng(0)
    outcomes = generator.integers(5, size=(40, len(OUTCOMES))) * (generator.random((40, len(OUTCOMES))) < 0.3)
    num_triples = generator.integers(3, size=40)
    sentence = explain_none(outcomes, num_triples, [f"r{i}." for i in range(40)])
    assert sentence is not None
    groups: dict[str, list[str]] = {}
    for i, counts in enumerate(outcomes.tolist()):
        if num_triples[i] and not counts[OUTCOMES.index("kept")]:
            groups.setdefault(OUTCOMES[counts.index(max(counts))] if any(counts) else "kept", []).append(f"r{i}.")
    assert f"for {sum(map(len, groups.values()))} of {np.sum(num_triples > 0)} relations" in sentence
    for part, reason in zip(
        sentence.split(": ", 1)[1].split("; "),
        [name for name in OUTCOMES if name in groups],
        strict=True,
    ):
        assert part.startswith(f"{len(groups[reason])} with")
        assert f"({', '.join(groups[reason][:5])}" in part


def test_nothing_to_say():
    assert explain_none(np.array([[0, 1, 0, 0, 1, 0]]), np.array([2]), ["r"]) is None
    assert explain_none(np.array([[0, 0, 0, 0, 0, 0]]), np.array([0]), ["r"]) is None


def test_said_once_when_mining(empty_cache: Path, caplog: pytest.LogCaptureFixture):
    triples = [(f"a{i}", "many", f"b{i % 3}") for i in range(6)] + [("a0", "single", "b0")]
    settings = {"encoder": "structural", "ranker": "similarity", "guard": None}
    for _ in range(2):
        with caplog.at_level(logging.WARNING, "pykeen_negater"):
            mine(triples_factory=TriplesFactory.from_labeled_triples(np.array(triples)), **settings)
    said = [record.message for record in caplog.records if "No negatives for" in record.message]
    assert said == ["No negatives for 1 of 2 relations: 1 without candidates (single)."]


def test_outcomes_match_a_loop():
    generator = np.random.default_rng(0)
    relations, beyond = generator.integers(5, size=200), generator.integers(5, size=30)
    accepted, safe, kept = (generator.random(200) < share for share in (0.8, 0.7, 0.5))
    counts = count_outcomes(relations, accepted, safe, kept, {"beyond_budget": beyond}, 5)
    expected = Counter((int(relation), "beyond_budget") for relation in beyond)
    for i, relation in enumerate(relations.tolist()):
        if not accepted[i]:
            outcome = "taken_for_true"
        elif not safe[i]:
            outcome = "too_risky"
        else:
            outcome = "kept" if kept[i] else "crowded_out"
        expected[relation, outcome] += 1
    for relation in range(5):
        for number, outcome in enumerate(OUTCOMES):
            assert counts[relation, number] == expected[relation, outcome]
