"""NegatER's folder."""

import json
from pathlib import Path

import pytest

from .negater_cases import ANTONYMS, CONFIGURATIONS, DATASETS, INDEX


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder like that of NegatER's code, and go there."""
    for dataset in DATASETS:
        folder = tmp_path / dataset
        folder.mkdir(parents=True)
        for name in ("train", "valid", "valid_negatives", "test", "test_negatives", "entity_ids", "relation_ids"):
            folder.joinpath(f"{name}.txt").touch()
    for name in CONFIGURATIONS:
        folder = tmp_path / "configs" / "conceptnet" / name
        folder.mkdir(parents=True)
        folder.joinpath("negatives.tsv").touch()
    for path in ANTONYMS.values():
        tmp_path.joinpath(path).touch()
    tmp_path.joinpath(INDEX).write_text(json.dumps({"a": ["b"] * 25, "b": ["a"]}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path
