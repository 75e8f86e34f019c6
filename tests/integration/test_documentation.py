"""Tests for the documentation: nothing public is left out, and every example is a file that runs."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SOURCE = ROOT / "src"

PAGES = sorted(ROOT.glob("docs/**/*.md"))

EXAMPLES = sorted(path for path in ROOT.joinpath("examples").iterdir() if path.is_file())

#: The types of arrays, whose shapes have to be said
ARRAYS = {"ndarray", "Tensor", "LongTensor", "FloatTensor", "BoolTensor", "MappedTriples"}


def modules() -> dict[str, ast.Module]:
    """Parse all modules that have something public."""
    trees = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if public_names(tree):
            trees[name] = tree
    return trees


def public_names(tree: ast.Module) -> list[str]:
    """Read ``__all__``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def reference(directive: str) -> list[str]:
    """Find what a directive of the reference names, or lists."""
    text = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docs/reference/*.md"))
    if directive == "automodule":
        return re.findall(r"^\.\. automodule:: (\S+)$", text, flags=re.MULTILINE)
    return re.findall(r"^   ~(pykeen_negater\.\S+)$", text, flags=re.MULTILINE)


MODULES = modules()

#: Packages whose ``__init__`` exports from other modules, lazily
LAZY = ("pykeen_negater", "pykeen_negater.relations")


def source(module: str) -> Path:
    """Find the file of a module."""
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, bool]]:
    """Find the public functions and methods that have a docstring, and whether each one is a method."""
    public = set(public_names(tree))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in public and not is_command(node):
            yield node.name, node, False
        if isinstance(node, ast.ClassDef) and node.name in public:
            for method in node.body:
                if not isinstance(method, ast.FunctionDef) or ast.get_docstring(method) is None:
                    continue  # it overrides one that has a docstring
                if method.name == "__init__" or not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method, True


def is_command(function: ast.FunctionDef) -> bool:
    """Tell whether a function is a command, whose options have helps instead."""
    return any("click." in ast.unparse(decorator) for decorator in function.decorator_list)


def parameters(function: ast.FunctionDef, is_method: bool) -> list[ast.arg]:
    """List parameters, without ``self`` and ``cls``."""
    arguments = function.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if is_method and "staticmethod" not in map(ast.unparse, function.decorator_list):
        listed = listed[1:]
    return [*listed, *(extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None)]


def fields(function: ast.FunctionDef) -> dict[str, str]:
    """Split a docstring into its fields."""
    parts = re.split(r"^:(\w+(?: \S+)?):", ast.get_docstring(function) or "", flags=re.MULTILINE)[1:]
    found: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        found[name] = found.get(name, "") + " ".join(text.split())
    return found


def raised(function: ast.FunctionDef) -> set[str]:
    """Find what a function raises itself, and does not catch."""
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            names.add(ast.unparse(node.exc.func).rpartition(".")[2])
    # a function that makes an error has its own say in which
    return {name for name in names if not name.startswith("_")}


CASES = [
    pytest.param(function, is_method, id=f"{module}.{name}")
    for module, tree in MODULES.items()
    for name, function, is_method in functions(tree)
]


@pytest.mark.parametrize("module", MODULES)
def test_reference_has_every_module(module: str):
    assert reference("automodule").count(module) == 1, f"docs/reference lacks '.. automodule:: {module}'"


def test_reference_names_only_modules_that_exist():
    for module in reference("automodule"):
        importlib.import_module(module)


@pytest.mark.parametrize("package", LAZY)
def test_reference_lists_what_a_package_exports(package: str):
    listed = {name.rpartition(".")[2]: name for name in reference("autosummary")}
    names = public_names(MODULES[package])
    assert set(names) <= set(listed)
    exported = importlib.import_module(package)
    for name in names:
        module, _, attribute = listed[name].rpartition(".")
        assert getattr(exported, name) is getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(LAZY)))
def test_every_public_name_is_explained(module: str):
    """Sphinx leaves out what has neither a docstring nor a comment that starts with ``#:``."""
    tree, public = MODULES[module], set(public_names(MODULES[module]))
    lines = source(module).read_text(encoding="utf-8").splitlines()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in public:
            assert ast.get_docstring(node), node.name
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            if names & public:
                assert lines[node.lineno - 2].startswith("#: "), names


@pytest.mark.parametrize(("function", "is_method"), CASES)
def test_docstring_has_every_parameter_result_and_error(function: ast.FunctionDef, is_method: bool):
    found = fields(function)
    for parameter in parameters(function, is_method):
        text = found.get(f"param {parameter.arg}")
        assert text, f"no :param {parameter.arg}:"
    if not function.name.startswith("__") and parameters(function, is_method):
        returned = "" if function.returns is None else ast.unparse(function.returns)
        # a context without a value has nothing to say
        if returned not in ("None", "", "NoReturn", "Iterator[None]"):
            assert {"return", "yield", "yields"} & set(found), "no :return:"
    documented = {name.partition(" ")[2].rpartition(".")[2] for name in found if name.startswith("raises")}
    assert raised(function) <= documented, f"no :raises: for {raised(function) - documented}"


@pytest.mark.parametrize(("function", "is_method"), CASES)
def test_docstring_has_the_shapes_of_arrays(function: ast.FunctionDef, is_method: bool):
    found = fields(function)
    for parameter in parameters(function, is_method):
        if parameter.annotation is not None and names_array(parameter.annotation):
            assert "shape" in found[f"param {parameter.arg}"], f"no shape of {parameter.arg}"
    result = found.get("return", found.get("yields"))
    if result is not None and function.returns is not None and names_array(function.returns):
        assert "shape" in result or "scalar" in result, "no shape of what is returned"


def names_array(annotation: ast.expr) -> bool:
    """Tell whether a parameter is an array, and not a function or mapping of some."""
    text = ast.unparse(annotation)
    return bool(ARRAYS & set(re.findall(r"\w+", text))) and not re.search(r"Callable|Mapping|dict", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_of_pages_are_files(page: Path):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"^```(python|shell|bash|console|text|sh)", text, flags=re.MULTILINE), "put it into examples/"
    for included in re.findall(r"^```\{(?:literalinclude|include)\} (\S+)$", text, flags=re.MULTILINE):
        assert page.parent.joinpath(included).is_file(), included


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_pages_show_every_example(example: Path):
    # that one is shown by tox -e demo
    assert example.name == "demo.py" or any(f"examples/{example.name}" in page.read_text("utf-8") for page in PAGES)
