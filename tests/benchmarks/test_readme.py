"""The tables of the pages are those of the result files, which commands write."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

sys.path.append(str(ROOT / "benchmarks"))
from readme import PAGES, TABLES, fill, read_pages  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"


def test_tables_are_those_of_the_results():
    pages = read_pages()
    for page, text in fill(pages).items():
        assert pages[page] == text, f"{page} is not what its result files say. Run: python benchmarks/readme.py"


def test_every_marker_has_a_table():
    markers = {name for text in read_pages().values() for name in re.findall(r"^<!-- (\w+) -->$", text, re.MULTILINE)}
    assert markers - {"end"} == set(TABLES)


def test_a_table_without_a_page_is_an_error():
    with pytest.raises(ValueError, match="found no page with <!-- headline -->"):
        fill({ROOT / "README.md": "no marker"})


@pytest.mark.parametrize("page", [*PAGES, ROOT / "benchmarks" / "README.md"], ids=lambda page: page.name)
def test_every_result_that_a_page_names_is_there(page: Path):
    for name in re.findall(r"results/([\w.-]+\.(?:tsv|svg))", page.read_text(encoding="utf-8")):
        assert RESULTS.joinpath(name).is_file(), name
