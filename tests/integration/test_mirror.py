"""The tests mirror the package: whoever knows a module knows where its tests are, and the other way round."""

import ast
from pathlib import Path

import pytest

import pykeen_negater

SOURCE, TESTS = Path(pykeen_negater.__file__).parent, Path(__file__).parent.parent

#: What crosses modules, and what is tested with the benchmarks
ELSEWHERE = {"integration", "benchmarks"}

MODULES = sorted(
    path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")
)

TEST_MODULES = sorted(
    path for path in (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")) if not ELSEWHERE & set(path.parts)
)


def test_there_is_something_to_compare():
    assert len(MODULES) > 100
    assert Path("sampling", "sampler.py") in MODULES
    assert Path("sampling", "test_sampler.py") in TEST_MODULES


def has_tests(path: Path) -> bool:
    """Tell whether a file has a test of its own, be it in a class whose other tests are inherited."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return any(
        (isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
        or (isinstance(node, ast.ClassDef) and node.name.startswith("Test"))
        for node in nodes
    )


def find_test(module: Path) -> Path:
    """Find where a module's tests belong.

    A leading underscore is no part of the name. What serves the benchmarks alone is tested with them.
    """
    name = module.with_name(f"test_{module.stem.removeprefix('_')}.py")
    with_benchmarks = TESTS / "benchmarks" / name
    return with_benchmarks if with_benchmarks.is_file() else TESTS / name


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_has_tests_of_its_name(module: Path):
    path = find_test(module)
    assert path.is_file(), f"found no {path.relative_to(TESTS)}, expected tests of {module}"
    assert has_tests(path), f"found no test in {path.relative_to(TESTS)}"


@pytest.mark.parametrize("path", TEST_MODULES, ids=str)
def test_every_file_of_tests_has_a_module_of_its_name(path: Path):
    assert TESTS / path in set(map(find_test, MODULES)), (
        f"found {path}, expected it to be named after one module; what crosses modules belongs to integration"
    )
