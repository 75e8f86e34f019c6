"""Tests for the page about pools."""

from pathlib import Path

import pytest
import torch
import yaml
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.pool_card import pool_card

pytestmark = pytest.mark.usefixtures("empty_cache")


def read(folder: Path) -> tuple[dict[str, object], str]:
    """Read header and text of a page."""
    empty, header, text = folder.joinpath("README.md").read_text(encoding="utf-8").split("---\n", maxsplit=2)
    assert empty == ""
    return yaml.safe_load(header), text


def test_mined_pools_have_a_page(nations: TriplesFactory, tmp_path: Path):
    pools = mine(triples_factory=nations, encoder="structural", ranker="similarity", guard=None)
    header, text = read(pools.save(tmp_path / "nations.pools"))
    assert header["size_categories"] == ["10K<n<100K"]
    assert 10_000 <= len(pools) < 100_000
    words = " ".join(text.split())
    assert f"{len(pools):,} plausible falsehoods for 1,592 training triples over 14 entities and 55 relations" in words
    assert "whose head or tail is replaced" in words
    assert "| ranker | similarity |" in text
    assert "| guard | none |" in text
    assert "No guard has judged them" in text


def test_the_page_says_what_the_guard_can_tell(nations: TriplesFactory):
    pools = mine(triples_factory=nations, encoder="structural")
    assert pools.path is not None
    _, text = read(pools.path)
    measured = pools.metadata["statistics"]["guard"]["proposed"]
    words = " ".join(text.split())
    assert f"from others with an AUC of {measured['auc']:.3f}" in words
    assert f"more than {pools.max_mined_risk:.1f} times as likely true" in words


def test_pools_that_were_not_mined_have_a_page(tmp_path: Path):
    pools = NegativePools(
        keys=torch.tensor([0]),
        offsets=torch.tensor([0, 1]),
        replacements=torch.tensor([1], dtype=torch.int32),
        hardness=torch.tensor([0], dtype=torch.uint8),
        num_entities=2,
        num_relations=1,
        sides=(2,),
        vocabulary="made by hand",
    )
    header, text = read(pools.save(tmp_path / "a.pools"))
    assert header["size_categories"] == ["n<1K"]
    assert "Nothing is known about that" in text


@pytest.mark.parametrize(
    ("negatives", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**9, "1B<n<10B"), (10**15, "n>1T")],
)
def test_sizes(negatives: int, category: str):
    card = pool_card({"num_entities": 1, "num_relations": 1, "sides": [0]}, 1, negatives)
    assert yaml.safe_load(card.split("---\n")[1])["size_categories"] == [category]
