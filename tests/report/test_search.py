"""What a page can be searched for, against loops over the pools."""

import base64
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pykeen_negater import NegativePools
from pykeen_negater.pools.codec import decode_risk
from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.report import search
from pykeen_negater.report.numbers import multiple
from pykeen_negater.report.phrases import Names
from pykeen_negater.report.search import SearchIndex
from pykeen_negater.triples.indexing import keys_to_triples

from ..cases import negatives_of
from .cases import judge

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def named(mined: NegativePools, tmp_path: Path) -> NegativePools:
    """Make pools with risks, in which names are ids."""
    entities = tuple(f"e{i}" for i in range(mined.num_entities))
    relations = tuple(f"r{i}" for i in range(mined.num_relations))
    return judge(mined, tmp_path / "named.pools", Vocabulary(entities, relations, entities, relations))


def read(index: SearchIndex) -> list[dict[str, Any]]:
    """Read rows as the page's script does."""
    data = json.loads(gzip.decompress(base64.b64decode(index.encode())))
    rows = []
    for i, position in enumerate(data["positive"]):
        positive = (
            data["entities"][data["heads"][position]],
            data["relations"][data["middles"][position]],
            data["entities"][data["tails"][position]],
        )
        side = data["side"][i]
        negative = list(positive)
        negative[side] = data["relations" if side == 1 else "entities"][data["part"][i]]
        score, risk = data["score"][i], data["risk"][i]
        why = data["reasons"][data["kind"][i]].replace("{place}", str(data["place"][i]))
        rows.append(
            {
                "positive": positive,
                "negative": tuple(negative),
                "kind": data["kind"][i],
                "score": None if score < 0 else data["scores"][score],
                "risk": None if risk < 0 else data["risks"][risk],
                "why": why.replace("{harder}", data["harder"][score]) if 0 <= score < 256 else why,
                "level": score,
            }
        )
    return rows


def name(triple: tuple[int, ...]) -> tuple[str, ...]:
    head, relation, tail = triple
    return f"e{head}", f"r{relation}", f"e{tail}"


def test_every_negative_is_found_with_why_it_was_kept(named: NegativePools):
    index = SearchIndex(named, Names(named))
    rows = [row for row in read(index) if row["kind"] == 0]
    assert index.num_searched == len(rows) == len(named)
    expected, place, last = {}, 0, None
    hardness = named.hardness.tolist()
    for positive, negative, i in negatives_of(named):
        side = next(side for side in range(3) if positive[side] != negative[side])
        place, last = (place + 1 if (positive, side) == last else 1), (positive, side)
        below = sum(level < hardness[i] for level in hardness) / len(hardness) if i % 500 == 0 else None
        expected[name(positive), name(negative)] = i, place, below
    for row in rows:
        i, place, below = expected.pop((row["positive"], row["negative"]))
        assert row["level"] == hardness[i]
        assert row["risk"] == multiple(float(decode_risk(named.risk[i])))
        assert row["why"].startswith(f"Kept: no. {place} of its pool, harder than ")
        assert row["why"].endswith("of all; risk within 2.0×.")
        if below is not None and 0.01 < below < 0.99:
            assert f"harder than {100 * below:.1f}% of all" in row["why"]
    assert not expected
    levels = [row["level"] for row in rows]
    assert levels == sorted(levels, reverse=True)


def test_what_was_thrown_out_or_is_likely_true_is_found(named: NegativePools):
    index = SearchIndex(named, Names(named))
    rows = read(index)
    noted = named.metadata["statistics"]["rejected"]
    triples = [tuple(row) for row in keys_to_triples(named.keys.numpy(), 14, 55).tolist()]
    thrown = [row for row in rows if row["kind"] == 1]
    assert len(thrown) == len(noted["positive"])
    for row, position, side, replacement, risk in zip(
        thrown, *(noted[column] for column in ("positive", "side", "replacement", "risk")), strict=True
    ):
        negative = list(triples[position])
        negative[side] = replacement
        assert row["positive"] == name(triples[position])
        assert row["negative"] == name(tuple(negative))
        assert row["risk"] == multiple(risk)
        assert row["why"] == "Thrown out: the guard lets none above 2.0× pass."
    suspected = {
        name(tuple(row)): float(risk)
        for row, risk in zip(
            keys_to_triples(named.suspected.numpy(), 14, 55).tolist(),
            decode_risk(named.suspected_risk),
            strict=True,
        )
    }
    known = set(map(name, triples))
    found = [row for row in rows if row["kind"] == 3]
    for row in found:
        assert row["risk"] == multiple(suspected[row["negative"]])
        assert row["positive"] in known
        assert sum(a != b for a, b in zip(row["positive"], row["negative"], strict=True)) == 1
        assert row["score"] is None
        assert "riskier than 16× is drawn less often" in row["why"]
    pairs = {(head, relation) for head, relation, _ in triples} | {
        ("", relation, tail) for _, relation, tail in triples
    }
    beside = [
        row
        for row in keys_to_triples(named.suspected.numpy(), 14, 55).tolist()
        if (row[0], row[1]) in pairs or ("", row[1], row[2]) in pairs
    ]
    assert len(found) == len(beside)
    assert index.covers == (
        f"all {len(named):,} negatives, {len(thrown)} candidates that mining has noted when it threw them out, and all "
        f"{len(named.suspected):,} corruptions that are likely true"
    )


def test_taken_for_true_and_unjudged(mined: NegativePools):
    noted = {name: [0] for name in ("positive", "side", "replacement", "relation")}
    noted |= {"outcome": [OUTCOMES.index("taken_for_true")], "score": [1.5], "risk": [float("nan")]}
    statistics = {**mined.metadata["statistics"], "rejected": noted}
    pools = replace(mined, metadata={**mined.metadata, "statistics": statistics}, path=None)
    index = SearchIndex(pools, Names(mined))
    rows = read(index)
    assert all(row["risk"] is None for row in rows)
    assert rows[0]["why"].endswith("no guard has judged it.")
    (thrown,) = (row for row in rows if row["kind"] == 2)
    assert thrown["score"] == "1.5"
    assert "the ranker takes it for true" in thrown["why"]
    assert "1 candidate that mining has noted" in index.covers


def test_large_pools_are_cut_and_that_is_said(named: NegativePools, monkeypatch: pytest.MonkeyPatch):
    sizes = named.offsets.diff()
    monkeypatch.setattr(search, "MOST_NEGATIVES", int(sizes.clamp(max=2).sum()))
    monkeypatch.setattr(search, "MOST_SUSPECTED", 7)
    index = SearchIndex(named, Names(named))
    rows = read(index)
    kept = [row for row in rows if row["kind"] == 0]
    assert len(kept) == index.num_searched == int(sizes.clamp(max=2).sum()) < len(named)
    assert {row["why"][:12] for row in kept} == {"Kept: no. 1 ", "Kept: no. 2 "}
    assert f"{len(kept):,} of {len(named):,} negatives, the 2 hardest of each pool" in index.covers
    assert f"the 7 riskiest of {len(named.suspected)} corruptions" in index.covers
    risks = sorted(map(float, decode_risk(named.suspected_risk)), reverse=True)[:7]
    shown = [row["risk"] for row in rows if row["kind"] == 3]
    assert all(risk in set(map(multiple, risks)) for risk in shown)
    monkeypatch.setattr(search, "MOST_NEGATIVES", int((sizes > 0).sum()))
    assert "negatives, the hardest of each pool" in SearchIndex(named, Names(named)).covers
    monkeypatch.setattr(search, "MOST_TRIPLES", index.num_covered // 4)
    few = SearchIndex(named, Names(named))
    assert "of each pool of one in 4 training triples" in few.covers
    positives = {row["positive"] for row in read(few) if row["kind"] == 0}
    assert len(positives) == index.num_covered // 4


def test_no_negatives_at_all(mined: NegativePools):
    none = {"replacements": mined.replacements[:0], "hardness": mined.hardness[:0], "risk": mined.risk[:0]}
    pools = replace(mined, **none, offsets=torch.zeros_like(mined.offsets), metadata={}, path=None)
    index = SearchIndex(pools, Names(mined))
    assert read(index) == []
    assert index.covers == "no negatives"


def test_the_same_pools_give_the_same_rows(named: NegativePools):
    assert SearchIndex(named, Names(named)).encode() == SearchIndex(named, Names(named)).encode()
