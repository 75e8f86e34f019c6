"""Put the result files into the tables of the README and of the pages in docs.

Run: python benchmarks/readme.py
"""

import re
from pathlib import Path

import pandas as pd
from benchmark import BASELINES, BLENDED, DISTILLED, JUDGE, PARTS, SAMPLERS
from common import RESULTS

ROOT = Path(__file__).parents[1]

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]

PROVENANCE = ["seed", "version", "commit", "pykeen", "torch", "device"]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out with what a result was made."""
    return frame.drop(columns=PROVENANCE, errors="ignore").astype(object).fillna("")


#: The names of metrics in tables
METRICS = {
    "test_mrr": "MRR",
    "test_mrr_others": "MRR without the query's entity",
    "test_mrr_beyond_3": "MRR out of reach",
    "test_hits_1": "Hits@1",
    "test_hits_10": "Hits@10",
    "test_accuracy": "accuracy",
    "test_roc_auc": "ROC-AUC",
}


def _differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Write each mean with its difference to the best of PyKEEN's samplers, one column per metric."""
    frame = frame.assign(
        value=[
            f"{row.mean_:.3f} ({row.difference:+.3f})" for row in frame.rename(columns={"mean": "mean_"}).itertuples()
        ],
        metric=frame["metric"].map(METRICS),
    )
    keys = ["dataset", "model", "sampler", "seeds"]
    table = frame.pivot_table(index=keys, columns="metric", values="value", aggfunc="first", sort=False)
    return table[[name for name in METRICS.values() if name in table]].fillna("").reset_index()


def _in_order(table: pd.DataFrame, samplers: list[str]) -> pd.DataFrame:
    """Order the rows of each dataset and model by sampler."""
    order = table["sampler"].map({name: i for i, name in enumerate(samplers)})
    return table.assign(order=order).sort_values(["dataset", "model", "order"]).drop(columns="order")


def headline(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what the default is worth with 16 negatives: the MRR, with its interval, and the ROC-AUC."""
    frame = frame[(frame["sampler"] == "default") & (frame["setting"] == "nssa-16")]
    interval = [
        f"{row.difference:+.3f} ({row.low:+.3f} … {row.high:+.3f})"
        if row.seeds > 1
        else f"{row.difference:+.3f} (one seed)"
        for row in frame.itertuples()
    ]
    frame = frame.assign(interval=interval)
    ranking = frame[frame["metric"] == "test_mrr"].set_index(["dataset", "model"])
    classification = frame[frame["metric"] == "test_roc_auc"].set_index(["dataset", "model"])
    table = pd.DataFrame(
        {
            "seeds": ranking["seeds"],
            "baseline": ranking["baseline"],
            "its MRR": ranking["baseline_mean"].round(3),
            "MRR": ranking["mean"].round(3),
            "difference": ranking["interval"],
            "difference in ROC-AUC": classification["interval"],
        }
    )
    return table.astype(object).fillna("").reset_index()


def small_parts(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what the parts are worth: one row each, and a column for each graph and model."""
    names = ["guard", "loops", "mined", "guard, loops", "guard, mined", "default"]
    frame = frame[(frame["setting"] == "nssa-16") & frame["sampler"].isin(names)]
    frame = frame[frame["metric"].isin(["test_mrr", "test_roc_auc"])]
    frame = frame.assign(
        column=frame["dataset"] + ", " + frame["model"] + ": " + frame["metric"].map(METRICS),
        value=[
            f"{mean:.3f} ({difference:+.3f})"
            for mean, difference in zip(frame["mean"], frame["difference"], strict=True)
        ],
    )
    table = frame.pivot_table(index="sampler", columns="column", values="value", aggfunc="first")
    return table.reindex(names).fillna("").rename(index={"default": "all three"}).rename_axis("parts").reset_index()


def parts(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what the parts are worth, alone and together."""
    names = [*BASELINES, *(name for name in PARTS if name != "guard, loops, mined"), "default"]
    frame = frame[(frame["setting"] == "nssa-16") & frame["sampler"].isin(names)]
    return _in_order(_differences(frame), names)


def structure(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what remains without texts."""
    names = [name for name in SAMPLERS if name.endswith("; structure") and not name.startswith(tuple(DISTILLED))]
    frame = frame[(frame["setting"] == "nssa-16") & frame["sampler"].isin(names)]
    return _in_order(_differences(frame), names)


def _beside(frame: pd.DataFrame, samplers: list[str], kinds: tuple[str, ...]) -> pd.DataFrame:
    """Show what begins with one of the kinds beside some samplers, for each graph and model that has any of it."""
    added = [name for name in SAMPLERS if name.startswith(kinds)]
    names = [*samplers, *added]
    frame = frame[(frame["setting"] == "nssa-16") & frame["sampler"].isin(names)]
    is_measured = frame["sampler"].isin(added).groupby([frame["dataset"], frame["model"]]).transform("any")
    return _in_order(_differences(frame[is_measured]), names)


def distillation(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what distillation is worth, with texts and without."""
    return _beside(frame, ["basic", "default"], tuple(DISTILLED))


def blending(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what blending a model with the judge is worth, with texts and without."""
    return _beside(frame, ["basic, filtered", "default"], (*BLENDED, JUDGE))


def distilled(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what distillation is worth, briefly."""
    table = distillation(frame)
    columns = ["dataset", "model", "sampler", "seeds", "MRR", "accuracy", "ROC-AUC"]
    return table[columns]


def fair_fight(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how far each contestant comes with the settings that suit it best: one row each."""
    frame = frame[frame["test_mrr"].notna()]
    keys = ["dataset", "model", "contestant", "learning_rate", "dim"]
    groups = frame.groupby(keys, sort=False)
    table = groups.agg(seeds=("seed", "size"), epochs=("epochs", "mean"), seconds=("seconds", "mean"))
    metrics = ("test_mrr", "test_mrr_others", "test_hits_1", "test_hits_10")
    means = {METRICS[name]: groups[name].mean().round(3) for name in metrics}
    return table.round(0).assign(**means).reset_index()


def mrr(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how the samplers compare with the better baseline: one row per cell."""
    frame = frame[frame["metric"] == "test_mrr"]
    interval = [
        f"{row.difference:+.3f} ({row.low:+.3f} … {row.high:+.3f})" if row.seeds > 1 else f"{row.difference:+.3f}"
        for row in frame.itertuples()
    ]
    columns = ["dataset", "model", "setting", "sampler", "seeds", "baseline"]
    return frame[columns].assign(
        **{
            "MRR of the baseline": frame["baseline_mean"].round(3),
            "MRR": frame["mean"].round(3),
            "difference": interval,
        }
    )


def classification(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how models classify verified triples: one row per cell."""
    frame = frame[frame["metric"].isin(["test_accuracy", "test_roc_auc"])]
    frame = frame.assign(
        value=[f"{a:.3f} ({b:+.3f})" for a, b in zip(frame["mean"], frame["difference"], strict=True)],
        metric=frame["metric"].map({"test_accuracy": "accuracy", "test_roc_auc": "ROC-AUC"}),
    )
    keys = ["dataset", "model", "setting", "sampler"]
    return frame.pivot_table(index=keys, columns="metric", values="value", aggfunc="first", sort=False).reset_index()


def negatives(frame: pd.DataFrame) -> pd.DataFrame:
    """Say what samplers draw, 16 negatives per positive."""
    frame = frame[frame["negatives"] == 16]
    return (
        pd.DataFrame(
            {
                "dataset": frame["dataset"],
                "sampler": frame["sampler"],
                "false negatives (%)": (100 * frame["false_negatives"]).round(2),
                "training triples (%)": (100 * frame["known_positives"]).round(2),
                "hardness": frame["hardness"].round(2),
                "of the mined: false (%)": (100 * frame["false_negatives_of_mined"]).round(2),
                "of the mined: hardness": frame["hardness_of_mined"].round(2),
            }
        )
        .astype(object)
        .fillna("")
    )


def scorers(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how well each tells true from false, the mean over seeds."""
    frame = frame[frame["what"] != "guard"]
    means = frame.groupby("what", sort=False)[["auc_hidden", "auc_verified"]].mean().round(3)
    return means.rename(columns={"auc_hidden": "hidden triples", "auc_verified": "verified negatives"}).reset_index()


def filtering_cost(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how long filterers take, and what they get wrong."""
    frame = frame.assign(
        masked=100 * frame["unknown, masked"] / frame["unknown"], kept=100 * frame["known, kept"] / frame["known"]
    )
    columns = ["triples", "known share", "filterer", "times bloom", "masked", "kept", "bytes per triple"]
    names = {"masked": "unknown, but masked (%)", "kept": "known, but kept (%)"}
    return frame[columns].round(2).rename(columns=names)


def mining_cost(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how long one waits for a pipeline to train, or for mining."""
    seconds = frame["seconds before training"].fillna(frame["seconds"])
    columns = ["run", "seconds before training", "mined negatives (%)", "peak memory (GiB)"]
    table = frame.assign(**{"seconds before training": seconds})[columns].astype(object).fillna("")
    return table.rename(columns={"seconds before training": "seconds to wait"})


def original_loops(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how much faster we are, and that the results are the same."""
    return plain(frame)[["what", "times faster", "equal", "GiB"]].rename(
        columns={"equal": "results", "GiB": "peak (GiB)"}
    )


def true_neg(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how well models classify that were fine-tuned with each kind of negatives, over seeds."""
    metrics = ["accuracy", "precision", "recall", "f1"]
    groups = frame.groupby("kind", sort=False)[metrics]
    mean, deviation = 100 * groups.mean(), 100 * groups.std()
    table = pd.DataFrame(
        {
            name: [
                f"{a:.1f}" + ("" if pd.isna(b) else f" ± {b:.1f}")
                for a, b in zip(mean[name], deviation[name], strict=True)
            ]
            for name in metrics
        },
        index=mean.index,
    )
    return table.sort_values("accuracy", ascending=False).rename_axis("negatives").reset_index()


def full(frame: pd.DataFrame) -> pd.DataFrame:
    """Count candidates and negatives by relation, and in all."""
    counts = frame[["relation", "triples", "candidates", "scored", "negatives"]]
    total = {"relation": "all", **counts.drop(columns="relation").sum().to_dict()}
    return pd.concat([counts, pd.DataFrame([total])], ignore_index=True)


def growth(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how time and memory grow, without what is beside the point."""
    columns = ["encoder", "triples", "negatives", "processor seconds", "exponent of processor seconds"]
    table = frame[[*columns, "peak memory (GiB)"]].astype(object)
    return table.where(table.notna(), "").rename(columns={"exponent of processor seconds": "exponent"})


def neighbors(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how fast and how good the default index is."""
    columns = ["entities", "index", "build (s)", "search (s)", "exact (s)", "recall at 10", "peak memory (GiB)"]
    return frame.loc[frame["vectors"] == "generated", columns]


def relations(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how good vectors of pairs are: one row per figure, one column per encoder."""
    frame = frame[~frame["figure"].isin(["AUC, verified negatives"])]
    wide = frame.pivot_table(index=["data", "figure"], columns="encoder", values="value", sort=False)
    columns = ["word difference", "untrained", "trained", "published BERT-base"]
    return wide[columns].round(3).astype(object).fillna("").reset_index()


def relation_ranker(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how well rankers' scores tell true triples from verified negatives."""
    frame = frame[frame["figure"] == "AUC, verified negatives"]
    interval = [f"{row.difference_low:+.3f} … {row.difference_high:+.3f}" for row in frame.itertuples()]
    return pd.DataFrame({"score": frame["encoder"], "AUC": frame["value"].round(3), "difference": interval})


def report_page(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how large pages are, and how fast they open."""
    columns = ["pools", "negatives", "size (MB)", "opens in (s)", "axe: serious", "axe: others"]
    return frame[columns].round(2)


#: The result file and the function of each table
TABLES = {
    "headline": ("differences", headline),
    "small_parts": ("differences", small_parts),
    "parts": ("differences", parts),
    "structure": ("differences", structure),
    "blending": ("differences", blending),
    "distilled": ("differences", distilled),
    "distillation": ("differences", distillation),
    "fair_fight": ("fair_fight", fair_fight),
    "mrr": ("differences-0.1.0", mrr),
    "classification": ("differences-0.1.0", classification),
    "negatives": ("negatives", negatives),
    "scorers": ("scorers", scorers),
    "mining_cost": ("mining_cost", mining_cost),
    "footprint": ("footprint", plain),
    "epoch_cost": ("epoch_cost", plain),
    "sampling_cost": ("sampling_cost", plain),
    "filtering_cost": ("filtering_cost", filtering_cost),
    "original_loops": ("original_loops", original_loops),
    "true_neg": ("true_neg", true_neg),
    "full": ("full", full),
    "growth": ("growth", growth),
    "neighbors": ("neighbors", neighbors),
    "pool_scale": ("pool_scale", plain),
    "processes": ("processes", plain),
    "kills": ("kills", plain),
    "report_page": ("report_page", report_page),
    "relations": ("relations", relations),
    "relation_ranker": ("relations", relation_ranker),
}


def fill(pages: dict[Path, str]) -> dict[Path, str]:
    """Put the tables between their markers.

    :param pages: the texts of the pages, by path
    :return: the same with the tables
    """
    for name, (file, make) in TABLES.items():
        table = make(pd.read_csv(RESULTS / f"{file}.tsv", sep="\t")).to_markdown(index=False)
        filled = f"<!-- {name} -->\n\n{table}\n\n<!-- end -->"
        pattern = re.compile(rf"<!-- {name} -->.*?<!-- end -->", flags=re.DOTALL)
        if not any(pattern.search(text) for text in pages.values()):
            raise ValueError(f"found no page with <!-- {name} -->, expected one for this table.")
        pages = {page: pattern.sub(lambda _, f=filled: f, text) for page, text in pages.items()}
    return pages


def read_pages() -> dict[Path, str]:
    """Read the pages that may have tables, by path."""
    return {page: page.read_text(encoding="utf-8") for page in PAGES}


def main() -> None:
    """Replace what stands between the markers."""
    for page, text in fill(read_pages()).items():
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
