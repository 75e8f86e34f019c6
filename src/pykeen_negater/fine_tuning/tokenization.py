"""Triples as token ids: ``[CLS] head [SEP] relation [SEP] tail [SEP]``."""

import numpy as np
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..texts.loading import Texts

__all__ = [
    "TripleTokenizer",
]


class TripleTokenizer:
    """Encodes triples from parts that are tokenized only once.

    Where a triple is too long, the longer of head and tail is shortened token by token, as in NegatER [safavi2021]_.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Texts, max_length: int = 32) -> None:
        """Tokenize all entities and relations.

        :param tokenizer: the language model's tokenizer, which needs a start, a separator and a padding token
        :param texts: the texts of entities and relations
        :param max_length: >= 8, the most tokens of a triple, special ones included
        :raises ValueError: if max_length is too small, or the tokenizer has no start, separator or padding token
        """
        if max_length < 8:
            raise ValueError(f"found max_length={max_length}, expected at least 8 tokens for a triple.")
        start, separator = tokenizer.cls_token_id, tokenizer.sep_token_id
        if None in (start, separator, tokenizer.pad_token_id):
            raise ValueError(
                f"{type(tokenizer).__name__} has no start, separator or padding token, expected an encoder's tokenizer "
                f"such as BERT's or RoBERTa's."
            )
        self.max_length = max_length
        self.start, self.separator, self._tokenizer = start, separator, tokenizer
        room = max_length - 4
        self._entities = _tokenize(tokenizer, texts.entities, room)
        # head and tail need at least one token each
        self._relations = _tokenize(tokenizer, texts.relations, room - 2)
        self._entity_lengths = np.fromiter(map(len, self._entities), dtype=np.int64, count=len(self._entities))
        self._relation_lengths = np.fromiter(map(len, self._relations), dtype=np.int64, count=len(self._relations))

    def lengths(self, triples: np.ndarray) -> np.ndarray:
        """Count the tokens of triples.

        :param triples: shape: (n, 3)
        :return: shape: (n,)
        """
        parts = self._entity_lengths[triples[:, 0]] + self._entity_lengths[triples[:, 2]]
        return np.minimum(parts + self._relation_lengths[triples[:, 1]] + 4, self.max_length)

    def encode(self, triple: np.ndarray) -> list[int]:
        """Encode one triple.

        :param triple: shape: (3,)
        :return: at most max_length token ids
        """
        head, relation, tail = (
            self._entities[triple[0]],
            self._relations[triple[1]],
            self._entities[triple[2]],
        )
        room = self.max_length - 4 - len(relation)
        if len(head) + len(tail) > room:
            # shortening the longer one until both fit keeps the shorter one whole, or splits the room in half
            keep_head = max(room - len(tail), min(len(head), (room + 1) // 2))
            head, tail = head[:keep_head], tail[: room - keep_head]
        return [self.start, *head, self.separator, *relation, self.separator, *tail, self.separator]

    def pad(self, sequences: list[list[int]]) -> dict[str, Tensor]:
        """Pad sequences to a batch as long as the longest of them.

        :param sequences: token ids
        :return: ``input_ids`` and ``attention_mask``, each of shape (batch_size, length)
        """
        return dict(
            self._tokenizer.pad(
                {"input_ids": sequences}, padding_side="right", return_attention_mask=True, return_tensors="pt"
            )
        )


def _tokenize(tokenizer: PreTrainedTokenizerBase, texts: tuple[str, ...], max_length: int) -> list[list[int]]:
    encoded = tokenizer(list(texts), add_special_tokens=False, truncation=True, max_length=max_length)
    unknown = [tokenizer.unk_token_id if tokenizer.unk_token_id is not None else tokenizer.sep_token_id]
    return [ids or unknown for ids in encoded["input_ids"]]
