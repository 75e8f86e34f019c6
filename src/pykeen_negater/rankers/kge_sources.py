"""Sources of a ranker's PyKEEN model: it is trained here, or given as an object, as weights, or as a pickle."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_model, save_model
from torch import nn

from ..runtime.progress import Step
from ..scorers.kge_models import (
    PIPELINE_MODEL,
    KGETraining,
    build_model,
    check_labels,
    check_size,
    estimate_scoring,
    estimate_training,
    find_model_class,
    identify_model,
    load_pickled_model,
    load_state,
    train_model,
)
from ..storage.cache import file_digest, fingerprint, timed
from ..storage.regular_files import check_regular
from ..triples.graphs import Graph
from .context import RankingContext
from .measurements import Measurements

if TYPE_CHECKING:
    from pykeen.models import Model

__all__ = [
    "GivenModel",
    "ModelSource",
    "NamedModel",
    "PickledModel",
    "SavedModel",
    "TrainedModel",
]


class ModelSource(ABC):
    """A source of a model."""

    @abstractmethod
    def identify(self) -> dict[str, Any]:
        """Describe everything that the model depends on, apart from the graph.

        :return: a JSON-native description
        """

    @abstractmethod
    def get(self, graph: Graph, context: RankingContext) -> "tuple[Model, Measurements]":
        """Get the model.

        :param graph: the graph whose ids it scores, with all triples
        :param context: the triples for training, and the cache
        :return: a pair (the model, the seconds of training)
        :raises ValueError: if it does not fit the graph
        """

    @abstractmethod
    def estimate(self, graph: Graph, num_triples: int) -> dict[str, float]:
        """Estimate how long it takes here to get the model and to score with it.

        :param graph: the graph
        :param num_triples: the number of triples to score
        :return: seconds by step
        :raises ValueError: if the model does not fit the graph
        """


@dataclass(frozen=True)
class NamedModel:
    """The class and parameters of a model."""

    #: The name of its class
    name: str

    #: Its parameters, JSON-native
    kwargs: Mapping[str, Any]

    #: Whether it has relations for inverse triples
    create_inverse_triples: bool = False

    def __post_init__(self) -> None:
        """Normalize the name, and check the parameters.

        :raises ValueError: if there is no such model, or the parameters cannot be stored
        """
        object.__setattr__(self, "name", find_model_class(self.name).__name__)
        try:
            json.dumps(self.kwargs, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"found model_kwargs that JSON cannot hold, expected names and numbers: {error}"
            ) from error

    def build(self, graph: Graph, seed: int = 0) -> "Model":
        """Make the model, with random weights.

        :param graph: its graph
        :param seed: the seed of the weights
        :return: the model, on the best available device
        """
        return _on_device(build_model(self.name, self.kwargs, graph, self.create_inverse_triples, seed))


def _on_device(model: "Model") -> "Model":
    from pykeen.utils import resolve_device

    nn.Module.to(model, resolve_device())
    return model


@dataclass(frozen=True)
class TrainedModel(ModelSource):
    """A model that is trained on the triples that are not hidden, or loaded from the cache."""

    model: NamedModel
    training: KGETraining

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return asdict(self)

    # docstr-coverage: inherited
    def get(self, graph: Graph, context: RankingContext) -> "tuple[Model, Measurements]":  # noqa: D102
        model, durations = self.model.build(context.graph, context.seed), dict[str, float]()

        def build(folder: Path) -> None:
            """Fill a folder of the cache with the model's weights."""
            with timed(f"train {self.model.name}", durations):
                train_model(model, context.graph, self.training, context.seed)
            save_model(model, str(folder / "model.safetensors"))

        key = fingerprint({"graph": context.graph.fingerprint, "seed": context.seed, **self.identify()})
        context.cache.read_or_build(
            "models", key, build, lambda folder: load_model(model, str(folder / "model.safetensors"))
        )
        return model, Measurements(durations)

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, num_triples: int) -> dict[str, float]:  # noqa: D102
        model = self.model.build(graph)
        return {
            Step.TRAIN_MODEL: estimate_training(model, graph, self.training),
            Step.MINE: estimate_scoring(model, graph, num_triples),
        }


class _TrainedBefore(ModelSource):
    """A model that was trained before."""

    @abstractmethod
    def load(self, graph: Graph) -> "Model":
        """Load the model, without checking its size."""

    # docstr-coverage: inherited
    def get(self, graph: Graph, context: RankingContext) -> "tuple[Model, Measurements]":
        return self._checked(graph), Measurements()

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, num_triples: int) -> dict[str, float]:
        return {Step.MINE: estimate_scoring(self._checked(graph), graph, num_triples)}

    def _checked(self, graph: Graph) -> "Model":
        model = self.load(graph)
        check_size(model, graph)
        return model


@dataclass(frozen=True)
class SavedModel(_TrainedBefore):
    """A model whose weights are in a file."""

    model: NamedModel
    path: Path

    def __post_init__(self) -> None:
        """Check that the file exists.

        :raises FileNotFoundError: if there is none
        :raises ValueError: if it is not a regular file
        """
        check_regular(self.path, "the weights of a model")

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"model": asdict(self.model), "state_dict": file_digest(self.path)}

    # docstr-coverage: inherited
    def load(self, graph: Graph) -> "Model":  # noqa: D102
        model = self.model.build(graph)
        load_state(model, self.path)
        return model


@dataclass(frozen=True)
class PickledModel(_TrainedBefore):
    """A model in the folder of a result of PyKEEN's pipeline."""

    folder: Path
    allow_pickle: bool

    def __post_init__(self) -> None:
        """Check that the file exists, and may be unpickled.

        :raises FileNotFoundError: if there is none
        :raises ValueError: if it may not
        """
        if not self.folder.joinpath(PIPELINE_MODEL).is_file():
            raise FileNotFoundError(
                f"found no {PIPELINE_MODEL} in {self.folder}, expected the folder of a result of PyKEEN's pipeline. "
                f"Its method save_to_directory writes one."
            )
        if not self.allow_pickle:
            raise ValueError(
                f"found a pickled model in {self.folder}, and unpickling runs any code that is in the file. If you "
                f"trust whoever made it, pass allow_pickle=True; else ask for its weights, and pass them as state_dict."
            )

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return {"pickle": file_digest(self.folder / PIPELINE_MODEL)}

    # docstr-coverage: inherited
    def load(self, graph: Graph) -> "Model":  # noqa: D102
        check_labels(self.folder, graph)
        return _on_device(load_pickled_model(self.folder))


@dataclass(frozen=True, eq=False)
class GivenModel(_TrainedBefore):
    """A given model, which stays on its device."""

    model: "Model"

    def __post_init__(self) -> None:
        """Check that it is a model.

        :raises ValueError: if it is not
        """
        from pykeen.models import Model  # not above, see _plugin

        if not isinstance(self.model, Model):
            raise ValueError(f"found a {type(self.model).__name__} as model, expected a PyKEEN model, or its name.")

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return identify_model(self.model)

    # docstr-coverage: inherited
    def load(self, graph: Graph) -> "Model":  # noqa: D102
        return self.model
