"""``negater relations``."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click

from ..configuration import config_option
from ..terminal import conclude_table, echo, output_options
from .command import Group
from .option_groups import RelationEncoders, grouped
from .options import check_writable, relation_encoder_options
from .relation_vectors import vectors
from .train_relations import train

__all__ = [
    "relations",
]

T = TypeVar("T", int, float)

#: The packages that results depend on
PACKAGES = ("pykeen-negater", "torch", "transformers", "scikit-learn")


@click.group(cls=Group, epilog="Example: negater relations train --data gold_ratings.tsv --output relbert.model")
def relations() -> None:
    """Turn pairs of words into vectors of their relation (RelBERT)."""


def _numbers(kind: type[T]) -> Callable[[click.Context, click.Parameter, str], list[T]]:
    """Make a parser of lists of positive numbers."""

    def parse(context: click.Context, parameter: click.Parameter, value: str) -> list[T]:
        """Parse numbers separated by commas."""
        try:
            numbers = [kind(part) for part in value.split(",")]
        except ValueError:
            numbers = []
        if not numbers or min(numbers) <= 0:
            raise click.BadParameter(
                f"found {value!r}, expected numbers of type {kind.__name__} above 0, separated by commas."
            )
        return numbers

    return parse


@relations.command(
    epilog="Example: negater relations evaluate my.model --data google.test.jsonl --data ROOT09 --output report.json"
)
@config_option
@output_options
@click.argument("model", required=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    required=True,
    help="Analogy questions or relation mapping problems (JSON lines), or a folder of lexical relations (train.tsv, "
    "test.tsv, perhaps val.tsv); may be repeated.",
)
@relation_encoder_options
@click.option("--base-model", help="The language model that MODEL was trained from, if its folder does not say.")
@click.option(
    "--distance",
    type=click.Choice(["cosine", "euclidean"]),
    default="cosine",
    help="How the vectors of analogies are compared.",
)
@click.option(
    "--learning-rates",
    callback=_numbers(float),
    default="1e-3,1e-4,1e-5",
    help="The learning rates to choose from, for lexical relations.",
)
@click.option(
    "--hidden-sizes", callback=_numbers(int), default="100,150,200", help="The sizes of the hidden layer, likewise."
)
@click.option("--jobs", default=1, help="The number of classifiers trained at the same time; -1: one per processor.")
@click.option("--seed", default=0, help="The seed of the classifiers.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A JSON file to write the whole report to.")
@grouped(encoders=RelationEncoders)
def evaluate(
    encoders: RelationEncoders,
    data: tuple[Path, ...],
    distance: Any,
    learning_rates: list[float],
    hidden_sizes: list[int],
    jobs: int,
    seed: int,
    output: Path | None,
) -> None:
    """Measure how well an encoder represents the relations between words.

    MODEL is a folder or a name on the Hugging Face hub, by default the embedded MiniLM, which is not trained for
    relations. A trained encoder is compared with its language model before training, and with the difference of that
    model's word vectors. Analogies are answered with pairs as they are (forward) and in both directions
    (bidirectional).
    """
    from ...relations.tasks.evaluation import evaluate_encoders, load_task, to_table
    from ...relations.tasks.lexical_relations import classifier_grid
    from ...storage.cache import atomic_file

    if output is not None:
        check_writable(output)
    grid = classifier_grid(learning_rates, hidden_sizes)
    tasks = [load_task(path, distance, grid=grid, seed=seed, n_jobs=jobs) for path in data]
    loaded = encoders.load()
    results = evaluate_encoders(tasks, loaded)
    if output is not None:
        report = {
            "versions": {name: version(name) for name in PACKAGES},
            "encoders": {name: {"name": encoder.model, **encoder.identify()} for name, encoder in loaded.items()},
            "results": results,
        }
        with atomic_file(output) as path:
            # lone surrogates are escaped, as JSON does it
            text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
    conclude_table(to_table(results), digits=3)
    if output is not None:
        echo(f"Written to {output}")


relations.add_command(train)
relations.add_command(vectors)
