"""The pages that reports name."""

import importlib.metadata
from email.message import Message
from pathlib import Path

import pytest

from pykeen_negater.report.documentation import PAGES, documentation_url

REPOSITORY = "https://example.org/negater"


def name_repository(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    """Pretend that the package's metadata name these addresses."""
    metadata = Message()
    for url in urls:
        metadata["Project-URL"] = url
    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: metadata)


def test_pages_that_are_named_are_in_the_documentation():
    folder = Path(__file__).parents[2] / "docs"
    for page in PAGES:
        assert folder.joinpath(f"{page}.md").is_file()


def test_the_address_is_in_the_repository_that_the_metadata_name(monkeypatch):
    name_repository(monkeypatch, f"Issues, {REPOSITORY}/issues", f"Source, {REPOSITORY}")
    assert documentation_url("faq") == f"{REPOSITORY}/blob/HEAD/docs/faq.md"


@pytest.mark.parametrize("urls", [(), (f"Issues, {REPOSITORY}/issues",)])
def test_there_is_no_address_without_a_repository(monkeypatch, urls):
    name_repository(monkeypatch, *urls)
    assert documentation_url("faq") is None
