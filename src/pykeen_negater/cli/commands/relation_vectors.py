"""The command ``negater relations vectors``."""

from pathlib import Path

import click

from ..configuration import config_option
from ..terminal import conclude, echo, output_options
from .command import Command
from .option_groups import RelationEncoders, grouped
from .options import FILE, PATH, check_writable, relation_encoder_options

__all__ = [
    "vectors",
]


@click.command(cls=Command, epilog="Example: negater relations vectors my.model --pairs pairs.tsv --output vectors.txt")
@config_option
@output_options
@click.argument("model", required=False)
@click.option("--pairs", type=FILE, required=True, help="A file of pairs: head TAB tail.")
@relation_encoder_options
@click.option("--output", "-o", type=PATH, required=True, help="The file to write, in word2vec's text format.")
@grouped(encoders=RelationEncoders)
def vectors(encoders: RelationEncoders, pairs: Path, output: Path) -> None:
    """Encode pairs of words, and write their vectors in word2vec's text format.

    MODEL is a folder or a name on the Hugging Face hub, by default the embedded MiniLM, which is not trained for
    relations. A pair is one word of the file: head__tail, with _ for spaces.
    """
    from ...relations.word2vec import write_word2vec
    from ...triples.tables import read_rows

    check_writable(output)
    rows = [(head, tail) for _, (head, tail) in read_rows(pairs, columns=[2])]
    if not rows:
        raise ValueError(f"{pairs} is empty, expected a head and a tail per line.")
    encoder = encoders.load_given()
    conclude({"vectors": write_word2vec(output, encoder, rows), "dimensions": encoder.dim, "output": str(output)})
    echo(f"Written to {output}")
