"""Options that belong together, as objects: graphs, texts, relation encoders, and how samplers are measured."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...utils.spelling import expected_names

if TYPE_CHECKING:
    from pykeen.datasets import Dataset
    from pykeen.models import Model
    from pykeen.triples import TriplesFactory

    from ...evaluation.samplers import NegativesReport
    from ...relations.encoder import Aggregation, RelationEncoder
    from ...relations.tasks.word_difference import WordDifferenceEncoder

__all__ = [
    "DatasetFiles",
    "GraphFiles",
    "Measurement",
    "RelationEncoders",
    "TextFiles",
    "grouped",
]


def grouped(**groups: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a command take options together, as one object; the decorator right above the function.

    :param groups: data classes by the name of the command's parameter. Their fields have the names of the options.
    :return: the decorator that makes the objects; fields without an option have their default
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        """Let click pass options to a function that groups them."""

        @functools.wraps(function)
        def call(**options: Any) -> Any:
            """Group the options, and run the command."""
            for name, group in groups.items():
                taken = {field.name: options.pop(field.name) for field in fields(group) if field.name in options}
                options[name] = group(**taken)
            return function(**options)

        return call

    return decorate


@dataclass(frozen=True)
class GraphFiles:
    """Training triples: a PyKEEN dataset or a file."""

    #: The name of a PyKEEN dataset
    dataset: str | None = None

    #: A file of training triples, instead of a dataset
    training: Path | None = None

    #: How PyKEEN reads files
    load_triples_kwargs: Mapping[str, Any] | None = None

    def load_training(self) -> "TriplesFactory":
        """Load the training triples.

        :return: the training triples, with labels
        :raises click.UsageError: if not exactly one of dataset and training is given
        :raises ValueError: if there is no such dataset, its triples have no labels, or a file is malformed
        """
        from pykeen.datasets import dataset_resolver, get_dataset
        from pykeen.triples import TriplesFactory

        from ...triples.tables import read_triples

        if (self.dataset is None) == (self.training is None):
            raise click.UsageError("Pass either --dataset or --training.")
        if self.training is not None:
            return read_triples(self.training, load_triples_kwargs=self.load_triples_kwargs)
        if self.dataset is not None and dataset_resolver.normalize(self.dataset) not in dataset_resolver.lookup_dict:
            raise ValueError(
                f"found the dataset {self.dataset!r}, {expected_names(self.dataset, dataset_resolver.options)} Pass "
                f"--training for triples in a file."
            )
        factory = get_dataset(dataset=self.dataset).training
        if not isinstance(factory, TriplesFactory):
            raise ValueError(
                f"found the dataset {self.dataset!r}, whose triples have no labels, expected one with labels."
            )
        return factory


@dataclass(frozen=True)
class DatasetFiles(GraphFiles):
    """Training, validation and test triples: a PyKEEN dataset or files."""

    #: A file of validation triples; needed with a file of training triples
    validation: Path | None = None

    #: A file of test triples, likewise
    testing: Path | None = None

    def load(self) -> "Dataset":
        """Load training, validation and test triples.

        :return: the dataset, whose training triples have labels
        :raises click.UsageError: if not exactly one of dataset and training is given, or the other files are missing
        :raises ValueError: if there is no such dataset, its triples have no labels, or a file is malformed
        """
        from pykeen.datasets import get_dataset

        from ...triples.tables import read_triples

        if self.training is not None and (self.validation is None or self.testing is None):
            raise click.UsageError("Pass --validation and --testing with --training.")
        factory = self.load_training()
        if self.validation is None or self.testing is None:
            return get_dataset(dataset=self.dataset)
        return get_dataset(
            training=factory,
            validation=read_triples(self.validation, factory, self.load_triples_kwargs),
            testing=read_triples(self.testing, factory, self.load_triples_kwargs),
        )


@dataclass(frozen=True)
class TextFiles:
    """Files of texts."""

    #: The entities' texts, if there is a file of them
    entity_text: Path | None = None

    #: The relations' texts, likewise
    relation_text: Path | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The files that are given, as settings of :class:`pykeen_negater.mining.settings.MiningSettings`."""
        return {name: str(path) for name, path in vars(self).items() if path is not None}


@dataclass(frozen=True)
class Measurement:
    """How to measure samplers."""

    #: The PyKEEN model that measures the hardness of negatives
    reference: str

    #: The number of epochs that it is trained for
    epochs: int

    #: The number of negatives per positive
    negatives: int

    #: The seed
    seed: int

    def train_reference(self, dataset: "Dataset") -> "Model":
        """Train the model that measures the hardness of negatives.

        :param dataset: the dataset, whose training triples it is trained on
        :return: the model
        :raises ValueError: if there is no such model
        """
        from ...evaluation.samplers import train_reference

        return train_reference(dataset.training, self.reference, self.epochs, self.seed)

    def evaluate(
        self, sampler: str, dataset: "Dataset", sampler_kwargs: Mapping[str, Any], model: "Model"
    ) -> "NegativesReport":
        """Measure a sampler, see :func:`pykeen_negater.evaluation.samplers.evaluate_sampler`.

        :param sampler: its name
        :param dataset: the dataset
        :param sampler_kwargs: its parameters
        :param model: the model that measures the hardness of negatives
        :return: the figures
        :raises ValueError: if there is no such sampler
        """
        from ...evaluation.samplers import evaluate_sampler

        return evaluate_sampler(sampler, dataset, sampler_kwargs, model, self.negatives, self.seed)


@dataclass(frozen=True)
class RelationEncoders:
    """A relation encoder, and how it encodes pairs."""

    #: A folder or a name on the Hugging Face hub; None for the embedded MiniLM
    model: str | None

    #: The template; None for what the model was trained with
    template: str | None

    #: Which tokens' hidden states are added up, likewise
    aggregation: "Aggregation | None"

    #: The most tokens of a pair in the template
    max_length: int

    #: The number of pairs encoded at once
    batch_size: int

    #: The language model that it was trained from, if its folder does not say
    base_model: str | None = None

    def load_given(self) -> "RelationEncoder":
        """Load the encoder.

        :return: the encoder, whose vectors are not cached
        :raises FileNotFoundError: if no model is given and the default is not available
        :raises ValueError: if the model, the template and the length do not go together
        """
        from ...relations.encoder import RelationEncoder

        return RelationEncoder(
            self.model,
            template=self.template,
            aggregation=self.aggregation,
            max_length=self.max_length,
            batch_size=self.batch_size,
        )

    def load(self) -> "dict[str, RelationEncoder | WordDifferenceEncoder]":
        """Load the encoder, and those that it is compared with.

        :return: encoders by name, see :func:`pykeen_negater.relations.tasks.evaluation.find_encoders`
        :raises FileNotFoundError: if no model is given and the default is not available
        :raises ValueError: if the model, the template and the length do not go together
        """
        from ...relations.tasks.evaluation import find_encoders
        from ...storage.cache import Cache

        return find_encoders(
            self.model,
            self.template,
            self.aggregation,
            self.base_model,
            Cache(),
            max_length=self.max_length,
            batch_size=self.batch_size,
        )
