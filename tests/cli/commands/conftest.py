"""Graphs and pools for commands."""

from pathlib import Path

import pytest

from ...conftest import SMALL
from .cases import FAST, run


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Write the small triples to a file."""
    path = tmp_path / "train.tsv"
    path.write_text("".join("\t".join(triple) + "\n" for triple in SMALL), encoding="utf-8")
    return path


@pytest.fixture
def pools(training: Path, tmp_path: Path) -> Path:
    """Mine pools for the small triples."""
    run("mine", "--training", training, *FAST, "--output", tmp_path / "small.pools")
    return tmp_path / "small.pools"
