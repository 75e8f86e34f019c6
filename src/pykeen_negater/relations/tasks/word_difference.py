"""The baseline, which encodes a pair of words as the difference of their vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pykeen.utils import resolve_device
from torch import nn
from transformers import AutoModel, AutoTokenizer

from ...texts.labels import well_formed
from ...texts.language_models import identify_language_model, loading, require_language_model
from ..templates import check_pair

__all__ = [
    "WordDifferenceEncoder",
]

#: The number of words encoded at once
BATCH_SIZE = 128


class WordDifferenceEncoder:
    """Encodes a pair as the vector of its tail minus that of its head, as is usual for analogies [mikolov2013]_.

    The language model reads each word alone. The word's vector is the mean of its tokens' last hidden states, without
    those of special tokens, which hardly differ between words; a word without tokens gets a zero vector.

    .. [mikolov2013] Mikolov, Yih and Zweig (2013) Linguistic Regularities in Continuous Space Word Representations.
       NAACL.
    """

    def __init__(self, model: str | None = None, *, max_length: int = 64) -> None:
        """Load a language model.

        :param model: a folder or a name on the Hugging Face hub; by default the embedded MiniLM
        :param max_length: > 2, the most tokens of a word that are read, special ones included
        :raises FileNotFoundError: if no model is given and the default is not available
        """
        self.model = require_language_model(model)
        self.max_length = max_length
        with loading(self.model):
            self.tokenizer = AutoTokenizer.from_pretrained(self.model, trust_remote_code=False)
            self.language_model = AutoModel.from_pretrained(self.model, trust_remote_code=False)
        nn.Module.to(self.language_model, resolve_device()).eval()

    def identify(self) -> dict[str, Any]:
        """Describe everything that the vectors depend on apart from the words.

        :return: a JSON-native description
        """
        return {"model": identify_language_model(self.model), "max_length": self.max_length}

    def get_embedding(self, pairs: Sequence[str] | Sequence[Sequence[str]]) -> np.ndarray:
        """Encode one pair or several pairs.

        :param pairs: head and tail, or n of these
        :return: shape: (dim,) for one pair, (n, dim) for several, dtype: float32
        :raises ValueError: if something is not a pair
        """
        if len(pairs) == 2 and all(isinstance(word, str) for word in pairs):
            return self.get_embedding([pairs])[0]  # type: ignore[list-item]
        checked = [check_pair(pair) for pair in pairs]
        rows = {word: row for row, word in enumerate(dict.fromkeys(word for pair in checked for word in pair))}
        vectors = self._encode_words(list(rows))
        heads, tails = ([rows[pair[side]] for pair in checked] for side in (0, 1))
        return vectors[tails] - vectors[heads]

    @torch.inference_mode()
    def _encode_words(self, words: list[str]) -> np.ndarray:
        sequences = self.tokenizer(
            list(map(well_formed, words)),
            truncation=True,
            max_length=self.max_length,
            return_special_tokens_mask=True,
            padding=False,
        )
        order = sorted(range(len(words)), key=lambda row: -len(sequences["input_ids"][row]))
        vectors = np.empty((len(words), self.language_model.config.hidden_size), dtype=np.float32)
        for start in range(0, len(words), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            batch = self.tokenizer.pad(
                {name: [values[row] for row in rows] for name, values in sequences.items()}, return_tensors="pt"
            ).to(self.language_model.device)
            own = (batch.pop("special_tokens_mask") == 0).float()
            hidden = self.language_model(**batch).last_hidden_state.float()
            total = torch.einsum("bld,bl->bd", hidden, own)
            vectors[rows] = (total / own.sum(dim=1, keepdim=True).clamp(min=1)).cpu().numpy()
        return vectors
