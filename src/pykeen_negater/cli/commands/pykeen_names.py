"""Reads the names that PyKEEN's resolvers know from its source, since importing PyKEEN takes seconds or more.

PyKEEN's resolvers know all subclasses of a base class, apart from some that they skip, and those from entry points.
"""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

__all__ = [
    "resolver_names",
]


def resolver_names(package: str, base: str) -> set[str]:
    """Find the names that one of PyKEEN's resolvers knows.

    :param package: the package of the resolver, below ``pykeen``
    :param base: the base class
    :return: the names, in lower case and without the base's name at their ends
    """
    folder = _folder() / package
    bases: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        if not any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(folder).parts):
            for node in _parsed(path).body:
                if isinstance(node, ast.ClassDef):
                    bases.setdefault(node.name, set()).update(filter(None, map(_name, node.bases)))
    skipped = set(_skipped(_parsed(folder / "__init__.py"), bases))
    found = _below(base, bases) - skipped
    return {name.lower().removesuffix(base.lower()) for name in found} | {
        point.name for point in entry_points(group=f"pykeen.{package}")
    }


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("pykeen")
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else Path()


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _name(node: ast.expr) -> str:
    """Get the name of a base class, such as ``Base`` or ``Base[Parameter]``."""
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _below(base: str, bases: dict[str, set[str]]) -> set[str]:
    """Find all subclasses of a class."""
    found, new = set[str](), {base}
    while new:
        new = {name for name, above in bases.items() if above & new} - found
        found |= new
    return found


def _skipped(module: ast.Module, bases: dict[str, set[str]]) -> Iterator[str]:
    """Find the classes that a resolver is told to skip."""
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "skip" and isinstance(node.value, ast.Set):
            for element in node.value.elts:
                if isinstance(element, ast.Starred) and isinstance(element.value, ast.Call):
                    yield from _below(_name(element.value.args[0]), bases)
                else:
                    yield _name(element)
