"""How Sphinx builds the documentation. It needs no network, and warnings are errors, see ``tox -e docs``."""

import importlib.metadata
import os

project = "pykeen-negater"
author = "The pykeen-negater developers"
copyright = f"2026, {author}"
release = version = importlib.metadata.version(project)

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_click",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autoclass_content = "both"
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
autosummary_generate = False
smartquotes_action = "qe"  # two hyphens begin an option
python_use_unqualified_type_names = True

# links into other projects' documentation, where there is a network to read their lists of names from
if os.environ.get("READTHEDOCS"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "pykeen": ("https://pykeen.readthedocs.io/en/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
        "class_resolver": ("https://class-resolver.readthedocs.io/en/latest", None),
    }

nitpicky = True
nitpick_ignore_regex = [
    # other projects' names
    ("py:.*", r"(?!pykeen_negater\b).+\..*"),
    ("py:class", "Dataset|Model|TextSource|TriplesFactory|TypeSource"),
    ("py:mod", "errno|resource"),
    # type variables, and what is private
    ("py:class", r"(pykeen_negater\..*\.|~)(ArrayT|F|P|T|_.*)"),
]

html_theme = "furo"
html_title = "pykeen-negater"
html_static_path = ["_static"]
html_css_files = ["style.css"]
