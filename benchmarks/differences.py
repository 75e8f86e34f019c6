"""What the benchmark's cells say: paired differences to the best of PyKEEN's samplers, over seeds.

Run: python benchmarks/differences.py

The best one is that of the highest validation MRR, the mean over the same seeds.
"""

import numpy as np
import pandas as pd
from benchmark import BASELINES, KEYS
from common import RESULTS
from scipy.stats import t

METRICS = [
    "test_mrr",
    "test_mrr_others",
    "test_mrr_beyond_3",
    "test_hits_1",
    "test_hits_10",
    "test_accuracy",
    "test_roc_auc",
]

#: What is chosen by
CHOICE = "validation_mrr"


def interval(values: pd.Series) -> tuple[float, float]:
    """Compute a 90 % confidence interval of the mean."""
    if len(values) < 2:
        return float("nan"), float("nan")
    margin = t.ppf(0.95, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - margin, values.mean() + margin


def main() -> None:
    """Compare and write."""
    frame = pd.read_csv(RESULTS / "benchmark.tsv", sep="\t")
    metrics = [metric for metric in METRICS if metric in frame]
    rows = []
    for cell, group in frame.groupby(["dataset", "model", "setting"]):
        by_sampler = {name: part.set_index("seed") for name, part in group.groupby("sampler")}
        for name, metric in ((name, metric) for name in by_sampler for metric in metrics):
            found = {one: by_sampler[one][metric].dropna() for one in {name, *BASELINES} if one in by_sampler}
            seeds = sorted(set.intersection(*(set(values.index) for values in found.values())))
            if not seeds:
                continue
            baselines = {one: by_sampler[one].loc[seeds, CHOICE].mean() for one in BASELINES if one in found}
            best = max(baselines, key=lambda one: baselines[one])
            difference = found[name].loc[seeds] - found[best].loc[seeds]
            low, high = interval(difference)
            rows.append(
                {
                    **dict(zip(["dataset", "model", "setting"], cell, strict=True)),
                    "sampler": name,
                    "metric": metric,
                    "seeds": len(difference),
                    "baseline": best,
                    "baseline_mean": found[best].loc[seeds].mean(),
                    "mean": found[name].loc[seeds].mean(),
                    "difference": difference.mean(),
                    "low": low,
                    "high": high,
                }
            )
    result = pd.DataFrame(rows).sort_values([*KEYS[:3], "metric", "sampler"], kind="stable")
    result.to_csv(RESULTS / "differences.tsv", sep="\t", index=False, float_format="%.4f")
    print(result.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
