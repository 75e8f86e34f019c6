"""``negater fine-tune``."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..configuration import config_option_with_negater
from ..terminal import conclude, echo, output_options
from .command import Command, section
from .option_groups import GraphFiles, TextFiles, grouped
from .options import FILE, PATH, fine_tuning_options, graph_options, seed_option

if TYPE_CHECKING:
    from ...fine_tuning.job import FineTuningJob
    from ...fine_tuning.settings import FineTuningSettings

__all__ = [
    "fine_tune",
]


@click.command(cls=Command, name="fine-tune", epilog="Example: negater fine-tune --dataset umls --output umls.model")
@config_option_with_negater
@output_options
@graph_options
@section(
    "What to do",
    click.option(
        "--action",
        type=click.Choice(["train", "valid", "test"]),
        multiple=True,
        default=["train"],
        help="What to do, in this order; may be repeated: fine-tune; choose thresholds anew; classify test triples.",
    ),
    click.option("--testing", type=FILE, help="True triples to test with."),
    click.option("--testing-negatives", type=FILE, help="False triples to test with."),
    click.option("--output", "-o", type=PATH, required=True, help="The folder for model, tokenizer and thresholds."),
    click.option("--keep-epochs", is_flag=True, help="Keep the model of each epoch in a subfolder."),
    click.option("--dry-run", is_flag=True, help="Show what would be done, and how long it would take."),
)
@fine_tuning_options
@section(
    "Fine-tuning of a language model",
    click.option("--weight-decay", default=0.01, help="The weight decay of AdamW."),
    click.option("--max-grad-norm", default=0.0, help="The norm that gradients are clipped to; 0: no clipping."),
    click.option(
        "--warmup", default=0.1, help="Steps in which the learning rate rises: a share, or a number of 1 or more."
    ),
    seed_option,
    click.option("--global-threshold", is_flag=True, help="One threshold for all relations, instead of one for each."),
)
@grouped(triples=GraphFiles, texts=TextFiles)
def fine_tune(
    triples: GraphFiles,
    texts: TextFiles,
    name_by_text: bool,
    output: Path,
    action: tuple[str, ...],
    language_model: str | None,
    keep_epochs: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Fine-tune a language model to tell true triples from corrupted ones, and test it.

    Validation and test triples may hold entities that the training triples lack. An interrupted run goes on after its
    last epoch when it is started again.
    """
    from ...fine_tuning.job import FineTuningJob
    from ...texts.hub import check_language_model
    from ...texts.language_models import require_language_model
    from ...texts.loading import load_texts
    from ...triples.graphs import Graph

    graph = Graph.from_factory(triples.load_training())
    loaded = load_texts(graph, **texts.settings)
    if loaded is None:
        raise ValueError("found no texts to fine-tune on. Pass --entity-text, a file of label TAB text.")
    names = ("validation", "validation_negatives", "testing", "testing_negatives")
    files = {name: options.pop(name) for name in names}
    job = FineTuningJob(
        output,
        graph,
        loaded,
        _read_settings(**options),
        {name: path for name, path in files.items() if path is not None},
        texts.entity_text,
        load_triples_kwargs=triples.load_triples_kwargs,
        name_by_text=name_by_text,
    )
    job.check(action)
    name = require_language_model(language_model) if "train" in action else ""
    if name:
        check_language_model(name)
    if dry_run:
        _show_plan(job, name, action)
        return
    if "train" in action:
        job.train(name, keep_epochs)
    for step, run in (("valid", job.validate), ("test", job.test)):
        if step in action:
            run()
    conclude({**job.metrics(), "model": str(output)})
    echo(f"Written to {output}")


def _read_settings(
    max_training_triples: int, max_grad_norm: float, global_threshold: bool, **options: Any
) -> "FineTuningSettings":
    """Turn options into settings of fine-tuning, of which some write None as 0."""
    from ...fine_tuning.settings import FineTuningSettings

    return FineTuningSettings(
        max_training_triples=max_training_triples or None,
        max_grad_norm=max_grad_norm or None,
        per_relation=not global_threshold,
        **options,
    )


def _show_plan(job: "FineTuningJob", language_model: str, action: Collection[str]) -> None:
    """Say what would be done."""
    from ...mining.planning import expected_range

    plan: dict[str, Any] = {}
    if "train" in action:
        num_examples, seconds = job.estimate(language_model)
        low, high = expected_range(seconds)
        plan = {"language_model_to_fine_tune": language_model, "examples": num_examples}
        plan |= {"at_least_seconds": low, "at_most_seconds": high}
    counts = job.count_examples(action)
    echo("What would be done:")
    conclude(plan | {f"{split}_triples_to_classify": num_triples for split, num_triples in counts.items()})
