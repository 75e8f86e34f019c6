"""Measures the page of a report: its size, how fast it opens in Chromium, and what axe has to say.

Run: python benchmarks/report_page.py

UMLS and CoDEx-S are mined with default settings and texts, guard included. The page opens in a Chromium without window
that was just started, once per run: from the navigation to its load event and the frame after that, in which all is
drawn. The table has the median of the runs. axe looks at the page in light and in dark, with everything unfolded.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import click
from axe_playwright_python.sync_playwright import Axe
from common import load, write
from playwright.sync_api import Browser, Playwright, sync_playwright

from pykeen_negater import mine
from pykeen_negater.report.content import collect
from pykeen_negater.report.page import write_page

DRAWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"

UNFOLD = "all => all.forEach(it => { it.open = true; })"


def start(engines: Playwright) -> Browser:
    """Start Chromium."""
    return engines.chromium.launch(executable_path=shutil.which("chromium"))


def measure(engines: Playwright, url: str) -> float:
    """Open the page in a process of its own, and measure the seconds until it is drawn."""
    browser = start(engines)
    page = browser.new_page()
    begin = time.perf_counter()
    page.goto(url)
    page.evaluate(DRAWN)
    seconds = time.perf_counter() - begin
    browser.close()
    return seconds


def violations(engines: Playwright, url: str) -> list[str]:
    """Say how grave each thing is that axe finds."""
    found = []
    browser = start(engines)
    for scheme in ("light", "dark"):
        # the page's own policy would keep axe out
        page = browser.new_context(color_scheme=scheme, bypass_csp=True).new_page()
        page.goto(url)
        page.locator("details").evaluate_all(UNFOLD)
        found += [violation["impact"] for violation in Axe().run(page).response["violations"]]
    browser.close()
    return found


@click.command()
@click.option("--runs", default=7, help="How often each page is opened.")
def main(runs: int) -> None:
    """Measure all pages."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engines:
        for name in ("umls", "codex-s"):
            dataset, texts = load(name)
            pools = mine(triples_factory=dataset.training, **texts)
            path = Path(folder, f"{name}.html")
            write_page(collect(pools, name), path)
            seconds = [measure(engines, path.as_uri()) for _ in range(runs)]
            found = violations(engines, path.as_uri())
            serious = sum(impact in ("serious", "critical") for impact in found)
            rows.append(
                {
                    "pools": name,
                    "negatives": len(pools),
                    "size (MB)": round(path.stat().st_size / 10**6, 3),
                    "opens in (s)": round(statistics.median(seconds), 3),
                    "slowest (s)": round(max(seconds), 3),
                    "runs": runs,
                    "axe: serious": serious,
                    "axe: others": len(found) - serious,
                }
            )
    write("report_page", rows)


if __name__ == "__main__":
    main()
