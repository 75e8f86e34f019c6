"""Tests for NegatER's datasets, from files as they are in its repository."""

import csv
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pykeen.datasets import dataset_resolver

from pykeen_negater.datasets import conceptnet
from pykeen_negater.datasets.conceptnet import ConceptNetFull, ConceptNetTrueNeg

ENTITIES = ["dog", "kennel", "nan", 'a "quoted" phrase', "sky", "unseen"]

FILES = {
    "entity_ids": list(enumerate(ENTITIES)),
    "relation_ids": [(0, "AtLocation"), (1, "IsA")],
    "train": [(0, 0, 1), (2, 1, 3), (4, 1, 0)],
    "valid": [(0, 0, 3), (5, 0, 1)],
    "test": [(2, 0, 1)],
    "valid_negatives": [(0, 0, 4), (0, 1, 5)],
    "test_negatives": [(1, 0, 0), (3, 0, 4)],
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write files as in the repository, and pretend that this is where they are downloaded from."""
    for part in ("full", "true-neg"):
        folder = tmp_path / "repository" / part
        folder.mkdir(parents=True)
        for name, rows in FILES.items():
            lines = ("\t".join(map(str, row)) + "\n" for row in rows)
            folder.joinpath(f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(conceptnet, "BASE_URL", tmp_path.joinpath("repository").as_uri())
    return tmp_path / "repository"


def labelled(triples: list[tuple[int, ...]]) -> list[list[str]]:
    """Write triples with labels, without those that hold what training lacks."""
    relations = dict(FILES["relation_ids"])
    return [[ENTITIES[h], relations[r], ENTITIES[t]] for h, r, t in triples if 5 not in (h, t)]


@pytest.mark.parametrize("cls", [ConceptNetFull, ConceptNetTrueNeg])
@pytest.mark.parametrize("inverse", [False, True])
def test_all_splits(repository: Path, tmp_path: Path, cls: type, inverse: bool):
    dataset = cls(cache_root=str(tmp_path), create_inverse_triples=inverse)
    parts = {
        "train": dataset.training,
        "valid": dataset.validation,
        "test": dataset.testing,
        "valid_negatives": dataset.validation_negatives,
        "test_negatives": dataset.testing_negatives,
    }
    for name, factory in parts.items():
        triples = dataset.training.label_triples(factory.mapped_triples)
        assert sorted(triples.tolist()) == sorted(labelled(FILES[name]))
        assert factory.create_inverse_triples == (inverse and name == "train")
        assert factory.entity_to_id == dataset.training.entity_to_id


def test_files_are_downloaded_once_and_whole(repository: Path, tmp_path: Path):
    assert ConceptNetFull(cache_root=str(tmp_path)).training.num_triples == 3
    (folder,) = (path.parent for path in tmp_path.rglob("train.txt") if repository not in path.parents)
    # those that are not needed yet stay away
    expected = {"entity_ids.txt", "relation_ids.txt", "train.txt", "test.txt"}
    assert {path.name for path in folder.iterdir()} == expected
    repository.joinpath("full", "train.txt").write_text("0\t0\t1\n", encoding="utf-8")
    assert ConceptNetFull(cache_root=str(tmp_path)).training.num_triples == 3
    assert ConceptNetFull(cache_root=str(tmp_path), force=True).training.num_triples == 1


def test_pykeen_finds_them_by_name(repository: Path):
    """In a new process, with nothing imported."""
    code = (
        "from pykeen.datasets import dataset_resolver as r;"
        "print(*(r.lookup(name).__name__ for name in ('conceptnetfull', 'conceptnettrueneg', 'nations')))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["ConceptNetFull", "ConceptNetTrueNeg", "Nations"]


def test_docdata():
    for cls in (ConceptNetFull, ConceptNetTrueNeg):
        assert cls.docdata("statistics", "training") > 0
        assert dataset_resolver.lookup(cls.__name__) is cls


@pytest.mark.parametrize("cls", [ConceptNetFull, ConceptNetTrueNeg])
def test_statistics(data_folder: Path, cls: type):
    """The real files, which have phrases instead of ids here."""
    folder = data_folder / f"conceptnet-{cls.part}"
    frames = {
        name: pd.read_csv(
            folder / f"{name}.txt", sep="\t", header=None, dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE
        )
        for name in ("train", "valid", "test")
    }
    statistics = cls.docdata("statistics")
    assert [len(frame) for frame in frames.values()] == [
        statistics[name] for name in ("training", "validation", "testing")
    ]
    assert statistics["entities"] == len(set(frames["train"][0]) | set(frames["train"][2]))
    assert statistics["relations"] == frames["train"][1].nunique()
    assert statistics["triples"] == sum(map(len, frames.values()))
