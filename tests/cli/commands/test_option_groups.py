"""Options that are passed on together, and what they name."""

from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pykeen.datasets import Nations
from pykeen.triples import TriplesFactory

from pykeen_negater.cli.commands.option_groups import (
    DatasetFiles,
    GraphFiles,
    Measurement,
    RelationEncoders,
    TextFiles,
    grouped,
)
from pykeen_negater.evaluation.samplers import evaluate_sampler, train_reference
from pykeen_negater.mining.settings import MiningSettings

from ...conftest import SMALL


@dataclass(frozen=True)
class _Point:
    """Two numbers, of which one has an option."""

    x: int
    y: int = 7


def test_options_come_as_one_object():
    @click.command()
    @click.option("--x", type=int)
    @click.option("--other", default="a")
    @grouped(point=_Point)
    def command(point: _Point, other: str) -> None:
        """Do something."""
        click.echo(f"{point} {other}")

    assert CliRunner().invoke(command, ["--x", "3"]).output == "_Point(x=3, y=7) a\n"
    assert "Do something." in CliRunner().invoke(command, ["--help"]).output


def test_texts_are_named_as_settings():
    assert TextFiles().settings == {}
    assert TextFiles(Path("a.tsv"), Path("b.json")).settings == {"entity_text": "a.tsv", "relation_text": "b.json"}
    MiningSettings(**TextFiles(None, Path("b.json")).settings)


def test_training_triples_are_a_dataset_or_a_file(training: Path, nations: TriplesFactory):
    assert GraphFiles("nations").load_training().mapped_triples.equal(nations.mapped_triples)
    assert sorted(map(tuple, GraphFiles(None, training).load_training().triples.tolist())) == sorted(SMALL)
    for dataset, path in ((None, None), ("nations", training)):
        with pytest.raises(click.UsageError, match="Pass either --dataset or --training"):
            GraphFiles(dataset, path).load_training()
    with pytest.raises(ValueError, match=r"found the dataset 'naitons', .* Did you mean nations\? Pass --training"):
        GraphFiles("naitons").load_training()


def test_files_of_a_dataset_share_their_ids(training: Path, tmp_path: Path):
    held_out = tmp_path / "held_out.tsv"
    held_out.write_text("oak\tIsA\tanimal\n", encoding="utf-8")
    dataset = DatasetFiles(training=training, validation=held_out, testing=held_out).load()
    ids = dataset.training.entity_to_id
    for factory in (dataset.validation, dataset.testing):
        assert factory.mapped_triples[:, [0, 2]].tolist() == [[ids["oak"], ids["animal"]]]
    with pytest.raises(click.UsageError, match="Pass --validation and --testing with --training"):
        DatasetFiles(training=training, validation=held_out).load()


def test_measurement_is_passed_on():
    dataset, measurement = Nations(), Measurement(reference="DistMult", epochs=1, negatives=3, seed=5)
    model = measurement.train_reference(dataset)
    expected = train_reference(dataset.training, "DistMult", 1, 5)
    assert [weights.tolist() for weights in model.parameters()] == [
        weights.tolist() for weights in expected.parameters()
    ]
    report = measurement.evaluate("basic", dataset, {}, model)
    assert report == evaluate_sampler("basic", dataset, {}, model, 3, 5)


@pytest.mark.usefixtures("empty_cache")
def test_relation_encoders_are_like_their_options(tiny_bert: str):
    encoders = RelationEncoders(tiny_bert, "<subj> <mask> <obj>", "mask", max_length=9, batch_size=3)
    given, encoders = encoders.load_given(), encoders.load()
    assert list(encoders) == ["untrained", "word difference"]
    description = encoders["untrained"].identify()
    assert given.identify() == description
    assert description["template"] == "<subj> <mask> <obj>"
    assert (description["aggregation"], description["max_length"], description["batch_size"]) == ("mask", 9, 3)
