"""What the benchmark's cells say: paired differences to the better of `basic` and `basic, filtered`, over seeds.

Run: python benchmarks/differences.py
"""

import numpy as np
import pandas as pd
from benchmark import KEYS
from common import RESULTS
from scipy.stats import t

METRICS = ["test_mrr", "test_hits_1", "test_hits_10", "test_accuracy", "test_roc_auc"]
BASELINES = ["basic", "basic, filtered"]


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
        for name, metric in ((name, metric) for name in by_sampler if name not in BASELINES for metric in metrics):
            found = {one: by_sampler[one][metric].dropna() for one in (name, *BASELINES) if one in by_sampler}
            seeds = sorted(set.intersection(*(set(values.index) for values in found.values())))
            if not seeds:
                continue
            baselines = {one: found[one].loc[seeds] for one in BASELINES if one in found}
            # the better one on average, over the same seeds
            best = max(baselines, key=lambda one: baselines[one].mean())
            difference = found[name].loc[seeds] - baselines[best]
            low, high = interval(difference)
            rows.append(
                {
                    **dict(zip(["dataset", "model", "setting"], cell, strict=True)),
                    "sampler": name,
                    "metric": metric,
                    "seeds": len(difference),
                    "baseline": best,
                    "baseline_mean": baselines[best].mean(),
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
