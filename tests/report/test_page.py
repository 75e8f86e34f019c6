"""Reports against what loops over the pools find, and the page as a parser of HTML reads it."""

import base64
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from pykeen.datasets import Nations
from pykeen.triples import CoreTriplesFactory, TriplesFactory
from rich.console import Console

from pykeen_negater import NegativePools, mine
from pykeen_negater.cli.main import main
from pykeen_negater.evaluation import samplers as evaluation
from pykeen_negater.evaluation.samplers import NegativesReport, PartReport
from pykeen_negater.fine_tuning.thresholds import describe_levels
from pykeen_negater.pools import rejections
from pykeen_negater.pools.codec import decode_risk, encode_risk
from pykeen_negater.pools.exports import export
from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.pools.imports import import_negatives
from pykeen_negater.pools.outcomes import OUTCOMES, count_outcomes
from pykeen_negater.report import content as content_module
from pykeen_negater.report import page as page_module
from pykeen_negater.report.comparison import Comparison
from pykeen_negater.report.content import ReportContent, collect
from pykeen_negater.report.documentation import PAGES, documentation_url
from pykeen_negater.report.page import render
from pykeen_negater.report.text import print_report
from pykeen_negater.texts.labels import humanize
from pykeen_negater.triples.indexing import keys_to_triples

pytestmark = pytest.mark.usefixtures("empty_cache")

#: What nobody should call an entity
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src="https://example.org/x.png" onerror="alert(1)">',
    "{{ 7 * 7 }}{% raw %}",
    "$\\frac{1}{0}$",
    "[bold red]loud[/bold red]",
    "</style></table><!--",
    "\x1b[31mred\u202e\x00\u200e\u200f\u061c\u2028",
    "a&amp;b's: <b>bold</b>",
    "javascript:alert(1)",
    "  ",
)

SECTIONS = (
    "Will they help?",
    "Hardest negatives",
    "Search",
    "Thrown out",
    "Likely true after all",
    "Train with them",
    "Coverage",
    "What was left out, and why",
    "The guard",
    "Beside other samplers",
    "Scores and risks",
    "Relations",
    "How they were made",
)

DOCUMENTATION = {documentation_url(page) for page in PAGES}

GUARD: dict[str, Any] = {
    "hidden_triples": 30,
    "queries": 100,
    "all": {"answers": 500, "hidden": 25},
    "proposed": {
        "answers": 300,
        "hidden": 20,
        "auc": 0.91,
        "auc_by_relation_and_side": None,
        "brier_skill": -0.02,
        "reliability": {"predicted": [0.001, 0.02, 0.3], "observed": [0.0, 0.03, 0.25]},
    },
    "auc_of_features": {"score of the probe": 0.9},
}

COMPARISON = Comparison.from_reports(
    {
        "basic": NegativesReport(None, 0.004, 0.04, 0.5),
        "basic, filtered": NegativesReport(None, 0.005, 0.0, 0.48),
        "negater": NegativesReport(
            0.9,
            0.002,
            0.0,
            0.56,
            {
                "mined": PartReport(0.2, 3_000, 0.001, 0.0, 0.8),
                "random": PartReport(0.79, 90_000, 0.002, 0.0, 0.47),
                "loops": PartReport(0.01, 100, 0.0, 0.0, 0.9),
            },
        ),
    },
    "TransE",
    guarded=True,
)


@pytest.fixture(autouse=True)
def _draw_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few relations, in the interest of time."""
    monkeypatch.setattr(page_module, "MOST_RELATIONS", 2)


@pytest.fixture
def mined(nations: TriplesFactory) -> NegativePools:
    """Mine pools for Nations, without texts and guard."""
    return mine(triples_factory=nations, encoder="structural", ranker="similarity", guard=None, k=4, pool_size=3)


@pytest.fixture
def judged(mined: NegativePools, tmp_path: Path) -> NegativePools:
    """Let the negatives have risks, with hostile names for all of them."""
    names = tuple(f"{HOSTILE[i % len(HOSTILE)]} {i}" for i in range(mined.num_entities))
    relations = tuple(f"{HOSTILE[i % len(HOSTILE)]} {i}" for i in range(mined.num_relations))
    return judge(mined, tmp_path / "<i>judged", Vocabulary(names, relations, names, relations))


def judge(pools: NegativePools, path: Path, vocabulary: Vocabulary | None = None) -> NegativePools:
    """Make up risks, suspects and candidates that were thrown out."""
    generator = np.random.default_rng(0)
    known = set(pools.keys.tolist())
    size = pools.num_entities**2 * pools.num_relations
    suspects = sorted(set(generator.integers(size, size=300 + 10 * pools.num_relations).tolist()) - known)
    relations = np.arange(pools.num_relations).repeat(rejections.PER_RELATION)
    rejected = {
        "positive": generator.integers(pools.num_triples, size=len(relations)).tolist(),
        "side": [0] * len(relations),
        "replacement": generator.integers(pools.num_entities, size=len(relations)).tolist(),
        "relation": relations.tolist(),
        "outcome": [OUTCOMES.index("too_risky")] * len(relations),
        "score": generator.normal(size=len(relations)).tolist(),
        "risk": (2 ** generator.uniform(1, 6, size=len(relations))).tolist(),
    }
    statistics = {**pools.metadata["statistics"], "guard": GUARD, "rejected": rejected}
    judged = replace(
        pools,
        risk=encode_risk(2 ** generator.uniform(-8, 1, size=len(pools))),
        suspects=torch.tensor(suspects),
        suspect_risk=encode_risk(2 ** generator.uniform(1, 6, size=len(suspects))),
        metadata={**pools.metadata, "max_risk": 16.0, "max_mined_risk": 2.0, "statistics": statistics},
    )
    return NegativePools.load(judged.save(path, vocabulary))


class Page(HTMLParser):
    """What a page is made of."""

    #: Elements that have no end
    VOID = ("meta", "link", "input", "col", "br", "img")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def of(self, *tags: str) -> Iterator[dict[str, str | None]]:
        """Find the attributes of elements."""
        return (attributes for tag, attributes in self.elements if tag in tags)

    def text(self, *tags: str) -> list[str]:
        """Find the texts right in elements."""
        return [text for tag, text in self.texts if tag in tags]


def check(html: str) -> Page:
    """Check what holds for every page.

    :return: the page
    """
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert not [name for name, count in Counter(ids).items() if count > 1]
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert not {"src", "srcset", "action", "data", "formaction", "poster", "background"} & set(attributes)
        for name in ("href", "xlink:href"):
            target = attributes.get(name)
            # the only places beyond the page are those of the documentation, to go to by hand
            assert target is None or target[1:] in ids or (tag == "a" and target in DOCUMENTATION), (tag, target)
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert attributes.get(name) is None or attributes[name] in ids
        for url in re.findall(r"url\(([^)]*)\)", attributes.get("style") or attributes.get("clip-path") or ""):
            assert url[1:] in ids
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed", "image", "base"}
    style, script = ("".join(page.text(tag)) for tag in ("style", "script"))
    assert "url(" not in style
    assert "@import" not in style
    assert len(list(page.of("script"))) == 1
    policy = next(attributes for attributes in page.of("meta") if "http-equiv" in attributes)["content"] or ""
    assert policy.startswith("default-src 'none'")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert page.text("h2") == ["Contents", *SECTIONS]
    assert [attributes["lang"] for attributes in page.of("html")] == ["en"]
    assert len(list(page.of("table"))) == len(list(page.of("caption")))
    assert all(attributes["scope"] in ("row", "col") for attributes in page.of("th"))
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in page.of("svg"))
    return page


def text_of(content: ReportContent, width: int = 200) -> str:
    """Print a report."""
    file = io.StringIO()
    print_report(content, Console(file=file, width=width, force_terminal=False))
    return file.getvalue()


def test_outcomes_match_a_loop():
    generator = np.random.default_rng(0)
    relations, beyond = generator.integers(5, size=200), generator.integers(5, size=30)
    accepted, safe, kept = (generator.random(200) < share for share in (0.8, 0.7, 0.5))
    counts = count_outcomes(relations, accepted, safe, kept, {"beyond_budget": beyond}, 5)
    expected = Counter((int(relation), "beyond_budget") for relation in beyond)
    for i, relation in enumerate(relations.tolist()):
        if not accepted[i]:
            outcome = "taken_for_true"
        elif not safe[i]:
            outcome = "too_risky"
        else:
            outcome = "kept" if kept[i] else "crowded_out"
        expected[relation, outcome] += 1
    for relation in range(5):
        for number, outcome in enumerate(OUTCOMES):
            assert counts[relation, number] == expected[relation, outcome]


def test_scores_around_levels_match_a_loop():
    generator = np.random.default_rng(0)
    scores, relations = generator.normal(size=500).astype(np.float32), generator.integers(4, size=500)
    levels = np.array([0.5, -9.0, 9.0, 0.0, 1.0])
    report = describe_levels(scores, relations, levels)
    assert report["thresholds"] == [0.5, -9.0, 9.0, 0.0, 1.0]
    assert report["taken_for_true"] == sum(scores[i] >= levels[relations[i]] for i in range(500))
    edges = report["score_edges"]
    for relation, counts in enumerate(report["score_counts"]):
        for number, count in enumerate(counts):
            last = number == len(counts) - 1
            inside = [
                edges[number] <= score < edges[number + 1] or (last and score == edges[-1])
                for score in scores[relations == relation]
            ]
            assert count == sum(inside)


def test_mining_counts_every_candidate(mined: NegativePools):
    statistics = mined.metadata["statistics"]
    outcomes = statistics["outcomes"]
    assert set(outcomes) == set(OUTCOMES)
    assert sum(map(sum, outcomes.values())) == statistics["candidates"]
    assert sum(outcomes["kept"]) == len(mined)
    assert sum(outcomes["crowded_out"]) > 0
    by_relation = Counter(negative[1] for _, negative, _ in negatives_of(mined))
    assert outcomes["kept"] == [by_relation[i] for i in range(mined.num_relations)]


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


def test_relations_with_scored_candidates_alone_are_drawn(nations: TriplesFactory, mined: NegativePools):
    counts = np.zeros((mined.num_relations, 4), dtype=int)
    largest = Counter(nations.mapped_triples[:, 1].tolist()).most_common(1)[0][0]
    counts[largest] = 1, 2, 3, 4
    scored = {"score_edges": [0, 1, 2, 3, 4], "score_counts": counts.tolist(), "thresholds": [2.5] * len(counts)}
    none = {"replacements": mined.replacements[:0], "hardness": mined.hardness[:0], "risk": mined.risk[:0]}
    statistics = {**mined.metadata["statistics"], **scored}
    pools = replace(
        mined,
        **none,
        offsets=torch.zeros_like(mined.offsets),
        metadata={**mined.metadata, "statistics": statistics},
        path=None,
    )
    html = render(collect(pools, "thresholds"))
    page = check(html)
    assert len(list(page.of("h4"))) == 1
    assert "0 negatives of 10 scored, θ<sub>r</sub> = 2.5" in html
    assert "1 has something to draw" in html
    assert "Of 10 candidates that were scored. θ is 2.5." in html


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


def negatives_of(pools: NegativePools) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """List positives, their negatives, and the negatives' positions."""
    triples = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations).tolist()
    for row, (start, end) in enumerate(zip(pools.offsets[:-1].tolist(), pools.offsets[1:].tolist(), strict=True)):
        positive = triples[row // len(pools.sides)]
        for i in range(start, end):
            negative = list(positive)
            negative[pools.sides[row % len(pools.sides)]] = int(pools.replacements[i])
            yield tuple(positive), tuple(negative), i


def test_figures_match_loops(judged: NegativePools):
    content = collect(judged, "judged")
    triples = keys_to_triples(judged.keys.numpy(), judged.num_entities, judged.num_relations).tolist()
    covered = {positive for positive, _, _ in negatives_of(judged)}
    risks: dict[int, list[float]] = {}
    for _, negative, i in negatives_of(judged):
        risks.setdefault(negative[1], []).append(float(decode_risk(judged.risk[i])))
    suspects = keys_to_triples(judged.suspects.numpy(), judged.num_entities, judged.num_relations)[:, 1].tolist()
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
        assert relation.num_suspects == suspects.count(relation.id)
        ordered = sorted(risks.get(relation.id, []))
        assert relation.num_negatives == len(ordered)
        middle = ordered[(len(ordered) - 1) // 2] if ordered else None
        assert relation.median_risk == pytest.approx(middle)


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


def test_suspects_are_beside_training_triples(judged: NegativePools):
    content = collect(judged, "judged")
    assert content.suspects
    names = [sentence.parts for example in content.suspects for sentence in (example.negative, example.positive)]
    for negative, positive in zip(names[::2], names[1::2], strict=True):
        assert sum(a != b for a, b in zip(negative, positive, strict=True)) == 1
        assert negative[1] == positive[1]
    assert all(example.risk is not None and example.risk >= 1.9 for example in content.suspects)
    order = [relation.id for relation in content.relations]
    places = [order.index(example.relation) for example in content.suspects]
    assert places == sorted(places)


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


def test_the_terminal_shows_the_same_and_no_markup(judged: NegativePools):
    content = collect(judged, "judged", COMPARISON)
    text = text_of(content)
    assert "[bold red]loud[/bold red]" in text
    assert "\x1b" not in text
    for part in (
        "What was mined",
        "What became of candidates",
        "The guard",
        "Samplers",
        "Relations",
        "Hardest",
        "Likely",
    ):
        assert part in text
    for part in ("mined", "guarded random", "loops"):
        assert f"negater: {part}" in text
    assert f"{content.num_negatives:,}" in text
    assert f"{content.num_negatives:,}" in render(content)


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
    assert "right of the dashed line, they are harder than random ones that are no training triples" in html
    # the line is where random ones are that are no training triples, and not at one half
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
    pools = replace(judged, metadata={**judged.metadata, "guard_skill": -0.1}, path=None)
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


def test_the_terminal_breaks_no_words(nations: TriplesFactory):
    content = collect(mine(triples_factory=nations, encoder="structural"), "nations", COMPARISON)
    whole = set(re.findall(r"[\w_]+", text_of(content, 1_000)))
    for width in (60, 80, 100, 200):
        text = text_of(content, width)
        assert max(map(len, text.splitlines())) <= width
        # what a narrow terminal shows is less, and says so
        assert set(re.findall(r"[\w_]+", text)) <= whole | {"Left", "out", "for", "want", "of", "width"}
        assert ("for want of width" in text) == (width < 100)


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
    assert len(content.suspects) <= 60


def test_the_same_pools_give_the_same_page(judged: NegativePools):
    assert render(collect(judged, "a")) == render(collect(judged, "a"))


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, ["report", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_the_command_writes_a_page(judged: NegativePools, tmp_path: Path):
    path = tmp_path / "report.html"
    output = run(judged.path, "-o", path).output
    assert output.endswith(f"Written to {path}\n")
    check(path.read_text(encoding="utf-8"))
    both = run(judged.path, "-o", path, "--text").output
    assert "Written to" in both
    assert "What was mined" in both
    assert "What was mined" in run(judged.path).output


def test_the_command_compares_samplers(mined: NegativePools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evaluation, "NUM_DRAWN", 4_000)
    path = tmp_path / "report.html"
    output = run(mined.path, "--evaluate", "nations", "--epochs", "1", "-o", path).output
    page = check(path.read_text(encoding="utf-8"))
    headers = [text.strip() for text in page.text("th")]
    names = ("basic", "basic, filtered", "bernoulli", "pseudotyped", "negater")
    for name in (*names, "negater: mined", "negater: random", "negater: loops"):
        assert name in headers
        # one line for each, in words
        line = rf"^  {name} +(\S+ of what is drawn: )?\S+ false negatives, \S+ training triples, hardness \S+$"
        assert re.search(line, output, re.MULTILINE)
    assert "false_negatives" not in output
    assert "known_positives" not in output
    figures = json.loads(run(mined.path, "--evaluate", "nations", "--epochs", "1", "--json").stdout)
    assert figures["samplers"]["negater: mined"]["false_negatives"] > 0
    assert figures["samplers"]["basic, filtered"]["known_positives"] == 0
    assert figures["verdict"] in output
    assert figures["covered_share"] == pytest.approx(mined.metadata["statistics"]["coverage"])
    for name in ("training", "validation", "testing"):
        factory = Nations().factory_dict[name]
        rows = factory.triples if name == "training" else factory.label_triples(factory.mapped_triples)
        tmp_path.joinpath(f"{name}.tsv").write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    files = [part for name in ("training", "validation", "testing") for part in (f"--{name}", tmp_path / f"{name}.tsv")]
    assert "negater: mined" in run(mined.path, *files, "--epochs", "1").output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["{folder}"], 1, "found no pools at {folder}, expected a folder made by `negater mine`"),
        (["{pools}", "-o", "{folder}/no/report.html"], 1, "found no folder {folder}/no, expected one to write"),
        (["{pools}", "-o", "{folder}"], 1, "found the folder {folder}, expected a file to write to"),
        (["{pools}", "--evaluate", "umls"], 1, "are for 14 entities and 55 relations, but the graph has 135 and 46"),
        (["{pools}", "--evaluate", "atlantis"], 1, "found the dataset 'atlantis', expected"),
        (["{pools}", "--training", "{train}"], 2, "Pass --validation and --testing with --training"),
        (["{pools}", "--validation", "{train}"], 2, "Pass --training with --validation and --testing"),
    ],
)
def test_errors_are_one_sentence(
    mined: NegativePools, tmp_path: Path, options: list[str], code: int, message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(evaluation, "train_reference", lambda *args: pytest.fail("trained before it was checked"))
    train = tmp_path / "train.tsv"
    train.write_text("a\tb\tc\n")
    named = {"folder": tmp_path, "pools": mined.path, "train": train}
    output = run(*(option.format(**named) for option in options), code=code).output
    assert message.format(**named) in output
    assert not list(tmp_path.rglob("*.html"))


def test_a_missing_extra_is_named(mined: NegativePools, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pykeen_negater.cli.commands.report.importlib.util.find_spec", lambda name: None)
    output = run(mined.path, code=1).output
    assert "found no package jinja2, matplotlib, rich" in output
    assert "pip install 'pykeen-negater[report]'" in output
