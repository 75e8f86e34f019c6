"""Writes a report as one self-contained page, which needs no network, and can be read without scripts."""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..storage.cache import atomic_file
from ..utils.counting import counted
from .content import ReportContent
from .documentation import documentation_url
from .figures import MOST_RELATIONS, draw_comparison, draw_coverage, draw_relation, draw_reliability, draw_spread
from .numbers import fraction, multiple, number, percent

__all__ = [
    "render",
    "write_page",
]


#: The number of relations whose charts are open from the start
OPEN = 12

#: The most relations in the table of relations
MOST_LISTED = 1_000


def _draw(content: ReportContent) -> dict[str, Markup]:
    scores, risks = draw_spread(content)
    figures = {
        "coverage": draw_coverage(content),
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
        counted=counted, fraction=fraction, multiple=multiple, number=number, percent=percent, svg=Markup
    )
    assets = files(__package__) / "assets"
    style, script = (assets.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    drawable = [it for it in content.relations if it.num_negatives or it.num_scored or it.num_suspected]
    return environment.get_template("page.html.jinja").render(
        content=content,
        figures=_draw(content),
        documentation=documentation_url,
        listed=content.relations[:MOST_LISTED],
        pictures=[draw_relation(content, relation) for relation in drawable[:MOST_RELATIONS]],
        num_drawable=len(drawable),
        num_open=OPEN,
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
