"""The page of a report in headless Chromium: it opens, is searched and sorted, and asks for nothing."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pykeen_negater import NegativePools, mine
from pykeen_negater.report import content as content_module
from pykeen_negater.report.content import collect
from pykeen_negater.report.page import write_page
from pykeen_negater.report.phrases import Names
from pykeen_negater.triples.tables import read_triples

from ..cases import negatives_of
from ..report.cases import COMPARISON, judge
from ..report.conftest import _draw_less, judged, mined

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
    for name in ("Hardest negatives", "Coverage", "How they were made"):
        opened.get_by_role("link", name=name, exact=True).click()
        playwright.expect(opened.get_by_role("heading", name=name)).to_be_in_viewport()


def test_search_of_relations(opened: "Page"):
    field = opened.get_by_label("Search relations")
    rows = opened.locator("#relations-table tbody tr")
    total = rows.count()
    status = opened.locator("#relations-count")
    playwright.expect(status).to_have_text(f"{total} of {total} rows")
    field.fill("LOUD")
    shown = rows.filter(visible=True)
    playwright.expect(status).to_have_text(f"{shown.count()} of {total} rows")
    assert 0 < shown.count() < total
    assert all("loud" in text for text in shown.all_inner_texts())
    field.fill("nothing of the kind")
    playwright.expect(status).to_have_text(f"0 of {total} rows")


def test_search_over_all_negatives(opened: "Page", judged: NegativePools):
    status, found = opened.locator("#finder-count"), opened.locator("#found")
    rows = found.locator("tbody tr")
    playwright.expect(found).to_be_hidden()
    opened.get_by_label("Which").select_option("kept")
    # all of them, and not only those that are in a table
    playwright.expect(status).to_have_text(f"{len(judged):,} rows found, the first 200 of them below")
    assert rows.count() == 200
    assert all("Kept: no. " in text for text in rows.locator("td:last-child").all_inner_texts())
    opened.get_by_label("Which").select_option("thrown out")
    playwright.expect(rows.last).to_contain_text("the guard lets none above 2.0× pass")
    noted = judged.metadata["statistics"]["rejected"]["positive"]
    playwright.expect(status).to_have_text(f"{len(noted)} rows found")
    opened.get_by_label("Which").select_option("all")
    playwright.expect(found).to_be_hidden()
    opened.get_by_label("Words").fill("{{ 7 * 7 }} LOUD")
    playwright.expect(rows.first).to_be_visible()
    for text in found.locator("tbody tr").all_inner_texts():
        assert "{{ 7 * 7 }}" in text
        assert "loud" in text
    opened.get_by_label("Words").fill("nothing of the kind")
    playwright.expect(status).to_have_text("Nothing found")
    playwright.expect(found).to_be_hidden()


def test_search_by_entity_and_relation(opened: "Page", judged: NegativePools):
    names = judged.load_vocabulary()
    assert names.entity_labels is not None
    entity = names.entity_labels[4]
    rows = opened.locator("#found tbody tr")
    opened.get_by_label("Entity", exact=True).fill(entity)

    def with_any(entities: set[int]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Find the negatives that have an entity, or replace it."""
        return [
            (positive, negative)
            for positive, negative, _ in negatives_of(judged)
            if entities & {positive[0], positive[2], negative[0], negative[2]}
        ]

    wanted = with_any({4})
    opened.get_by_label("Which").select_option("kept")
    status = opened.locator("#finder-count")
    playwright.expect(status).to_have_text(f"{len(wanted):,} rows found, the first 200 of them below")
    assert all(entity in " ".join(text.split()) for text in rows.all_inner_texts())
    # what is no whole name may be a part of one
    opened.get_by_label("Entity", exact=True).fill("alert(1)")
    parts = with_any({i for i, label in enumerate(names.entity_labels) if "alert(1)" in label})
    playwright.expect(status).to_have_text(f"{len(parts):,} rows found, the first 200 of them below")
    opened.get_by_label("Entity", exact=True).fill(entity)
    relation = max({negative[1] for _, negative in wanted}, key=[negative[1] for _, negative in wanted].count)
    choice = opened.get_by_label("Relation", exact=True)
    choice.select_option(
        index=choice.locator("option").all_text_contents().index(Names(judged).relation(relation).name)
    )
    count = sum(negative[1] == relation for _, negative in wanted)
    playwright.expect(status).to_have_text(f"{count} rows found")
    assert rows.count() == count


def test_hostile_labels_are_text_in_what_is_found(opened: "Page"):
    opened.get_by_label("Words").fill("<script>")
    playwright.expect(opened.locator("#found tbody tr").first).to_contain_text("<script>alert(1)</script>")
    assert opened.evaluate("document.scripts.length") == 1


def test_the_program_is_copied(opened: "Page"):
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.get_by_role("button", name="Copy").click()
    playwright.expect(opened.locator(".copy [role=status]")).to_have_text("Copied")
    program = opened.evaluate("navigator.clipboard.readText()")
    assert program == opened.locator("#snippet").inner_text()
    compile(program, "snippet", "exec")
    assert 'negative_sampler="negater"' in program


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
    content = collect(pools, "a", COMPARISON if guarded else None)
    write_page(content, tmp_path / "a.html")
    # the page's own policy would keep axe out
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True)
    page = context.new_page()
    page.goto(tmp_path.joinpath("a.html").as_uri())
    page.locator("details").evaluate_all("all => all.forEach(it => { it.open = true; })")
    page.get_by_label("Which").select_option("kept")
    page.get_by_label("Words").fill(str(content.negatives[0].negative))
    playwright.expect(page.locator("#finder-count")).to_contain_text(re.compile(r"rows? found$"))
    playwright.expect(page.locator("#found")).to_be_visible()
    violations = axe.Axe().run(page).response["violations"]
    context.close()
    assert [(it["id"], it["nodes"][0]["html"], it["nodes"][0]["failureSummary"]) for it in violations] == []
