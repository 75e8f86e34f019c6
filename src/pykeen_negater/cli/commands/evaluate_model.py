"""``negater evaluate --model``: a trained model instead of samplers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from .command import section
from .options import FILE, PATH, check_writable

if TYPE_CHECKING:
    import pandas as pd
    from pykeen.datasets import Dataset
    from pykeen.models import Model

    from ...triples.graphs import Graph

__all__ = [
    "ModelEvaluation",
    "model_options",
]

#: The options that say how to measure samplers, and those that say how to evaluate a model
_OF_SAMPLERS = ("samplers", "entity_text", "relation_text", "reference", "epochs", "negatives")
_OF_MODELS = ("strata", "plausible", "allow_pickle", "candidates", "save_candidates", "load_candidates")

#: The options of :class:`ModelEvaluation`
model_options = section(
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


@dataclass(frozen=True)
class ModelEvaluation:
    """How to evaluate a trained model."""

    #: The folder of the model; None if there is none to evaluate
    model: Path | None

    #: Whether it may be unpickled
    allow_pickle: bool

    #: Whether to rank by strata
    strata: bool

    #: Whether to rank among plausible candidates, and to calibrate scores
    plausible: bool

    #: > 0, the most candidates of a query
    candidates: int

    #: The file to write the candidates to
    save_candidates: Path | None

    #: The file to take the candidates from
    load_candidates: Path | None

    def check_usage(self) -> None:
        """Check that the options go together, and that candidates can be written.

        :raises click.UsageError: if they do not go together
        """
        surplus = ", ".join(_given(_OF_MODELS if self.model is None else _OF_SAMPLERS))
        if surplus and self.model is None:
            raise click.UsageError(f"found {surplus} without --model, expected a trained model. Pass its folder.")
        if surplus:
            raise click.UsageError(
                f"found {surplus} with --model, expected options of samplers without it. Leave them out."
            )
        if self.model is not None and not (self.strata or self.plausible):
            raise click.UsageError(
                "found --model alone, expected what to evaluate. Pass --strata, --plausible or both."
            )
        of_candidates = ", ".join(_given(("pools", "candidates", "save_candidates", "load_candidates")))
        if self.model is not None and of_candidates and not self.plausible:
            raise click.UsageError(f"found {of_candidates} without --plausible, expected it. Pass --plausible.")
        of_draw = ", ".join(_given(("candidates", "save_candidates")))
        if self.load_candidates is not None and of_draw:
            raise click.UsageError(f"found {of_draw} with --load-candidates, expected it alone. Leave the others out.")
        if self.save_candidates is not None:
            check_writable(self.save_candidates)

    def evaluate(self, data: "Dataset", pools: Path | None, seed: int) -> "dict[str, pd.DataFrame]":
        """Evaluate the model on the test triples.

        :param data: the dataset that it was trained on
        :param pools: the folder of pools whose suspected positives are no candidates
        :param seed: the seed of the candidates
        :return: tables by name
        :raises ValueError: if there is no model, it may not be unpickled, or cannot be evaluated on the dataset
        :raises FileNotFoundError: if there is no such folder
        """
        if self.model is None:
            raise ValueError("found no model, expected one to evaluate. Pass --model.")
        trained, graph = self._load(self.model, data)
        tables: dict[str, pd.DataFrame] = {}
        if self.strata:
            tables |= _evaluate_strata(trained, data)
        if self.plausible:
            tables |= self._evaluate_plausible(trained, graph, data, pools, seed)
        return tables

    def _load(self, folder: Path, data: "Dataset") -> "tuple[Model, Graph]":
        """Load a model, and the graph that it was trained on.

        :raises FileNotFoundError: if there is none
        :raises ValueError: if it may not be unpickled, or is one for another graph
        """
        from ...rankers.kge_sources import PickledModel
        from ...scorers.kge_models import check_size
        from ...triples.graphs import Graph

        source = PickledModel(folder, allow_pickle=True)
        if not self.allow_pickle:
            raise ValueError(
                f"found a pickled model in {folder}, whose unpickling runs any code that is in the file, expected "
                f"permission to do so. Pass --allow-pickle if you trust whoever made it."
            )
        graph = Graph.from_factory(data.training)
        model = source.load(graph)
        check_size(model, graph)
        return model, graph

    def _evaluate_plausible(
        self, model: "Model", graph: "Graph", data: "Dataset", pools_folder: Path | None, seed: int
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
        if self.load_candidates is not None:
            candidates = PlausibleCandidates.load(self.load_candidates, testing, graph)
        else:
            candidates = draw_candidates(graph, testing, known, pools, self.candidates, seed)
        if self.save_candidates is not None:
            candidates.save(self.save_candidates, graph)
        false = draw_candidates(graph, data.validation.mapped_triples, known, pools, 1, seed)
        if not len(candidates) or not len(false):
            raise ValueError(
                "found no plausible candidates, expected some for validation and test triples: each entity of a slot "
                "makes a known triple. Evaluate on a larger graph."
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


def _given(names: tuple[str, ...]) -> Iterator[str]:
    """Name the options that are given."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT):
            yield f"--{name.replace('_', '-')}"


def _evaluate_strata(model: "Model", data: "Dataset") -> "dict[str, pd.DataFrame]":
    import torch

    from ...evaluation.strata import evaluate_strata

    known = torch.cat([factory.mapped_triples for factory in data.factory_dict.values()])
    return {"strata": evaluate_strata(model, data.training.mapped_triples, data.testing.mapped_triples, known)}
