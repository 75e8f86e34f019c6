"""``negater report``."""

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..configuration import config_option
from ..terminal import conclude, echo, is_silent, output_options
from .command import Command
from .option_groups import DatasetFiles, Measurement, grouped
from .options import (
    FILE,
    PATH,
    check_writable,
    dataset_option,
    load_triples_option,
    measurement_options,
)

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

    from ...pools.negative_pools import NegativePools
    from ...report.comparison import Comparison
    from ...report.content import ReportContent

__all__ = [
    "report",
]

#: The packages of the extra ``report``
PACKAGES = ("jinja2", "matplotlib", "rich")


@click.command(cls=Command, epilog="Example: negater report umls.pools --evaluate umls -o report.html")
@config_option
@output_options
@click.argument("pools", type=PATH)
@click.option("--output", "-o", type=PATH, help="The HTML file to write. Without it, the report goes to the terminal.")
@click.option("--text", is_flag=True, help="Show the report in the terminal, even if it is written to a file.")
@dataset_option("A PyKEEN dataset to measure false negatives and hardness with.", "--evaluate", "dataset")
@click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail.")
@click.option("--validation", type=FILE, help="Its validation triples; needed with --training.")
@click.option("--testing", type=FILE, help="Its test triples; needed with --training.")
@load_triples_option
@measurement_options
@grouped(files=DatasetFiles, measurement=Measurement)
def report(pools: Path, output: Path | None, text: bool, files: DatasetFiles, measurement: Measurement) -> None:
    """Show what was mined: one page for a browser, or tables in the terminal.

    The page needs no network. With --evaluate, or --training, --validation and --testing, it begins with what to expect
    of POOLS: false negatives and hardness of mined negatives, random ones and loops, beside those of the samplers
    basic, bernoulli and pseudotyped.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"found no package {', '.join(missing)}, expected those of the extra report. "
            f"Run: pip install 'pykeen-negater[report]'"
        )
    if output is not None:
        check_writable(output)
    from ...pools.negative_pools import NegativePools
    from ...report.content import collect

    loaded = NegativePools.load(pools)
    comparison = None
    if files.dataset is not None or files.training is not None:
        comparison = _compare(loaded, files.load(), measurement)
    elif files.validation is not None or files.testing is not None:
        raise click.UsageError("Pass --training with --validation and --testing.")
    content = collect(loaded, pools.resolve().name, comparison)
    if output is not None:
        from ...report.page import write_page

        write_page(content, output)
    if (text or output is None) and not is_silent():
        from ...report.text import print_report

        print_report(content)
    if is_silent():
        conclude(_figures(content, pools, output))
        return
    for sentence in (content.verdict.headline, *content.verdict.changes):
        echo(sentence)
    conclude(_summary(content, pools))
    if output is not None:
        echo(f"Written to {output}")


def _figures(content: "ReportContent", pools: Path, output: Path | None) -> dict[str, Any]:
    """Gather the figures for programs."""
    figures: dict[str, Any] = {
        "verdict": content.verdict.headline,
        "changes": list(content.verdict.changes),
        "negatives": content.num_negatives,
        "training_triples": content.num_triples,
        "covered_share": content.coverage.share,
        "corruptions_that_are_likely_true": content.num_suspected,
    }
    if content.comparison is not None:
        rows = [
            {name: value for name, value in asdict(row).items() if value is not None}
            for row in content.comparison.samplers
        ]
        figures["samplers"] = {row.pop("name"): row for row in rows}
    return {**figures, "pools": str(pools), "page": None if output is None else str(output)}


def _summary(content: "ReportContent", pools: Path) -> dict[str, str]:
    """Write the figures for people, with the measurements of each sampler on one line."""
    from ...report.numbers import number, percent

    beside = {
        row.name: ("" if row.share is None else f"{percent(row.share)} of what is drawn: ")
        + f"{percent(row.false_negatives)} false negatives, {percent(row.known_positives)} training triples"
        + ("" if row.hardness is None else f", hardness {percent(row.hardness)}")
        for row in (content.comparison.samplers if content.comparison else ())
    }
    return {
        "negatives": number(content.num_negatives),
        "training triples": number(content.num_triples),
        "of these with negatives": percent(content.coverage.share),
        "corruptions that are likely true": number(content.num_suspected),
        **beside,
        "pools": str(pools),
    }


def _compare(pools: "NegativePools", dataset: "Dataset", measurement: Measurement) -> "Comparison":
    """Measure the samplers side by side."""
    from ...report.comparison import BESIDE, OURS, Comparison
    from ...triples.graphs import Graph

    pools.check_vocabulary(Graph.from_factory(dataset.training))
    model = measurement.train_reference(dataset)
    samplers = {**BESIDE, OURS: (OURS, {"pools": str(pools.path)})}
    reports = {title: measurement.evaluate(name, dataset, kwargs, model) for title, (name, kwargs) in samplers.items()}
    return Comparison.from_reports(reports, measurement.reference, guarded=pools.max_risk is not None)
