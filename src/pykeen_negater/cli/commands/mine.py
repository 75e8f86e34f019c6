"""``negater mine``."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...typing import CANDIDATE_GENERATORS, ENCODERS, RANKERS, SIDE_NAMES
from ...utils.durations import duration_range
from ..configuration import config_option_with_negater
from ..option_names import to_options
from ..terminal import conclude, echo, is_silent, output_options, snake_case
from .command import Command, section
from .completion import complete, complete_list
from .option_groups import GraphFiles, TextFiles, grouped
from .options import (
    FILE,
    PATH,
    fine_tuning_options,
    graph_options,
    seed_option,
)
from .setting_options import read_settings, setting_option

if TYPE_CHECKING:
    from ...mining.planning import Plan
    from ...pools.negative_pools import NegativePools
    from ...triples.graphs import Graph
    from ...triples.held_out import HeldOut

__all__ = [
    "mine",
]


@click.command(
    cls=Command,
    epilog="Example: negater mine --dataset umls --entity-text entity2text.tsv --output umls.pools",
)
@config_option_with_negater
@output_options
@graph_options
@section(
    "Candidates",
    setting_option("encoder", shell_complete=complete(ENCODERS)),
    setting_option("encoder_kwargs"),
    click.option("--vectors", type=FILE, help="The entities' vectors: .npy or .safetensors."),
    setting_option("candidates", type=click.Choice(CANDIDATE_GENERATORS), metavar="NAME"),
    setting_option("k", "--neighbors", "-k", "k"),
    setting_option("corruption_scheme", shell_complete=complete_list(SIDE_NAMES)),
    setting_option("metric"),
    setting_option("index", type=PATH),
    setting_option("neighbor_file", type=FILE),
    click.option("--save-neighbors", type=PATH, help="A file to write the nearest neighbours to, in NegatER's JSON."),
    setting_option("index_factory"),
)
@section(
    "Ranker",
    setting_option("ranker", shell_complete=complete(RANKERS)),
    setting_option("ranker_kwargs"),
    click.option(
        "--model",
        type=PATH,
        help="A fine-tuned model for the ranker, see negater fine-tune; "
        "or a checkpoint of NegatER (.pt), with the --language-model, --pooling and --max-length it was made with.",
    ),
    setting_option("max_candidates"),
)
@section("Guard", setting_option("guard"), setting_option("entity_types", type=FILE))
@section(
    "Result",
    click.option(
        "--output", "-o", type=PATH, help="The folder to write the pools to. By default they stay in the cache."
    ),
    seed_option,
    setting_option("pool_size"),
    setting_option("keep_scores", is_flag=True),
    click.option("--dry-run", is_flag=True, help="Show what would be done, how long it would take, and how large."),
)
@fine_tuning_options
@grouped(triples=GraphFiles, texts=TextFiles)
def mine(
    triples: GraphFiles,
    texts: TextFiles,
    name_by_text: bool,
    validation: Path | None,
    validation_negatives: Path | None,
    output: Path | None,
    save_neighbors: Path | None,
    dry_run: bool,
    **options: Any,
) -> None:
    """Mine negatives for a graph and write them to a folder of pools.

    An interrupted run goes on when the same command is run again. Several processes share the work if they are
    started by torchrun or accelerate launch and have the same data folder.
    """
    from ...mining.miner import Miner
    from ...mining.settings import MiningSettings
    from ...pools.files import check_replaceable
    from ...runtime.processes import Processes, main_process_first
    from ...storage.regular_files import check_writable
    from ...triples.graphs import Graph
    from ...triples.held_out import read_held_out

    if output is not None:
        check_replaceable(output)
    if save_neighbors is not None:
        check_writable(save_neighbors)
    processes = Processes.launched()
    if not processes.is_main:
        logging.getLogger("pykeen_negater").setLevel(logging.ERROR)
    with main_process_first(processes):  # the main process caches the dataset
        graph = Graph.from_factory(triples.load_training())
    files = {"validation": validation, "validation_negatives": validation_negatives}
    held_out = read_held_out(
        {name: path for name, path in files.items() if path is not None}, graph, triples.load_triples_kwargs
    )
    given_texts: dict[str, Any] = texts.settings
    if name_by_text:
        graph, held_out, given_texts = _name_by_text(graph, held_out, texts)
    miner = Miner(
        graph,
        MiningSettings(**_settings(options), **given_texts),
        held_out.triples.get("validation"),
        held_out.triples.get("validation_negatives"),
        held_out.other_entities,
    )
    if dry_run:
        if processes.is_main:
            _show_plan(miner.plan(processes.count))
        return
    pools = miner.mine(processes)
    if not processes.is_main:
        return
    if save_neighbors is not None:
        miner.vectors.save_neighbors(save_neighbors)
    if triples.dataset is not None:
        pools.metadata["dataset"] = triples.dataset
    path = pools.path if output is None else pools.save(output)
    conclude({**_summary(pools), "pools": str(path)})
    if not is_silent():
        _show_some(pools)
    echo(f"Written to {path}")


def _name_by_text(
    graph: "Graph", held_out: "HeldOut", files: TextFiles
) -> "tuple[Graph, HeldOut, dict[str, dict[str, str]]]":
    """Call entities and relations by their texts.

    :param graph: the graph, whose labels are ids
    :param held_out: what thresholds are chosen with, likewise
    :param files: the texts
    :return: graph and held-out triples with texts as labels, and the settings that make these the texts, too
    :raises ValueError: if there are no texts
    """
    from ...texts import naming
    from ...texts.loading import extend_texts, load_texts

    texts = load_texts(graph, **files.settings)
    if texts is None:
        raise ValueError("found no texts to name entities by. Pass --entity-text, a file of label TAB text.")
    texts = extend_texts(texts, held_out.other_entities, files.entity_text)
    graph, held_out, texts = naming.name_by_text(graph, held_out, texts)
    given = {"entity_text": texts.entities, "relation_text": texts.relations}
    return graph, held_out, {name: dict(zip(labels, labels, strict=True)) for name, labels in given.items()}


def _show_plan(plan: "Plan") -> None:
    """Say what would be done."""
    low, high = plan.seconds
    echo(f"What would be done, in {duration_range(low, high)}:")
    conclude(
        {
            "training_triples": plan.num_triples,
            "entities": plan.num_entities,
            "encoder": plan.encoder,
            "ranker": plan.ranker,
            "candidates_at_most": plan.num_candidates,
            "corrupted_triples_to_rank_at_most": plan.num_scored,
            "step_seconds": {step.name.lower(): seconds for step, seconds in plan.steps.items()},
            "at_least_seconds": low,
            "at_most_seconds": high,
            "pools_at_most_mebibytes": plan.num_bytes / 2**20,
            "free_on_the_disk_mebibytes": shutil.disk_usage(Path.cwd()).free / 2**20,
        }
    )


def _summary(pools: "NegativePools") -> dict[str, Any]:
    """Gather the figures of what was mined."""
    statistics = pools.metadata["statistics"]
    summary = {
        "negatives": len(pools),
        "training_triples": pools.num_triples,
        "covered_share": statistics["coverage"],
        "candidates": statistics["candidates"],
        "candidates_within_the_budget": statistics["candidates_within_budget"],
    }
    if "index_recall" in statistics:
        summary["ten_nearest_entities_found_share"] = statistics["index_recall"]
    if "guard" in statistics:
        measured = statistics["guard"]["proposed"]
        summary |= {
            "candidates_that_the_guard_was_tested_with": measured["answers"],
            "hidden_triples_among_them": measured["hidden"],
            "guard_auc": measured.get("auc"),
            "corruptions_that_are_likely_true": len(pools.suspected),
        }
    return {**summary, "step_seconds": {snake_case(step): seconds for step, seconds in pools.durations.items()}}


def _show_some(pools: "NegativePools") -> None:
    """Show a few of the negatives, and advice if there are too few."""
    from ...pools.exports import some_sentences

    lines = some_sentences(pools)
    if lines:
        echo("\nSome of the negatives, each with the true triple that it is a corruption of:")
        for negative, positive in lines:
            echo(f"  {negative}\n    from {positive}")
    advice = _advice(pools)
    if advice is not None:
        echo(f"\n{to_options(advice, click.get_current_context())}")


def _advice(pools: "NegativePools") -> str | None:
    """Get the report's advice."""
    from ...report.coverage import Coverage
    from ...report.reasons import advise, explain_outcomes, read_outcomes

    settings = pools.metadata["settings"]
    outcomes = read_outcomes(pools.metadata["statistics"], pools.num_relations)
    reasons = () if outcomes is None else explain_outcomes(outcomes, settings, pools.max_mined_risk)
    return advise(Coverage.measure(pools), reasons, settings)


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings, including those from options that are not settings."""
    settings = read_settings(options)
    model, vectors = options["model"], options["vectors"]
    if vectors is not None:
        settings.setdefault("encoder", "precomputed")
        settings["encoder_kwargs"] = {**settings.get("encoder_kwargs", {}), "path": str(vectors)}
    if model is not None:
        settings.setdefault("ranker", "thresholds")
    settings["ranker_kwargs"] = _ranker_kwargs(model, options)
    return settings


def _convert(checkpoint: Path, fine_tuning: Mapping[str, Any], options: Mapping[str, Any]) -> Path:
    """Convert a checkpoint of NegatER."""
    from ...fine_tuning.negater_checkpoints import find_or_convert

    if not options["language_model"] or not fine_tuning.keys() <= {"pooling", "max_length"}:
        raise click.UsageError(
            "Pass a checkpoint of NegatER as --model with the --language-model, --pooling and --max-length that it was "
            "made with, and without other options of fine-tuning."
        )
    return find_or_convert(checkpoint, options["language_model"], options["pooling"], options["max_length"])


def _ranker_kwargs(model: Path | None, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Collect the ranker's parameters; options that are not given are left out, so that the cache keys are the same."""
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
        # a configuration of NegatER leaves some None where --model takes their place
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT and options[name] is not None
    }
    if model is not None and model.suffix == ".pt" and not model.is_dir():
        return {**kwargs, "model": str(_convert(model, fine_tuning, options))}
    if model is not None:
        if fine_tuning or options["language_model"]:
            raise click.UsageError("Pass either --model, which is not fine-tuned again, or how to fine-tune one.")
        return {**kwargs, "model": str(model)}
    fine_tuning = {**kwargs.get("fine_tuning", {}), **fine_tuning}
    said = {"language_model": options["language_model"], "fine_tuning": fine_tuning}
    return {**kwargs, **{name: value for name, value in said.items() if value}} or None
