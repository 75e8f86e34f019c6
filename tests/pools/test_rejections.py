"""Candidates that were thrown out, against a loop."""

from itertools import pairwise

import numpy as np
import pytest

from pykeen_negater.pools import rejections
from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.pools.rejections import choose_rejected, list_rejected, note_rejected

SIZE = 400


def candidates() -> dict[str, np.ndarray]:
    """Draw candidates, with many ties."""
    generator = np.random.default_rng(0)
    return {
        "positive": np.arange(SIZE),
        "side": generator.choice([0, 2], size=SIZE),
        "replacement": generator.integers(6, size=SIZE),
        "relation": generator.integers(5, size=SIZE),
        "score": generator.integers(8, size=SIZE).astype(np.float32),
        "risk": generator.integers(8, size=SIZE).astype(np.float32),
    }


def test_the_riskiest_match_a_loop():
    generator = np.random.default_rng(1)
    columns = candidates()
    accepted, safe = generator.random(SIZE) < 0.7, generator.random(SIZE) < 0.6
    bounds = (0, 150, 160, SIZE)
    parts = [
        note_rejected(accepted[a:b], safe[a:b], **{name: values[a:b] for name, values in columns.items()})
        for a, b in pairwise(bounds)
    ]
    found = list_rejected(choose_rejected(parts))
    expected = []
    for relation in range(5):
        rejected = [i for i in range(SIZE) if columns["relation"][i] == relation and not (accepted[i] and safe[i])]
        seen: list[tuple[int, int]] = []
        for i in sorted(rejected, key=lambda i: (-columns["risk"][i], -columns["score"][i], i)):
            who = int(columns["side"][i]), int(columns["replacement"][i])
            if who not in seen and len(seen) < rejections.PER_RELATION:
                seen.append(who)
                expected.append((i, "too_risky" if accepted[i] else "taken_for_true"))
    assert found["positive"] == [i for i, _ in expected]
    assert [OUTCOMES[outcome] for outcome in found["outcome"]] == [reason for _, reason in expected]
    for name, values in columns.items():
        assert found[name] == [values[i] for i, _ in expected]


def test_there_are_never_too_many(monkeypatch: pytest.MonkeyPatch):
    none = np.zeros(SIZE, dtype=bool)
    noted = note_rejected(none, none, **candidates())
    risks = list_rejected(noted)["risk"]
    monkeypatch.setattr(rejections, "MOST_REJECTED", 4)
    few = list_rejected(noted)
    assert sorted(few["risk"]) == sorted(risks)[-4:]
    assert few["relation"] == sorted(few["relation"])


def test_nothing_is_noted_where_everything_passes():
    everything = np.ones(SIZE, dtype=bool)
    assert not any(list_rejected(note_rejected(everything, everything, **candidates())).values())
