"""The command ``negater``."""

import json
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, get_args

import click

from .configuration import config_option
from .exports import ExportFormat
from .indexing import SIDES
from .mining_settings import GuardName
from .negative_sources import negative_source_resolver
from .neighbors import Metric
from .relations.commands import relations

__all__ = [
    "main",
]

PATH = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class _Group(click.Group):
    """Says what went wrong in one line, and exits with 1; a wrong usage exits with 2."""

    # docstr-coverage: inherited
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="pykeen-negater")
def main() -> None:
    """Mine negatives for knowledge graph embeddings with a language model."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")


main.add_command(relations)


def _options(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make one decorator of several options, for the commands that share them."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        """Put the options above a command, in this order."""
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_graph_options = _options(
    click.option("--dataset", help="A PyKEEN dataset, whose training triples are used."),
    click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail."),
    click.option("--entity-text", type=FILE, help="The entities' texts: label TAB text, or .json, or .parquet."),
    click.option("--relation-text", type=FILE, help="The relations' texts, likewise."),
    click.option("--validation", type=FILE, help="True triples to choose thresholds with."),
    click.option("--validation-negatives", type=FILE, help="False triples to choose thresholds with."),
)


def _parse_corruptions(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, int]:
    counts = {}
    for part in value.split(","):
        side, _, count = (word.strip() for word in part.partition("="))
        if side not in SIDES or not count.isdecimal() or side in counts:
            raise click.BadParameter(f"found {part.strip()!r}, expected head=1,relation=0,tail=1 or the like.")
        counts[side] = int(count)
    return counts


def _parse_object(context: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
    try:
        parsed = None if value is None else json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"found {value!r}, which is not valid JSON: {error}") from error
    if not isinstance(parsed, dict | None):
        raise click.BadParameter(f'found {value!r}, expected a JSON object, e.g. {{"k": 3}}.')
    return parsed


_fine_tuning_options = _options(
    click.option("--language-model", help="The model to fine-tune: a folder or a name on the Hugging Face hub."),
    click.option("--pooling", type=click.Choice(["cls", "mean", "max"]), default="mean", help="Tokens to one vector."),
    click.option("--max-length", default=32, help="The most tokens of a triple."),
    click.option("--epochs", default=2, help="Passes over the training triples."),
    click.option("--batch-size", default=32, help="Examples per step of fine-tuning."),
    click.option("--learning-rate", default=1e-4, help="The highest learning rate."),
    click.option(
        "--negatives",
        default="random",
        help=f"What to tell true triples from: {', '.join(sorted(negative_source_resolver.options))}.",
    ),
    click.option("--negatives-kwargs", callback=_parse_object, help="The parameters of these negatives, as JSON."),
    click.option(
        "--corruptions",
        callback=_parse_corruptions,
        default="head=1,tail=1",
        help="How many corruptions of each side, of head, relation and tail, a triple gets.",
    ),
    click.option("--max-training-triples", default=2_000, help="The most triples to fine-tune on; 0 for all."),
    click.option("--seed", default=0, help="The seed of everything random."),
)


def _load_graph(
    dataset: str | None, training: Path | None, validation: Path | None, validation_negatives: Path | None
) -> tuple[Any, dict[str, Any]]:
    """Load the training triples, and the validation triples with the same ids."""
    from pykeen.datasets import dataset_resolver, get_dataset
    from pykeen.triples import TriplesFactory

    from .tables import read_triples

    if (dataset is None) == (training is None):
        raise click.UsageError("Pass either --dataset or --training.")
    if dataset is not None and dataset_resolver.normalize(dataset) not in dataset_resolver.lookup_dict:
        names = ", ".join(sorted(dataset_resolver.options))
        raise ValueError(f"found the dataset {dataset!r}, expected --training with a file, or one of: {names}.")
    factory = get_dataset(dataset=dataset).training if training is None else read_triples(training)
    if not isinstance(factory, TriplesFactory):
        raise ValueError(f"found the dataset {dataset!r}, whose triples have no labels, expected one with labels.")
    labelled = {}
    for name, path in (("validation", validation), ("validation_negatives", validation_negatives)):
        if path is not None:
            labelled[name] = read_triples(path, like=factory)
    return factory, labelled


def _text_options(entity_text: Path | None, relation_text: Path | None) -> dict[str, Any]:
    named = {"entity_text": entity_text, "relation_text": relation_text}
    return {name: str(path) for name, path in named.items() if path is not None}


@main.command(
    epilog="Example: negater mine --dataset umls --entity-text entity2text.tsv --output umls.pools",
)
@config_option
@_graph_options
@click.option("--output", "-o", type=PATH, help="The folder to write the pools to. By default they stay in the cache.")
@click.option("--encoder", help="Turns entities into vectors: sentence-transformer, structural, precomputed.")
@click.option("--encoder-kwargs", callback=_parse_object, help="The encoder's parameters, as JSON.")
@click.option("--vectors", type=FILE, help="The entities' vectors: .npy or .safetensors.")
@click.option(
    "--candidates",
    type=click.Choice(["random", "slot", "intersect", "anywhere"]),
    default="random",
    help="Who may stand in.",
)
@click.option("--neighbors", "-k", "k", default=32, help="Neighbours per triple and side.")
@click.option("--corruption-scheme", default="head,tail", help="The sides to corrupt, of head, relation and tail.")
@click.option("--metric", type=click.Choice(get_args(Metric)), default="cosine", help="How near two vectors are.")
@click.option("--index", type=PATH, help="The folder of a neighbour index: loaded if it is there, else made.")
@click.option("--index-factory", default="Flat", help="FAISS's factory string for a new index.")
@click.option(
    "--ranker",
    help="Decides how hard a negative is: probe, similarity, kge, thresholds, full-gradients, proxy-gradients.",
)
@click.option(
    "--guard",
    type=click.Choice([*get_args(GuardName), "none"]),
    default="calibrated",
    help="Keeps out what may be true: the risk learned from hidden triples, or the ranker's thresholds.",
)
@click.option("--entity-types", type=FILE, help="The entities' types for the guard: label TAB type.")
@click.option("--model", type=PATH, help="A fine-tuned model for the ranker, see negater fine-tune.")
@click.option("--ranker-kwargs", callback=_parse_object, help="The ranker's other parameters, as JSON.")
@click.option("--pool-size", default=32, help="The most negatives per triple and side that are kept.")
@click.option("--max-candidates", default=20_000, help="The most corrupted triples an expensive ranker scores; 0: all.")
@_fine_tuning_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, how long it takes, and how large it gets.")
def mine(
    dataset: str | None,
    training: Path | None,
    entity_text: Path | None,
    relation_text: Path | None,
    validation: Path | None,
    validation_negatives: Path | None,
    output: Path | None,
    encoder: str | None,
    encoder_kwargs: dict[str, Any] | None,
    vectors: Path | None,
    corruption_scheme: str,
    index: Path | None,
    model: Path | None,
    guard: str,
    entity_types: Path | None,
    max_candidates: int,
    max_training_triples: int,
    dry_run: bool,
    **options: Any,
) -> None:
    """Mine negatives for a graph and write them to a folder of pools."""
    from .mining import Miner, find_graph
    from .mining_settings import MiningSettings
    from .pools import check_replaceable

    if output is not None:
        check_replaceable(output)
    factory, labelled = _load_graph(dataset, training, validation, validation_negatives)
    miner = Miner(
        find_graph(triples_factory=factory),
        MiningSettings(
            **_text_options(entity_text, relation_text),
            **{name: options[name] for name in ("candidates", "k", "metric", "index_factory")},
            ranker=options["ranker"] or (None if model is None else "thresholds"),
            guard=None if guard == "none" else cast(GuardName, guard),
            entity_types=None if entity_types is None else str(entity_types),
            encoder=encoder or (None if vectors is None else "precomputed"),
            encoder_kwargs={**(encoder_kwargs or {}), **({} if vectors is None else {"path": str(vectors)})} or None,
            corruption_scheme=tuple(part.strip() for part in corruption_scheme.split(",")),
            index=None if index is None else str(index),
            ranker_kwargs=_ranker_kwargs(model, options),
            pool_size=options["pool_size"],
            max_candidates=max_candidates or None,
            max_training_triples=max_training_triples or None,
            seed=options["seed"],
        ),
        **{name: triples.mapped_triples.numpy() for name, triples in labelled.items()},
    )
    if dry_run:
        free = shutil.disk_usage(Path.cwd()).free
        click.echo(f"Would mine {miner.plan()} {free / 2**30:,.1f} GiB of disk are free.")
        return
    pools = miner.mine()
    path = pools.path if output is None else pools.save(output)
    statistics = pools.metadata["statistics"]
    click.echo(
        f"{len(pools):,} negatives for {pools.num_triples:,} triples, {statistics['coverage']:.1%} of which have some; "
        f"{statistics['candidates']:,} candidates, {statistics['candidates_within_budget']:,} within the budget."
    )
    if "guard" in statistics:
        measured = statistics["guard"]["proposed"]
        click.echo(
            f"Of {measured['answers']:,} candidates to queries with hidden triples, {measured['hidden']:,} are hidden "
            f"triples; the guard tells them with an AUC of {measured.get('auc', float('nan')):.3f}. "
            f"{len(pools.suspects):,} corruptions are likely true and drawn less often."
        )
    for step, seconds in pools.durations.items():
        click.echo(f"  {step}: {seconds:.1f} s")
    click.echo(f"Written to {path}")


def _ranker_kwargs(model: Path | None, options: dict[str, Any]) -> dict[str, Any] | None:
    """Take what was said about the ranker; nothing said is no setting, so that the cache knows it again."""
    kwargs = options["ranker_kwargs"] or {}
    context = click.get_current_context()
    names = (
        "pooling",
        "max_length",
        "epochs",
        "batch_size",
        "learning_rate",
        "negatives",
        "negatives_kwargs",
        "corruptions",
    )
    fine_tuning = {
        name: options[name]
        for name in names
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }
    if model is not None:
        if fine_tuning or options["language_model"]:
            raise click.UsageError("Pass either --model, which is not fine-tuned again, or how to fine-tune one.")
        return {**kwargs, "model": str(model)}
    fine_tuning = {**kwargs.get("fine_tuning", {}), **fine_tuning}
    said = {"language_model": options["language_model"], "fine_tuning": fine_tuning}
    return {**kwargs, **{name: value for name, value in said.items() if value}} or None


@main.command("fine-tune", epilog="Example: negater fine-tune --dataset umls --output umls.model")
@config_option
@_graph_options
@click.option("--output", "-o", type=PATH, required=True, help="The folder for model, tokenizer and thresholds.")
@click.option(
    "--action",
    type=click.Choice(["train", "valid", "test"]),
    multiple=True,
    default=["train"],
    help="What to do, in this order, may be repeated: fine-tune; choose thresholds anew; classify test triples.",
)
@click.option("--testing", type=FILE, help="True triples to test with.")
@click.option("--testing-negatives", type=FILE, help="False triples to test with.")
@click.option("--global-threshold", is_flag=True, help="One threshold for all relations, instead of one for each.")
@click.option("--keep-epochs", is_flag=True, help="Keep the model of each epoch in a subfolder.")
@click.option("--weight-decay", default=0.01, help="The weight decay of AdamW.")
@click.option("--warmup", default=0.1, help="Steps in which the learning rate rises: a share, or their number from 1.")
@_fine_tuning_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, and how long it would take.")
def fine_tune(
    dataset: str | None,
    training: Path | None,
    entity_text: Path | None,
    relation_text: Path | None,
    output: Path,
    action: tuple[str, ...],
    language_model: str | None,
    global_threshold: bool,
    keep_epochs: bool,
    max_training_triples: int,
    dry_run: bool,
    **options: Any,
) -> None:
    """Fine-tune a language model to tell true triples from corrupted ones, and test it.

    Validation and test triples may hold entities that the training triples lack. A run that was interrupted goes on
    after its last epoch when it is started again.
    """
    from .fine_tuning_job import FineTuningJob
    from .fine_tuning_settings import FineTuningSettings
    from .graphs import Graph
    from .language_models import require_language_model
    from .texts import load_texts

    graph = Graph.from_factory(_load_graph(dataset, training, None, None)[0])
    texts = load_texts(graph, **_text_options(entity_text, relation_text))
    if texts is None:
        raise ValueError("found no texts to fine-tune on. Pass --entity-text, a file of label TAB text.")
    names = ("validation", "validation_negatives", "testing", "testing_negatives")
    files = {name: options.pop(name) for name in names}
    job = FineTuningJob(
        output,
        graph,
        texts,
        FineTuningSettings(
            max_training_triples=max_training_triples or None, per_relation=not global_threshold, **options
        ),
        {name: path for name, path in files.items() if path is not None},
        entity_text,
    )
    job.check(action)
    name = require_language_model(language_model) if "train" in action else ""
    if dry_run:
        if "train" in action:
            num_examples, seconds = job.estimate(name)
            click.echo(f"Would fine-tune {name} on {num_examples:,} examples: about {seconds / 60:.1f} min.")
        for split, num_triples in job.count_examples(action).items():
            click.echo(f"Would classify {num_triples:,} {split} triples.")
        return
    if "train" in action:
        job.train(name, keep_epochs)
    for step, run in (("valid", job.validate), ("test", job.test)):
        if step in action:
            run()
    for split, metrics in job.metrics().items():
        click.echo(
            f"{metrics['num_triples']:,} {split} triples: accuracy {metrics['accuracy']:.1%}, precision "
            f"{metrics['precision']:.1%}, recall {metrics['recall']:.1%}, F1 {metrics['f1']:.1%}. Each relation's more "
            f"frequent class has an accuracy of {metrics['majority_accuracy']:.1%}."
        )
    click.echo(f"Written to {output}")


@main.command(epilog="Example: negater evaluate --dataset umls --samplers basic,bernoulli,negater")
@config_option
@click.option("--dataset", help="A PyKEEN dataset.")
@click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail.")
@click.option("--validation", type=FILE, help="Its validation triples; needed with --training.")
@click.option("--testing", type=FILE, help="Its test triples; needed with --training.")
@click.option("--pools", type=PATH, help="A folder of pools for negater. By default they are mined, unless cached.")
@click.option("--entity-text", type=FILE, help="The entities' texts, for negater: label TAB text, .json or .parquet.")
@click.option("--relation-text", type=FILE, help="The relations' texts, likewise.")
@click.option("--samplers", help="Names of negative samplers, separated by commas. By default, all that PyKEEN knows.")
@click.option("--reference", default="TransE", help="The PyKEEN model that tells how hard negatives are.")
@click.option("--epochs", default=30, help="The number of epochs that it is trained for.")
@click.option("--negatives", default=16, help="The number of negatives per positive.")
@click.option("--seed", default=0, help="The seed of everything random.")
@click.option("--output", "-o", type=PATH, help="A tab-separated file to write the figures to.")
def evaluate(
    dataset: str | None,
    training: Path | None,
    validation: Path | None,
    testing: Path | None,
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
    """Measure the negatives of samplers: how many are true after all, and how hard are the others."""
    import pandas as pd
    from pykeen.datasets import get_dataset

    from .evaluation import evaluate_sampler, find_sampler, samplers_to_compare, train_reference
    from .tables import read_triples

    if output is not None and not output.resolve().parent.is_dir():
        raise FileNotFoundError(f"found no folder {output.parent}, expected one to write {output.name} to.")
    if training is not None and (validation is None or testing is None):
        raise click.UsageError("Pass --validation and --testing with --training.")
    factory, _ = _load_graph(dataset, training, None, None)
    if validation is None or testing is None:
        data = get_dataset(dataset=dataset)
    else:
        data = get_dataset(
            training=factory,
            validation=read_triples(validation, like=factory),
            testing=read_triples(testing, like=factory),
        )
    names = list(samplers_to_compare()) if samplers is None else [name.strip() for name in samplers.split(",")]
    for name in names:
        find_sampler(name)
    model = train_reference(data.training, reference, epochs, seed)
    texts = _text_options(entity_text, relation_text)
    rows = []
    for name in names:
        kwargs = {} if name != "negater" else texts if pools is None else {"pools": str(pools)}
        report = evaluate_sampler(name, data, kwargs, model, negatives, seed)
        rows.append({"sampler": name, **vars(report)})
    frame = pd.DataFrame(rows)
    if output is not None:
        frame.to_csv(output, sep="\t", index=False, float_format="%.6g")
    click.echo(frame.to_string(index=False, float_format="{:.4f}".format, na_rep=""))


@main.command(epilog="Example: negater export umls.pools --format tsv --output negatives.tsv")
@config_option
@click.argument("pools", type=PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(ExportFormat)),
    default="tsv",
    help="tsv: head, relation, tail, score. parquet: with the positives.",
)
@click.option("--output", "-o", type=PATH, required=True, help="The file to write.")
def export(pools: Path, form: ExportFormat, output: Path) -> None:
    """Write the negatives of a folder of pools to one file."""
    from .exports import export as run
    from .pools import NegativePools

    rows = run(NegativePools.load(pools), output, form)
    click.echo(f"{rows:,} rows written to {output}")


if __name__ == "__main__":
    main()
