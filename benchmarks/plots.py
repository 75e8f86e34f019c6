"""Pictures of the results: false negatives against hardness, time and memory against triples.

Run: python benchmarks/plots.py
"""

import matplotlib.pyplot as plt
import pandas as pd
from common import RESULTS


def false_negatives_against_hardness() -> None:
    """Draw one point per sampler and dataset."""
    frame = pd.read_csv(RESULTS / "negatives.tsv", sep="\t")
    frame = frame[frame["negatives"] == frame["negatives"].max()]
    figure, axes = plt.subplots(1, frame["dataset"].nunique(), figsize=(9, 3.5), layout="constrained", squeeze=False)
    for axis, (dataset, part) in zip(axes[0], frame.groupby("dataset"), strict=True):
        axis.scatter(part["hardness"], 100 * part["false_negatives"])
        for row in part.itertuples():
            axis.annotate(
                row.sampler, (row.hardness, 100 * row.false_negatives), textcoords="offset points", xytext=(4, 4)
            )
        axis.set(title=dataset, xlabel="hardness", ylabel="false negatives (%)")
        axis.set_ylim(bottom=0)
        axis.margins(x=0.2, y=0.2)
    figure.savefig(RESULTS / "negatives.svg", metadata={"Date": None})


def growth() -> None:
    """Draw time and memory against triples, one line per encoder."""
    frame = pd.read_csv(RESULTS / "growth.tsv", sep="\t")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, column in zip(axes, ("processor seconds", "peak memory (GiB)"), strict=True):
        for encoder, part in frame.groupby("encoder"):
            axis.plot(part["triples"], part[column], marker="o", label=encoder)
        axis.set(xlabel="triples", ylabel=column, xscale="log")
        axis.legend()
    axes[0].set_yscale("log")
    axes[1].set_ylim(bottom=0)
    figure.savefig(RESULTS / "growth.svg", metadata={"Date": None})


if __name__ == "__main__":
    plt.rcParams["svg.hashsalt"] = "negater"
    false_negatives_against_hardness()
    growth()
