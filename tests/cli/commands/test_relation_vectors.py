"""``negater relations vectors``."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pykeen_negater.cli.main import main
from pykeen_negater.relations.encoder import RelationEncoder

from ...relations.cases import read_word2vec

PAIRS = [("dog", "animal"), ("hot dog", "food"), ("dog", "animal")]


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, ["relations", "vectors", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Write pairs."""
    path = tmp_path / "pairs.tsv"
    path.write_text("".join("\t".join(pair) + "\n" for pair in PAIRS), encoding="utf-8")
    return path


def test_command(relation_checkpoint: Path, pairs: Path, tmp_path: Path):
    output = tmp_path / "vectors.txt"
    result = run(relation_checkpoint, "--pairs", pairs, "--max-length", "20", "--output", output, "--json")
    assert json.loads(result.stdout) == {"vectors": 2, "dimensions": 16, "output": str(output)}
    found = read_word2vec(output)
    assert list(found) == ["dog__animal", "hot_dog__food"]
    expected = RelationEncoder(relation_checkpoint, max_length=20).get_embedding(PAIRS[:2])
    np.testing.assert_array_equal(np.stack(list(found.values())), expected)


@pytest.mark.parametrize(
    ("content", "message"), [("", "pairs.tsv is empty"), ("a\tb\tc\n", "line 1: found 3 tab-separated column(s)")]
)
def test_bad_pairs(content: str, message: str, relation_checkpoint: Path, pairs: Path, tmp_path: Path):
    pairs.write_text(content, encoding="utf-8")
    output = run(relation_checkpoint, "--pairs", pairs, "--output", tmp_path / "vectors.txt", code=1).output
    assert message in " ".join(output.split())
    assert not (tmp_path / "vectors.txt").exists()
