"""The page about the insides names files that exist, and packages in the order that is tested."""

import re
from pathlib import Path

import pytest

from .test_layers import ORDER

ROOT = Path(__file__).parents[2]

PAGE = ROOT.joinpath("docs", "inside.md").read_text(encoding="utf-8")


def test_packages_are_listed_in_their_order_with_what_they_may_import():
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", PAGE, flags=re.MULTILINE)
    expected = ["none", *(f"up to `{package}`" for package in ORDER)]
    assert rows == list(zip(ORDER, expected, strict=False))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:src|tests)/[\w/]+\.py)`", PAGE))))
def test_files_exist(path: str):
    assert ROOT.joinpath(path).is_file()


def test_the_drawing_has_every_package():
    drawing = ROOT.joinpath("docs", "drawings", "inside.svg").read_text(encoding="utf-8")
    described = re.sub(r"<(?:title|desc)\b.*?</(?:title|desc)>", "", drawing)
    assert [package for package in ORDER if not re.search(rf"\b{package}\b", described)] == []
