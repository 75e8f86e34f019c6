"""A report as one page that needs nothing else: no network, and no script to be read."""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..caching import atomic_file
from .content import ReportContent
from .figures import (
    MOST_RELATIONS,
    draw_comparison,
    draw_coverage,
    draw_durations,
    draw_reasons,
    draw_relation,
    draw_reliability,
    draw_spread,
)
from .numbers import duration, fraction, multiple, number, percent

__all__ = [
    "render",
    "write_page",
]


#: The most relations in the table of relations
MOST_LISTED = 1_000


def _draw(content: ReportContent) -> dict[str, Markup]:
    scores, risks = draw_spread(content)
    figures = {
        "durations": draw_durations(content) if content.durations else None,
        "coverage": draw_coverage(content),
        "reasons": draw_reasons(content) if content.reasons else None,
        "reliability": draw_reliability(content),
        "comparison": draw_comparison(content),
        "scores": scores,
        "risks": risks,
    }
    return {name: Markup(svg) for name, svg in figures.items() if svg is not None}  # noqa: S704


def render(content: ReportContent) -> str:
    """Write a report as HTML.

    :param content: what it says
    :return: the page
    """
    environment = Environment(
        loader=PackageLoader(__package__, "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=duration, fraction=fraction, multiple=multiple, number=number, percent=percent, svg=Markup
    )
    assets = files(__package__) / "assets"
    style, script = (assets.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    pictured = [relation for relation in content.relations if relation.num_negatives][:MOST_RELATIONS]
    return environment.get_template("page.html.jinja").render(
        content=content,
        figures=_draw(content),
        listed=content.relations[:MOST_LISTED],
        pictures=[draw_relation(content, relation) for relation in pictured],
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def write_page(content: ReportContent, path: Path) -> None:
    """Write a report to a file, whole or not at all.

    :param content: what it says
    :param path: the file, in a folder that exists
    """
    page = render(content)
    with atomic_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8", newline="\n")
