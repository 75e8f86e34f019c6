"""The page of a report in headless Chromium: it opens, is searched and sorted, and asks for nothing."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pykeen_negater import NegativePools, mine
from pykeen_negater.report import collect
from pykeen_negater.report import content as content_module
from pykeen_negater.report.page import write_page
from pykeen_negater.tables import read_triples

from .test_report import COMPARISON, _draw_less, judge, judged, mined

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["_draw_less", "judged", "mined"]

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("empty_cache")]

playwright = pytest.importorskip("playwright.sync_api", reason="the extra 'tests' has Playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra 'tests' has axe")

#: The names that Chromium goes by
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Start Chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with playwright.sync_playwright() as engines:
        try:
            browser = engines.chromium.launch(executable_path=path)
        except playwright.Error as error:
            missing = f"found no Chromium, neither {', '.join(NAMES)} nor Playwright's own: {error.message[:80]}"
            # what CI does not run, nobody runs
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _show_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show few negatives, in the interest of time."""
    monkeypatch.setattr(content_module, "PER_RELATION", 2)


@pytest.fixture
def path(judged: NegativePools, tmp_path: Path) -> Path:
    """Write a page with hostile labels."""
    path = tmp_path / "report.html"
    write_page(collect(judged, "<script>judged</script>", COMPARISON), path)
    return path


@pytest.fixture
def opened(browser: "Browser", path: Path) -> Iterator["Page"]:
    """Open the page, and see that it asks for nothing and complains about nothing."""
    complaints, requests = [], []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.wait_for_timeout(100)
    page.close()
    assert complaints == []
    assert requests == [path.as_uri()]


def test_it_opens(opened: "Page"):
    playwright.expect(opened.get_by_role("heading", level=1)).to_have_text("<script>judged</script>")
    assert opened.evaluate("document.scripts.length") == 1
    assert opened.evaluate("document.images.length") == 0
    assert opened.locator("svg[role=img]").count() > 8
    opened.set_viewport_size({"width": 360, "height": 640})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_picture_is_drawn(opened: "Page"):
    assert opened.evaluate("document.readyState") == "complete"
    opened.locator("details").evaluate_all("all => all.forEach(it => { it.open = true; })")
    pictures = opened.locator("svg[role=img]")
    empty = pictures.evaluate_all(
        """all => all.filter(svg => {
            const box = svg.getBoundingClientRect();
            return !(box.width > 50 && box.height > 20 && svg.querySelector("path"));
        }).length"""
    )
    assert pictures.count() > 8
    assert empty == 0


def test_the_page_of_codex_s_is_small(
    browser: "Browser", data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.undo()  # everything is shown, and drawn
    folder = data_folder / "codex-s"
    # as many relations, entities, texts and pictures as guarded pools have, without the minutes that a guard takes
    pools = mine(
        triples_factory=read_triples(folder / "train.txt"),
        entity_text=str(folder / "entity2text.tsv"),
        relation_text=str(folder / "relation2text.tsv"),
        encoder="structural",
        ranker="similarity",
        guard=None,
    )
    path = tmp_path / "codex-s.html"
    content = collect(judge(pools, tmp_path / "codex-s.pools"), "codex-s", COMPARISON)
    write_page(content, path)
    assert path.stat().st_size <= 5 * 10**6
    page = browser.new_page()
    page.goto(path.as_uri())
    drawn = page.locator(".multiples svg").count()
    page.close()
    # risks for all relations, scores for those with negatives
    assert drawn == len(content.relations) + sum(it.num_negatives > 0 for it in content.relations)
    assert len(content.relations) == 42


def test_contents_lead_to_sections(opened: "Page"):
    for name in ("Hardest negatives", "Coverage", "Settings"):
        opened.get_by_role("link", name=name).click()
        playwright.expect(opened.get_by_role("heading", name=name)).to_be_in_viewport()


def test_search(opened: "Page"):
    field = opened.get_by_label("Search negatives")
    rows = opened.locator("#hardest-table tbody tr")
    total = rows.count()
    status = opened.locator("#hardest-table-count")
    playwright.expect(status).to_have_text(f"{total} of {total} rows")
    field.fill("{{ 7 * 7 }} LOUD")
    shown = rows.filter(visible=True)
    playwright.expect(status).to_have_text(f"{shown.count()} of {total} rows")
    assert 0 < shown.count() < total
    for text in shown.all_inner_texts():
        assert "{{ 7 * 7 }}" in text
        assert "loud" in text
    field.fill("nothing of the kind")
    playwright.expect(status).to_have_text(f"0 of {total} rows")
    field.fill("")
    choice = opened.get_by_label("Relation", exact=True).first
    name = choice.locator("option").nth(2).inner_text()
    choice.select_option(index=2)
    assert 0 < shown.count() <= 2
    assert all(name in " ".join(text.split()) for text in shown.all_inner_texts())


def test_sort_with_the_keyboard(opened: "Page"):
    table = opened.locator("#relations-table")
    header = table.get_by_role("columnheader", name="Triples")
    button = header.get_by_role("button")
    button.focus()
    counts = "rows => rows.map(row => Number(row.cells[1].dataset.value))"
    for direction in ("descending", "ascending", "descending"):
        opened.keyboard.press("Enter")
        playwright.expect(header).to_have_attribute("aria-sort", direction)
        values = table.locator("tbody tr").evaluate_all(counts)
        assert values == sorted(values, reverse=direction == "descending")
    names = table.get_by_role("columnheader", name="Relation")
    names.get_by_role("button").press("Space")
    playwright.expect(names).to_have_attribute("aria-sort", "ascending")
    assert table.locator("[aria-sort]").count() == 1


def test_the_way_of_the_keyboard(opened: "Page"):
    opened.keyboard.press("Tab")
    playwright.expect(opened.get_by_role("link", name="Skip to the report")).to_be_focused()
    opened.keyboard.press("Enter")
    playwright.expect(opened.locator("main")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("guarded", [True, False])
def test_axe_finds_nothing_serious(
    browser: "Browser", judged: NegativePools, tmp_path: Path, scheme: str, guarded: bool
):
    pools = judged if guarded else replace(judged, metadata={}, path=None)
    write_page(collect(pools, "a", COMPARISON if guarded else None), tmp_path / "a.html")
    # the page's own policy would keep axe out
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True)
    page = context.new_page()
    page.goto(tmp_path.joinpath("a.html").as_uri())
    page.locator("details").evaluate_all("all => all.forEach(it => { it.open = true; })")
    violations = axe.Axe().run(page).response["violations"]
    context.close()
    assert [(it["id"], it["nodes"][0]["html"], it["nodes"][0]["failureSummary"]) for it in violations] == []
