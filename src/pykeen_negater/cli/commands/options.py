"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ...storage.regular_files import check_writable
from ...texts.wikidata import WIKIDATA
from ...typing import NEGATIVE_SOURCES, SIDE_NAMES
from .command import section, together
from .completion import complete, dataset_names, model_names
from .setting_options import parse_object, setting_option

__all__ = [
    "FILE",
    "PATH",
    "TEXTS",
    "check_writable",
    "dataset_option",
    "fine_tuning_options",
    "graph_options",
    "load_triples_option",
    "measurement_options",
    "parse_object",
    "relation_encoder_options",
    "seed_option",
]

#: A file or folder
PATH = click.Path(path_type=Path)


class _TextSource(click.Path):
    """An existing file, or the name of another source of texts."""

    # docstr-coverage: inherited
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return Path(value) if str(value) == WIKIDATA else super().convert(value, param, ctx)


#: A file with texts, or ``wikidata``
TEXTS = _TextSource(path_type=Path, exists=True, dir_okay=False)

#: An existing file
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def dataset_option(text: str, *names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make an option that takes the name of a PyKEEN dataset.

    :param text: its help
    :param names: its name, and that of the parameter if this is another; by default ``--dataset``
    :return: the decorator that adds it to a command
    """
    return click.option(*(names or ("--dataset",)), shell_complete=complete(dataset_names), help=text)


#: How files of triples are read
load_triples_option = click.option(
    "--load-triples-kwargs",
    callback=parse_object,
    help="How PyKEEN reads files of triples, as JSON: delimiter, encoding, column_remapping.",
)

#: Options for training triples, their texts, and validation triples
graph_options = section(
    "Graph",
    dataset_option("A PyKEEN dataset, whose training triples are used."),
    click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail."),
    load_triples_option,
    setting_option("entity_text", type=TEXTS),
    setting_option("relation_text", type=TEXTS),
    click.option(
        "--name-by-text",
        is_flag=True,
        help="Name entities and relations by their texts in all output, for triples that are written as ids.",
    ),
    click.option("--validation", type=FILE, help="True triples to choose thresholds with."),
    click.option("--validation-negatives", type=FILE, help="False triples to choose thresholds with."),
)


def _parse_corruptions(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, int]:
    counts = {}
    for part in value.split(","):
        side, _, count = (word.strip() for word in part.partition("="))
        if side not in SIDE_NAMES or not count.isdecimal() or side in counts:
            raise click.BadParameter(f"found {part.strip()!r}, expected head=1,relation=0,tail=1 or the like.")
        counts[side] = int(count)
    return counts


#: Options for the fine-tuning of a language model
fine_tuning_options = section(
    "Fine-tuning of a language model",
    click.option("--language-model", help="The model to fine-tune: a folder or a name on the Hugging Face hub."),
    click.option("--pooling", type=click.Choice(["cls", "mean", "max"]), default="mean", help="How tokens are pooled."),
    click.option("--max-length", default=32, help="The most tokens of a triple."),
    click.option("--epochs", default=2, help="Passes over the training triples."),
    click.option("--batch-size", default=32, help="Examples per step of fine-tuning."),
    click.option("--learning-rate", default=1e-4, help="The highest learning rate."),
    click.option(
        "--negatives",
        default="random",
        shell_complete=complete(NEGATIVE_SOURCES),
        help=f"The source of false triples: {', '.join(NEGATIVE_SOURCES)}.",
    ),
    click.option("--negatives-kwargs", callback=parse_object, help="The parameters of this source, as JSON."),
    click.option(
        "--corruptions",
        callback=_parse_corruptions,
        default="head=1,tail=1",
        help="The number of corruptions of each side (head, relation, tail) per triple.",
    ),
    setting_option("max_training_triples"),
)

#: The seed
seed_option = setting_option("seed")

#: The options of measuring samplers
measurement_options = together(
    click.option(
        "--reference",
        default="TransE",
        shell_complete=complete(model_names),
        help="The PyKEEN model that measures the hardness of negatives.",
    ),
    click.option("--epochs", default=30, help="The number of epochs that it is trained for."),
    click.option("--negatives", default=16, help="The number of negatives per positive."),
    seed_option,
)

#: The options of a relation encoder
relation_encoder_options = together(
    click.option("--template", help="A letter from a to e, or a text with <subj>, <obj> and <mask>."),
    click.option(
        "--aggregation",
        type=click.Choice(["average", "average_no_mask", "mask"]),
        help="Which tokens' hidden states are added up.",
    ),
    click.option("--max-length", default=64, help="The most tokens of a pair in the template."),
    click.option(
        "--batch-size",
        "--batch",
        type=click.IntRange(min=1),
        default=64,
        help="Pairs that the language model encodes at once; changes vectors in their last digits only.",
    ),
)
