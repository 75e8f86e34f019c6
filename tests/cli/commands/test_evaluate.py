"""``negater evaluate``."""

import math
from pathlib import Path

import pandas as pd
import pytest

from pykeen_negater import NegativePools

from .cases import run

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_evaluate(training: Path, pools: Path, tmp_path: Path):
    held_out = tmp_path / "held_out.txt"
    held_out.write_text("oak\tIsA\tanimal\ncat\tDesires\tbone\n", encoding="utf-8")
    options = ["--training", training, "--validation", held_out, "--testing", held_out]
    output = run(
        "evaluate", *options, "--pools", pools, "--samplers", "basic, negater", "--epochs", "1",
        "--output", tmp_path / "figures.tsv",
    ).output  # fmt: skip
    frame = pd.read_csv(tmp_path / "figures.tsv", sep="\t")
    assert list(frame[frame["sampler"] == "negater"]["part"]) == ["all", "mined", "random", "loops"]
    for part in ("mined", "random", "loops"):
        assert part in output
    frame = frame[frame["part"] == "all"].set_index("sampler")
    assert frame.loc["basic", "hardness"] == pytest.approx(0.5, abs=0.02)
    assert math.isnan(frame.loc["basic", "coverage"])
    assert frame.loc["negater", "coverage"] == NegativePools.load(pools).metadata["statistics"]["coverage"]
    assert 0 < frame.loc["basic", "false_negatives"] < 0.2


def test_evaluate_with_bad_arguments(training: Path, tmp_path: Path):
    assert "Pass --validation and --testing" in run("evaluate", "--training", training, code=2).output
    assert "either --dataset or --training" in run("evaluate", code=2).output
    output = run("evaluate", "--dataset", "nations", "--samplers", "magic", "--epochs", "1", code=1).output
    assert "found --samplers magic, expected one of basic, bernoulli, negater" in output
    output = run("evaluate", "--dataset", "nations", "--output", tmp_path / "no" / "where.tsv", code=1).output
    assert "found no folder" in output
