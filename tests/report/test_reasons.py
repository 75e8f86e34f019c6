"""What became of candidates, and advice that fits its cause."""

from typing import Any

import numpy as np

from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.report.coverage import Coverage
from pykeen_negater.report.reasons import Reason, advise, explain_outcomes, read_outcomes


def advice_for(settings: dict[str, Any], sizes: list[list[int]] | None = None, **outcomes: int) -> str | None:
    """Get the advice for pools that most candidates were lost for."""
    sizes_ = np.array([[0, 0], [1, 0], [32, 32]] if sizes is None else sizes)
    coverage = Coverage(sizes_, ("head", "tail"), np.zeros(len(sizes_), dtype=int), 32)
    counts = np.array([[outcomes.get(name, 0) for name in OUTCOMES]])
    reasons = explain_outcomes(counts, settings, 2.0) if outcomes else ()
    return advise(coverage, reasons, settings)


def test_advice_fits_the_cause():
    default = {"k": 32, "candidates": "random", "max_candidates": 20_000, "pool_size": 32}
    risky = advice_for(default, kept=20, too_risky=80)
    assert risky is not None
    assert risky.startswith("2 triples have fewer than 16 negatives, 1 of them none. The guard found 80.0% of the cand")
    assert "larger k" not in risky
    assert "candidates='random'" not in risky
    nearest = advice_for({**default, "candidates": "intersect"}, kept=20, too_risky=80) or ""
    assert "Consider candidates='random'" in nearest
    assert "larger k" not in nearest
    assert "guard='calibrated'" in (advice_for(default, kept=20, taken_for_true=80) or "")
    assert "larger max_candidates" in (advice_for(default, kept=20, beyond_budget=80) or "")
    few = advice_for(default, kept=95, too_risky=5) or ""
    assert "Consider a larger k (it is 32, for pools of up to 32) or candidates='anywhere'" in few
    assert "anywhere" not in (advice_for({**default, "candidates": "anywhere"}, kept=95, too_risky=5) or "")
    # what filled the pools is no reason why others are short
    assert "larger k" in (advice_for(default, kept=50, crowded_out=50) or "")
    # older pools do not know
    assert "larger k" in (advice_for(default) or "")


def test_no_advice_where_nothing_lacks_or_nothing_is_known():
    assert advice_for({"k": 32}, [[32, 32]], kept=1) is None
    assert advice_for({}, kept=1) is None


def test_one_triple_is_no_triples():
    one = advice_for({"k": 1}, [[1, 0], [32, 32]], kept=1) or ""
    assert one.startswith("1 triple has fewer than 16 negatives. ")


def test_reasons_name_settings():
    counts = np.array([[5, 0, 3, 2, 7, 1]])
    reasons = explain_outcomes(counts, {"max_candidates": 10, "pool_size": 4}, None)
    assert [reason.outcome for reason in reasons] == [
        "kept",
        "beyond_budget",
        "too_risky",
        "crowded_out",
        "reads_alike",
    ]
    assert isinstance(reasons[0], Reason)
    assert "max_candidates=10" in reasons[1].because


def test_outcomes_are_read_by_relation():
    statistics = {"outcomes": {name: [i, 10 * i] for i, name in enumerate(OUTCOMES)}}
    found = read_outcomes(statistics, 2)
    assert found is not None
    assert found.tolist() == [list(range(len(OUTCOMES))), [10 * i for i in range(len(OUTCOMES))]]
    # older pools did not look for names that are alike, and others have not counted at all
    del statistics["outcomes"]["reads_alike"]
    older = read_outcomes(statistics, 2)
    assert older is not None
    assert older[:, OUTCOMES.index("reads_alike")].tolist() == [0, 0]
    assert read_outcomes({}, 2) is None
    assert read_outcomes(statistics, 3) is None
