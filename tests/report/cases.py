"""Pools with made-up risks, and the page as a parser of HTML reads it."""

import base64
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from pykeen_negater import NegativePools
from pykeen_negater.evaluation.samplers import NegativesReport, PartReport
from pykeen_negater.pools import rejections
from pykeen_negater.pools.codec import encode_risk
from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.pools.outcomes import OUTCOMES
from pykeen_negater.report.comparison import Comparison
from pykeen_negater.report.content import ReportContent
from pykeen_negater.report.documentation import PAGES, documentation_url
from pykeen_negater.report.text import print_report

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


def judge(pools: NegativePools, path: Path, vocabulary: Vocabulary | None = None) -> NegativePools:
    """Make up risks, suspected positives and candidates that were thrown out."""
    generator = np.random.default_rng(0)
    known = set(pools.keys.tolist())
    size = pools.num_entities**2 * pools.num_relations
    suspected = sorted(set(generator.integers(size, size=300 + 10 * pools.num_relations).tolist()) - known)
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
        suspected=torch.tensor(suspected),
        suspected_risk=encode_risk(2 ** generator.uniform(1, 6, size=len(suspected))),
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
