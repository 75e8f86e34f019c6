"""``negater evaluate``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..configuration import config_option
from ..terminal import conclude_table, conclude_tables, output_options
from .command import Command, section
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

if TYPE_CHECKING:
    import pandas as pd
    from pykeen.datasets import Dataset
    from pykeen.models import Model

    from ...triples.graphs import Graph

__all__ = [
    "evaluate",
]

#: The options that say how to measure samplers, and those that say how to evaluate a model
_OF_SAMPLERS = ("samplers", "entity_text", "relation_text", "reference", "epochs", "negatives")
_OF_MODELS = ("strata", "plausible", "allow_pickle", "candidates", "save_candidates", "load_candidates")


@click.command(cls=Command, epilog="Example: negater evaluate --dataset umls --samplers basic,bernoulli,negater")
@config_option
@output_options
@dataset_option("A PyKEEN dataset.")
@click.option("--training", type=FILE, help="A file of training triples instead: head TAB relation TAB tail.")
@click.option("--validation", type=FILE, help="Its validation triples; needed with --training.")
@click.option("--testing", type=FILE, help="Its test triples; needed with --training.")
@load_triples_option
@click.option(
    "--pools",
    type=PATH,
    help="A folder of pools for negater, which are mined by default, unless cached; with --plausible, pools whose "
    "suspected positives are no candidates.",
)
@click.option("--entity-text", type=TEXTS, help="The entities' texts, for negater: label TAB text, .json or .parquet.")
@click.option("--relation-text", type=TEXTS, help="The relations' texts, likewise.")
@click.option(
    "--samplers",
    shell_complete=complete_list(sampler_names),
    help="Names of negative samplers, separated by commas. By default, all that PyKEEN knows.",
)
@measurement_options
@section(
    "A trained model instead of samplers",
    click.option("--model", type=PATH, help="The folder that PyKEEN's result.save_to_directory wrote."),
    click.option(
        "--allow-pickle",
        is_flag=True,
        help="Unpickle the model, which runs any code that is in the file: only if you trust whoever made it.",
    ),
    click.option("--strata", is_flag=True, help="Rank by how near and how frequent the answers are in training."),
    click.option(
        "--plausible",
        is_flag=True,
        help="Rank among candidates that fit the relation, too, and calibrate scores on validation triples.",
    ),
    click.option("--candidates", type=click.IntRange(min=1), default=50, help="The most candidates of a query."),
    click.option("--save-candidates", type=PATH, help="A file of Parquet to write the candidates to."),
    click.option("--load-candidates", type=FILE, help="Such a file to take the candidates from."),
)
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
    model: Path | None,
    allow_pickle: bool,
    strata: bool,
    plausible: bool,
    candidates: int,
    save_candidates: Path | None,
    load_candidates: Path | None,
    output: Path | None,
) -> None:
    """Measure the negatives of samplers: how many are true after all, and how hard are the others.

    Those of negater are measured by part, too: what is mined, drawn at random (and again where a guard holds it for
    likely true), and loops, with the share of each among all that it draws.

    With --model, evaluate a trained model instead: its ranking by strata, or among plausible candidates.
    """
    import pandas as pd

    from ...evaluation.samplers import evaluate_sampler, find_sampler, samplers_to_compare, train_reference
    from ...storage.cache import atomic_file

    _check_usage(model, strata, plausible, load_candidates)
    for path in (output, save_candidates):
        if path is not None:
            check_writable(path)
    data = load_dataset(dataset, training, validation, testing, load_triples_kwargs)
    if model is not None:
        trained, graph = _load_model(model, allow_pickle, data)
        tables: dict[str, pd.DataFrame] = {}
        if strata:
            tables |= _evaluate_strata(trained, data)
        if plausible:
            tables |= _evaluate_plausible(
                trained, graph, data, pools, candidates, seed, save_candidates, load_candidates
            )
        if output is not None:
            with atomic_file(output) as unfinished:
                together = pd.concat([table.assign(table=name) for name, table in tables.items()])
                together.insert(0, "table", together.pop("table"))
                together.to_csv(unfinished, sep="\t", index=False, float_format="%.6g")
        conclude_tables(tables, digits=4)
        return
    names = list(samplers_to_compare()) if samplers is None else [name.strip() for name in samplers.split(",")]
    for name in names:
        find_sampler(name)
    trained = train_reference(data.training, reference, epochs, seed)
    texts = text_settings(entity_text, relation_text)
    rows = []
    for name in names:
        kwargs = {} if name != "negater" else texts if pools is None else {"pools": str(pools)}
        report = evaluate_sampler(name, data, kwargs, trained, negatives, seed)
        rows += [{"sampler": name, **row} for row in report.rows]
    frame = pd.DataFrame(rows)
    if output is not None:
        with atomic_file(output) as unfinished:
            frame.to_csv(unfinished, sep="\t", index=False, float_format="%.6g")
    conclude_table(frame, digits=4)


def _check_usage(model: Path | None, strata: bool, plausible: bool, load_candidates: Path | None) -> None:
    """Check that the options go together.

    :raises click.UsageError: if not
    """
    context = click.get_current_context()

    def given(names: tuple[str, ...]) -> Iterator[str]:
        """Name the options that are given."""
        for name in names:
            if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT):
                yield f"--{name.replace('_', '-')}"

    surplus = ", ".join(given(_OF_MODELS if model is None else _OF_SAMPLERS))
    if surplus and model is None:
        raise click.UsageError(f"found {surplus} without --model, expected a trained model. Pass its folder.")
    if surplus:
        raise click.UsageError(
            f"found {surplus} with --model, expected options of samplers without it. Leave them out."
        )
    if model is not None and not (strata or plausible):
        raise click.UsageError("found --model alone, expected what to evaluate. Pass --strata, --plausible or both.")
    of_candidates = ", ".join(given(("pools", "candidates", "save_candidates", "load_candidates")))
    if model is not None and of_candidates and not plausible:
        raise click.UsageError(f"found {of_candidates} without --plausible, expected it. Pass --plausible.")
    of_draw = ", ".join(given(("candidates", "save_candidates")))
    if load_candidates is not None and of_draw:
        raise click.UsageError(f"found {of_draw} with --load-candidates, expected it alone. Leave the others out.")


def _load_model(folder: Path, allow_pickle: bool, data: "Dataset") -> "tuple[Model, Graph]":
    """Load a model, and the graph that it was trained on.

    :raises FileNotFoundError: if there is none
    :raises ValueError: if it may not be unpickled, or is one for another graph
    """
    from ...rankers.kge_sources import PickledModel
    from ...scorers.kge_models import check_size
    from ...triples.graphs import Graph

    source = PickledModel(folder, allow_pickle=True)
    if not allow_pickle:
        raise ValueError(
            f"found a pickled model in {folder}, whose unpickling runs any code that is in the file, expected "
            f"permission to do so. Pass --allow-pickle if you trust whoever made it."
        )
    graph = Graph.from_factory(data.training)
    model = source.load(graph)
    check_size(model, graph)
    return model, graph


def _evaluate_strata(model: "Model", data: "Dataset") -> "dict[str, pd.DataFrame]":
    import torch

    from ...evaluation.strata import evaluate_strata

    known = torch.cat([factory.mapped_triples for factory in data.factory_dict.values()])
    return {"strata": evaluate_strata(model, data.training.mapped_triples, data.testing.mapped_triples, known)}


def _evaluate_plausible(
    model: "Model",
    graph: "Graph",
    data: "Dataset",
    pools_folder: Path | None,
    num_candidates: int,
    seed: int,
    save_candidates: Path | None,
    load_candidates: Path | None,
) -> "dict[str, pd.DataFrame]":
    """Rank among plausible candidates, and calibrate scores.

    :raises ValueError: if there are no validation triples to calibrate by, or no candidates
    """
    import pandas as pd
    import torch

    from ...evaluation.calibration import Calibration
    from ...evaluation.plausible import PlausibleCandidates, draw_candidates, evaluate_plausible
    from ...pools.negative_pools import NegativePools

    if data.validation is None or not data.validation.num_triples:
        raise ValueError(
            "found no validation triples, expected some to calibrate scores with. Choose a dataset that has them."
        )
    pools = None if pools_folder is None else NegativePools.load(pools_folder)
    known = torch.cat([factory.mapped_triples for factory in data.factory_dict.values()])
    testing = data.testing.mapped_triples
    if load_candidates is not None:
        candidates = PlausibleCandidates.load(load_candidates, testing, graph)
    else:
        candidates = draw_candidates(graph, testing, known, pools, num_candidates, seed)
    if save_candidates is not None:
        candidates.save(save_candidates, graph)
    false = draw_candidates(graph, data.validation.mapped_triples, known, pools, 1, seed)
    if not len(candidates) or not len(false):
        raise ValueError(
            "found no plausible candidates, expected some for validation and test triples: each entity of a slot makes "
            "a known triple. Evaluate on a larger graph."
        )
    ranking = evaluate_plausible(model, candidates, known)
    calibration = Calibration.fit(model, *false.pairs())
    report = calibration.evaluate(*candidates.pairs())
    figures = {
        "brier": report.brier,
        "expected_calibration_error": report.expected_calibration_error,
        "relations_with_own_map": len(calibration.by_relation),
    }
    return {"plausible": ranking, "calibration": pd.DataFrame([figures]), "reliability": report.curve}
