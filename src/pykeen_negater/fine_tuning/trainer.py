"""Fine-tunes a language model to tell true triples from corrupted ones, as NegatER does [safavi2021]_."""

import logging
import shutil
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from transformers import (
    AutoTokenizer,
    EvalPrediction,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from ..corruption.corruptions import Corruptor, corrupt_at_random
from ..runtime.checkpoints import KEPT, ResumableTrainer, complete_checkpoints, seal_checkpoint, train_resumably
from ..runtime.progress import Step
from ..storage.checksummed_folders import CHECKSUMS
from ..texts.language_models import EPOCH, loading
from ..texts.loading import Texts
from ..texts.readings import find_readings
from ..triples.graphs import Graph
from ..triples.indexing import RELATION, SIDES
from ..triples.labelled import LabelledTriples
from .classifier import TripleClassifier, score_triples
from .predictions import classification_metrics
from .settings import FineTuningSettings
from .thresholds import Thresholds
from .tokenization import TripleTokenizer

__all__ = [
    "FineTuningResult",
    "fine_tune",
    "split_training",
    "validation_examples",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FineTuningResult:
    """The result of fine-tuning: metrics, and the numbers of triples."""

    #: The metrics of the kept epoch on the validation triples, see
    #: :func:`pykeen_negater.fine_tuning.predictions.classification_metrics`
    metrics: dict[str, float]

    #: The number of training triples that were used
    num_training_triples: int

    #: The number of validation triples, true and false
    num_validation_triples: int


class _Trainer(ResumableTrainer):
    """Groups examples by length for training only, so that predictions are in the order of the validation triples."""

    # docstr-coverage: inherited
    def _get_eval_sampler(self, eval_dataset: Any) -> torch.utils.data.Sampler:
        return torch.utils.data.SequentialSampler(eval_dataset)


class _Examples(torch.utils.data.Dataset):
    """Training triples and their corruptions, which are drawn anew in every epoch."""

    def __init__(
        self,
        corruptor: Corruptor,
        positives: np.ndarray,
        tokenizer: TripleTokenizer,
        settings: FineTuningSettings,
        num_others: int,
    ) -> None:
        """Draw the corruptions of the first epoch.

        :param corruptor: the corruptor that draws them
        :param positives: shape: (n, 3), the true triples
        :param tokenizer: a tokenizer of the entities of the graph, other entities, and the phrases of the corruptor, in
            this order
        :param settings: the sides to corrupt, and the seed
        :param num_others: the number of other entities
        """
        self.corruptor, self.positives, self.tokenizer, self.settings = corruptor, positives, tokenizer, settings
        self.num_others = num_others
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
        is_new = negatives >= [self.corruptor.graph.num_entities, np.inf, self.corruptor.graph.num_entities]
        negatives = negatives + is_new * self.num_others
        self.examples = LabelledTriples.combine(self.positives, negatives)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, item: int) -> dict[str, Any]:
        if item >= len(self):
            raise IndexError(item)  # ends an iteration over the examples
        # the number of corruptions may differ a little between epochs, but not the number of examples
        row = item % len(self.examples.triples)
        return {
            "input_ids": self.tokenizer.encode(self.examples.triples[row]),
            "labels": float(self.examples.labels[row]),
        }


def split_training(graph: Graph, settings: FineTuningSettings, hold_out: bool) -> tuple[np.ndarray, np.ndarray]:
    """Choose the triples for training, and those for validation.

    :param graph: the graph
    :param settings: the numbers of triples, and the seed
    :param hold_out: whether to hold out triples for validation
    :return: a pair (training triples, validation triples) of shapes (n, 3) and (m, 3), which are disjoint
    :raises ValueError: if triples are to be held out of a graph with a single one
    """
    shuffled = np.random.default_rng(settings.seed).permutation(len(graph))[: settings.max_training_triples]
    held_out = max(1, round(settings.validation_share * len(shuffled))) if hold_out else 0
    if held_out == len(shuffled):
        raise ValueError("found one training triple, expected at least two, one of which is held out to validate with.")
    return graph.triples[np.sort(shuffled[held_out:])], graph.triples[np.sort(shuffled[:held_out])]


def validation_examples(
    graph: Graph,
    settings: FineTuningSettings,
    validation: np.ndarray | None = None,
    validation_negatives: np.ndarray | None = None,
    texts: Texts | None = None,
) -> LabelledTriples:
    """Choose the triples for validation.

    :param graph: the graph
    :param settings: the triples that are held out, the sides to corrupt, and the seed
    :param validation: shape: (n, 3), true triples. If None, those that :func:`split_training` holds out.
    :param validation_negatives: shape: (m, 3), false triples. If None, each true one gets a corruption of every side
        that is also corrupted for training, within its slot if possible, so that thresholds are chosen on triples like
        those they are used for.
    :param texts: the texts of all entities, so that no corruption reads like a known triple; if None, all names differ
    :return: labelled triples
    :raises ValueError: if triples are to be held out of a graph with a single one
    """
    positives = split_training(graph, settings, hold_out=True)[1] if validation is None else validation
    if validation_negatives is not None:
        return LabelledTriples.combine(positives, validation_negatives)
    generator = np.random.default_rng([settings.seed, 2**31])
    sides = [SIDES[side] for side in settings.corruptions]
    readings = find_readings(graph, texts)
    negatives = [corrupt_at_random(graph, positives, side, 1.0, generator, readings) for side in sides]
    return LabelledTriples.combine(positives, np.concatenate(negatives))


def fine_tune(
    language_model: str,
    graph: Graph,
    texts: Texts,
    settings: FineTuningSettings,
    output: Path,
    validation: np.ndarray | None = None,
    validation_negatives: np.ndarray | None = None,
    *,
    checkpoints: Path | None = None,
    keep_epochs: bool = False,
) -> FineTuningResult:
    """Fine-tune a language model on a graph, and choose its thresholds.

    :param language_model: a folder, or a name on the Hugging Face hub
    :param graph: the graph
    :param texts: its texts, and those of further entities in validation triples
    :param settings: the settings of fine-tuning
    :param output: the folder to write model, tokenizer and thresholds to
    :param validation: shape: (n, 3), true triples to validate with. If None, some training triples are held out.
    :param validation_negatives: shape: (m, 3), false triples to validate with. If None, corruptions of the true ones.
    :param checkpoints: a folder for this run alone, to which training is saved after each epoch and from which it goes
        on after an interruption; it can be removed once the output is safe
    :param keep_epochs: whether to keep the model of each epoch, with its thresholds, in subfolders ``epoch-1``, …
    :return: the metrics, and the numbers of triples
    :raises ValueError: if there are too few triples, the source of the negatives does not fit the graph, or training
        diverges
    :raises pykeen_negater.storage.disk_space.FullDiskError: if there is no room for a checkpoint
    """
    training, _ = split_training(graph, settings, hold_out=validation is None)
    examples = validation_examples(graph, settings, validation, validation_negatives, texts)
    generator = np.random.default_rng([settings.seed, 2**31 + 1])
    texts_of_graph = replace(texts, entities=texts.entities[: graph.num_entities])
    corruptor = settings.make_source().prepare(graph, texts_of_graph, settings.epochs, generator)
    with loading(language_model):
        hf_tokenizer = AutoTokenizer.from_pretrained(language_model, trust_remote_code=False)
    num_others = len(texts.entities) - graph.num_entities
    texts = replace(texts, entities=texts.entities + corruptor.extra_texts)
    tokenizer = TripleTokenizer(hf_tokenizer, texts, settings.max_length)
    with tempfile.TemporaryDirectory() if checkpoints is None else nullcontext(checkpoints) as folder:

        def make_trainer() -> Trainer:
            """Make a trainer of a new model."""
            torch.manual_seed(settings.seed)  # for the new head
            return _make_trainer(
                TripleClassifier.from_language_model(language_model, settings.pooling, settings.max_length),
                hf_tokenizer,
                tokenizer,
                _Examples(corruptor, training, tokenizer, settings, num_others),
                examples,
                settings,
                Path(folder),
                keep_epochs,
            )

        trainer = train_resumably(make_trainer, Path(folder), Step.FINE_TUNE, keep_epochs)
        if keep_epochs:
            for epoch, path in enumerate(complete_checkpoints(Path(folder)), start=1):
                _copy_model(path, output / f"{EPOCH}{epoch}")
    model = cast(TripleClassifier, trainer.model)  # of the best epoch
    scores = score_triples(model, tokenizer, examples.triples)
    relations = examples.triples[:, RELATION]
    thresholds = Thresholds.fit(scores, examples.labels, relations, graph.num_relations, settings.per_relation)
    model.save_pretrained(output)
    hf_tokenizer.save_pretrained(output)
    thresholds.save(output, graph.relation_names)
    return FineTuningResult(
        metrics=classification_metrics(scores, examples.labels, relations, thresholds),
        num_training_triples=len(training),
        num_validation_triples=len(examples.triples),
    )


def _copy_model(checkpoint: Path, output: Path) -> None:
    """Copy a checkpoint without the files that only training needs."""
    needless = ("optimizer*", "scheduler*", "rng_state*", "scaler*", "trainer_state.json", "training_args.bin")
    shutil.copytree(checkpoint, output, ignore=shutil.ignore_patterns(*needless, CHECKSUMS))


class _ThresholdsInCheckpoints(TrainerCallback):
    """Saves the thresholds of each epoch beside its model, which completes the checkpoint."""

    def __init__(self, relation_labels: tuple[str, ...] | None) -> None:
        """Start without thresholds."""
        self.relation_labels = relation_labels
        self.thresholds: Thresholds | None = None

    # docstr-coverage: inherited
    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.thresholds is not None:
            checkpoint = Path(args.output_dir or "") / f"checkpoint-{state.global_step}"
            self.thresholds.save(checkpoint, self.relation_labels)
            seal_checkpoint(checkpoint)


def _make_trainer(
    model: TripleClassifier,
    hf_tokenizer: PreTrainedTokenizerBase,
    tokenizer: TripleTokenizer,
    examples: _Examples,
    validation: LabelledTriples,
    settings: FineTuningSettings,
    checkpoints: Path,
    keep_epochs: bool,
) -> Trainer:
    """Make a trainer that keeps the model of the best epoch."""
    callback = _ThresholdsInCheckpoints(examples.corruptor.graph.relation_names)
    relations = validation.triples[:, RELATION]

    def collate(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad a batch to its longest sequence."""
        inputs = tokenizer.pad([example["input_ids"] for example in batch])
        return {**inputs, "labels": torch.tensor([example["labels"] for example in batch])}

    def accuracy(prediction: EvalPrediction) -> dict[str, float]:
        """Choose thresholds for an epoch, and compute their accuracy."""
        if not np.array_equal(np.asarray(prediction.label_ids) > 0, validation.labels):
            raise RuntimeError("the Trainer's predictions are not in the order of the validation triples.")
        scores = np.asarray(prediction.predictions)
        callback.thresholds = Thresholds.fit(
            scores, validation.labels, relations, examples.corruptor.graph.num_relations, settings.per_relation
        )
        return {"accuracy": callback.thresholds.accuracy(scores, validation.labels, relations)}

    trainer = _Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(checkpoints),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            per_device_eval_batch_size=128,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.max_grad_norm or 0.0,
            warmup_steps=settings.warmup,
            lr_scheduler_type="linear",
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=None if keep_epochs else KEPT,
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
        callbacks=[callback],
    )
    return trainer
