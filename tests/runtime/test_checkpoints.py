"""A checkpoint that cannot be loaded is dropped, and what a full disk leaves of one, too."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pykeen.triples import TriplesFactory

from pykeen_negater.cli.main import main
from pykeen_negater.fine_tuning.cached_classifier import CachedClassifier
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.trainer import _ThresholdsInCheckpoints
from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.relations.training.data import RelationPairs
from pykeen_negater.relations.training.loop import _Trainer, train_relation_encoder
from pykeen_negater.relations.training.settings import RelationTrainingSettings
from pykeen_negater.runtime.checkpoints import UnreadableCheckpointError, drop_incomplete, seal_checkpoint
from pykeen_negater.storage.cache import Cache
from pykeen_negater.storage.disk_space import FullDiskError
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph

from ..disks import needs_mount, small_disk

SETTINGS = FineTuningSettings(epochs=3, batch_size=4, max_length=24, validation_share=0.3)


class _Odd:
    """What only this version of a library knows."""


def _write_state(path: Path, **others: object) -> None:
    state = json.loads(path.joinpath("trainer_state.json").read_text())
    path.joinpath("trainer_state.json").write_text(json.dumps(state | others))


def _save_odd(path: Path) -> None:
    path.write_bytes(pickle.dumps(_Odd()))


def _pickle_weights(path: Path) -> None:
    path.joinpath("model.safetensors").unlink()
    _save_odd(path / "pytorch_model.bin")


#: What makes a checkpoint one that cannot be loaded
ODDITIES: dict[str, Callable[[Path], object]] = {
    "weights": lambda path: path.joinpath("model.safetensors").write_bytes(b"odd"),
    "pickled weights": _pickle_weights,
    "no weights": lambda path: path.joinpath("model.safetensors").unlink(),
    "optimizer": lambda path: _save_odd(path / "optimizer.pt"),
    "scheduler": lambda path: _save_odd(path / "scheduler.pt"),
    "random state": lambda path: _save_odd(path / "rng_state.pth"),
    "no state": lambda path: path.joinpath("trainer_state.json").unlink(),
    "malformed state": lambda path: path.joinpath("trainer_state.json").write_text("[]"),
    "state of another version": lambda path: _write_state(path, unheard_of=1),
    "state of other types": lambda path: _write_state(path, best_model_checkpoint=5, epoch="x"),
}


def _interrupt(run: CachedClassifier, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Interrupt fine-tuning after two epochs, and list their checkpoints."""
    save, saved = _ThresholdsInCheckpoints.on_save, []

    def save_and_stop(*args: object, **kwargs: object) -> None:
        save(*args, **kwargs)
        saved.append(1)
        if len(saved) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_ThresholdsInCheckpoints, "on_save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run.find_or_train(cache)
    return sorted(cache.root.glob("checkpoints/*/checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))


@pytest.fixture(scope="module")
def expected(tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Fine-tune a model without an interruption."""
    run = CachedClassifier(tiny_bert, small_graph, small_texts, SETTINGS)
    path, _ = run.find_or_train(Cache(tmp_path_factory.mktemp("expected") / "cache"))
    return path.joinpath("model.safetensors").read_bytes()


@pytest.mark.parametrize(("oddity", "every"), [*((oddity, False) for oddity in ODDITIES), ("random state", True)])
def test_training_goes_on_without_a_checkpoint_that_cannot_be_loaded(
    oddity: str,
    every: bool,
    expected: bytes,
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    run, cache = CachedClassifier(tiny_bert, small_graph, small_texts, SETTINGS), Cache(tmp_path)
    checkpoints = _interrupt(run, cache, monkeypatch)
    assert len(checkpoints) == 2
    for path in checkpoints[0 if every else 1 :]:
        ODDITIES[oddity](path)
        seal_checkpoint(path)
    caplog.clear()
    model, is_new = run.find_or_train(cache)
    assert is_new
    assert model.joinpath("model.safetensors").read_bytes() == expected
    assert not list(tmp_path.glob("checkpoints/*/"))
    text = " ".join(record.message for record in caplog.records)
    assert f"The checkpoint {checkpoints[1]} cannot be " in text
    if every:
        assert f"The checkpoint {checkpoints[0]} cannot be " in text


def test_a_best_checkpoint_that_cannot_be_loaded_in_the_end_is_dropped(
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: bytes,
    caplog: pytest.LogCaptureFixture,
):
    run, cache = CachedClassifier(tiny_bert, small_graph, small_texts, SETTINGS), Cache(tmp_path)
    first, second = _interrupt(run, cache, monkeypatch)
    first.joinpath("model.safetensors").write_bytes(b"odd")
    seal_checkpoint(first)
    _write_state(second, best_model_checkpoint=str(first), best_metric=2.0)
    seal_checkpoint(second)
    model, _ = run.find_or_train(cache)
    assert model.joinpath("model.safetensors").read_bytes() == expected
    assert f"The checkpoint {first} cannot be loaded (SafetensorError: " in caplog.text


def test_a_checkpoint_of_this_run_that_cannot_be_loaded_is_an_error(
    tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    save = _ThresholdsInCheckpoints.on_save

    def save_odd(self: object, args: object, state: object, *others: object, **kwargs: object) -> None:
        path = Path(args.output_dir, f"checkpoint-{state.global_step}")
        path.joinpath("model.safetensors").write_bytes(b"odd")
        save(self, args, state, *others, **kwargs)

    monkeypatch.setattr(_ThresholdsInCheckpoints, "on_save", save_odd)
    run = CachedClassifier(tiny_bert, small_graph, small_texts, replace(SETTINGS, epochs=1))
    with pytest.raises(
        UnreadableCheckpointError, match=r"found the checkpoint .*, which cannot be loaded .* Remove it"
    ):
        run.find_or_train(Cache(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"), [("model.safetensors", b"odd"), ("config.json", b"{}"), ("thresholds.json", b"[]")]
)
def test_a_model_in_the_cache_that_cannot_be_loaded_is_made_again(
    name: str, content: bytes, tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path, caplog
):
    from pykeen_negater.storage.checksums import write_checksums

    run, cache = CachedClassifier(tiny_bert, small_graph, small_texts, replace(SETTINGS, epochs=1)), Cache(tmp_path)
    path, _ = run.find_or_train(cache)
    good = path.joinpath(name).read_bytes()
    for borrow in (False, True):
        path.joinpath(name).write_bytes(content)
        write_checksums(path, path.with_name(f"{path.name}.sha256"))
        caplog.clear()
        if borrow:
            with run.borrow_or_train(cache) as folder:
                assert folder.joinpath(name).read_bytes() == good
        else:
            assert run.find_or_train(cache) == (path, True)
            assert path.joinpath(name).read_bytes() == good
        (line,) = (record.message for record in caplog.records if "again" in record.message)
        assert line.startswith(f"{path} cannot be read (")


def test_an_encoder_is_trained_on_without_a_checkpoint_that_cannot_be_loaded(
    tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    settings = RelationTrainingSettings(epochs=2, num_negative=4, relations_per_step=2, validation_share=0.0)
    encoder = RelationEncoder(tiny_bert, template="<subj> <mask> <obj>")
    words = [f"{letter}{number}" for letter in "abc" for number in range(8)]
    data = RelationPairs.from_triples(
        np.array([[i, i // 8, (i + 5) % 24] for i in range(24)]), Texts(tuple(words), ("x", "y", "z"))
    )
    cache = Cache(tmp_path / "cache")
    train_relation_encoder(encoder, data, tmp_path / "whole", settings, cache=cache)
    save = _Trainer._save_checkpoint

    def save_and_stop(*args: object, **kwargs: object) -> None:
        save(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_Trainer, "_save_checkpoint", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            train_relation_encoder(encoder, data, tmp_path / "model", settings, cache=cache)
    (path,) = cache.root.glob("checkpoints/*/checkpoint-*")
    _save_odd(path / "optimizer.pt")
    seal_checkpoint(path)
    train_relation_encoder(encoder, data, tmp_path / "model", settings, cache=cache)
    assert f"The checkpoint {path} cannot be loaded (" in caplog.text
    weights = [tmp_path.joinpath(name, "model.safetensors").read_bytes() for name in ("whole", "model")]
    assert weights[0] == weights[1]


def test_whatever_else_is_among_checkpoints_is_removed(tmp_path: Path):
    tmp_path.joinpath("checkpoint-1").write_text("a file")
    for name in ("checkpoint-x", "checkpoint-", "checkpoint-2"):
        tmp_path.joinpath(name).mkdir()
        tmp_path.joinpath(name, "trainer_state.json").write_text("{}")
        if name != "checkpoint-2":
            seal_checkpoint(tmp_path / name)
    assert drop_incomplete(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@needs_mount
@pytest.mark.parametrize("room", ["64k", "128k", "192k", "256k"])
def test_full_disk_in_a_checkpoint(room: str, tiny_bert: str, small_graph: Graph, small_texts: Texts, tmp_path: Path):
    """Wherever in a checkpoint the disk is full: in the weights, in the optimizer, in its state."""
    run = CachedClassifier(tiny_bert, small_graph, small_texts, SETTINGS)
    with small_disk(tmp_path / "disk", room) as disk:
        with pytest.raises(FullDiskError, match=r"^found no space left \(.*\)\. Free some") as error:
            run.find_or_train(Cache(disk))
        del error
        # what was finished is kept, and nothing else
        for path in disk.glob("checkpoints/*/*"):
            assert path.joinpath("checksums.sha256").is_file()
        assert not list(disk.glob("models/*/"))


@needs_mount
def test_full_disk_in_a_checkpoint_ends_a_command_with_one_line(
    tiny_bert: str, small_factory: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    triples = "".join("\t".join(row) + "\n" for row in small_factory.label_triples(small_factory.mapped_triples))
    tmp_path.joinpath("train.tsv").write_text(triples)
    arguments = ["fine-tune", "--output", str(tmp_path / "model"), "--training", str(tmp_path / "train.tsv")]
    with small_disk(tmp_path / "disk", "128k") as disk:
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: disk / "cache")
        result = CliRunner().invoke(main, [*arguments, "--language-model", tiny_bert, "--max-length", "24"])
    assert result.exit_code == 1, result.output
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    assert line.startswith("Error: found no space left (")
    assert "Traceback" not in result.stderr
    assert not tmp_path.joinpath("model").exists()
