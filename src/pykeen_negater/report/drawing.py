"""Converts Matplotlib's figures to SVG that takes its colours and fonts from the page's style sheet."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "GRID",
    "INK",
    "MUTED",
    "WARM",
    "drawing",
    "to_svg",
]

#: Placeholder colours, which are replaced by those of the page
INK, MUTED, GRID, ACCENT, WARM = "#000001", "#000002", "#000003", "#000004", "#000005"

_VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line", ACCENT: "--accent", WARM: "--warm"}

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Begin a figure with one pair of axes.

    :param width: in inches
    :param height: in inches
    :yields: the figure and its axes
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots()


def to_svg(figure: Figure, name: str, description: str) -> str:
    """Write a figure as an element of a page.

    The figure must not hold text from a graph, which the page shows and escapes itself.

    :param figure: the figure, drawn in the colours above
    :param name: a name that keeps its ids apart from those of other figures
    :param description: a description for people who cannot see it
    :return: an ``svg`` element
    """
    file = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(
            file, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    # the font is the page's
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    # remove ids that nothing refers to
    used = set(re.findall(r"(?:#)([\w-]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
    width, height = (float(value) * 4 / 3 for value in re.findall(r'(?:width|height)="([\d.]+)pt"', svg)[:2])
    view = re.search(r'viewBox="[^"]*"', svg)
    opening = (
        f'<svg role="img" aria-label="{escape(description)}" width="{width:.0f}" height="{height:.0f}" '
        f'{view[0] if view else ""} focusable="false">'
    )
    svg = opening + svg[svg.index(">") + 1 :]
    return re.sub(r"\s*\n\s*", " ", svg).strip()
