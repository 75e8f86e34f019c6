"""Fine-tuning a language model to tell true triples from corrupted ones, as NegatER does [safavi2021]_."""

import logging
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, EvalPrediction, PreTrainedTokenizerBase, Trainer, TrainingArguments

from .classifier import TripleClassifier, score_triples
from .corruptions import Corruptor, corrupt_at_random
from .fine_tuning_settings import FineTuningSettings
from .graphs import Graph
from .indexing import RELATION, SIDES
from .texts import Texts
from .thresholds import Thresholds
from .tokenization import TripleTokenizer

__all__ = [
    "FineTuningResult",
    "LabelledTriples",
    "fine_tune",
    "validation_examples",
]

logger = logging.getLogger(__name__)


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


class _Trainer(Trainer):
    """Groups by length for training only, so that predictions stay in the order of the validation triples."""

    # docstr-coverage: inherited
    def _get_eval_sampler(self, eval_dataset: Any) -> torch.utils.data.Sampler:
        return torch.utils.data.SequentialSampler(eval_dataset)


class _Examples(torch.utils.data.Dataset):
    """Training triples and their corruptions, which are new in every epoch."""

    def __init__(
        self, corruptor: Corruptor, positives: np.ndarray, tokenizer: TripleTokenizer, settings: FineTuningSettings
    ) -> None:
        """Draw the corruptions of the first epoch."""
        self.corruptor, self.positives, self.tokenizer, self.settings = corruptor, positives, tokenizer, settings
        self.epoch = -1
        self.set_epoch(0)
        self.size = len(self.examples.triples)

    def set_epoch(self, epoch: int) -> None:
        """Draw the corruptions of an epoch; called by the data loader of the Trainer."""
        if epoch == self.epoch:
            return
        self.epoch = epoch
        generator = np.random.default_rng([self.settings.seed, epoch])
        negatives = self.corruptor.draw(self.positives, self.settings.corruptions, epoch, generator)
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
    sides = [SIDES[side] for side in settings.corruptions]
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
    :raises ValueError: if there are too few triples, the source of the negatives does not fit the graph, or training
        diverges
    """
    training, held_out = split_training(graph, settings, hold_out=validation is None)
    positives = held_out if validation is None else validation
    if validation_negatives is None:
        examples = validation_examples(graph, positives, settings)
    else:
        examples = LabelledTriples.combine(positives, validation_negatives)
    generator = np.random.default_rng([settings.seed, 2**31 + 1])
    corruptor = settings.make_source().prepare(graph, texts, settings.epochs, generator)
    hf_tokenizer = AutoTokenizer.from_pretrained(language_model)
    texts = replace(texts, entities=texts.entities + corruptor.extra_texts)
    tokenizer = TripleTokenizer(hf_tokenizer, texts, settings.max_length)
    torch.manual_seed(settings.seed)  # for the new head
    model = TripleClassifier.from_language_model(language_model, settings.pooling, settings.max_length)
    _train(model, hf_tokenizer, tokenizer, _Examples(corruptor, training, tokenizer, settings), examples, settings)
    scores = score_triples(model, tokenizer, examples.triples)
    relations = examples.triples[:, RELATION]
    thresholds = Thresholds.fit(scores, examples.labels, relations, graph.num_relations)
    model.save_pretrained(output)
    hf_tokenizer.save_pretrained(output)
    thresholds.save(output, graph.relation_labels)
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
        if not np.array_equal(np.asarray(prediction.label_ids) > 0, validation.labels):
            raise RuntimeError("the Trainer's predictions are not in the order of the validation triples.")
        scores = np.asarray(prediction.predictions)
        thresholds = Thresholds.fit(scores, validation.labels, relations, examples.corruptor.graph.num_relations)
        return {"accuracy": thresholds.accuracy(scores, validation.labels, relations)}

    with tempfile.TemporaryDirectory() as scratch:
        trainer = _Trainer(
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
