"""Fine-tuning a language model to tell true triples from corrupted ones, as NegatER does [safavi2021]_."""

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, EvalPrediction, PreTrainedTokenizerBase, Trainer, TrainingArguments

from .classifier import Pooling, TripleClassifier, score_triples
from .corruptions import corrupt_at_random
from .graphs import Graph
from .indexing import RELATION, SIDES, check_corruption_scheme
from .texts import Texts
from .thresholds import Thresholds
from .tokenization import TripleTokenizer

__all__ = [
    "FineTuningResult",
    "FineTuningSettings",
    "LabelledTriples",
    "fine_tune",
    "validation_examples",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FineTuningSettings:
    """What a fine-tuned model depends on, apart from the language model, graph and texts."""

    #: How the vectors of a sequence's tokens become one: ``cls``, ``mean`` or ``max``
    pooling: Pooling = "mean"

    #: >= 8, the most tokens of a triple
    max_length: int = 32

    #: >= 1, how often the training triples are passed; the epoch with the best validation accuracy is kept
    epochs: int = 2

    #: >= 1, the number of examples in a batch
    batch_size: int = 32

    #: > 0, the highest learning rate of AdamW
    learning_rate: float = 1e-4

    #: >= 0, the weight decay, which biases and layer norms are exempt from
    weight_decay: float = 0.01

    #: in [0, 1], the share of the steps in which the learning rate rises; it then falls linearly to zero
    warmup: float = 0.1

    #: >= 0, how many corruptions of each side (``head``, ``relation``, ``tail``) a triple gets, new ones in each epoch
    corruptions: Mapping[str, int] = field(default_factory=lambda: {"head": 1, "tail": 1})

    #: in [0, 1], the share of the corruptions whose replacement was seen in the same slot of the relation
    in_slot_share: float = 0.5

    #: > 0, the most training triples that are learned from, drawn at random; None for all
    max_training_triples: int | None = 2_000

    #: in (0, 1), the share of the training triples held out to validate with, where no validation triples are given
    validation_share: float = 0.1

    #: The seed of everything random
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        :raises ValueError: if one is out of range
        """
        counts = {check_corruption_scheme([side])[0]: count for side, count in self.corruptions.items()}
        object.__setattr__(self, "corruptions", counts)
        if sum(self.corruptions.values()) < 1 or min(self.corruptions.values()) < 0:
            raise ValueError(f"found corruptions={dict(self.corruptions)}, expected at least one corruption in all.")
        for name in ("epochs", "batch_size", "max_training_triples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"found {name}={value}, expected at least 1.")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"found validation_share={self.validation_share}, expected a share between 0 and 1.")

    def num_examples(self, num_triples: int) -> int:
        """Count the examples of a training run.

        :param num_triples: the number of training triples there are
        :return: the number of examples over all epochs, true and false
        """
        used = min(num_triples, self.max_training_triples or num_triples)
        return used * (1 + sum(self.corruptions.values())) * self.epochs


@dataclass(frozen=True, eq=False)
class LabelledTriples:
    """True and false triples."""

    #: shape: (n, 3)
    triples: np.ndarray

    #: Whether each is true; shape: (n,), dtype: bool
    labels: np.ndarray

    @classmethod
    def combine(cls, positives: np.ndarray, negatives: np.ndarray) -> "LabelledTriples":
        """Put true and false triples together.

        :param positives: shape: (n, 3)
        :param negatives: shape: (m, 3)
        :return: n + m labelled triples
        """
        return cls(np.concatenate([positives, negatives]), np.arange(len(positives) + len(negatives)) < len(positives))


@dataclass(frozen=True)
class FineTuningResult:
    """How fine-tuning went."""

    #: The share of the validation triples that the kept epoch classifies right, in [0, 1]
    accuracy: float

    #: The same share if each relation's more frequent class were predicted
    majority_accuracy: float

    #: The number of training triples learned from
    num_training_triples: int

    #: The number of validation triples, true and false
    num_validation_triples: int


class _Examples(torch.utils.data.Dataset):
    """Training triples and their corruptions, which are new in every epoch."""

    def __init__(
        self, graph: Graph, positives: np.ndarray, tokenizer: TripleTokenizer, settings: FineTuningSettings
    ) -> None:
        """Draw the corruptions of the first epoch."""
        self.graph, self.positives, self.tokenizer, self.settings = graph, positives, tokenizer, settings
        self.epoch = -1
        self.set_epoch(0)
        self.size = len(self.examples.triples)

    def set_epoch(self, epoch: int) -> None:
        """Draw the corruptions of an epoch; called by the data loader of the Trainer."""
        if epoch == self.epoch:
            return
        self.epoch = epoch
        generator = np.random.default_rng([self.settings.seed, epoch])
        negatives = _corruptions(self.graph, self.positives, self.settings, generator)
        self.examples = LabelledTriples.combine(self.positives, negatives)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, item: int) -> dict[str, Any]:
        if item >= len(self):
            raise IndexError(item)  # which ends an iteration over the examples
        # the number of corruptions can differ a little between epochs, the number of examples must not
        row = item % len(self.examples.triples)
        return {
            "input_ids": self.tokenizer.encode(self.examples.triples[row]),
            "labels": float(self.examples.labels[row]),
        }


def _corruptions(
    graph: Graph, positives: np.ndarray, settings: FineTuningSettings, generator: np.random.Generator
) -> np.ndarray:
    return np.concatenate(
        [
            corrupt_at_random(graph, positives, SIDES[side], settings.in_slot_share, generator)
            for side, count in settings.corruptions.items()
            for _ in range(count)
        ]
    )


def split_training(graph: Graph, settings: FineTuningSettings, hold_out: bool) -> tuple[np.ndarray, np.ndarray]:
    """Choose the triples to learn from, and those to validate with.

    :param graph: the graph
    :param settings: how many, and the seed
    :param hold_out: whether to hold out triples to validate with
    :return: a pair of disjoint sets of triples of shapes (n, 3) and (m, 3)
    :raises ValueError: if triples are to be held out of a graph with a single one
    """
    shuffled = np.random.default_rng(settings.seed).permutation(len(graph))[: settings.max_training_triples]
    held_out = max(1, round(settings.validation_share * len(shuffled))) if hold_out else 0
    if held_out == len(shuffled):
        raise ValueError("found one training triple, expected at least two, one of which is held out to validate with.")
    return graph.triples[np.sort(shuffled[held_out:])], graph.triples[np.sort(shuffled[:held_out])]


def validation_examples(graph: Graph, positives: np.ndarray, settings: FineTuningSettings) -> LabelledTriples:
    """Make labelled validation triples for a graph that has only true ones.

    :param graph: the graph
    :param positives: shape: (n, 3), true triples
    :param settings: the sides to corrupt, and the seed
    :return: the true triples, and for each a corruption of every side that is also corrupted for training, in its slot
        if possible, so that the thresholds are chosen where they are used
    """
    generator = np.random.default_rng([settings.seed, 2**31])
    sides = [SIDES[side] for side, count in settings.corruptions.items() if count]
    negatives = [corrupt_at_random(graph, positives, side, 1.0, generator) for side in sides]
    return LabelledTriples.combine(positives, np.concatenate(negatives))


def fine_tune(
    language_model: str,
    graph: Graph,
    texts: Texts,
    settings: FineTuningSettings,
    output: Path,
    validation: np.ndarray | None = None,
    validation_negatives: np.ndarray | None = None,
) -> FineTuningResult:
    """Fine-tune a language model on a graph, and choose its thresholds.

    :param language_model: a folder, or a name on the Hugging Face hub
    :param graph: the graph
    :param texts: its texts
    :param settings: how to train
    :param output: the folder to write model, tokenizer and thresholds to
    :param validation: shape: (n, 3), true triples to validate with. If None, some training triples are held out.
    :param validation_negatives: shape: (n, 3), false triples to validate with. If None, corruptions of the true ones.
    :return: how it went
    :raises ValueError: if there are too few triples, or training diverges
    """
    training, held_out = split_training(graph, settings, hold_out=validation is None)
    positives = held_out if validation is None else validation
    if validation_negatives is None:
        examples = validation_examples(graph, positives, settings)
    else:
        examples = LabelledTriples.combine(positives, validation_negatives)
    hf_tokenizer = AutoTokenizer.from_pretrained(language_model)
    tokenizer = TripleTokenizer(hf_tokenizer, texts, settings.max_length)
    torch.manual_seed(settings.seed)  # for the new head
    model = TripleClassifier.from_language_model(language_model, settings.pooling, settings.max_length)
    _train(model, hf_tokenizer, tokenizer, _Examples(graph, training, tokenizer, settings), examples, settings)
    scores = score_triples(model, tokenizer, examples.triples)
    relations = examples.triples[:, RELATION]
    thresholds = Thresholds.fit(scores, examples.labels, relations, graph.num_relations)
    model.save_pretrained(output)
    hf_tokenizer.save_pretrained(output)
    thresholds.save(output)
    # without any scores, the best thresholds predict the more frequent class
    constant = np.zeros(len(scores))
    majority = Thresholds.fit(constant, examples.labels, relations, graph.num_relations)
    return FineTuningResult(
        accuracy=thresholds.accuracy(scores, examples.labels, relations),
        majority_accuracy=majority.accuracy(constant, examples.labels, relations),
        num_training_triples=len(training),
        num_validation_triples=len(examples.triples),
    )


def _train(
    model: TripleClassifier,
    hf_tokenizer: PreTrainedTokenizerBase,
    tokenizer: TripleTokenizer,
    examples: _Examples,
    validation: LabelledTriples,
    settings: FineTuningSettings,
) -> None:
    relations = validation.triples[:, RELATION]

    def collate(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad a batch to its longest sequence."""
        inputs = tokenizer.pad([example["input_ids"] for example in batch])
        return {**inputs, "labels": torch.tensor([example["labels"] for example in batch])}

    def accuracy(prediction: EvalPrediction) -> dict[str, float]:
        """Choose thresholds for an epoch, and see how many triples they classify right."""
        scores = np.asarray(prediction.predictions)
        thresholds = Thresholds.fit(scores, validation.labels, relations, examples.graph.num_relations)
        return {"accuracy": thresholds.accuracy(scores, validation.labels, relations)}

    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=scratch,
                num_train_epochs=settings.epochs,
                per_device_train_batch_size=settings.batch_size,
                per_device_eval_batch_size=128,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                warmup_steps=settings.warmup,
                lr_scheduler_type="linear",
                train_sampling_strategy="group_by_length",
                eval_strategy="epoch",
                save_strategy="epoch",
                save_total_limit=1,
                save_only_model=True,
                load_best_model_at_end=True,
                metric_for_best_model="accuracy",
                logging_strategy="no",
                report_to=[],
                remove_unused_columns=False,
                dataloader_pin_memory=False,
                seed=settings.seed,
            ),
            train_dataset=examples,
            eval_dataset=[
                {"input_ids": tokenizer.encode(triple), "labels": float(label)}
                for triple, label in zip(validation.triples, validation.labels, strict=True)
            ],
            data_collator=collate,
            processing_class=hf_tokenizer,
            compute_metrics=accuracy,
        )
        trainer.train()
