"""Each package imports only from those before it, wherever in a module an import stands."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SOURCE = ROOT / "src" / "pykeen_negater"

#: In the order of the data's way
ORDER = (
    "typing",
    "utils",
    "storage",
    "runtime",
    "triples",
    "texts",
    "datasets",
    "scorers",
    "embeddings",
    "corruption",
    "relations",
    "candidates",
    "fine_tuning",
    "pools",
    "rankers",
    "guard",
    "mining",
    "sampling",
    "distillation",
    "evaluation",
    "report",
    "cli",
)

#: What may import anything: what PyKEEN loads, and what runs as a program
ABOVE_ALL = ("__init__", "__main__", "_plugin")

MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCE.rglob("*.py")
    if path.parent != SOURCE or path.stem not in ABOVE_ALL
}


def imports(module: str, tree: ast.Module) -> Iterator[str]:
    """List the modules of this package that a module imports, in functions and for type checkers, too."""
    package = module.split(".") if MODULES[module].stem == "__init__" else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                full = ".".join([*target, alias.name])
                yield full if full in MODULES else ".".join(target)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pykeen_negater"):
            yield node.module.removeprefix("pykeen_negater").removeprefix(".")
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix("pykeen_negater.")
                for alias in node.names
                if alias.name.startswith("pykeen_negater.")
            )


GRAPH = {
    module: sorted(set(imports(module, ast.parse(path.read_text(encoding="utf-8")))))
    for module, path in MODULES.items()
}


def test_every_package_has_its_place():
    assert {module.partition(".")[0] for module in MODULES} == set(ORDER)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_import_runs_back(module: str):
    place = ORDER.index(module.partition(".")[0])
    assert [name for name in GRAPH[module] if ORDER.index(name.partition(".")[0]) > place] == []


def test_no_modules_import_one_another_in_a_circle():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join([*path[path.index(module) :], module])
        if module not in done:
            for name in GRAPH.get(module, ()):
                if name != module:
                    visit(name, (*path, module))
            done.add(module)

    for module in GRAPH:
        visit(module, ())


@pytest.mark.parametrize("package", ORDER[1:])
def test_the_face_of_a_package_says_what_it_is_for(package: str):
    tree = ast.parse(SOURCE.joinpath(package, "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    # lazy or empty
    eager = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    assert eager == []
