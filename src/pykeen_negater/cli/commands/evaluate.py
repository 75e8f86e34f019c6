"""``negater evaluate``."""

from pathlib import Path

import click

from ..configuration import config_option
from ..terminal import conclude_table, conclude_tables, output_options
from .command import Command
from .completion import complete_list, sampler_names
from .evaluate_model import ModelEvaluation, model_options
from .option_groups import DatasetFiles, Measurement, TextFiles, grouped
from .options import (
    FILE,
    PATH,
    TEXTS,
    check_writable,
    dataset_option,
    load_triples_option,
    measurement_options,
)

__all__ = [
    "evaluate",
]


@click.command(cls=Command, epilog="Example: negater evaluate --dataset umls --samplers basic,bernoulli,negater")
@config_option
@output_options
@dataset_option("A PyKEEN dataset.")
@click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail.")
@click.option("--validation", type=FILE, help="Its validation triples; needed with --training.")
@click.option("--testing", type=FILE, help="Its test triples; needed with --training.")
@load_triples_option
@click.option(
    "--pools",
    type=PATH,
    help="A folder of pools for negater, which are mined by default, unless cached; with --plausible, pools whose "
    "suspected positives are no candidates.",
)
@click.option("--entity-text", type=TEXTS, help="The entities' texts, for negater: label TAB text, .json or .parquet.")
@click.option("--relation-text", type=TEXTS, help="The relations' texts, likewise.")
@click.option(
    "--samplers",
    shell_complete=complete_list(sampler_names),
    help="Names of negative samplers, separated by commas. By default, all that PyKEEN knows.",
)
@measurement_options
@model_options
@click.option("--output", "-o", type=PATH, help="A tab-separated file to write the figures to.")
@grouped(files=DatasetFiles, texts=TextFiles, measurement=Measurement, evaluation=ModelEvaluation)
def evaluate(
    files: DatasetFiles,
    pools: Path | None,
    texts: TextFiles,
    samplers: str | None,
    measurement: Measurement,
    evaluation: ModelEvaluation,
    output: Path | None,
) -> None:
    """Measure the negatives of samplers: how many are true after all, and how hard the others are.

    Those of negater are also measured by part: mined ones, random ones (drawn again where a guard finds them likely
    true), and loops, with the share of each among all its negatives.

    With --model, evaluate a trained model instead: its ranking by strata, or among plausible candidates.
    """
    import pandas as pd

    from ...evaluation.samplers import find_sampler, samplers_to_compare
    from ...storage.cache import atomic_file

    evaluation.check_usage()
    if output is not None:
        check_writable(output)
    dataset = files.load()
    if evaluation.model is not None:
        tables = evaluation.evaluate(dataset, pools, measurement.seed)
        if output is not None:
            together = pd.concat([table.assign(table=name) for name, table in tables.items()])
            together.insert(0, "table", together.pop("table"))
            with atomic_file(output) as unfinished:
                together.to_csv(unfinished, sep="\t", index=False, float_format="%.6g")
        conclude_tables(tables, digits=4)
        return
    names = list(samplers_to_compare()) if samplers is None else [name.strip() for name in samplers.split(",")]
    for name in names:
        find_sampler(name)
    model = measurement.train_reference(dataset)
    rows = []
    for name in names:
        kwargs = {} if name != "negater" else texts.settings if pools is None else {"pools": str(pools)}
        report = measurement.evaluate(name, dataset, kwargs, model)
        rows += [{"sampler": name, **row} for row in report.rows]
    frame = pd.DataFrame(rows)
    if output is not None:
        with atomic_file(output) as unfinished:
            frame.to_csv(unfinished, sep="\t", index=False, float_format="%.6g")
    conclude_table(frame, digits=4)
