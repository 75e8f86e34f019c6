"""Figures of Matplotlib as parts of a page."""

import re
from xml.etree import ElementTree

from matplotlib import rcParams

from pykeen_negater.report.drawing import ACCENT, GRID, INK, MUTED, WARM, drawing, to_svg

DESCRIPTION = 'the "least" & <most>'


def draw(name: str = "name") -> str:
    """Draw a bit of everything."""
    with drawing(2.0, 1.5) as (figure, axes):
        axes.plot([0, 1], [1, 0], color=ACCENT, marker="o")
        axes.bar([0, 1], [1, 2], color=[WARM, INK])
        axes.axhline(0.5, color=MUTED)
        axes.axvline(0.5, color=GRID)
        axes.set_xlabel("$x$ label")
        axes.grid(True)
        return to_svg(figure, name, DESCRIPTION)


def test_it_is_one_element_that_is_described():
    root = ElementTree.fromstring(draw().replace("<svg", '<svg xmlns:xlink="xlink"', 1))
    assert root.tag == "svg" or root.tag.endswith("}svg")
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == DESCRIPTION
    # in pixels, of which there are 96 to the inch
    assert (root.attrib["width"], root.attrib["height"]) == ("192", "144")


def test_colours_and_fonts_are_the_pages():
    svg = draw()
    for colour, variable in ((INK, "ink"), (MUTED, "muted"), (GRID, "line"), (ACCENT, "accent"), (WARM, "warm")):
        assert colour not in svg
        assert f"var(--{variable})" in svg
    assert "font-family" not in svg
    assert "<style" not in svg
    assert "<metadata" not in svg
    # text stays text, dollars and all
    assert "$x$ label" in svg


def test_ids_are_those_that_are_referred_to_and_differ_between_figures():
    first, second = draw("first"), draw("second")
    ids = [set(re.findall(r' id="([^"]*)"', svg)) for svg in (first, second)]
    for svg, own in zip((first, second), ids, strict=True):
        assert own == set(re.findall(r"#([\w-]+)", svg))
    assert ids[0]
    assert not ids[0] & ids[1]


def test_the_same_figure_is_written_in_the_same_way():
    assert draw() == draw()


def test_the_style_of_other_figures_stays():
    before = dict(rcParams)
    draw()
    assert dict(rcParams) == before
