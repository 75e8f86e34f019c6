"""``negater export``."""

from pathlib import Path
from typing import get_args

import click

from ...typing import ExportFormat
from ..configuration import config_option
from ..terminal import conclude, output_options
from .command import Command
from .options import PATH

__all__ = [
    "export",
]


@click.command(cls=Command, epilog="Example: negater export umls.pools --format tsv --output negatives.tsv")
@config_option
@output_options
@click.argument("pools", type=PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(ExportFormat)),
    default="tsv",
    help="tsv: head, relation, tail, score. negater: the same as NegatER's files. triples: without scores, as PyKEEN "
    "reads them. parquet: with the positives. triplets: texts for training encoders, anchor, positive and negative, as "
    "Parquet.",
)
@click.option("--output", "-o", type=PATH, required=True, help="The file to write.")
def export(pools: Path, form: ExportFormat, output: Path) -> None:
    """Write the negatives of a folder of pools to one file.

    A score is the ranker's: the higher, the harder; those of other rankers have other scales. It is exact if the pools
    were mined with --keep-scores, else rounded to one of 256 levels.
    """
    from ...pools.exports import export as run
    from ...pools.negative_pools import NegativePools

    rows = run(NegativePools.load(pools), output, form)
    conclude({"rows": rows, "file": str(output)})
