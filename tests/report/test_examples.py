"""Examples against loops over the pools: what is shown is what was mined, beside what it corrupts."""

from pathlib import Path

import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.report import content as content_module
from pykeen_negater.report.content import collect
from pykeen_negater.report.page import render
from pykeen_negater.texts.labels import humanize

from ..cases import negatives_of
from .cases import check, text_of

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_what_was_thrown_out_is_beside_its_positive(nations: TriplesFactory):
    pools = mine(triples_factory=nations, encoder="structural", ranker="similarity")
    content = collect(pools, "nations")
    known = {" ".join(map(humanize, row)) for row in nations.triples.tolist()}
    assert len(content.rejected) > len(content.relations)
    for example in content.rejected:
        parts = [sentence.parts for sentence in (example.negative, example.positive)]
        assert [i for i in range(3) if parts[0][i] != parts[1][i]] == [example.negative.side]
        assert str(example.positive) in known
        assert str(example.negative) not in known
        assert example.outcome == "too_risky"
        assert example.risk is not None
        assert pools.max_mined_risk is not None
        assert example.risk > pools.max_mined_risk
    html = render(content)
    check(html)
    assert "the guard lets none above" in html
    assert "Thrown out" in text_of(content)


def test_the_hardest_negatives_are_beside_their_positives(mined: NegativePools, tmp_path: Path):
    entities = tuple(f"e{i}" for i in range(mined.num_entities))
    relations = tuple(f"r{i}" for i in range(mined.num_relations))
    pools = NegativePools.load(
        mined.save(tmp_path / "a.pools", Vocabulary(entities, relations, entities, relations)),
    )
    content = collect(pools, "a")
    hardness = {
        (tuple(f"{'ere'[i]}{part}" for i, part in enumerate(positive)), negative): int(pools.hardness[i])
        for positive, raw, i in negatives_of(pools)
        for negative in [tuple(f"{'ere'[i]}{part}" for i, part in enumerate(raw))]
    }
    shown: dict[str, list[int]] = {}
    for example in content.negatives:
        positive, negative = (
            tuple(part.name for part in sentence.parts) for sentence in (example.positive, example.negative)
        )
        assert [i for i in range(3) if positive[i] != negative[i]] == [example.negative.side]
        assert example.risk is None
        shown.setdefault(negative[1], []).append(hardness[positive, negative])
    for relation, levels in shown.items():
        assert levels == sorted(levels, reverse=True)
        assert levels[0] == max(level for (_, negative), level in hardness.items() if negative[1] == relation)
        assert len(levels) <= content_module.PER_RELATION
    assert len(set(map(str, (example.negative for example in content.negatives)))) == len(content.negatives)


def test_suspected_are_beside_training_triples(judged: NegativePools):
    content = collect(judged, "judged")
    assert content.suspected
    names = [sentence.parts for example in content.suspected for sentence in (example.negative, example.positive)]
    for negative, positive in zip(names[::2], names[1::2], strict=True):
        assert sum(a != b for a, b in zip(negative, positive, strict=True)) == 1
        assert negative[1] == positive[1]
    assert all(example.risk is not None and example.risk >= 1.9 for example in content.suspected)
    order = [relation.id for relation in content.relations]
    places = [order.index(example.relation) for example in content.suspected]
    assert places == sorted(places)
