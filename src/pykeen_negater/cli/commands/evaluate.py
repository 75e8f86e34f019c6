"""``negater evaluate``."""

from pathlib import Path
from typing import Any

import click

from ..configuration import config_option
from ..terminal import conclude_table, output_options
from .command import Command
from .completion import complete_list, sampler_names
from .options import (
    FILE,
    PATH,
    TEXTS,
    check_writable,
    dataset_option,
    load_dataset,
    load_triples_option,
    measurement_options,
    text_settings,
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
@click.option("--pools", type=PATH, help="A folder of pools for negater. By default they are mined, unless cached.")
@click.option("--entity-text", type=TEXTS, help="The entities' texts, for negater: label TAB text, .json or .parquet.")
@click.option("--relation-text", type=TEXTS, help="The relations' texts, likewise.")
@click.option(
    "--samplers",
    shell_complete=complete_list(sampler_names),
    help="Names of negative samplers, separated by commas. By default, all that PyKEEN knows.",
)
@measurement_options
@click.option("--output", "-o", type=PATH, help="A tab-separated file to write the figures to.")
def evaluate(
    dataset: str | None,
    training: Path | None,
    validation: Path | None,
    testing: Path | None,
    load_triples_kwargs: dict[str, Any] | None,
    pools: Path | None,
    entity_text: Path | None,
    relation_text: Path | None,
    samplers: str | None,
    reference: str,
    epochs: int,
    negatives: int,
    seed: int,
    output: Path | None,
) -> None:
    """Measure the negatives of samplers: how many are true after all, and how hard the others are.

    Those of negater are also measured by part: mined ones, random ones (drawn again where a guard finds them likely
    true), and loops, with the share of each among all its negatives.
    """
    import pandas as pd

    from ...evaluation.samplers import evaluate_sampler, find_sampler, samplers_to_compare, train_reference
    from ...storage.cache import atomic_file

    if output is not None:
        check_writable(output)
    data = load_dataset(dataset, training, validation, testing, load_triples_kwargs)
    names = list(samplers_to_compare()) if samplers is None else [name.strip() for name in samplers.split(",")]
    for name in names:
        find_sampler(name)
    model = train_reference(data.training, reference, epochs, seed)
    texts = text_settings(entity_text, relation_text)
    rows = []
    for name in names:
        kwargs = {} if name != "negater" else texts if pools is None else {"pools": str(pools)}
        report = evaluate_sampler(name, data, kwargs, model, negatives, seed)
        rows += [{"sampler": name, **row} for row in report.rows]
    frame = pd.DataFrame(rows)
    if output is not None:
        with atomic_file(output) as unfinished:
            frame.to_csv(unfinished, sep="\t", index=False, float_format="%.6g")
    conclude_table(frame, digits=4)
