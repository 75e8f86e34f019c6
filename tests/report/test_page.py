"""The page as a parser of HTML reads it: whatever the pools hold, it is whole, harmless, and says why."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.pools.exports import export
from pykeen_negater.pools.imports import import_negatives
from pykeen_negater.report import content as content_module
from pykeen_negater.report import page as page_module
from pykeen_negater.report.content import collect
from pykeen_negater.report.page import render

from .cases import COMPARISON, Page, check, text_of

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_candidates_beyond_the_budget_are_counted(nations: TriplesFactory, tiny_bert: str):
    fine_tuning = {"language_model": tiny_bert, "fine_tuning": {"epochs": 1, "max_length": 24}}
    settings = {"encoder": "structural", "ranker": "thresholds", "guard": "thresholds", "ranker_kwargs": fine_tuning}
    pools = mine(triples_factory=nations, max_candidates=300, max_training_triples=64, **settings)
    statistics = pools.metadata["statistics"]
    sums = {name: sum(counts) for name, counts in statistics["outcomes"].items()}
    assert sums["beyond_budget"] == statistics["candidates"] - statistics["candidates_within_budget"] > 0
    assert sums["taken_for_true"] > 0
    assert sums["too_risky"] == 0
    assert sums["kept"] == len(pools)
    assert np.sum(statistics["score_counts"]) == statistics["scored"] == 300
    content = collect(pools, "nations")
    html = render(content)
    check(html)
    assert "θ marks the relation" in html
    assert "Each scores below the" in html
    assert "their score reaches the relation&#39;s threshold" in html
    assert f"Skipped <strong>{sums['beyond_budget']:,}</strong>" in html
    assert "max_candidates=300" in text_of(content)
    assert "θ_r" in text_of(content)
    assert content.advice is not None
    assert "Consider a larger max_candidates" in content.advice
    assert "The budget did not reach" in content.advice
    thresholds = {relation.id: relation.threshold for relation in content.relations}
    assert thresholds == {i: statistics["thresholds"][i] for i in thresholds}
    assert {example.outcome for example in content.rejected} == {"taken_for_true"}
    assert "its score reaches θ" in html
    assert "those with the highest scores" in html


def test_documentation_is_linked_where_it_has_an_address(judged: NegativePools, monkeypatch: pytest.MonkeyPatch):
    content = collect(judged, "judged")
    monkeypatch.setattr(page_module, "documentation_url", lambda name: None)
    page = render(content)
    check(page)
    assert '<a href="http' not in page
    assert "choosing settings (<code>docs/settings.md</code>)" in page
    monkeypatch.setattr(page_module, "documentation_url", lambda name: f"https://example.org/{name}")
    assert '<a href="https://example.org/settings" rel="noreferrer">choosing settings</a>' in render(content)


def test_hostile_labels_are_only_text(judged: NegativePools):
    content = collect(judged, judged.path.name if judged.path else "", COMPARISON)
    html = render(content)
    page = check(html)
    assert "<i>judged" in page.text("bdi")
    shown = "".join(text for _, text in page.texts)
    for label in ("<script>alert(1)</script>", 'onerror="alert(1)">', "{{ 7 * 7 }}{% raw %}", "$\\frac{1}{0}$"):
        assert label in shown
    assert "\\x1b[31mred\\u202e\\x00" in shown
    assert "49{% raw" not in shown
    assert not re.search("[\x00-\x08\x1b\u202e\u200e\u200f\u061c\u2028]", html)
    assert html.isprintable() or set(html) - set(filter(str.isprintable, html)) <= {"\n", "\xa0", "\u2009"}


def test_the_verdict_comes_first_and_timings_last(judged: NegativePools):
    content = collect(judged, "judged", COMPARISON)
    html, text = render(content), text_of(content)
    assert content.verdict.headline == (
        "The mined negatives are worth a try: they are harder than random ones and less often true."
    )
    for sentence in (*content.verdict.evidence, *content.verdict.changes):
        assert sentence in Page(html).text("li")
    for shown, timings in ((html, "How long each step took"), (text, "How long it took")):
        places = [shown.index(part) for part in (content.verdict.headline, "Hardest negatives", "Reliability", timings)]
        assert places == sorted(places)
    main = html[html.index("<main") :]
    assert main.index('id="hardest"') < main.index('id="search"') < main.index('id="coverage"') < main.index("Seconds")
    assert "Seconds" not in html[: html.index("<main")]
    assert content.snippet in text
    assert content.snippet in Page(html).text("code")


def test_captions_say_what_is_better(judged: NegativePools):
    html = render(collect(judged, "judged", COMPARISON))
    assert "the better" not in re.sub("harder is better only as long as it is false", "", html, flags=re.IGNORECASE)
    assert "right of the dashed line, they are harder than random ones that are not training triples" in html
    # the line marks random ones that are not training triples, and is not at one half
    assert COMPARISON.random_hardness == 0.48


def test_one_is_no_plural(mined: NegativePools, nations: TriplesFactory):
    first = int(mined.offsets[1])
    one = {"replacements": mined.replacements[:1], "hardness": mined.hardness[:1], "risk": mined.risk[:1]}
    assert first > 0
    pools = replace(
        mined,
        **one,
        keys=mined.keys[:1],
        offsets=torch.tensor([0, 1, 1]),
        metadata={"num_entities": mined.num_entities, "settings": {"pool_size": 1}},
        path=None,
    )
    content = collect(pools, "one")
    html = " ".join(render(content).split())
    assert "1 negative for 1 training triple over 14 entities and 55 relations." in html
    assert "Among the only negative:" in html
    assert not re.search(r"[^\d.,]1 (?:triples|negatives|candidates|relations|entities|corruptions)\b", html)
    assert not re.search(
        r"[^\d.,]1 (?:triples|negatives|candidates|relations|entities|corruptions)\b", text_of(content)
    )


def test_a_page_that_draws_nothing_says_why(judged: NegativePools):
    pools = replace(
        judged, metadata={**judged.metadata, "accepted_risk": 1.1 * (judged.max_mined_risk or 0)}, path=None
    )
    without, drawn = (" ".join(render(collect(it, "a")).split()) for it in (pools, judged))
    assert without.count("No mined negatives are drawn") == 2
    assert "Pass &#34;hard_fraction&#34;: 0.25 to the sampler" in without
    assert "No mined negatives are drawn" not in drawn
    assert "A share of the positives of each batch gets its negatives from these pools" in drawn


def test_a_report_without_a_guard(mined: NegativePools):
    content = collect(mined, "mined")
    html = render(content)
    page = check(html)
    assert "No guard has judged" in html
    assert "--evaluate DATASET" in html
    assert "Risk" not in [text.strip() for text in page.text("th")]
    assert "--evaluate DATASET" in text_of(content)
    assert all(example.risk is None for example in content.negatives)


def test_pools_without_labels_and_statistics(tmp_path: Path, nations: TriplesFactory):
    factory = CoreTriplesFactory(nations.mapped_triples, nations.num_entities, nations.num_relations)
    pools = mine(triples_factory=factory, encoder="structural", ranker="similarity", guard=None, k=2)
    html = render(collect(pools, "ids"))
    check(html)
    assert re.search(r"<bdi>\d+</bdi>", html)
    bare = replace(pools, metadata={}, durations={}, path=None)
    content = collect(NegativePools.load(bare.save(tmp_path / "bare.pools")), "bare")
    html = render(content)
    check(html)
    assert "do not say how they were made" in html
    assert "Negatives of bare" in text_of(content)


def test_imported_pools_are_called_so(mined: NegativePools, nations: TriplesFactory, tmp_path: Path):
    export(mined, tmp_path / "negatives.tsv")
    pools = import_negatives(tmp_path / "negatives.tsv", tmp_path / "a.pools", triples_factory=nations)
    content = collect(pools, "imported")
    assert content.coverage.num_short
    assert content.advice is None
    html, text = render(content), text_of(content)
    check(html)
    for shown in (html, text):
        assert "imported: nothing is known about how they were made" in shown
        for nonsense in ("Consider", "0.0 s", "Mine ", "ranker", "likely true corruptions", "ined in"):
            assert nonsense not in shown
    assert "has no thresholds" not in html


def test_pools_without_any_negative(nations: TriplesFactory, mined: NegativePools):
    empty = replace(
        mined,
        offsets=torch.zeros_like(mined.offsets),
        replacements=mined.replacements[:0],
        hardness=mined.hardness[:0],
        risk=mined.risk[:0],
        metadata={**mined.metadata, "max_risk": 16.0, "max_mined_risk": 2.0},
        path=None,
    )
    content = collect(empty, "empty")
    assert content.coverage.share == 0
    html = render(content)
    check(html)
    assert "There are no negatives to show" in html
    assert content.advice is not None
    assert f"{nations.num_triples:,} triples have fewer than" in content.advice
    assert text_of(content)


def test_what_is_too_much_is_left_out_and_said(judged: NegativePools, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page_module, "MOST_LISTED", 3)
    monkeypatch.setattr(content_module, "MOST_EXAMPLES", 60)
    content = collect(judged, "judged")
    html = render(content)
    page = check(html)
    assert len(list(page.of("h4"))) == 2
    assert f"Of {len(content.relations)} relations, the 2 largest are drawn" in html
    assert f"Listed are the 3 largest of {len(content.relations)}" in html
    assert len(content.negatives) <= 60
    assert len(content.suspected) <= 60


def test_the_same_pools_give_the_same_page(judged: NegativePools):
    assert render(collect(judged, "a")) == render(collect(judged, "a"))
