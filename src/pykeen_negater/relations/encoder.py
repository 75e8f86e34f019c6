"""Encodes pairs of words as vectors of their relation."""

import bisect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from pykeen.utils import resolve_device
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import AutoModel, AutoTokenizer

from ..runtime.batch_halving import OOMBatchHalver
from ..runtime.random_state import pinned_defaults
from ..storage.cache import Cache, fingerprint
from ..texts.labels import well_formed
from ..texts.language_models import identify_language_model, loading, require_language_model
from ..utils.spelling import check_choice
from .templates import DEFAULT_TEMPLATE, check_pair, fill_template, find_template

__all__ = [
    "Aggregation",
    "RelationEncoder",
]

#: Which tokens' hidden states are added up: all, all but the mask, or the mask alone
Aggregation = Literal["average", "average_no_mask", "mask"]

#: The number of pairs encoded at once, unless another is asked for
BATCH_SIZE = 64


class RelationEncoder:
    """Encodes the relation of two words, with a language model that reads them in a sentence: RelBERT [ushio2021]_.

    The vector is the sum of the hidden states of the sentence's tokens, start and end included. Pairs whose vectors
    have a high cosine are related in a similar way. RelBERT's checkpoints are loaded with the template and the
    aggregation that they were trained with, and :func:`pykeen_negater.relations.training.loop.train_relation_encoder`
    makes new ones.

    >>> encoder = RelationEncoder()
    >>> encoder.get_embedding(["Tokyo", "Japan"]).shape
    (384,)
    >>> encoder.get_embedding([["Tokyo", "Japan"], ["Paris", "France"]]).shape
    (2, 384)
    """

    @pinned_defaults()
    def __init__(
        self,
        model: str | Path | None = None,
        *,
        template: str | None = None,
        aggregation: Aggregation | None = None,
        normalized: bool | None = None,
        max_length: int = 64,
        batch_size: int = BATCH_SIZE,
        cache: Cache | None = None,
    ) -> None:
        """Load a language model, trained for relations or not.

        :param model: a folder or a name on the Hugging Face hub, e.g. ``relbert/relbert-bert-base-nce-semeval2012``; by
            default the embedded MiniLM, which is not trained for relations
        :param template: a letter from ``a`` to ``e``, or a text with ``<subj>``, ``<obj>`` and ``<mask>``. If None,
            what the model was trained with, else ``d``.
        :param aggregation: which tokens' hidden states are added up. If None, what the model was trained with, else
            ``average_no_mask``.
        :param normalized: whether sums are divided by their number of tokens, which RelBERT does not do, despite the
            names of its aggregations. If None, what the model was trained with, else False.
        :param max_length: the most tokens of a sentence, special ones included. In a longer sentence, the longer word
            is cut off.
        :param batch_size: >= 1, the number of pairs encoded at once, which changes the last digits of vectors
        :param cache: the cache for the vectors of lists of pairs. If None, they are not cached.
        :raises FileNotFoundError: if no model is given and the default is not available
        :raises ValueError: if there is no such template or aggregation, the language model has no mask token, or the
            template leaves no room for words, or the batch size is below 1
        """
        name = require_language_model(None if model is None else str(model))
        self.model = name
        with loading(name):
            self.tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
            self.language_model = AutoModel.from_pretrained(name, trust_remote_code=False)
        nn.Module.to(self.language_model, resolve_device()).eval()
        trained_with = getattr(self.language_model.config, "relbert_config", None)
        #: Whether the language model was trained for relations
        self.is_trained = trained_with is not None
        trained_with = trained_with or {}
        self.template = find_template(template or trained_with.get("template", DEFAULT_TEMPLATE))
        self.aggregation = aggregation or trained_with.get("aggregation_mode", "average_no_mask")
        self.normalized = trained_with.get("normalized", False) if normalized is None else normalized
        self.max_length, self.batch_size, self.cache = max_length, batch_size, cache
        if batch_size < 1:
            raise ValueError(f"found batch_size={batch_size}, expected at least 1.")
        #: Halves batches for lack of memory, and counts them
        self.halver = OOMBatchHalver("pairs")
        check_choice("aggregation", self.aggregation, get_args(Aggregation))
        if self.tokenizer.mask_token is None:
            raise ValueError(f"{name} has no mask token, expected an encoder such as BERT or RoBERTa.")
        longest = self.tokenizer.model_max_length
        if max_length > longest:
            raise ValueError(f"found max_length={max_length}, expected at most {longest}: no more are read by {name}.")
        shortest = len(self._encode([("a", "a")])[0])
        if shortest > max_length:
            raise ValueError(
                f"found max_length={max_length}, expected at least the {shortest} tokens of the template with the "
                f"shortest words: {self.template}"
            )

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        return self.language_model.config.hidden_size

    def identify(self) -> dict[str, Any]:
        """Describe everything that the vectors depend on apart from the words.

        :return: a JSON-native description
        """
        description = {
            "model": identify_language_model(self.model),
            "template": self.template,
            "aggregation": self.aggregation,
            "normalized": self.normalized,
            "max_length": self.max_length,
        }
        # named only if it differs, since descriptions identify what was computed before it could be chosen
        return description if self.batch_size == BATCH_SIZE else {**description, "batch_size": self.batch_size}

    @pinned_defaults()
    def get_embedding(self, pairs: Sequence[str] | Sequence[Sequence[str]], progress: str | None = None) -> np.ndarray:
        """Encode one pair or several pairs.

        Each distinct pair is encoded once, in batches of similar length.

        :param pairs: head and tail, or n of these
        :param progress: the label of the progress bar; None for no bar
        :return: shape: (dim,) for one pair, (n, dim) for several, dtype: float32
        :raises ValueError: if something is not a pair
        """
        if len(pairs) == 2 and all(isinstance(word, str) for word in pairs):
            return self._compute([check_pair(pairs)], None)[0]  # type: ignore[arg-type]
        checked = [check_pair(pair) for pair in pairs]
        if self.cache is None:
            return self._compute(checked, progress)

        def build(folder: Path) -> None:
            """Fill a folder of the cache with the vectors."""
            np.save(folder / "vectors.npy", self._compute(checked, progress), allow_pickle=False)

        key = fingerprint({"encoder": self.identify(), "pairs": checked})
        return self.cache.read_or_build(
            "relations", key, build, lambda folder: np.load(folder / "vectors.npy", allow_pickle=False)
        )[0]

    def _compute(self, pairs: list[tuple[str, str]], progress: str | None) -> np.ndarray:
        unique = {pair: row for row, pair in enumerate(dict.fromkeys(pairs))}
        sequences = self.tokenize(list(unique))
        order = sorted(range(len(sequences)), key=lambda row: -len(sequences[row]))
        vectors = np.empty((len(sequences), self.dim), dtype=np.float32)
        with (
            torch.inference_mode(),
            tqdm(total=len(order), desc=progress, unit="pair", unit_scale=True, disable=progress is None) as bar,
        ):
            for start in range(0, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                inputs = self.pad([sequences[row] for row in rows])
                vectors[rows] = self.halver.compute(self.embed, inputs).numpy()
                bar.update(len(rows))
        return vectors[[unique[pair] for pair in pairs]]

    def tokenize(self, pairs: Sequence[tuple[str, str]]) -> list[list[int]]:
        """Turn pairs into sentences, and these into tokens.

        :param pairs: heads and tails
        :return: the token ids of each pair, at most max_length, special ones included
        """
        pairs = [(well_formed(head), well_formed(tail)) for head, tail in pairs]
        sequences = self._encode(pairs)
        for row, sequence in enumerate(sequences):
            if len(sequence) > self.max_length:
                sequences[row] = self._encode_shortened(pairs[row])
        return sequences

    def _encode(self, pairs: Sequence[tuple[str, str]]) -> list[list[int]]:
        mask = self.tokenizer.mask_token
        sentences = [fill_template(self.template, self._plain(head), self._plain(tail), mask) for head, tail in pairs]
        return self.tokenizer(sentences)["input_ids"] if sentences else []

    def _plain(self, word: str) -> str:
        """Strip the brackets of special tokens in a word, so that they are read as plain text."""
        for token in self.tokenizer.all_special_tokens:
            word = word.replace(token, token[1:-1])
        return word

    def _encode_shortened(self, pair: tuple[str, str]) -> list[int]:
        """Keep as many tokens of each word as fit; one of each always fits."""
        ends = [
            [
                end
                for _, end in self.tokenizer(word, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
            ]
            for word in pair
        ]

        def encode(limit: int) -> list[int]:
            """Encode the pair with at most this many tokens of each word."""
            cut = [word[: stops[:limit][-1]] for word, stops in zip(pair, ends, strict=True)]
            return self._encode([(cut[0], cut[1])])[0]

        limits = range(1, self.max_length)
        too_many = bisect.bisect_right(limits, self.max_length, key=lambda limit: len(encode(limit)))
        return encode(limits[max(too_many - 1, 0)])[: self.max_length]

    def pad(self, sequences: list[list[int]]) -> dict[str, Tensor]:
        """Pad sequences to a batch as long as the longest of them.

        :param sequences: token ids
        :return: ``input_ids`` and ``attention_mask``, each of shape (batch_size, length), on the model's device
        """
        batch = self.tokenizer.pad({"input_ids": sequences}, return_tensors="pt")
        return {name: batch[name].to(self.language_model.device) for name in ("input_ids", "attention_mask")}

    def embed(self, inputs: dict[str, Tensor]) -> Tensor:
        """Compute the vectors of a batch, with gradients.

        :param inputs: the result of :meth:`pad`
        :return: shape: (batch_size, dim)
        """
        return self.aggregate(self.language_model(**inputs).last_hidden_state, **inputs)

    def aggregate(self, hidden: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Add up the hidden states of tokens.

        :param hidden: shape: (batch_size, length, dim)
        :param input_ids: shape: (batch_size, length)
        :param attention_mask: shape: (batch_size, length), 0 for padding
        :return: shape: (batch_size, dim)
        """
        is_mask = input_ids == self.tokenizer.mask_token_id
        match self.aggregation:
            case "average":
                weights = attention_mask
            case "average_no_mask":
                weights = attention_mask * ~is_mask
            case _:
                weights = attention_mask * is_mask
        total = torch.einsum("bld,bl->bd", hidden, weights.to(hidden.dtype))
        return total / weights.sum(dim=1, keepdim=True) if self.normalized else total

    def save(self, folder: str | Path) -> None:
        """Write the model in RelBERT's layout, so that RelBERT's library can load it, too.

        :param folder: the folder to write language model and tokenizer to
        """
        config = {"aggregation_mode": self.aggregation, "template": self.template}
        if self.normalized:
            config["normalized"] = True
        self.language_model.config.relbert_config = config
        self.language_model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
