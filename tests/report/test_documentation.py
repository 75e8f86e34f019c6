"""The pages that reports name."""

from pathlib import Path

from pykeen_negater.report.documentation import PAGES, documentation_url


def test_pages_that_are_named_are_in_the_documentation():
    folder = Path(__file__).parents[2] / "docs"
    for page in PAGES:
        assert folder.joinpath(f"{page}.md").is_file()
        assert documentation_url(page).endswith(f"/docs/{page}.md")
