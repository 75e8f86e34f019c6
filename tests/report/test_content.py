"""The content of a report against loops over the pools."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pykeen_negater import NegativePools
from pykeen_negater.pools.codec import decode_risk
from pykeen_negater.report.content import collect
from pykeen_negater.triples.indexing import keys_to_triples

from ..cases import negatives_of

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_figures_match_loops(judged: NegativePools):
    content = collect(judged, "judged")
    triples = keys_to_triples(judged.keys.numpy(), judged.num_entities, judged.num_relations).tolist()
    covered = {positive for positive, _, _ in negatives_of(judged)}
    risks: dict[int, list[float]] = {}
    for _, negative, i in negatives_of(judged):
        risks.setdefault(negative[1], []).append(float(decode_risk(judged.risk[i])))
    suspected = keys_to_triples(judged.suspected.numpy(), judged.num_entities, judged.num_relations)[:, 1].tolist()
    assert content.coverage.share == len(covered) / len(triples)
    assert content.coverage.num_empty == len(triples) - len(covered)
    assert content.num_negatives == len(judged)
    assert [relation.num_triples for relation in content.relations] == sorted(
        Counter(relation for _, relation, _ in triples).values(), reverse=True
    )
    for relation in content.relations:
        own = [triple for triple in triples if triple[1] == relation.id]
        assert relation.num_triples == len(own)
        assert relation.coverage == np.mean([tuple(triple) in covered for triple in own])
        assert relation.num_suspected == suspected.count(relation.id)
        ordered = sorted(risks.get(relation.id, []))
        assert relation.num_negatives == len(ordered)
        middle = ordered[(len(ordered) - 1) // 2] if ordered else None
        assert relation.median_risk == pytest.approx(middle)


def test_settings_are_written_as_they_would_be_passed(mined: NegativePools):
    settings = {"k": 3, "ranker": ["FullGradientsRanker", {"fine_tuning": {"epochs": 2}}], "sides": ["head", "tail"]}
    content = collect(replace(mined, metadata={"settings": settings, "versions": {"torch": "2\x1b"}}, path=None), "a")
    described = dict(content.settings)
    assert described["k"] == "3"
    assert described["sides"] == "head, tail"
    assert described["ranker.fine_tuning.epochs"] == "2"
    assert content.versions == (("torch", "2\\x1b"),)
    assert content.is_mined


def test_seconds_are_those_of_all_steps(mined: NegativePools):
    content = collect(replace(mined, durations={"encode": 1.5, "score": 2.0}, path=None), "a")
    assert content.seconds == 3.5
    assert content.median_risk is None
