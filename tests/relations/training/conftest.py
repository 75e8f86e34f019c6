"""What several of the tests of training relation encoders need."""

import json
from pathlib import Path
from typing import Any

import pytest

from pykeen_negater.relations.training.data import RelationPairs, read_relation_pairs

ROWS = [
    {
        "relation_type": "1/a",
        "positives": [["dog", "animal"], ["oak", "plant"], ["rose", "plant"]],
        "negatives": [["animal", "dog"]],
    },
    {"relation_type": "1/b", "positives": [["dog", "pet"], ["hammer", "tool"]], "negatives": [["tool", "saw"]]},
    {
        "relation_type": "2/a",
        "positives": [["wheel", "car"], ["wing", "bird"], ["leaf", "oak"], ["dog", "pet"]],
        "negatives": [],
    },
]


def write_rows(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> RelationPairs:
    """Read the rows."""
    return read_relation_pairs(write_rows(tmp_path / "rows.jsonl", ROWS))
