"""Builds, trains, loads, checks and identifies PyKEEN models that score triples."""

import math
import pickle
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from pykeen.triples import CoreTriplesFactory
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from tqdm.auto import tqdm

from ..runtime.batch_halving import OOMBatchHalver
from ..runtime.progress import Advance, Step, step
from ..runtime.random_state import preserved_random_state
from ..storage.cache import array_digest, fingerprint
from ..triples.graphs import Graph
from ..utils.resolving import find_class

if TYPE_CHECKING:
    from pykeen.models import Model

__all__ = [
    "PIPELINE_MODEL",
    "KGETraining",
    "build_model",
    "check_labels",
    "check_size",
    "estimate_scoring",
    "estimate_training",
    "find_model_class",
    "identify_model",
    "load_pickled_model",
    "load_state",
    "score_finitely",
    "score_triples",
    "train_model",
]

#: The file of the model, and the folder of the training triples, in the folder of a result of PyKEEN's pipeline
PIPELINE_MODEL, PIPELINE_TRIPLES = "trained_model.pkl", "training_triples"

#: The number of triples that are scored at once
BATCH_SIZE = 8_192

#: The number of triples whose scores help to identify a model
NUM_PROBED = 1_024

#: The number of measurements for an estimate, of which the fastest counts
NUM_TIMED = 2

#: The number of steps that are measured together
TIMED_STEPS = 4

#: The number of differences that an error names
NUM_NAMED = 3


@dataclass(frozen=True)
class KGETraining:
    """Settings for the training of a model with the self-adversarial loss and uniform negatives."""

    #: > 0, the number of passes over the triples
    epochs: int = 30

    #: > 0, the number of negatives per positive
    num_negs_per_pos: int = 16

    #: > 0, the learning rate of Adam
    learning_rate: float = 0.01

    #: > 0, the number of positives in a batch
    batch_size: int = 512

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range
        """
        for name in ("epochs", "num_negs_per_pos", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"found {name}={getattr(self, name)}, expected at least 1.")
        if not self.learning_rate > 0:
            raise ValueError(f"found learning_rate={self.learning_rate}, expected a positive number.")


def find_model_class(name: str) -> "type[Model]":
    """Look up one of PyKEEN's models.

    :param name: its name
    :return: its class
    :raises ValueError: if there is none
    """
    from pykeen.models import model_resolver  # not above, see _plugin

    return find_class("model", model_resolver, name)


def _factory(graph: Graph, create_inverse_triples: bool) -> CoreTriplesFactory:
    return CoreTriplesFactory(
        torch.from_numpy(graph.triples), graph.num_entities, graph.num_relations, create_inverse_triples
    )


def build_model(
    name: str, kwargs: Mapping[str, Any], graph: Graph, create_inverse_triples: bool = False, seed: int = 0
) -> "Model":
    """Build a model with random weights for a graph.

    :param name: its name
    :param kwargs: its parameters
    :param graph: the graph
    :param create_inverse_triples: whether it has relations for inverse triples
    :param seed: the seed of its weights
    :return: the model, on the CPU
    :raises ValueError: if there is no such model, or it takes no such parameters
    """
    cls = find_model_class(name)
    factory = _factory(graph, create_inverse_triples)
    with preserved_random_state():
        try:
            return cls(triples_factory=factory, loss="nssa", random_seed=seed, **kwargs)
        except TypeError as error:
            raise ValueError(
                f"found model_kwargs with {', '.join(sorted(kwargs)) or 'nothing'}, expected what {cls.__name__} "
                f"takes: {error}"
            ) from error


def train_model(model: "Model", graph: Graph, training: KGETraining, seed: int) -> None:
    """Train a model from scratch, on its device; random states are restored afterwards.

    :param model: changed in place
    :param graph: the triples to train on
    :param training: how
    :param seed: the seed of the weights, the batches and the negatives
    :raises ValueError: if the loss is not finite
    """
    from pykeen.training.training_loop import NonFiniteLossError
    from pykeen.utils import set_random_seed

    with preserved_random_state():
        set_random_seed(seed)
        try:
            with step(Step.TRAIN_MODEL, training.epochs, "epoch") as advance:
                _train(model, graph, training, [training.epochs], advance)
        except NonFiniteLossError as error:
            raise ValueError(
                f"found a loss that is not finite when training {type(model).__name__} with learning_rate="
                f"{training.learning_rate}, expected a finite one. Choose a lower learning_rate."
            ) from error


def estimate_training(model: "Model", graph: Graph, training: KGETraining) -> float:
    """Estimate how long training takes here, from a few steps.

    :param model: the model, whose weights are initialized anew and trained
    :param graph: the triples to train on
    :param training: how
    :return: seconds
    """
    factor = 2 if model.use_inverse_triples else 1
    num_steps = math.ceil(factor * len(graph) / training.batch_size)

    def time_epoch(steps: int) -> float:
        """Measure an epoch of a few steps, and take the fastest of several."""
        triples = graph.triples[: math.ceil(steps * training.batch_size / factor)]
        part = Graph(triples, graph.num_entities, graph.num_relations)
        return min(_train(model, part, training, range(1, NUM_TIMED + 1), lambda count: None))

    with preserved_random_state():
        # an epoch takes time apart from its steps
        first, more = time_epoch(1), min(TIMED_STEPS, num_steps - 1)
        step = max(time_epoch(1 + more) - first, 0.0) / more if more else 0.0
    return training.epochs * (first + (num_steps - 1) * step)


def _train(
    model: "Model", graph: Graph, training: KGETraining, epochs: "list[int] | range", advance: Advance
) -> list[float]:
    """Train a model up to each of the given epochs, and get the seconds that each stretch took."""
    from pykeen.training import SLCWATrainingLoop
    from pykeen.training.callbacks import TrainingCallback

    class Epochs(TrainingCallback):
        """Advances the progress bar after each epoch."""

        def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
            """Advance the bar."""
            advance(1)

    factory = _factory(graph, model.use_inverse_triples)
    seconds: list[float] = []
    with torch.inference_mode(mode=False), torch.enable_grad():
        loop = SLCWATrainingLoop(
            model=model,
            triples_factory=factory,
            optimizer="adam",
            optimizer_kwargs={"lr": training.learning_rate},
            negative_sampler="basic",
            negative_sampler_kwargs={"num_negs_per_pos": training.num_negs_per_pos},
            # a batch of another size would give another model
            automatic_memory_optimization=False,
        )
        for epoch in epochs:
            start = time.perf_counter()
            loop.train(
                factory,
                num_epochs=epoch,
                batch_size=min(training.batch_size, factory.num_triples),
                continue_training=bool(seconds),
                use_tqdm=False,
                use_tqdm_batch=False,
                callbacks=Epochs(),
                pin_memory=False,
            )
            seconds.append(time.perf_counter() - start)
    return seconds


def load_state(model: "Model", path: Path) -> None:
    """Load weights, without unpickling anything but tensors.

    :param model: changed in place
    :param path: a ``.safetensors`` file, or what ``torch.save(model.state_dict(), path)`` wrote
    :raises ValueError: if the file holds no state, or not that of such a model
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: found no state dict, expected tensors by name ({reason}).") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path}: found no state dict, expected nothing but tensors by name.")
    expected = model.state_dict()
    differences = [
        f"{name}: found {_shape(state, name)}, expected {_shape(expected, name)}"
        for name in sorted({*state, *expected})
        if _shape(state, name) != _shape(expected, name)
    ]
    if differences:
        raise ValueError(
            f"{path}: {len(differences)} of the tensors do not fit {type(model).__name__} ("
            f"{'; '.join(differences[:NUM_NAMED])}{'; …' if len(differences) > NUM_NAMED else ''}). Pass the model, "
            f"model_kwargs and create_inverse_triples that they were trained with, for a graph of the same size."
        )
    model.load_state_dict(state)


def _shape(state: Mapping[str, Tensor], name: str) -> str:
    return str(tuple(state[name].shape)) if name in state else "none"


def load_pickled_model(folder: Path) -> "Model":
    """Unpickle the model of a result of PyKEEN's pipeline, which runs any code that its author put there.

    :param folder: the result's folder
    :return: the model, on the CPU
    :raises ValueError: if it is no model
    """
    from pykeen.models import Model  # not above, see _plugin

    model = torch.load(folder / PIPELINE_MODEL, map_location="cpu", weights_only=False)
    if not isinstance(model, Model):
        raise ValueError(f"{folder / PIPELINE_MODEL}: found a {type(model).__name__}, expected a PyKEEN model.")
    return model


def check_labels(folder: Path, graph: Graph) -> None:
    """Check that the ids of a result of PyKEEN's pipeline stand for the same labels as those of a graph.

    Nothing is checked where one of them has no labels.

    :param folder: the result's folder
    :param graph: the graph
    :raises ValueError: if they don't
    """
    for name, labels in (("entity", graph.entity_labels), ("relation", graph.relation_labels)):
        path = folder / PIPELINE_TRIPLES / f"{name}_to_id.tsv.gz"
        if labels is None or not path.is_file():
            continue
        table = pd.read_csv(path, sep="\t", dtype={"label": str}, keep_default_na=False)
        found, expected = dict(zip(table["id"], table["label"], strict=True)), dict(enumerate(labels))
        different = sorted(i for i in {*found, *expected} if found.get(i) != expected.get(i))
        if different:
            i = different[0]
            raise ValueError(
                f"{path}: found {len(different):,} ids that stand for another {name} than in the graph, such as {i} "
                f"for {found.get(i)!r}, expected {expected.get(i)!r}. Train on the same triples factory."
            )


def check_size(model: "Model", graph: Graph) -> None:
    """Check that a model has as many entities and relations as a graph.

    :param model: the model
    :param graph: the graph
    :raises ValueError: if it is not
    """
    if (model.num_entities, model.num_real_relations) != (graph.num_entities, graph.num_relations):
        raise ValueError(
            f"found a model of {model.num_entities:,} entities and {model.num_real_relations:,} relations, expected "
            f"one of the graph's {graph.num_entities:,} entities and {graph.num_relations:,} relations. Pass the graph "
            f"that it was trained on."
        )


def score_triples(
    model: "Model",
    triples: np.ndarray,
    progress: str | None = None,
    halver: OOMBatchHalver | None = None,
    batch_size: int | None = None,
) -> np.ndarray:
    """Score triples on the model's device; the model's mode is restored afterwards.

    PyKEEN's ``predict_triples`` leaves it in another one, and does not say whether memory sufficed.

    :param model: the model
    :param triples: shape: (n, 3), without ids of inverse relations
    :param progress: the label of the progress bar; None for no bar
    :param halver: halves batches for lack of memory, and counts them
    :param batch_size: > 0, the number of triples that are scored at once, 8,192 by default
    :return: shape: (n,), dtype: float32, higher is more plausible
    """
    halver, batch_size = halver or OOMBatchHalver("triples"), batch_size or BATCH_SIZE
    scores = np.empty(len(triples), dtype=np.float32)
    modes = {module: module.training for module in model.modules()}
    with ExitStack() as stack:
        for module, mode in modes.items():
            stack.callback(setattr, module, "training", mode)
        stack.enter_context(torch.inference_mode())
        bar = stack.enter_context(
            tqdm(total=len(triples), desc=progress, unit="triple", unit_scale=True, disable=progress is None)
        )
        for start in range(0, len(triples), batch_size):
            batch = torch.from_numpy(triples[start : start + batch_size])
            scores[start : start + len(batch)] = halver.compute(
                lambda part: model.predict_hrt(part["triples"]).squeeze(dim=1), {"triples": batch}
            ).numpy()
            bar.update(len(batch))
    return scores


def score_finitely(model: "Model", triples: np.ndarray, batch_size: int | None = None) -> np.ndarray:
    """Score triples, see :func:`score_triples`, and check the scores.

    :param model: the model
    :param triples: shape: (n, 3), without ids of inverse relations
    :param batch_size: > 0, the number of triples that are scored at once, 8,192 by default
    :return: shape: (n,), dtype: float64, finite
    :raises ValueError: if a score is not finite
    """
    scores = score_triples(model, triples, batch_size=batch_size).astype(np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("found a score that is NaN or infinite, expected finite ones. Check the model.")
    return scores


def estimate_scoring(model: "Model", graph: Graph, num_triples: int) -> float:
    """Estimate how long scoring takes here, from a few batches.

    :param model: the model
    :param graph: its graph
    :param num_triples: the number of triples to score
    :return: seconds
    """
    batch = graph.triples[:BATCH_SIZE]
    seconds = []
    for _ in range(NUM_TIMED):
        start = time.perf_counter()
        score_triples(model, batch)
        seconds.append(time.perf_counter() - start)
    return min(seconds) * num_triples / len(batch)


def identify_model(model: "Model") -> dict[str, Any]:
    """Identify a model by its class, its weights, and its scores of some triples.

    The scores tell apart models that differ in something other than weights, such as the norm of a distance.

    :param model: the model
    :return: a JSON-native description
    """
    generator = np.random.default_rng(0)
    sizes = [model.num_entities, model.num_real_relations, model.num_entities]
    state = {
        name: [str(tensor.dtype), list(tensor.shape), _tensor_digest(tensor)]
        for name, tensor in model.state_dict().items()
    }
    return {
        "class": f"{type(model).__module__}.{type(model).__qualname__}",
        "state": fingerprint(state),
        "scores": array_digest(score_triples(model, generator.integers(sizes, size=(NUM_PROBED, 3)))),
    }


def _tensor_digest(tensor: Tensor) -> str:
    # as bytes, since NumPy lacks some of PyTorch's types
    return array_digest(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
