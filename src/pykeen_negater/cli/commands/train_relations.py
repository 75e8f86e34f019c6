"""The command ``negater relations train``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from ...relations.training.settings import LossName, RelationTrainingSettings
from ..configuration import config_option
from ..terminal import conclude, echo, output_options
from .command import Command
from .option_groups import GraphFiles, grouped
from .options import FILE, PATH, TEXTS, dataset_option, load_triples_option

if TYPE_CHECKING:
    from ...relations.training.data import RelationPairs

__all__ = [
    "train",
]

_DEFAULTS = RelationTrainingSettings()


@click.command(cls=Command, epilog="Example: negater relations train --data gold_ratings.tsv --output relbert.model")
@config_option
@output_options
@click.option("--data", type=FILE, help="Pairs by relation type: .jsonl, .parquet, or SemEval-2012's ratings as .tsv.")
@dataset_option("A PyKEEN dataset instead, whose training triples are the pairs.")
@click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail.")
@load_triples_option
@click.option("--entity-text", type=TEXTS, help="The entities' texts: label TAB text, or .json, or .parquet.")
@click.option("--output", "-o", type=PATH, required=True, help="The folder to write the encoder to.")
@click.option("--language-model", help="The model to train: a folder or a name on the Hugging Face hub.")
@click.option("--template", help="A letter from a to e, or a text with <subj>, <obj> and <mask>.  [default: d]")
@click.option(
    "--aggregation",
    type=click.Choice(["average", "average_no_mask", "mask"]),
    help="Which tokens' hidden states are added up.  [default: average_no_mask]",
)
@click.option("--max-length", default=64, help="The most tokens of a pair in the template.")
@click.option("--loss", type=click.Choice(get_args(LossName)), default=_DEFAULTS.loss, help="The loss.")
@click.option("--classification-loss", is_flag=True, help="Also train a classifier of pairs of pairs.")
@click.option("--temperature", default=_DEFAULTS.temperature, help="The divisor of cosines, for nce and iloob.")
@click.option("--margin", default=_DEFAULTS.margin, help="How much farther away negatives should be, for triplet.")
@click.option("--num-positive", default=_DEFAULTS.num_positive, help="The most positives of a relation type in a step.")
@click.option("--num-negative", default=_DEFAULTS.num_negative, help="The most negatives drawn for it in a step.")
@click.option(
    "--relations-per-step",
    type=int,
    help="Relation types in a step, which are each other's negatives.  [default: 1, for triplet all]",
)
@click.option(
    "--augment-negative-by-positive/--own-negatives-only",
    default=_DEFAULTS.augment_negative_by_positive,
    help="Whether positives of other relation types are used as negatives, too.",
)
@click.option(
    "--parent-relations/--no-parent-relations",
    default=_DEFAULTS.parent_relations,
    help="Whether pairs of types with the same parent are drawn together, too.",
)
@click.option("--exclude-relation", multiple=True, help="A relation type, or a parent, not to train on; repeatable.")
@click.option("--rated-positives", default=10, help="How many of the best rated pairs are positives, for ratings.")
@click.option("--rated-negatives", default=10, help="How many of the worst rated pairs are negatives, for ratings.")
@click.option("--max-pairs", default=100, help="The most pairs of a relation, for triples.")
@click.option("--epochs", default=_DEFAULTS.epochs, help="The number of times that each relation type is trained on.")
@click.option("--batch-size", default=_DEFAULTS.batch_size, help="Pairs that the language model encodes at once.")
@click.option("--learning-rate", default=_DEFAULTS.learning_rate, help="The learning rate.")
@click.option("--warmup", default=_DEFAULTS.warmup, help="Steps in which the learning rate rises.")
@click.option(
    "--validation-share",
    default=_DEFAULTS.validation_share,
    help="The share of the pairs held out to choose the epoch to keep; 0 for none.",
)
@click.option("--bf16", is_flag=True, help="Compute in bfloat16 where that is accurate enough.")
@click.option("--seed", default=_DEFAULTS.seed, help="The seed of everything random.")
@grouped(graph=GraphFiles, settings=RelationTrainingSettings)
def train(
    data: Path | None,
    graph: GraphFiles,
    entity_text: Path | None,
    output: Path,
    settings: RelationTrainingSettings,
    language_model: str | None,
    rated_positives: int,
    rated_negatives: int,
    max_pairs: int,
    **encoder_kwargs: Any,
) -> None:
    """Train a language model to encode the relation between two words.

    An interrupted run goes on after its last epoch when it is started again.
    """
    from ...relations.encoder import RelationEncoder
    from ...relations.training.data import read_relation_pairs
    from ...relations.training.loop import train_relation_encoder

    if (data is None) == (graph.dataset is None and graph.training is None):
        raise click.UsageError("Pass either --data, or --dataset or --training.")
    if data is not None:
        pairs = read_relation_pairs(data, rated_positives, rated_negatives)
    else:
        pairs = _read_triples(graph, entity_text, max_pairs, settings.seed)
    encoder = RelationEncoder(language_model, **encoder_kwargs)
    result = train_relation_encoder(encoder, pairs, output, settings)
    conclude(
        {
            "relation_types": len(pairs.positives),
            "positives": sum(map(len, pairs.positives.values())),
            **asdict(result),
            "model": str(output),
        }
    )
    echo(f"Written to {output}")


def _read_triples(graph: GraphFiles, entity_text: Path | None, max_pairs: int, seed: int) -> "RelationPairs":
    """Take the pairs of a graph."""
    from ...relations.training.data import RelationPairs
    from ...texts.loading import load_texts
    from ...triples.graphs import Graph

    factory = graph.load_training()
    texts = load_texts(Graph.from_factory(factory), None if entity_text is None else str(entity_text))
    if texts is None:
        raise ValueError("found no texts to train on. Pass --entity-text, a file of label TAB text.")
    name = graph.dataset or (graph.training.name if graph.training is not None else "triples")
    return RelationPairs.from_factory(factory, texts, max_pairs, seed, name)
