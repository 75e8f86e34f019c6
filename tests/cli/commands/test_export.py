"""``negater export``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools
from pykeen_negater.pools.exports import export, sentences, to_frame
from pykeen_negater.triples.indexing import keys_to_triples

from ...conftest import SMALL
from .cases import run

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_export_tsv(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "tsv", "--output", tmp_path / "negatives.tsv")
    rows = [line.split("\t") for line in tmp_path.joinpath("negatives.tsv").read_text(encoding="utf-8").splitlines()]
    frame = to_frame(NegativePools.load(pools))
    assert {tuple(row[:3]) for row in rows} == set(
        frame[["head", "relation", "tail"]].itertuples(index=False, name=None)
    )
    assert len({tuple(row[:3]) for row in rows}) == len(rows)
    assert not {tuple(row[:3]) for row in rows} & set(SMALL)
    for relation in ("IsA", "AtLocation", "Desires"):
        scores = [float(row[3]) for row in rows if row[1] == relation]
        assert scores == sorted(scores, reverse=True)


def test_export_parquet(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "parquet", "--output", tmp_path / "negatives.parquet")
    frame = pd.read_parquet(tmp_path / "negatives.parquet")
    assert len(frame) == len(NegativePools.load(pools))
    positives = frame[["positive_head", "positive_relation", "positive_tail"]].itertuples(index=False, name=None)
    assert set(positives) <= set(SMALL)
    for row in frame.itertuples():
        differing = [
            part for part in ("head", "relation", "tail") if getattr(row, part) != getattr(row, f"positive_{part}")
        ]
        assert differing == [row.side]


def test_export_triples_that_pykeen_reads(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "triples", "--output", tmp_path / "negatives.tsv")
    factory = TriplesFactory.from_path(tmp_path / "negatives.tsv")
    frame = to_frame(NegativePools.load(pools))
    found = [tuple(triple) for triple in factory.label_triples(factory.mapped_triples)]
    assert set(found) == set(frame[["head", "relation", "tail"]].itertuples(index=False, name=None))
    assert len(set(found)) == len(found)


def test_export_triplets_for_text_encoders(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "triplets", "--output", tmp_path / "triplets.parquet")
    frame = pd.read_parquet(tmp_path / "triplets.parquet")
    assert list(frame) == ["anchor", "positive", "negative"]
    loaded = NegativePools.load(pools)
    entities = dict(enumerate(loaded.load_vocabulary().entity_texts))
    relations = dict(enumerate(loaded.load_vocabulary().relation_texts))
    expected = []
    for i, key in enumerate(loaded.keys.numpy()):
        head, relation, tail = keys_to_triples(np.array([key]), loaded.num_entities, loaded.num_relations)[0]
        texts = [entities[head], relations[relation], entities[tail]]
        for j, side in enumerate(loaded.sides):
            row = i * len(loaded.sides) + j
            for other in loaded.replacements[loaded.offsets[row] : loaded.offsets[row + 1]].tolist():
                anchor = " ".join(text for place, text in enumerate(texts) if place != side)
                expected.append((anchor, texts[side], (relations if side == 1 else entities)[other]))
    assert list(frame.itertuples(index=False, name=None)) == expected


def test_export_is_whole_or_nothing(pools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "negatives.parquet"
    path.write_text("older")
    monkeypatch.setattr(pd.DataFrame, "to_parquet", lambda self, path, index: Path(path).write_text("half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(NegativePools.load(pools), path, "parquet")
    assert path.read_text() == "older"
    assert not list(tmp_path.glob(".negatives*"))


def test_sentences(pools: Path):
    lines = sentences(NegativePools.load(pools), per_relation=1)
    assert set(lines) == {"is a", "at location", "Desires"}
    assert all(len(group) <= 1 for group in lines.values())
    assert all(" · Desires · " in line for line in lines["Desires"])
