"""A language model that scores triples: the higher the score, the more likely the triple is true."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import AutoConfig, AutoModel, AutoTokenizer, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from ..runtime.batch_halving import OOMBatchHalver
from ..texts.language_models import loading
from ..texts.loading import Texts
from ..utils.spelling import check_choice
from .settings import Pooling, Precision
from .tokenization import TripleTokenizer

__all__ = [
    "TripleClassifier",
    "TripleClassifierConfig",
    "computing_in",
    "infer_triples",
    "load_classifier",
    "load_with_tokenizer",
    "map_triples",
    "score_triples",
]

#: The number of triples scored at once; not a setting, so that the composition of a batch follows from the data, and
#: equal inputs get equal scores
SCORING_BATCH_SIZE = 128


class TripleClassifierConfig(PretrainedConfig):
    """The configuration of a :class:`TripleClassifier`."""

    model_type = "negater-triple-classifier"

    def __init__(
        self,
        encoder_config: dict[str, Any] | None = None,
        pooling: Pooling = "mean",
        max_triple_length: int = 32,
        **kwargs: Any,
    ) -> None:
        """Set the configuration of a classifier.

        :param encoder_config: the configuration of the language model, as a dictionary
        :param pooling: how a sequence becomes one vector
        :param max_triple_length: the most tokens of a triple
        :param kwargs: passed to :class:`transformers.PretrainedConfig`
        :raises ValueError: if there is no such pooling
        """
        check_choice("pooling", pooling, get_args(Pooling))
        self.encoder_config = encoder_config
        self.pooling = pooling
        self.max_triple_length = max_triple_length
        super().__init__(**kwargs)


class TripleClassifier(PreTrainedModel):
    """A transformer encoder, a pooling, and one logit [safavi2021]_."""

    config_class = TripleClassifierConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: TripleClassifierConfig) -> None:
        """Create the architecture, with random weights.

        :param config: the configuration
        """
        super().__init__(config)
        encoder_config = dict(config.encoder_config or {})
        self.encoder = AutoModel.from_config(AutoConfig.for_model(encoder_config.pop("model_type"), **encoder_config))
        self.head = nn.Linear(self.encoder.config.hidden_size, 1)
        #: Halves batches for lack of memory, and counts them
        self.halver = OOMBatchHalver("triples")
        self.post_init()

    @classmethod
    def from_language_model(cls, name: str, pooling: Pooling = "mean", max_length: int = 32) -> "TripleClassifier":
        """Add a new classification head to a pretrained language model.

        :param name: a folder, or a name on the Hugging Face hub
        :param pooling: how a sequence becomes one vector
        :param max_length: the most tokens of a triple
        :return: the classifier, to be fine-tuned
        """
        with loading(name):
            encoder = AutoModel.from_pretrained(name, trust_remote_code=False)
        model = cls(
            TripleClassifierConfig(
                encoder_config=encoder.config.to_dict(), pooling=pooling, max_triple_length=max_length
            )
        )
        model.encoder = encoder
        return model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None
    ) -> SequenceClassifierOutput:
        """Score a batch of triples.

        :param input_ids: shape: (batch_size, length)
        :param attention_mask: shape: (batch_size, length)
        :param labels: shape: (batch_size,), 1 for true and 0 for false
        :return: ``logits`` of shape (batch_size,), and the binary cross entropy as ``loss`` if there are labels
        """
        logits = self.head(self.embed(input_ids, attention_mask)).squeeze(dim=-1)
        loss = None if labels is None else nn.functional.binary_cross_entropy_with_logits(logits, labels.float())
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Turn a batch of triples into vectors.

        :param input_ids: shape: (batch_size, length)
        :param attention_mask: shape: (batch_size, length)
        :return: shape: (batch_size, dim), the vectors that the logits are computed from
        """
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self._pool(hidden, attention_mask)

    def _pool(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(dim=-1)
        match self.config.pooling:
            case "cls":
                return hidden[:, 0]
            case "mean":
                return (hidden * mask).sum(dim=1) / mask.sum(dim=1)
            case _:
                return hidden.masked_fill(mask == 0, -torch.inf).amax(dim=1)


AutoConfig.register(TripleClassifierConfig.model_type, TripleClassifierConfig, exist_ok=True)
AutoModel.register(TripleClassifierConfig, TripleClassifier, exist_ok=True)


def computing_in(precision: Precision, device: torch.device) -> torch.autocast:
    """Make the context for a model's computations.

    bfloat16 is faster on GPUs and on CPUs with AMX tiles. On others, even those with AVX-512 instructions for it, it is
    slower than single precision.

    :param precision: ``fp32``, single precision; ``bf16``, bfloat16 for matrix products, the rest in single precision
    :param device: the device of the model
    :return: the context
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def score_triples(
    model: TripleClassifier,
    tokenizer: TripleTokenizer,
    triples: np.ndarray,
    progress: str | None = None,
    precision: Precision = "fp32",
) -> np.ndarray:
    """Score triples.

    :param model: the classifier
    :param tokenizer: the tokenizer of the same graph
    :param triples: shape: (n, 3)
    :param progress: what the progress bar says; None for no bar
    :param precision: what the model computes in, see :func:`computing_in`
    :return: shape: (n,), dtype: float32, the logits
    """
    return infer_triples(model, lambda inputs: model(**inputs).logits, tokenizer, triples, progress, precision)


def infer_triples(
    model: TripleClassifier,
    function: Callable[[dict[str, Tensor]], Tensor],
    tokenizer: TripleTokenizer,
    triples: np.ndarray,
    progress: str | None = None,
    precision: Precision = "fp32",
) -> np.ndarray:
    """Apply a function to triples with a model in evaluation mode, without gradients.

    :param model: the classifier
    :param function: see :func:`map_triples`, as are the other parameters
    :param tokenizer: the tokenizer of the same graph
    :param triples: shape: (n, 3)
    :param progress: what the progress bar says; None for no bar
    :param precision: what the model computes in, see :func:`computing_in`
    :return: shape: (n, ...), dtype: float32
    """
    training = model.training
    model.eval()
    with torch.inference_mode(), computing_in(precision, model.device):
        values = map_triples(function, model, tokenizer, triples, SCORING_BATCH_SIZE, progress)
    model.train(training)
    return values


def map_triples(
    function: Callable[[dict[str, Tensor]], Tensor],
    model: TripleClassifier,
    tokenizer: TripleTokenizer,
    triples: np.ndarray,
    batch_size: int,
    progress: str | None = None,
) -> np.ndarray:
    """Compute a number or vector for each triple, in batches of similar length that depend on the triples alone.

    :param function: maps ``input_ids`` and ``attention_mask``, each of shape (batch_size, length), to a tensor of shape
        (batch_size, ...)
    :param model: the classifier on whose device the inputs are needed
    :param tokenizer: the tokenizer of the same graph
    :param triples: shape: (n, 3)
    :param batch_size: > 0, the number of triples at once
    :param progress: what the progress bar says; None for no bar
    :return: shape: (n, ...), dtype: float32
    """
    values = np.empty(len(triples), dtype=np.float32)
    order = np.argsort(-tokenizer.lengths(triples), kind="stable")
    with tqdm(total=len(triples), desc=progress, unit="triple", unit_scale=True, disable=progress is None) as bar:
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            inputs = tokenizer.pad([tokenizer.encode(triples[i]) for i in batch])
            result = model.halver.compute(
                lambda part: function({name: tensor.to(model.device) for name, tensor in part.items()}), inputs
            )
            if values.shape[1:] != result.shape[1:]:
                values = np.empty((len(triples), *result.shape[1:]), dtype=np.float32)
            values[batch] = result.numpy()
            bar.update(len(batch))
    return values


def load_classifier(folder: str | Path) -> TripleClassifier:
    """Load a fine-tuned classifier onto the best available device.

    :param folder: a folder written by :func:`pykeen_negater.fine_tuning.trainer.fine_tune`
    :return: the classifier
    :raises FileNotFoundError: if there is no such folder
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"found no folder {folder}, expected a fine-tuned model. Run: negater fine-tune")
    from pykeen.utils import resolve_device

    with loading(folder):
        model = TripleClassifier.from_pretrained(folder)
    nn.Module.to(model, resolve_device())
    return model


def load_with_tokenizer(folder: str | Path, texts: Texts) -> tuple[TripleClassifier, TripleTokenizer]:
    """Load a fine-tuned classifier onto the best available device, and its tokenizer.

    :param folder: a folder written by :func:`pykeen_negater.fine_tuning.trainer.fine_tune`
    :param texts: the texts of entities and relations
    :return: a pair (the classifier, its tokenizer)
    :raises FileNotFoundError: if there is no such folder
    """
    model = load_classifier(folder)
    with loading(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return model, TripleTokenizer(tokenizer, texts, model.config.max_triple_length)
