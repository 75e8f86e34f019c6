"""No function takes more parameters, and no constructor has more lines, than a reader can keep in mind."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pykeen_negater

SOURCE = Path(pykeen_negater.__file__).parent

#: The most parameters of a function, and the most lines of a constructor's body
MAX_PARAMETERS, MAX_LINES = 10, 40

#: A row of settings that users and PyKEEN pass by name
EXCEPTION = "sampling/sampler.py: NegatERNegativeSampler.__init__"


def functions(tree: ast.AST, outer: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """List the functions of a module with their names, methods and nested ones among them."""
    for node in ast.iter_child_nodes(tree):
        name = f"{outer}{node.name}" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node
        yield from functions(node, f"{name}." if name else outer)


def count_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count parameters without self and cls; all of ``*args`` and all of ``**kwargs`` are one each."""
    arguments = function.args
    named = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    counted = [name for name in named if name not in ("self", "cls")]
    return len(counted) + (arguments.vararg is not None) + (arguments.kwarg is not None)


def count_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of the body without the docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def offences(source: str, file: str) -> list[str]:
    """List what is out of bounds in a module."""
    found = []
    for name, function in functions(ast.parse(source)):
        parameters, lines = count_parameters(function), count_lines(function)
        if parameters > MAX_PARAMETERS:
            found.append(f"{file}: {name}: {parameters} parameters")
        if function.name == "__init__" and lines > MAX_LINES:
            found.append(f"{file}: {name}: {lines} lines")
    return found


def test_offences_are_found():
    names = ", ".join("abcdefghi")
    line = "        pass\n"
    for body, expected in (
        (f"def f({names}, *j): pass", []),
        (f"async def f({names}, *j, k): pass", ["x.py: f: 11 parameters"]),
        (f"def g():\n    def f({names}, j, **k): pass", ["x.py: g.f: 11 parameters"]),
        (f"if True:\n    class A:\n        def f(self, {names}, *j, **k): pass", ["x.py: A.f: 11 parameters"]),
        (f"class A:\n    def f(self, {names}, j): pass", []),
        ("class A:\n    def __init__(self):\n" + 40 * line, []),
        ('class A:\n    def __init__(self):\n        """Text."""\n' + 41 * line, ["x.py: A.__init__: 41 lines"]),
        ("def f():\n" + 41 * line, []),
        ('def __init__():\n    """Text."""', []),
    ):
        assert offences(body, "x.py") == expected


def test_every_function_is_within_bounds():
    found = [
        offence
        for path in sorted(SOURCE.rglob("*.py"))
        for offence in offences(path.read_text(encoding="utf-8"), path.relative_to(SOURCE).as_posix())
    ]
    assert [offence for offence in found if not offence.startswith(f"{EXCEPTION}: ")] == []
    # the exception is for its parameters alone, and needed
    assert [offence.rpartition(" ")[2] for offence in found if offence.startswith(EXCEPTION)] == ["parameters"]
