"""``negater import``."""

from pathlib import Path

import click

from ..configuration import config_option
from ..terminal import conclude, echo, output_options
from .command import Command
from .option_groups import GraphFiles, grouped
from .options import FILE, PATH, dataset_option, load_triples_option

__all__ = [
    "import_",
]


@click.command(
    name="import", cls=Command, epilog="Example: negater import negatives.tsv --dataset umls --output umls.pools"
)
@config_option
@output_options
@click.argument("negatives", type=FILE)
@dataset_option("A PyKEEN dataset, whose training triples are used.")
@click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail.")
@load_triples_option
@click.option("--output", "-o", type=PATH, required=True, help="The folder to write the pools to.")
@click.option("--keep-scores", is_flag=True, help="Keep the scores exactly, as float32, for exports.")
@grouped(graph=GraphFiles)
def import_(negatives: Path, graph: GraphFiles, output: Path, keep_scores: bool) -> None:
    """Make pools of NEGATIVES of your own: head TAB relation TAB tail, and optionally a score.

    Some lines may have a score and others none: those without one count as the hardest.
    """
    from ...pools.imports import import_negatives

    pools = import_negatives(negatives, output, triples_factory=graph.load_training(), keep_scores=keep_scores)
    coverage = pools.metadata["statistics"]["coverage"]
    conclude({"triples": pools.num_triples, "negatives": len(pools), "covered_share": coverage, "pools": str(output)})
    echo(f"Written to {output}")
