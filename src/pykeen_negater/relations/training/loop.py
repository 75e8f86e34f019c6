"""Trains a language model to encode the relation between two words, as RelBERT does [ushio2021]_."""

import json
import logging
import shutil
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import PartialState
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainingArguments

from ...runtime.checkpoints import KEPT, ResumableTrainer, seal_checkpoint, train_resumably
from ...runtime.progress import Step as ProgressStep
from ...runtime.random_state import pinned_defaults
from ...storage.cache import Cache, atomic_folder, fingerprint
from ..encoder import RelationEncoder
from .data import RelationPairs
from .losses import PairClassifier, contrastive_loss, discrimination_loss, triplet_discrimination_loss, triplet_loss
from .settings import RelationTrainingSettings
from .steps import ContrastiveSteps, Step, TrainingSteps, TripletSteps

__all__ = [
    "RelationTrainingResult",
    "train_relation_encoder",
]

logger = logging.getLogger(__name__)

#: The file with the settings of training, which is written last
_CONFIG = "finetuning_config.json"

#: The number of relation types that are validated at once, each with the others' positives as negatives
_VALIDATION_TYPES = 64


@dataclass(frozen=True)
class RelationTrainingResult:
    """The result of training: its losses, and the epoch that was kept."""

    #: The mean training loss of each epoch
    training_losses: list[float]

    #: The validation loss after each epoch; empty if no pairs were held out
    validation_losses: list[float]

    #: The number, from 1, of the epoch that was kept
    kept_epoch: int


class _Arguments(TrainingArguments):
    """Arguments that keep one process from splitting a step between GPUs; each process takes steps of its own."""

    # docstr-coverage: inherited
    @property
    def n_gpu(self) -> int:
        return min(1, super().n_gpu)


class _RelationModel(nn.Module):
    """Encodes the pairs of a step, and computes its loss."""

    def __init__(self, encoder: RelationEncoder, settings: RelationTrainingSettings) -> None:
        """Wrap the language model of an encoder, and initialize the classifier if there is one.

        :param encoder: the encoder
        :param settings: the loss
        """
        super().__init__()
        self.language_model = encoder.language_model
        self.aggregate = encoder.aggregate
        self.settings = settings
        self.classifier = PairClassifier(encoder.dim) if settings.classification_loss else None

    def forward(self, batches: list[dict[str, Tensor]], order: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the loss of a step.

        :param batches: the pairs of the step, as inputs of the language model
        :param order: the position of each pair in the batches; shape: (num_pairs,)
        :param targets: which pairs are positives and negatives of each other, see :mod:`.losses`
        :return: the ``loss``
        """
        hidden = [self.language_model(**inputs).last_hidden_state for inputs in batches]
        with torch.autocast(order.device.type, enabled=False):
            embedded = [
                self.aggregate(states.float(), **inputs) for states, inputs in zip(hidden, batches, strict=True)
            ]
            return {"loss": self._loss(torch.cat(embedded)[order], **targets)}

    def _loss(self, vectors: Tensor, **targets: Tensor) -> Tensor:
        if self.settings.loss == "triplet":
            loss = triplet_loss(vectors, **targets, margin=self.settings.margin)
            if self.classifier is not None:
                loss = loss + triplet_discrimination_loss(self.classifier, vectors, targets["triplets"])
            return loss
        leave_out = self.settings.loss == "iloob"
        loss = contrastive_loss(vectors, **targets, temperature=self.settings.temperature, leave_out=leave_out)
        return loss if self.classifier is None else loss + discrimination_loss(self.classifier, vectors, **targets)


class _Collator:
    """Turns a step into inputs of the language model, in batches of similar length."""

    def __init__(self, encoder: RelationEncoder, steps: TrainingSteps, batch_size: int) -> None:
        """Tokenize all pairs.

        :param encoder: the encoder
        :param steps: the steps whose pairs are tokenized
        :param batch_size: the number of pairs that the language model encodes at once
        """
        self.encoder, self.batch_size = encoder, batch_size
        self.sequences = encoder.tokenize(steps.table.pairs)
        self.lengths = np.array([len(sequence) for sequence in self.sequences])

    def __call__(self, steps: list[Step]) -> dict[str, Any]:
        """Pad the pairs of a step.

        :param steps: a single step
        :return: the parameters of the model
        """
        (step,) = steps
        by_length = np.argsort(-self.lengths[step.pairs], kind="stable")
        rows = step.pairs[by_length]
        starts = range(0, len(rows), self.batch_size)
        batches = [[self.sequences[row] for row in rows[start : start + self.batch_size]] for start in starts]
        return {
            "batches": [self.encoder.pad(batch) for batch in batches],
            "order": torch.from_numpy(np.argsort(by_length)),
            "targets": {name: torch.from_numpy(array) for name, array in step.targets.items()},
        }


class _Trainer(ResumableTrainer):
    """Validates with held-out pairs, and seals its checkpoints."""

    def __init__(self, *args: Any, encoder: RelationEncoder, eval_collator: _Collator | None, **kwargs: Any) -> None:
        """Choose the encoder, and how validation pairs become inputs.

        :param args: those of the Trainer
        :param encoder: the encoder whose model is trained
        :param eval_collator: turns a validation step into inputs
        :param kwargs: those of the Trainer
        """
        super().__init__(*args, **kwargs)
        self.encoder, self.eval_collator = encoder, eval_collator

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LambdaLR:
        """Let the learning rate rise from the first step on; the Trainer's own schedules begin with a step at 0.

        :param num_training_steps: the number of steps, on which it does not depend
        :param optimizer: the optimizer; if None, the Trainer's
        :return: the schedule, in which step k, from 1, has the share min(1, k / warmup) of the learning rate
        """
        warmup = max(1, self.args.get_warmup_steps(num_training_steps))
        if self.lr_scheduler is None:
            scheduled = cast(torch.optim.Optimizer, self.optimizer if optimizer is None else optimizer)
            self.lr_scheduler = LambdaLR(scheduled, lambda done: min(1.0, (done + 1) / warmup))
            self._created_lr_scheduler = True
        return self.lr_scheduler

    # docstr-coverage: inherited
    def get_eval_dataloader(self, eval_dataset: Any = None) -> torch.utils.data.DataLoader:
        steps = cast(torch.utils.data.Dataset, self.eval_dataset)
        loader = torch.utils.data.DataLoader(steps, batch_size=1, collate_fn=self.eval_collator)
        return self.accelerator.prepare(loader)

    # docstr-coverage: inherited
    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        super()._save_checkpoint(*args, **kwargs)
        seal_checkpoint(Path(self.args.output_dir or "") / f"checkpoint-{self.state.global_step}")


def _make_steps(data: RelationPairs, settings: RelationTrainingSettings) -> TrainingSteps:
    return (TripletSteps if settings.loss == "triplet" else ContrastiveSteps)(data, settings)


@pinned_defaults()
def train_relation_encoder(
    encoder: RelationEncoder | str | Path | None,
    data: RelationPairs,
    output: str | Path,
    settings: RelationTrainingSettings | None = None,
    validation: RelationPairs | None = None,
    *,
    cache: Cache | None = None,
    checkpoints: Path | None = None,
) -> RelationTrainingResult:
    """Train a language model to give pairs of the same relation similar vectors.

    Each epoch is saved in the cache, from where an interrupted run goes on when it is started again. With
    ``torchrun`` or ``accelerate launch``, each process takes steps of its own, and the gradients are averaged.

    :param encoder: the encoder with the template, the aggregation and the language model to start from, which is loaded
        anew and not changed; or that model's folder or name, or None for the default
    :param data: pairs by relation type
    :param output: the folder to write the encoder to, in RelBERT's layout. Another encoder there is replaced.
    :param settings: how to train
    :param validation: pairs to validate with, instead of some that are held out
    :param cache: the cache to save epochs in
    :param checkpoints: a folder in the cache for the epochs of this run alone, which can be removed once the output is
        safe. If None, a folder is used that is removed once the output is written.
    :return: the losses, and the epoch that was kept
    :raises FileExistsError: if the folder exists, and holds no trained encoder
    :raises ValueError: if the pairs do not fit the settings, or training diverges
    """
    settings, output = settings or RelationTrainingSettings(), Path(output)
    if output.exists() and not output.joinpath(_CONFIG).is_file():
        raise FileExistsError(f"found {output}, which holds no trained encoder. Choose another path, or remove it.")
    if not isinstance(encoder, RelationEncoder):
        encoder = RelationEncoder(encoder)
    if settings.exclude_relation:
        data = data.exclude(settings.exclude_relation)
    if not settings.parent_relations:
        data = replace(data, parents={})
    if validation is None:
        data, validation = data.hold_out(settings.validation_share, settings.seed)
    key = fingerprint(
        {
            "encoder": encoder.identify(),
            "settings": asdict(settings),
            "data": [
                None if pairs is None else [pairs.rows(), sorted(pairs.parents.items())] for pairs in (data, validation)
            ],
        }
    )
    cache = cache or Cache()
    folder = cache.path("checkpoints", key) if checkpoints is None else checkpoints
    # a folder of this run alone needs no lock
    is_shared = checkpoints is None
    processes = PartialState(cpu=encoder.language_model.device.type == "cpu")
    with cache.lock("checkpoints", key) if processes.is_main_process and is_shared else nullcontext():
        trained, result = _train(encoder, data, validation, settings, folder)
        processes.wait_for_everyone()
        if not np.isfinite(result.training_losses + result.validation_losses).all():
            if processes.is_main_process:
                shutil.rmtree(folder, ignore_errors=True)
            raise ValueError(
                f"found learning_rate={settings.learning_rate}, with which training diverged, expected a lower one."
            )
        if processes.is_main_process:
            with atomic_folder(output) as unfinished:
                trained.save(unfinished)
                config = {
                    "template": trained.template,
                    "model": trained.model,
                    "max_length": trained.max_length,
                    "aggregation_mode": trained.aggregation,
                    "data": data.name,
                    **settings.describe(),
                }
                unfinished.joinpath(_CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
            if is_shared:
                shutil.rmtree(folder, ignore_errors=True)
    return result


def _train(
    encoder: RelationEncoder,
    data: RelationPairs,
    validation: RelationPairs | None,
    settings: RelationTrainingSettings,
    checkpoints: Path,
) -> tuple[RelationEncoder, RelationTrainingResult]:
    """Train an encoder, or go on with it; if pairs are held out, get that of the best epoch."""
    steps = _make_steps(data, settings)
    held_out = None
    if validation is not None:
        at_once = None if settings.loss == "triplet" else _VALIDATION_TYPES
        # parents have many more pairs of positives, and would outweigh the types
        held_out = _make_steps(replace(validation, parents={}), replace(settings, relations_per_step=at_once))

    def make_trainer() -> _Trainer:
        """Make a trainer for an encoder that is loaded anew."""
        trained = RelationEncoder(
            encoder.model,
            template=encoder.template,
            aggregation=encoder.aggregation,
            normalized=encoder.normalized,
            max_length=encoder.max_length,
        )
        return _make_trainer(trained, steps, held_out, settings, checkpoints)

    trainer = train_resumably(make_trainer, checkpoints, ProgressStep.TRAIN_RELATIONS)
    trainer.encoder.language_model.eval()
    logged = trainer.state.log_history
    losses = [entry["loss"] for entry in logged if "loss" in entry]
    validation_losses = [entry["eval_loss"] for entry in logged if "eval_loss" in entry]
    kept = int(np.argmin(validation_losses)) + 1 if validation_losses else settings.epochs
    return trainer.encoder, RelationTrainingResult(losses, validation_losses, kept)


def _make_trainer(
    encoder: RelationEncoder,
    steps: TrainingSteps,
    held_out: TrainingSteps | None,
    settings: RelationTrainingSettings,
    checkpoints: Path,
) -> _Trainer:
    """Make the trainer of an encoder."""
    torch.manual_seed(settings.seed)  # for the classifier
    trainer = _Trainer(
        encoder=encoder,
        model=_RelationModel(encoder, settings),
        args=_Arguments(
            output_dir=str(checkpoints),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=1,
            per_device_eval_batch_size=1,
            learning_rate=settings.learning_rate,
            weight_decay=0.0,
            max_grad_norm=0.0,
            warmup_steps=settings.warmup,
            bf16=settings.bf16,
            use_cpu=encoder.language_model.device.type == "cpu",
            eval_strategy="no" if held_out is None else "epoch",
            save_strategy="epoch",
            save_total_limit=KEPT,
            load_best_model_at_end=held_out is not None,
            metric_for_best_model="loss",
            greater_is_better=False,
            prediction_loss_only=True,
            label_names=["targets"],
            logging_strategy="epoch",
            logging_nan_inf_filter=False,
            report_to=[],
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            seed=settings.seed,
        ),
        train_dataset=steps,
        eval_dataset=None if held_out is None else [held_out[step] for step in range(len(held_out))],
        data_collator=_Collator(encoder, steps, settings.batch_size),
        eval_collator=None if held_out is None else _Collator(encoder, held_out, settings.batch_size),
    )
    return trainer
