"""A ranker that scores with a knowledge graph embedding."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..candidates.generators import Candidates
from ..runtime.batch_halving import OOMBatchHalver
from ..scorers.kge_models import KGETraining, score_triples
from ..storage.cache import timed
from ..texts.loading import Texts
from ..triples.graphs import Graph
from .base import Ranker, Scores
from .context import RankingContext
from .kge_sources import GivenModel, ModelSource, NamedModel, PickledModel, SavedModel, TrainedModel
from .measurements import Measurements, halved_batches

if TYPE_CHECKING:
    from pykeen.models import Model

__all__ = [
    "KGERanker",
]

#: The model that is trained if none is named, and its parameters
DEFAULT_MODEL, DEFAULT_MODEL_KWARGS = "RotatE", {"embedding_dim": 64}


class KGERanker(Ranker):
    """Ranks candidates by the scores of a PyKEEN model: the higher, the harder.

    By default, a RotatE model is trained and cached, with uniform negatives and the self-adversarial loss
    [sun2019]_, as the authors of NegatER did for comparison [safavi2021]_. Or a trained model is given: as an object,
    as its weights, or in the folder of a result of PyKEEN's pipeline. All candidates are accepted: rejecting those that
    are too likely true is left to the guard.

    A model that is trained here does not see the triples that are hidden for the guard. A given model may have
    seen them, as may a given fine-tuned language model. That does not mislead the guard: it learns from scorers of
    its own, never from the ranker's scores, and hidden triples are known triples, so that none is a candidate.

    .. [sun2019] Sun, Deng, Nie and Tang (2019) RotatE: Knowledge Graph Embedding by Relational Rotation in Complex
       Space. ICLR.
    """

    def __init__(
        self,
        *,
        model: "str | Model | None" = None,
        model_kwargs: Mapping[str, Any] | None = None,
        create_inverse_triples: bool = False,
        state_dict: str | Path | None = None,
        folder: str | Path | None = None,
        allow_pickle: bool = False,
        epochs: int = KGETraining.epochs,
        num_negs_per_pos: int = KGETraining.num_negs_per_pos,
        learning_rate: float = KGETraining.learning_rate,
        batch_size: int = KGETraining.batch_size,
    ) -> None:
        """Choose the model.

        :param model: the name of a PyKEEN model, or a trained model over the graph's ids. If None, RotatE.
        :param model_kwargs: the parameters of a named model, JSON-native. If None, its own defaults; 64 dimensions if
            no model is named either.
        :param create_inverse_triples: whether a named model has relations for inverse triples
        :param state_dict: the file with the weights of a named model: ``.safetensors``, or what
            ``torch.save(model.state_dict(), path)`` wrote. If None, the model is trained, with the seed of mining.
        :param folder: the folder that the result of PyKEEN's pipeline was saved to
        :param allow_pickle: whether the model in the folder may be unpickled, which runs any code that is in the file
        :param epochs: > 0, the number of passes over the triples, where a model is trained
        :param num_negs_per_pos: > 0, the number of uniform negatives per positive
        :param learning_rate: > 0, the learning rate of Adam
        :param batch_size: > 0, the number of positives in a batch
        :raises FileNotFoundError: if there is no such file or folder
        :raises ValueError: if there is no such model, a parameter is out of range or does not fit the way in which the
            model is given, or the model would have to be unpickled and that is not allowed
        """
        training = KGETraining(epochs, num_negs_per_pos, learning_rate, batch_size)
        said = {
            "model": model is not None,
            "model_kwargs": model_kwargs is not None,
            "create_inverse_triples": create_inverse_triples,
            "state_dict": state_dict is not None,
            "folder": folder is not None,
            "how to train one": training != KGETraining(),
        }

        def check(way: str, *taken: str) -> None:
            """Check that no parameter is given that does not belong to this way of giving a model."""
            surplus = [name for name, is_said in said.items() if is_said and name not in taken]
            if surplus:
                raise ValueError(f"found {way} and {', '.join(surplus)} as well, expected the model in one way only.")

        #: The source of the model
        self.source: ModelSource
        if model is not None and not isinstance(model, str):
            check("a trained model", "model")
            self.source = GivenModel(model)
            return
        if folder is not None:
            check("a folder", "folder")
            self.source = PickledModel(Path(folder), allow_pickle)
            return
        if model_kwargs is None:
            model_kwargs = DEFAULT_MODEL_KWARGS if model is None else {}
        named = NamedModel(model or DEFAULT_MODEL, model_kwargs, create_inverse_triples)
        if state_dict is None:
            self.source = TrainedModel(named, training)
            return
        check("a state_dict", "state_dict", "model", "model_kwargs", "create_inverse_triples")
        if model is None:
            raise ValueError("found a state_dict without its model, expected model and model_kwargs beside it.")
        self.source = SavedModel(named, Path(state_dict))

    # docstr-coverage: inherited
    def identify(self) -> dict[str, Any]:  # noqa: D102
        return self.source.identify()

    # docstr-coverage: inherited
    def estimate(self, graph: Graph, texts: Texts | None, num_candidates: int) -> dict[str, float]:  # noqa: D102
        return self.source.estimate(graph, num_candidates)

    def _model(self, context: RankingContext) -> "tuple[Model, Measurements]":
        return context.once_measured((self, "model"), lambda: self.source.get(context.graph, context))

    # docstr-coverage: inherited
    def prepare(self, context: RankingContext) -> Measurements:  # noqa: D102
        return self._model(context)[1]

    # docstr-coverage: inherited
    def score(self, candidates: Candidates, context: RankingContext) -> Scores:  # noqa: D102
        model, measured = self._model(context)  # trained before the clock runs
        triples, durations, halver = candidates.unique_triples, dict[str, float](), OOMBatchHalver("triples")
        with timed("score", durations):
            scores = score_triples(model, triples, halver=halver)
        measured += Measurements(durations) + halved_batches("batches_halved", halver.count)
        if not np.isfinite(scores).all():
            raise ValueError(
                f"{type(model).__name__} gave {np.sum(~np.isfinite(scores)):,} scores that are not finite. Check the "
                f"model."
            )
        return Scores(scores[candidates.unique_positions], np.ones(len(candidates), dtype=bool), measured)
