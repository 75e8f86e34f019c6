"""``negater import``."""

import json
from pathlib import Path

import pytest

from pykeen_negater import NegativePools
from pykeen_negater.pools.verification import verify_pools

from .cases import run

OWN = "cat\tIsA\tplant\t0.5\ndog\tAtLocation\tforest\t2\noak\tDesires\thay\t-1\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Write three negatives."""
    path = tmp_path / "own.tsv"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_command(own: Path, training: Path, tmp_path: Path):
    output = run("import", own, "--training", training, "-o", tmp_path / "own.pools").output
    assert "Written to " in output
    assert len(verify_pools(tmp_path / "own.pools")) > 0
    assert NegativePools.load(tmp_path / "own.pools").scores is None


def test_scores_are_kept_on_request(own: Path, training: Path, tmp_path: Path):
    run("import", own, "--training", training, "-o", tmp_path / "own.pools", "--keep-scores")
    scores = verify_pools(tmp_path / "own.pools").scores
    assert scores is not None
    assert set(scores.tolist()) == {0.5, 2.0, -1.0}


def test_figures_are_those_of_the_pools(own: Path, training: Path, tmp_path: Path):
    found = json.loads(run("import", own, "--training", training, "-o", tmp_path / "own.pools", "--json").stdout)
    pools = NegativePools.load(tmp_path / "own.pools")
    sizes = pools.offsets.diff().view(pools.num_triples, -1).sum(dim=1)
    assert found == {
        "triples": 11,
        "negatives": len(pools),
        "covered_share": pytest.approx(float((sizes > 0).float().mean())),
        "pools": str(tmp_path / "own.pools"),
    }


def test_bad_usage(own: Path, training: Path, tmp_path: Path):
    output = tmp_path / "own.pools"
    assert "either --dataset or --training" in run("import", own, "-o", output, code=2).output
    assert "Missing option '--output'" in run("import", own, "--training", training, code=2).output
    own.write_text("cat\tIsA\n", encoding="utf-8")
    assert "own.tsv" in run("import", own, "--training", training, "-o", output, code=1).output
    assert not output.exists()
