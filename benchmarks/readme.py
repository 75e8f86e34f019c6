"""Put the result files into the tables of the README.

Run: python benchmarks/readme.py
"""

import re
from pathlib import Path

import pandas as pd
from common import RESULTS

README = Path(__file__).parents[1] / "README.md"


def link_prediction(frame: pd.DataFrame) -> pd.DataFrame:
    """Make one row per sampler and share, one column per model."""
    frame = frame[frame["text"] | (frame["sampler"] != "negater")]
    share = frame["hard_fraction"].map(lambda value: f", {100 * value:g} % mined" if value else "")
    frame = frame.assign(sampler=frame["sampler"] + share, column=frame["dataset"] + ", " + frame["model"])
    order = frame["sampler"].drop_duplicates()
    table = frame.pivot_table(index="sampler", columns="column", values="test_mrr", sort=False)
    return table.loc[order].round(3).reset_index()


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out with what a result was made."""
    provenance = ["seed", "version", "commit", "pykeen", "torch", "device"]
    return frame.drop(columns=provenance).astype(object).fillna("")


TABLES = {"link_prediction": link_prediction, "mining_cost": plain, "sampling_cost": plain}


def main() -> None:
    """Replace what stands between the markers."""
    text = README.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        table = make(pd.read_csv(RESULTS / f"{name}.tsv", sep="\t")).to_markdown(index=False)
        pattern = rf"<!-- {name} -->.*?<!-- end -->"
        assert re.search(pattern, text, flags=re.DOTALL), name
        text = re.sub(pattern, lambda _, t=table, n=name: f"<!-- {n} -->\n\n{t}\n\n<!-- end -->", text, flags=re.DOTALL)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
