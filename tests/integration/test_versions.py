"""Tests that everything that names versions names the same ones."""

import configparser
import re
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]

#: What users have or ask for, by how packages are named
STATED = {
    "PyKEEN", "transformers", "sentence-transformers", "torch", "scikit-learn", "faiss-cpu", "class-resolver",
}  # fmt: skip


def read(name: str) -> str:
    """Read a file of the repository."""
    return ROOT.joinpath(name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def setup() -> configparser.ConfigParser:
    """Read ``setup.cfg``."""
    parser = configparser.ConfigParser()
    parser.read_string(read("setup.cfg"))
    return parser


@pytest.fixture(scope="module")
def oldest() -> dict[str, Version]:
    """Read the versions that ``tox -e oldest`` installs."""
    lines = [line for line in read("constraints-oldest.txt").splitlines() if not line.startswith("#")]
    return {name: Version(number) for name, number in (line.split("==") for line in lines)}


def test_lower_bounds_are_what_is_tested(setup: configparser.ConfigParser, oldest: dict[str, Version]):
    extras = setup["options.extras_require"]
    requirements = [Requirement(line) for line in setup["options"]["install_requires"].split("\n") if line]
    requirements += [Requirement(line) for line in extras["report"].split("\n") if line]
    bounds = {}
    for requirement in requirements:
        (bound,) = requirement.specifier
        assert bound.operator == ">=", requirement
        bounds[requirement.name] = Version(bound.version)
    assert bounds == oldest


def test_installation_page_states_them(oldest: dict[str, Version]):
    rows = re.findall(r"^\| (\S+) \| ([\d.]+) \| ([\d.]+) \|$", read("docs/installation.md"), flags=re.MULTILINE)
    assert {name for name, *_ in rows} == STATED
    for name, first, last in rows:
        assert Version(first) == oldest[name.lower()]
        assert Version(first) <= Version(last)


def test_python(setup: configparser.ConfigParser):
    listed = re.findall(r":: Python :: (3\.\d+)$", setup["metadata"]["classifiers"], flags=re.MULTILINE)
    assert setup["options"]["python_requires"] == f">={listed[0]}"
    assert f"{' and '.join(listed)} is tested." in read("docs/installation.md")


def test_release(setup: configparser.ConfigParser):
    citation = yaml.safe_load(read("CITATION.cff"))
    sections = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert sections[0] == ("Unreleased", "")
    assert sections[1] == (citation["version"], str(citation["date-released"]))
    found = Version(setup["metadata"]["version"])
    # between releases, the package is on its way to the next one
    assert found > Version(citation["version"]) if found.is_devrelease else str(found) == citation["version"]
    assert version("pykeen-negater") == str(found)
